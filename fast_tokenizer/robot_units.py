"""Actions in a robot's units on their way to a codec, which takes normalised ones, and on their way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.actions import Actions, Floats, as_chunks, is_ragged
from fast_tokenizer.codecs.codec import DecodedActions
from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.normalizer_set import NormalizerSet


def normalized(
    actions: Actions, normalizers: NormalizerSet | None, embodiment: str | None
) -> npt.NDArray[np.float64] | list[Any]:
    """Normalises chunks of whatever kind a codec takes.

    Args:
        actions: `[H, D]`, `[B, H, D]` or a list of `[H_i, D]`, in the robot's units.
        normalizers: Of one robot or several.
        embodiment: Which of them; None for the default one.

    Returns:
        float64 `[B, H, D]`, or a list of `[H_i, D]`. What is not finite stays so, for the codec to refuse.

    Raises:
        EncodeError: If the actions are no array of real numbers of such a shape.
        FastTokenizerError: If there is no such embodiment, or its normaliser is of other dimensions.

    Examples:
        >>> normalizers = NormalizerSet({"arm": Normalizer.fit([[0.0], [10.0]], "min_max")})
        >>> normalized([[0.0], [5.0]], normalizers, "arm").tolist()
        [[[-1.0], [0.0]]]
    """
    normalizer = _chosen(normalizers, embodiment)
    if is_ragged(actions) or (isinstance(actions, list) and not actions):
        return [_normalized(as_chunks(chunk), normalizer)[0] for chunk in actions]
    return _normalized(as_chunks(actions), normalizer)


def unnormalized(
    actions: DecodedActions, normalizers: NormalizerSet | None, embodiment: str | None
) -> DecodedActions:
    """Brings decoded actions back to the robot's units.

    Raises:
        FastTokenizerError: As `normalized` does.
    """
    normalizer = _chosen(normalizers, embodiment)
    if isinstance(actions, list):
        return [normalizer.unnormalize(chunk) for chunk in actions]
    if not len(actions):  # an empty batch may have been decoded without a shape
        return actions
    return normalizer.unnormalize(actions)


def _chosen(normalizers: NormalizerSet | None, embodiment: str | None) -> Normalizer:
    if normalizers is None:
        raise FastTokenizerError(
            f"got the embodiment {embodiment!r}, but there is no normaliser to choose: leave embodiment out, or "
            "give the tokenizer a NormalizerSet"
        )
    return normalizers.select(embodiment)


def _normalized(chunks: Floats, normalizer: Normalizer) -> npt.NDArray[np.float64]:
    with np.errstate(over="ignore", invalid="ignore"):
        values = normalizer.normalize(chunks)
    # A constant dimension, or clipping, would make a number of what is none.
    np.copyto(values, chunks, where=~np.isfinite(chunks))
    return values
