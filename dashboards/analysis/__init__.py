"""Analysis of the data frames: ranking, parameter importance, causes of failures, advice."""
