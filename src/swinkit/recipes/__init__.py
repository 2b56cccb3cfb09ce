"""Functions that return the settings of a training run, and say why."""
