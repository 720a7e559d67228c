"""One file per data set: sources tried in order, checksums, cache."""
