"""The live page: a study's numbers, figures and trials in the browser, while it runs or after."""
