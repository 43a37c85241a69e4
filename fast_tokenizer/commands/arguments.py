"""Types of arguments that commands share: text of the command line to a value, or an error that says why not."""

from __future__ import annotations

import argparse
import math
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What `add_subparsers` gives, to which a command adds itself."""


def positive_int(text: str) -> int:
    """A whole number from 1."""
    return _at_least(1, text)


def seed(text: str) -> int:
    """A whole number from 0."""
    return _at_least(0, text)


def positive_float(text: str) -> float:
    """A number above 0."""
    number = as_number(text)
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a number above 0")
    return number


def as_number(text: str) -> float:
    """What the text says, or NaN where it is no number.

    Examples:
        >>> as_number("0.5"), as_number("half")
        (0.5, nan)
    """
    try:
        return float(text)
    except ValueError:
        return math.nan


def _at_least(lowest: int, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = lowest - 1
    if number < lowest:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number from {lowest}")
    return number
