"""Actions in a robot's units on their way to a codec, which takes normalised ones, and on their way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.actions import Actions, Floats, as_chunks, is_ragged
from fast_tokenizer.codecs.codec import DecodedActions
from fast_tokenizer.errors import EncodeError, FastTokenizerError
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.normalizer_set import NormalizerSet


@dataclass(frozen=True, eq=False)
class NormalizedChunks:
    """Chunks as a codec takes them.

    Attributes:
        chunks: float64 `[B, H, D]`, or a list of `[H_i, D]`. What is not finite stays so, for the codec to refuse.
        lossy: bool `[B]`: chunks with a value that the normaliser will not bring back, as it clips or takes the
            dimension for a constant.
    """

    chunks: npt.NDArray[np.float64] | list[Any]
    lossy: npt.NDArray[np.bool_]

    def marked(self, clipped: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which chunks are clipped, by the codec or here."""
        return clipped | self.lossy if self.lossy.any() else clipped

    def require_lossless(self) -> None:
        """Raises EncodeError, naming the first chunk, where one is lossy."""
        if self.lossy.any():
            raise EncodeError(
                "a value is beyond the range that the normaliser clips to, or not the constant that its dimension "
                "was in the statistics: check the units, or fit a normaliser on data like this",
                int(self.lossy.argmax()),
            )


def normalized(actions: Actions, normalizers: NormalizerSet | None, embodiment: str | None) -> NormalizedChunks:
    """Normalises chunks of whatever kind a codec takes.

    Args:
        actions: `[H, D]`, `[B, H, D]` or a list of `[H_i, D]`, in the robot's units.
        normalizers: Of one robot or several.
        embodiment: Which of them; None for the default one.

    Raises:
        EncodeError: If the actions are no array of real numbers of such a shape, or one of a list is of other
            dimensions than its normaliser.
        FastTokenizerError: If there is no such embodiment, or its normaliser is of other dimensions.

    Examples:
        >>> normalizers = NormalizerSet({"arm": Normalizer.fit([[0.0], [10.0]], "min_max")})
        >>> normalized([[0.0], [5.0]], normalizers, "arm").chunks.tolist()
        [[[-1.0], [0.0]]]
    """
    normalizer = _chosen(normalizers, embodiment)
    if is_ragged(actions) or (isinstance(actions, list) and not actions):
        parts, lossy = [], []
        for place, chunk in enumerate(actions):
            try:
                part = as_chunks(chunk)[0]
                lossy.append(normalizer.loses(part).any())
            except FastTokenizerError as error:
                raise EncodeError(str(error), place) from error
            parts.append(_normalized(part, normalizer))
        return NormalizedChunks(parts, np.array(lossy, bool))
    chunks = as_chunks(actions)
    return NormalizedChunks(_normalized(chunks, normalizer), np.asarray(normalizer.loses(chunks).any(axis=(1, 2))))


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
