"""Search spaces: one problem per file; the name of the file is the word on the command line."""
