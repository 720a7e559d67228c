"""Data frames, figures, reports and the live page of studies."""
