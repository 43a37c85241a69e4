"""Frequencies: DCT over time, rounding, one id for each coefficient of the lowest frequencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.actions import Actions, Floats, chunks_from, chunks_to_fit
from fast_tokenizer.codecs.codec import Codec, EncodedChunks, ReadSequences
from fast_tokenizer.codecs.parameters import (
    LARGEST_COEFFICIENT,
    as_integer,
    as_min_coefficient,
    as_scale,
    coefficient_range_advice,
    symbol_range,
)
from fast_tokenizer.constraint import ActionConstraint
from fast_tokenizer.errors import FormatError, TrainingError
from fast_tokenizer.quantization import quantize
from fast_tokenizer.threads import thread_count
from fast_tokenizer.token_batch import as_sequences
from fast_tokenizer.vocabulary import ActionVocabulary

_CHUNKS_AT_ONCE = 1024


class FrequencyCodec(Codec):
    """Actions, normalised to about [-1, 1], to coefficients of their lowest frequencies and back.

    As FAST, without byte-pair encoding: DCT over time, rounding, and an id a coefficient, which is the coefficient
    minus `min_coefficient`. The lowest frequency of all dimensions comes first, then the next, and so on; those
    after the first `frequencies` are left out, and zero in decoding. So all chunks of a shape have the same
    length, and any ids of that number are a chunk, which is what masked diffusion asks for.

    Args:
        frequencies: How many are kept, at least 1; of a shorter chunk, all.
        scale: Multiplier of the DCT coefficients before rounding.
        min_coefficient: The rounded coefficient that id 0 stands for.
        vocabulary: The ids, each of which is a coefficient. With that of another codec, pad, eos and mask are the
            same for both, and one `VocabularyMap` carries both.

    Raises:
        FormatError: If a number is out of range.

    Examples:
        >>> codec = FrequencyCodec(2, scale=10, min_coefficient=-16, vocabulary=ActionVocabulary(32))
        >>> batch = codec.encode(np.linspace(-1, 1, 8)[:, None])
        >>> batch.ids.tolist()
        [16, 0]
        >>> bool(abs(codec.decode(batch, horizon=8, action_dim=1)[0, :, 0] - np.linspace(-1, 1, 8)).max() < 0.3)
        True
    """

    name = "frequency"

    def __init__(
        self, frequencies: int, *, scale: float, min_coefficient: int, vocabulary: ActionVocabulary
    ) -> None:
        self._frequencies = as_integer("frequencies", frequencies, at_least=1)
        self._scale = as_scale(scale)
        self._min_coefficient = as_min_coefficient(min_coefficient)
        self._vocabulary = vocabulary
        if self.max_coefficient > LARGEST_COEFFICIENT:
            raise FormatError(f"got {vocabulary.size}, more than there are coefficients", key="vocab_size")

    @classmethod
    def fit(
        cls,
        chunks: Sequence[Actions] | Floats,
        *,
        scale: float = 10,
        max_error: float,
        vocabulary: ActionVocabulary | None = None,
        num_threads: int | None = None,
    ) -> FrequencyCodec:
        """Keeps as few frequencies as bring back every chunk within an error bound.

        The range of the coefficients is one and a half times that of the data, on each side.

        Args:
            chunks: `[B, H, D]`, or chunks `[H_i, D]`; normalised to about [-1, 1].
            scale: Multiplier of the DCT coefficients before rounding.
            max_error: The largest difference, in the unit of the actions, between a value and its decoded one.
            vocabulary: The ids; as many as the range needs unless given.
            num_threads: None for as many as are worth it.

        Raises:
            TrainingError: If there are no chunks, if all frequencies are not enough for the bound, or if the range
                does not fit the vocabulary.
            EncodeError: If a chunk is not an array of finite numbers.

        Examples:
            >>> chunks = np.sin(np.linspace(0, 9, 20 * 16 * 7)).reshape(20, 16, 7)
            >>> codec = FrequencyCodec.fit(chunks, scale=50, max_error=0.05)
            >>> decoded = codec.decode(codec.encode(chunks), horizon=16, action_dim=7)
            >>> codec.frequencies < 16, bool(abs(decoded - chunks).max() <= 0.05)
            (True, True)
        """
        if not max_error > 0:
            raise ValueError(f"max_error is {max_error}: expected a number above 0")
        scale, threads = as_scale(scale), thread_count(num_threads)
        errors = np.zeros(1)
        least = most = 0
        for batch, places in chunks_to_fit(chunks):
            with chunks_from(places):
                coefficients = quantize(batch, scale, threads)
            least, most = min(least, int(coefficients.min())), max(most, int(coefficients.max()))
            errors = _larger(errors, _errors_by_frequencies(batch, coefficients, scale))
        enough = np.flatnonzero(errors <= max_error)
        if not enough.size:
            raise TrainingError(
                f"with all {len(errors)} frequencies the error is {errors[-1]:.3g}, more than max_error "
                f"{max_error}: raise scale, which is {scale}, or max_error"
            )
        low, high = symbol_range(least, most)
        needed = high - low + 1
        if vocabulary is None:
            vocabulary = ActionVocabulary(needed)
        if needed > vocabulary.size:
            raise TrainingError(
                f"the coefficients {low}..{high} need {needed} ids, more than the {vocabulary.size} of the "
                "vocabulary: use a larger one, lower scale, or clip outliers when normalising"
            )
        return cls(int(enough[0]) + 1, scale=scale, min_coefficient=low, vocabulary=vocabulary)

    @property
    def vocabulary(self) -> ActionVocabulary:
        """The action ids, each of which is a coefficient, and the special ids after them."""
        return self._vocabulary

    @property
    def frequencies(self) -> int:
        """How many are kept."""
        return self._frequencies

    @property
    def scale(self) -> float:
        """Multiplier of the DCT coefficients before rounding."""
        return self._scale

    @property
    def min_coefficient(self) -> int:
        """The lowest rounded coefficient that encoding can write."""
        return self._min_coefficient

    @property
    def max_coefficient(self) -> int:
        """The highest rounded coefficient that encoding can write."""
        return self._min_coefficient + int(self._vocabulary.size) - 1

    def length(self, horizon: int, action_dim: int) -> int:
        """Ids of a chunk of this shape: one for each dimension of each frequency that is kept."""
        return min(self._frequencies, horizon) * action_dim

    def constraint(self, horizon: int, action_dim: int) -> ActionConstraint:
        """Which ids may come next in a sequence that is to become a chunk of this shape: all, up to its end."""
        grammar = _core.TokenGrammar(self._vocabulary.size)
        length = self.length(horizon, action_dim)
        return ActionConstraint(grammar, self._vocabulary, horizon, action_dim, length=length)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes an equal codec of, as plain JSON."""
        return {
            "codec": self.name,
            "vocab_size": int(self._vocabulary.size),
            "frequencies": self._frequencies,
            "scale": self._scale,
            "min_coefficient": self._min_coefficient,
        }

    @classmethod
    def _from_config(cls, config: Mapping[str, Any]) -> FrequencyCodec:
        return cls(
            config["frequencies"],
            scale=config["scale"],
            min_coefficient=config["min_coefficient"],
            vocabulary=ActionVocabulary(as_integer("vocab_size", config["vocab_size"], at_least=1)),
        )

    def _encode_chunks(self, chunks: Floats, num_threads: int) -> EncodedChunks:
        coefficients = quantize(chunks, self._scale, num_threads)[:, : self._frequencies]
        held = np.clip(coefficients, self._min_coefficient, self.max_coefficient)
        ids = (held - np.int32(self._min_coefficient)).reshape(-1)
        _, kept, action_dim = coefficients.shape
        return ids, np.arange(len(chunks) + 1) * (kept * action_dim), (held != coefficients).any(axis=(1, 2))

    def _read_sequences(
        self, tokens: object, horizon: int, action_dim: int, keep_prefix: bool, num_threads: int | None
    ) -> ReadSequences:
        ids, offsets = as_sequences(tokens)
        return _core.decode_frequencies(
            ids,
            offsets,
            horizon,
            action_dim,
            self._frequencies,
            self._vocabulary.size,
            self._min_coefficient,
            self._scale,
            keep_prefix,
            thread_count(num_threads),
        )

    def _range_advice(self) -> str:
        return coefficient_range_advice(self.min_coefficient, self.max_coefficient)

    def __repr__(self) -> str:
        return (
            f"FrequencyCodec({self._frequencies} frequencies, scale={self._scale}, "
            f"vocab_size={self._vocabulary.size}, coefficients {self.min_coefficient}..{self.max_coefficient})"
        )


def _errors_by_frequencies(
    chunks: Floats, coefficients: npt.NDArray[np.int32], scale: float
) -> npt.NDArray[np.float64]:
    """`[H]`: the largest error of a value where 1, 2, ..., H frequencies are kept."""
    horizon = chunks.shape[1]
    waves = _core.idct(np.eye(horizon)[None], 1)[0]  # [step, frequency]
    errors = np.zeros(horizon)
    for first in range(0, len(chunks), _CHUNKS_AT_ONCE):
        part = slice(first, first + _CHUNKS_AT_ONCE)
        rest = chunks[part].astype(np.float64)
        for frequency in range(horizon):
            rest -= waves[:, frequency, None] * (coefficients[part, None, frequency] / scale)
            errors[frequency] = max(errors[frequency], np.abs(rest).max())
    return errors


def _larger(errors: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The larger of two errors by frequencies; a chunk has no more frequencies than steps."""
    longest = max(len(errors), len(others))
    return np.maximum(*(np.pad(one, (0, longest - len(one)), mode="edge") for one in (errors, others)))
