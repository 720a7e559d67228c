"""Figures: one file each, pure functions from tidy frames to a plotly figure."""
