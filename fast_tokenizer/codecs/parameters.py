"""Numbers of a codec's configuration: checked once, and plain JSON."""

from __future__ import annotations

import math

import numpy as np

from fast_tokenizer.errors import FormatError

MARGIN = 1.5
"""How far beyond the largest coefficient of the training data the range of the symbols goes, as a factor."""

LARGEST_COEFFICIENT = 2**31 - 1
"""That the core can hold."""

_LARGEST_MINIMUM = 2**30
"""Of the first symbol's coefficient, either way: others follow it."""


def as_scale(scale: object) -> float:
    """The multiplier of DCT coefficients before rounding.

    Raises:
        FormatError: If it is no number, or one so small or large that its inverse or a coefficient would overflow.

    Examples:
        >>> as_scale(np.float32(0.5))
        0.5
    """
    scale = _as_python(scale)
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not 1e-300 <= scale <= 1e300:
        raise FormatError(f"got {scale!r}, expected a positive number (1e-300 to 1e300)", key="scale")
    return scale


def as_min_coefficient(min_coefficient: object) -> int:
    """The rounded coefficient that the first symbol stands for.

    Raises:
        FormatError: If it is no integer, or beyond what the core holds.
    """
    number = as_integer("min_coefficient", min_coefficient)
    if abs(number) > _LARGEST_MINIMUM:
        raise FormatError(f"got {number}, expected at most 2**30 either way", key="min_coefficient")
    return number


def as_integer(key: str, number: object, at_least: int | None = None) -> int:
    """An integer of a configuration.

    Raises:
        FormatError: If it is none, or less than it may be.
    """
    number = _as_python(number)
    if isinstance(number, bool) or not isinstance(number, int):
        raise FormatError(f"got {number!r}, expected an integer", key=key)
    if at_least is not None and number < at_least:
        raise FormatError(f"got {number}, expected {at_least} or more", key=key)
    return number


def symbol_range(low: int, high: int, margin: float = MARGIN) -> tuple[int, int]:
    """The coefficients that get a symbol: `margin` times the largest on each side, and zero.

    Args:
        low: The lowest coefficient of the training data.
        high: The highest.
        margin: The factor.

    Examples:
        >>> symbol_range(-3, 10), symbol_range(4, 6)
        ((-5, 15), (0, 9))
    """
    return -math.ceil(margin * max(0, -low)), math.ceil(margin * max(0, high))


def coefficient_range_advice(low: int, high: int) -> str:
    """What a message says of a chunk with a coefficient outside `low..high`."""
    return (
        f"a coefficient is outside {low}..{high}: expected actions like those that the tokenizer was fitted on; "
        "normalise them the same way, or fit with a larger margin"
    )


def _as_python(number: object) -> object:
    # Numbers of numpy become Python's, so that the configuration is plain JSON.
    return number.item() if isinstance(number, np.generic) else number
