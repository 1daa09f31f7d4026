"""The command line: a file a mode, and the registry that says everything about modes and flags."""
