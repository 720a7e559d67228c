"""Tidy data frames of a study, from its journal and its export."""
