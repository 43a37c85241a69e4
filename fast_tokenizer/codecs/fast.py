"""FAST: DCT over time, rounding, byte-pair encoding (arXiv 2501.09747)."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.actions import Actions, Floats, as_chunks, is_ragged
from fast_tokenizer.canvas_constraint import CanvasConstraint
from fast_tokenizer.codecs.codec import Codec, EncodedChunks, ReadSequences
from fast_tokenizer.codecs.parameters import (
    LARGEST_COEFFICIENT,
    as_min_coefficient,
    as_scale,
    coefficient_range_advice,
)
from fast_tokenizer.constraint import ActionConstraint
from fast_tokenizer.quantization import quantize
from fast_tokenizer.threads import thread_count
from fast_tokenizer.token_batch import TokenBatch, TokenLists, as_sequences
from fast_tokenizer.vocabulary import ActionVocabulary

Scheme: TypeAlias = Literal["bytes", "symbols"]
"""How a coefficient becomes text for BPE: as the UTF-8 bytes of a character (the published format), or as one
symbol."""

_MOST_BYTES = 4
"""Of a character in UTF-8."""


class FastCodec(Codec):
    """Actions, normalised to about [-1, 1], to FAST tokens and back.

    Args:
        tokens: The text of each id, as `tokenizer.json` has it.
        merges: int `[M, 3]`: ids of left, right and result, by rank.
        scheme: `"bytes"` or `"symbols"`.
        scale: Multiplier of the DCT coefficients before rounding; the error of a coefficient is at most half its
            inverse.
        min_coefficient: The rounded coefficient that the first symbol stands for.

    Raises:
        FormatError: If tokens and merges contradict each other, or a number is out of range.

    Examples:
        >>> codec = FastCodec(["a", "b", "c"], np.empty((0, 3)), scheme="symbols", scale=1.0, min_coefficient=-98)
        >>> batch = codec.encode([[1.0], [1.0]])
        >>> batch.ids.tolist(), codec.decode(batch.ids, horizon=2, action_dim=1).round(3).tolist()
        ([2, 1], [[[0.707], [0.707]]])
    """

    name = "fast"

    def __init__(
        self,
        tokens: Sequence[str],
        merges: npt.ArrayLike,
        *,
        scheme: Scheme,
        scale: float,
        min_coefficient: int,
    ) -> None:
        scale = as_scale(scale)
        min_coefficient = as_min_coefficient(min_coefficient)
        self._tokens = tuple(tokens)
        self._merges = np.array(merges, dtype=np.int32)
        self._merges.flags.writeable = False
        self._scheme: Scheme = scheme
        self._scale = scale
        self._coder = _core.CoefficientCoder(scheme, min_coefficient, self._tokens, self._merges)
        self._vocabulary = ActionVocabulary(self._coder.size)
        self._last_grammar: tuple[tuple[bool, int], _core.TokenGrammar] | None = None
        self._search: _core.RateDistortionSearch | None = None

    @property
    def vocabulary(self) -> ActionVocabulary:
        """The action ids, and the special ids after them."""
        return self._vocabulary

    @property
    def tokens(self) -> tuple[str, ...]:
        """The text of each id."""
        return self._tokens

    @property
    def merges(self) -> npt.NDArray[np.int32]:
        """`[M, 3]`, read-only: ids of left, right and result, by rank."""
        return self._merges

    @property
    def scheme(self) -> Scheme:
        """`"bytes"` or `"symbols"`."""
        return self._scheme

    @property
    def scale(self) -> float:
        """Multiplier of the DCT coefficients before rounding."""
        return self._scale

    @property
    def min_coefficient(self) -> int:
        """The lowest rounded coefficient that encoding can write."""
        return self._coder.min_coefficient

    @property
    def max_coefficient(self) -> int:
        """The highest rounded coefficient that encoding can write."""
        return self._coder.max_coefficient

    def length(self, horizon: int, action_dim: int) -> int | None:
        """Ids of a chunk of this shape: none is known beforehand, as frequent runs take fewer."""
        return None

    def max_length(self, horizon: int, action_dim: int) -> int:
        """Most ids of a chunk of this shape: one a coefficient, in scheme `"bytes"` one for each byte of it."""
        return horizon * action_dim * (_MOST_BYTES if self._scheme == "bytes" else 1)

    def constraint(
        self,
        horizon: int,
        action_dim: int,
        *,
        canonical: bool = True,
        max_action: float | None = None,
    ) -> ActionConstraint:
        """Which ids may come next in a sequence that is to become a chunk of this shape.

        Args:
            horizon: Steps of the chunk.
            action_dim: Dimensions of an action.
            canonical: Forbid neighbours that encoding never leaves side by side, as BPE would have merged them:
                a model is trained on what encoding writes. In scheme `"symbols"` exactly the encodings remain;
                in `"bytes"` too within words of the GPT-2 split, while at a word's end some others are let
                through.
            max_action: Forbid coefficients that no chunk of actions within `[-max_action, max_action]` has, which
                are those beyond `scale * max_action * sqrt(horizon)`. In scheme `"bytes"` a model can spell
                coefficients of a million, byte by byte; there the bound is kept up to the characters that share
                their first byte with one inside it.
        """
        largest = LARGEST_COEFFICIENT
        if max_action is not None:
            if not max_action > 0:
                raise ValueError(f"max_action is {max_action}: expected a number above 0, or None")
            largest = math.ceil(min(largest, self._scale * max_action * math.sqrt(max(horizon, 1))))
        return ActionConstraint(self._grammar(canonical, largest), self._vocabulary, horizon, action_dim)

    def canvas_constraint(self, horizon: int, action_dim: int, length: int) -> CanvasConstraint:
        """Which ids the masks of a canvas may become, for `decode_masked`, so that it holds a chunk of this shape.

        What encoding writes for a chunk, `encode(chunks).padded(max_length=length)`, is such a canvas in scheme
        `"symbols"`. In `"bytes"` tokens that are parts of characters are left out, as only lengths of the others
        add up, and so some encodings are.

        Args:
            horizon: Steps of the chunk.
            action_dim: Dimensions of an action.
            length: Ids of the canvas, padding included.

        Raises:
            FastTokenizerError: If no canvas of that length holds such a chunk.
        """
        grammar = self._grammar(False, LARGEST_COEFFICIENT)
        return CanvasConstraint(grammar, self._vocabulary, horizon, action_dim, length)

    def encode(
        self,
        actions: Actions,
        *,
        on_clip: Literal["report", "raise"] = "report",
        rdo: float | None = None,
        num_threads: int | None = None,
    ) -> TokenBatch:
        """Encodes chunks, as every codec does; with `rdo`, to fewer tokens for some more error.

        Rate-distortion optimisation chooses, of all ways to round the scaled coefficients `c` of a chunk to
        integers `q` at most 0.9 away, the one with the least

            tokens + rdo * sum((c - q) ** 2)

        so that `rdo` says how many tokens a squared unit of rounding error is worth. Much of it (1000) is plain
        rounding; 0 looks at nothing but tokens. It is meant for a finer scale than one would take without: at a
        scale a fifth finer, `rdo=1.0` has about the error of plain rounding, and takes 8 to 9% fewer tokens
        on recordings (`benchmarks/tokens_by_dataset.py` chooses both from data). What is written are ids like any
        others, for every decoder. As the DCT keeps sums of squares, `(c - q) ** 2` summed over a chunk is
        `scale ** 2` times the squared error of its actions.

        Args:
            actions: `[H, D]`, `[B, H, D]`, or a list of `[H_i, D]`.
            on_clip: As for every codec. What is outside the range is clipped, not optimised.
            rdo: Tokens that a squared rounding unit is worth, 0 or more; only in scheme `"symbols"`. None rounds
                to the nearest integer, a thousand times faster.
            num_threads: None for as many as are worth it.

        Raises:
            EncodeError: As for every codec.
            ValueError: If `rdo` is no such number, or the scheme is `"bytes"`.

        Examples:
            >>> codec = FastCodec(["a", "b", "aa"], [[0, 0, 2]], scheme="symbols", scale=1.0, min_coefficient=-97)
            >>> codec.encode([[0.0, 0.6]]).ids.tolist(), codec.encode([[0.0, 0.6]], rdo=2.0).ids.tolist()
            ([0, 1], [2])
        """
        if rdo is None:
            return self._encode(actions, self._encode_chunks, on_clip, num_threads)
        if not 0 <= rdo < math.inf:
            raise ValueError(f"rdo is {rdo}: expected the tokens that a squared rounding unit is worth, 0 or more")
        if self._scheme != "symbols":
            raise ValueError(
                f'rdo needs scheme="symbols", and this is {self._scheme!r}, whose tokens may end inside a '
                'coefficient: encode without rdo, or fit with scheme="symbols"'
            )
        return self._encode(actions, functools.partial(self._encode_optimized, float(rdo)), on_clip, num_threads)

    def encode_coefficients(
        self, coefficients: npt.NDArray[np.int32], num_threads: int | None = None
    ) -> TokenBatch:
        """Encodes what DCT and rounding made of chunks, as `encode` does.

        Args:
            coefficients: int32 `[B, H, D]`, frequency 0 first.
            num_threads: None for as many as are worth it.

        Raises:
            EncodeError: If the vocabulary lacks a token that they need.
        """
        _, horizon, action_dim = coefficients.shape
        ids, offsets, clipped = self._coder.encode(coefficients, thread_count(num_threads))
        return TokenBatch(ids, offsets, horizon, action_dim, clipped, self.vocabulary.pad_id)

    def encode_lists(self, actions: Actions, *, num_threads: int | None = None) -> TokenLists:
        """The lists of `encode(actions).to_lists()`, made while other threads still encode.

        Raises:
            EncodeError: As `encode` does.
        """
        if is_ragged(actions):
            return self.encode(actions, num_threads=num_threads).to_lists()
        threads = thread_count(num_threads)
        chunks = as_chunks(actions)
        lists, clipped = self._coder.encode_lists(quantize(chunks, self._scale, threads), threads)
        return TokenLists(lists, chunks.shape[1], chunks.shape[2], clipped)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes an equal codec of, as plain JSON."""
        return {
            "codec": self.name,
            "scheme": self._scheme,
            "scale": self._scale,
            "min_coefficient": self.min_coefficient,
            "tokens": list(self._tokens),
            "merges": self._merges.tolist(),
        }

    @classmethod
    def _from_config(cls, config: Mapping[str, Any]) -> FastCodec:
        return cls(
            config["tokens"],
            np.array(config["merges"], np.int32).reshape(-1, 3),
            scheme=config["scheme"],
            scale=config["scale"],
            min_coefficient=config["min_coefficient"],
        )

    def __repr__(self) -> str:
        return (
            f"FastCodec(scheme={self._scheme!r}, scale={self._scale}, vocab_size={self.vocabulary.size}, "
            f"coefficients {self.min_coefficient}..{self.max_coefficient})"
        )

    def _grammar(self, canonical: bool, largest: int) -> _core.TokenGrammar:
        # The last one is kept, as it takes a few tenths of a second. Threads that come at once make equal ones.
        kept = self._last_grammar
        if kept is None or kept[0] != (canonical, largest):
            kept = (canonical, largest), _core.TokenGrammar(self._coder, canonical, largest)
            self._last_grammar = kept
        return kept[1]

    def _encode_chunks(self, chunks: Floats, num_threads: int) -> EncodedChunks:
        return self._coder.encode(quantize(chunks, self._scale, num_threads), num_threads)

    def _encode_optimized(self, rdo: float, chunks: Floats, num_threads: int) -> EncodedChunks:
        if self._search is None:
            self._search = _core.RateDistortionSearch(self._coder, self._grammar(True, LARGEST_COEFFICIENT))
        rounded = quantize(chunks, self._scale, num_threads)
        scaled = _core.dct(chunks.astype(np.float64), num_threads) * self._scale
        return self._coder.encode(self._search.choose(scaled, rounded, rdo, num_threads), num_threads)

    def _read_sequences(
        self, tokens: object, horizon: int, action_dim: int, keep_prefix: bool, num_threads: int | None
    ) -> ReadSequences:
        threads = thread_count(num_threads)
        if isinstance(tokens, list) and tokens and isinstance(tokens[0], list):  # what a call returned
            return self._coder.decode_lists(tokens, horizon, action_dim, self._scale, keep_prefix, threads)
        ids, offsets = as_sequences(tokens)
        return self._coder.decode_arrays(ids, offsets, horizon, action_dim, self._scale, keep_prefix, threads)

    def _range_advice(self) -> str:
        return coefficient_range_advice(self.min_coefficient, self.max_coefficient)
