"""A configuration, and the tables, network, vectors, rankings and reports of it. No flags."""
