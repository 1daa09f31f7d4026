"""`--sweep`: trains and evaluates the rows of the poster's tables, each in a process of its own."""
