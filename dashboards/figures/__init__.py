"""Figures as functions of frames, one file each.

May import: `analysis` and what it may import.
"""
