"""From a study record to tidy data frames, and from those to figures."""
