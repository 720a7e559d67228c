"""The words of `--progress`."""

PROGRESS_MODES = ("auto", "rich", "plain", "json")
