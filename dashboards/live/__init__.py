"""The live page of running studies."""
