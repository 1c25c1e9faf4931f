"""The `platehost` command line: one file a command."""
