"""The process that everything runs in: files, names, clocks, warnings, TensorFlow.

May import: the standard library and `search.errors`; NumPy, Keras and TensorFlow inside functions.
"""
