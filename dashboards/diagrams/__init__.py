"""Drawings: a network, and the examples that a winner gets wrong.

May import: `figures` and what it may import.
"""
