"""Studies disturbed once, each compared with its undisturbed twin; see `study.py`."""
