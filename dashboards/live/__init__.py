"""The live page of running studies.

May import: `report` and what it may import.
"""
