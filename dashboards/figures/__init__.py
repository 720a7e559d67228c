"""Plotly figures as functions of data frames, one file each."""
