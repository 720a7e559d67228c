"""The command line: words to calls, and results to text.

May import: everything.
"""
