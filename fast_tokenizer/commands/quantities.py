"""Arguments with a unit: `1s` of steps, errors of `1mm`, and dimensions by name or index."""

from __future__ import annotations

import argparse
import math
import re
from dataclasses import dataclass

from fast_tokenizer.commands.arguments import as_number, positive_float, positive_int

_UNITS = {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "rad": 1.0, "deg": math.pi / 180, "": 1.0}
"""In metres and radians, in which datasets are taken to be."""


@dataclass(frozen=True)
class Seconds:
    """A duration, where a number of steps may stand too."""

    value: float


def steps_or_seconds(text: str) -> int | Seconds:
    """`50` steps, or `1s`.

    Examples:
        >>> steps_or_seconds("50"), steps_or_seconds("0.5s")
        (50, Seconds(value=0.5))
    """
    if text.endswith("s"):
        return Seconds(positive_float(text.removesuffix("s")))
    return positive_int(text)


def dimensions(text: str) -> list[int | str]:
    """Names and indices with commas between them.

    Examples:
        >>> dimensions("0,1,gripper")
        [0, 1, 'gripper']
    """
    return [dimension(part) for part in text.split(",")]


def dimension(text: str) -> int | str:
    """An index if it is made of digits, else a name."""
    text = text.strip()
    if not text:
        raise argparse.ArgumentTypeError("got an empty name of a dimension, expected names or indices: x,y,6")
    return int(text) if text.isdecimal() else text


def error_limits(text: str) -> float | dict[int | str, float]:
    """One bound for all dimensions, or bounds of some by name or index.

    Examples:
        >>> error_limits("1mm"), error_limits("x=2cm,6=0.05")
        (0.001, {'x': 0.02, 6: 0.05})
    """
    if "=" not in text:
        return _limit(text)
    limits: dict[int | str, float] = {}
    for part in text.split(","):
        name, equals, limit = part.rpartition("=")
        if not equals:
            raise argparse.ArgumentTypeError(
                f"got {part!r} in {text!r}, expected a name and a bound: x=1mm,6=0.05"
            )
        of = dimension(name)
        if of in limits:
            raise argparse.ArgumentTypeError(f"got two bounds of {of!r} in {text!r}, expected one")
        limits[of] = _limit(limit)
    return limits


def _limit(text: str) -> float:
    parts = re.fullmatch(r"\s*(\S*?)\s*([a-z]*)\s*", text)
    number = math.nan if parts is None or parts[2] not in _UNITS else as_number(parts[1]) * _UNITS[parts[2]]
    if not (math.isfinite(number) and number > 0):
        units = ", ".join(filter(None, _UNITS))
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a number above 0, with or without {units}")
    return number
