"""The lab: action representations compared on the same trunk, data and steps (extra `lab`)."""

from fast_tokenizer.lab.experiment import Choice
from fast_tokenizer.lab.experiments import EXPERIMENTS
from fast_tokenizer.lab.laboratory import Laboratory

__all__ = ["EXPERIMENTS", "Choice", "Laboratory"]
