"""What the tables say: ranking, importance, causes of failures, advice."""
