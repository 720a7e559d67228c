"""Figures as functions of frames, one file each."""
