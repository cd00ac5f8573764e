"""The command line: one file per verb that parses, calls and prints. No logic."""
