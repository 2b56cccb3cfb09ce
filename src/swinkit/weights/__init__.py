"""Weights files of every library: read safely, recognised, brought to our names, and written back."""

from swinkit.weights.convert import convert
from swinkit.weights.load import load
from swinkit.weights.report import LoadReport
from swinkit.weights.save import save

__all__ = ["LoadReport", "convert", "load", "save"]
