"""Command line: parse arguments, run commands and print their results.

May import: everything.
"""
