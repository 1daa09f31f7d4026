"""The command line: a file for each mode, and the registry of all modes and flags."""
