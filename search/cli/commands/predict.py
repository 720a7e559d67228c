"""`predict`: predict with an exported model."""

import json
from argparse import Namespace

from search.cli.commands.common import out, prints_to_standard_error
from search.export.predict import as_json, as_text, predict
from search.runtime.environment import Environment


def main(options: Namespace, environment: Environment) -> int:
    """Print the predictions: class names with probabilities, or values."""
    with prints_to_standard_error():
        predictions = predict(options.export, options.input)
    out(json.dumps(as_json(predictions), indent=2) if options.json else as_text(predictions))
    return 0
