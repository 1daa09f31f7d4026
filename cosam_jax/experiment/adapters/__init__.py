"""Other packages' trackers with our vectors, a thin file for each; none is imported here."""
