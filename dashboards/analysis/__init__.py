"""What the tables say: ranking, importance, causes of failures, advice.

May import: `tables` and what it may import.
"""
