"""The state of models and of the objects they use: found, compared, saved and restored.

May import: `study`, `problem` and what they may import.
"""
