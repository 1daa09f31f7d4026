"""A configuration and what is made of it: tables, network, vectors, rankings, reports. No flags."""
