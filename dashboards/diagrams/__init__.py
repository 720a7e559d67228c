"""SVG drawings: networks, and examples that a model misclassifies."""
