"""The same trials through other libraries, each used as its own documentation shows."""
