"""Data sets, one file each: sources tried in order, checksums, a cache.

May import: `problem` and what it may import.
"""
