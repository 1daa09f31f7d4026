"""`--sweep`: the rows of the poster's tables, each run in a process of its own."""
