"""Drawings: a network, and the examples that a winner gets wrong."""
