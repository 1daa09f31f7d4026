"""A configuration, and the tables, network, vectors, rankings and reports made of it. No flags."""
