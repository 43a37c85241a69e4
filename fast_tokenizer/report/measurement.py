"""What a tokenizer makes of a set of chunks: lengths, errors, tokens used, and the spectrum of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer import FastTokenizer, FastTokenizerError, _core
from fast_tokenizer.dataset_training.figures import unencodable
from fast_tokenizer.normalization import Normalizer

Figures = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measurement:
    """Of B chunks `[H, D]` that could be encoded.

    Attributes:
        chunks: `[B, H, D]` in the robot's units.
        decoded: What comes back, likewise.
        ids: Of all chunks, flat int32.
        offsets: Where the ids of each begin, `[B + 1]`.
        clipped: bool `[B]`: chunks with a coefficient beyond the range of the vocabulary.
        refused: Chunks left out, as they need a token that a `"bytes"` vocabulary lacks.
        relative_error: `[B]`: the root mean square error of each chunk, in units of the normaliser, so that
            dimensions of different units can be put together.
    """

    chunks: npt.NDArray[Any]
    decoded: Figures
    ids: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    clipped: npt.NDArray[np.bool_]
    refused: int
    relative_error: Figures

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each chunk."""
        return np.diff(self.offsets)

    @property
    def errors(self) -> Figures:
        """`[B, H, D]`, in the robot's units."""
        return np.asarray(np.abs(self.decoded - self.chunks))


def measure_chunks(tokenizer: FastTokenizer, chunks: npt.NDArray[Any], normalizer: Normalizer) -> Measurement:
    """Encodes and decodes chunks.

    Args:
        tokenizer: Takes actions in the robot's units.
        chunks: `[B, H, D]`, at least one.
        normalizer: What relative errors are measured by.
    """
    missing = unencodable(tokenizer, chunks)
    kept = np.delete(chunks, missing, axis=0)
    batch = tokenizer.encode(kept)
    decoded = np.asarray(tokenizer.decode(batch)).reshape(kept.shape)
    return Measurement(
        chunks=kept,
        decoded=decoded,
        ids=batch.ids,
        offsets=batch.offsets,
        clipped=batch.clipped,
        refused=len(missing),
        relative_error=relative_error(decoded - kept, normalizer),
    )


def chunk_normalizer(
    tokenizer: FastTokenizer, chunks: npt.NDArray[Any], embodiment: str | None
) -> tuple[Normalizer, bool]:
    """What chunks are normalised by where a tokenizer is tried on them.

    Args:
        tokenizer: The normaliser is its own, if it has one.
        chunks: `[B, H, D]` in the robot's units. Else one is fitted to them, as `"quantile"`.
        embodiment: Which of the tokenizer's robots; None for the default one.

    Returns:
        The normaliser, and whether it was fitted.

    Raises:
        FastTokenizerError: If there is no such embodiment.
    """
    if tokenizer.normalizer is not None:
        return tokenizer.normalizer.select(embodiment), False
    if embodiment is not None:
        raise FastTokenizerError(
            f"got the embodiment {embodiment!r}, but the tokenizer has no normaliser to choose"
        )
    return Normalizer.fit(chunks.reshape(-1, chunks.shape[2])), True


def relative_error(difference: npt.NDArray[Any], normalizer: Normalizer) -> Figures:
    """The root mean square of differences `[B, H, D]`, in units of the normaliser, of each chunk `[B]`.

    Dimensions that are constant for the normaliser count as exact.
    """
    return np.asarray(np.sqrt(np.square(difference * inverse_gain(normalizer)).mean(axis=(1, 2))))


def inverse_gain(normalizer: Normalizer) -> Figures:
    """Normalised units to a unit of the robot, `[D]`; 0 where a dimension is constant."""
    gain = normalizer.gain
    return np.asarray(np.divide(1.0, gain, out=np.zeros_like(gain), where=gain > 0))


def spectrum(chunks: npt.NDArray[Any], normalizer: Normalizer) -> Figures:
    """The root mean square of each DCT coefficient of the normalised chunks, `[H, D]`."""
    coefficients = _core.dct(np.ascontiguousarray(normalizer.normalize(chunks)))
    return np.asarray(np.sqrt(np.square(coefficients).mean(axis=0)))


def recommended_length(lengths: npt.NDArray[np.int64]) -> int:
    """What a model should be given room for.

    As much as every chunk takes, if all take the same; else a tenth more than the longest chunk seen, rounded up
    to a multiple of 8.

    Examples:
        >>> recommended_length(np.array([12, 40])), recommended_length(np.array([35, 35]))
        (48, 35)
    """
    if lengths.size and lengths.min() == lengths.max():
        return int(lengths[0])
    return int(np.ceil(lengths.max(initial=1) * 1.1 / 8)) * 8
