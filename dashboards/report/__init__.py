"""The report of a study: one HTML file that needs nothing else.

May import: `diagrams` and what it may import.
"""
