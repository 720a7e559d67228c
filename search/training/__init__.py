"""From a task to an outcome: the trainer, its epochs and its checkpoints."""
