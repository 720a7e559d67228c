"""The lists of trials, and the problem files of this platform that train them."""
