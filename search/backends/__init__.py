"""One file per family of search algorithms."""
