"""FAST: DCT over time, rounding, byte-pair encoding (arXiv 2501.09747)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.actions import Actions, as_chunks, chunks_from, group_by_shape, is_ragged
from fast_tokenizer.constraint import ActionConstraint
from fast_tokenizer.decoding import (
    CheckedActions,
    DecodeStatus,
    ErrorPolicy,
    check_policy,
    raise_decode_error,
)
from fast_tokenizer.errors import EncodeError, FormatError
from fast_tokenizer.quantization import quantize
from fast_tokenizer.threads import thread_count
from fast_tokenizer.token_batch import Horizon, TokenBatch, TokenLists, as_sequences
from fast_tokenizer.vocabulary import ActionVocabulary

Scheme: TypeAlias = Literal["bytes", "symbols"]
"""How a coefficient becomes text for BPE: as the UTF-8 bytes of a character (the published format), or as one
symbol."""

DecodedActions: TypeAlias = "npt.NDArray[np.float64] | list[npt.NDArray[np.float64]]"


class FastCodec:
    """Actions to FAST tokens and back. Immutable, so that threads and processes may share it.

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

    def __init__(
        self,
        tokens: Sequence[str],
        merges: npt.ArrayLike,
        *,
        scheme: Scheme,
        scale: float,
        min_coefficient: int,
    ) -> None:
        # Numbers of numpy become Python's, so that the configuration is plain JSON.
        scale = scale.item() if isinstance(scale, np.generic) else scale
        min_coefficient = min_coefficient.item() if isinstance(min_coefficient, np.generic) else min_coefficient
        # Beyond these bounds its inverse or a coefficient would overflow.
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not 1e-300 <= scale <= 1e300:
            raise FormatError(f"got {scale!r}, expected a positive number (1e-300 to 1e300)", key="scale")
        if isinstance(min_coefficient, bool) or not isinstance(min_coefficient, int):
            raise FormatError(f"got {min_coefficient!r}, expected an integer", key="min_coefficient")
        if abs(min_coefficient) > 2**30:
            raise FormatError(f"got {min_coefficient}, expected at most 2**30 either way", key="min_coefficient")
        self._tokens = tuple(tokens)
        self._merges = np.array(merges, dtype=np.int32)
        self._merges.flags.writeable = False
        self._scheme: Scheme = scheme
        self._scale = scale
        self._coder = _core.CoefficientCoder(scheme, min_coefficient, self._tokens, self._merges)
        self._vocabulary = ActionVocabulary(self._coder.size)
        self._last_grammar: tuple[tuple[bool, int], _core.TokenGrammar] | None = None

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
        largest = 2**31 - 1
        if max_action is not None:
            if not max_action > 0:
                raise ValueError(f"max_action is {max_action}: expected a number above 0, or None")
            largest = math.ceil(min(largest, self._scale * max_action * math.sqrt(max(horizon, 1))))
        return ActionConstraint(self._grammar(canonical, largest), self._vocabulary, horizon, action_dim)

    def encode(
        self,
        actions: Actions,
        *,
        on_clip: Literal["report", "raise"] = "report",
        num_threads: int | None = None,
    ) -> TokenBatch:
        """Encodes chunks.

        Args:
            actions: `[H, D]`, `[B, H, D]`, or a list of `[H_i, D]`; normalised to about [-1, 1].
            on_clip: What to do where a coefficient is outside the vocabulary's range, and so is clipped: say so
                in the batch, or raise.
            num_threads: None for as many as are worth it.

        Returns:
            The ids, one sequence a chunk.

        Raises:
            EncodeError: If the actions are not finite numbers of such a shape, if the vocabulary lacks a token
                that they need, or if one was clipped and `on_clip="raise"`.
        """
        if on_clip not in ("report", "raise"):
            raise ValueError(f"on_clip is {on_clip!r}: expected 'report' or 'raise'")
        threads = thread_count(num_threads)
        if is_ragged(actions):
            batch = self._encode_ragged(actions, threads)
        else:
            batch = self.encode_coefficients(quantize(as_chunks(actions), self._scale, threads), num_threads)
        if on_clip == "raise" and batch.clipped.any():
            chunk = int(batch.clipped.argmax())
            raise EncodeError(
                f"a coefficient is outside {self.min_coefficient}..{self.max_coefficient}: "
                "expected actions like those that the tokenizer was fitted on; normalise them the same way, "
                "or fit with a larger margin",
                chunk,
            )
        return batch

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

    def decode(
        self,
        ids: object,
        *,
        horizon: Horizon,
        action_dim: int,
        errors: ErrorPolicy = "strict",
        num_threads: int | None = None,
    ) -> DecodedActions:
        """Decodes sequences of ids.

        Args:
            ids: A `TokenBatch`, lists, or an array of ids; padding around a sequence is passed over.
            horizon: Steps of a chunk, or of each chunk.
            action_dim: Dimensions of an action.
            errors: What to do with a sequence that is not an action of this shape.
            num_threads: None for as many as are worth it.

        Returns:
            float64 `[B, H, D]`; a list of `[H_i, D]` where `horizon` is several numbers.

        Raises:
            DecodeError: If a sequence is not an action of this shape and `errors="strict"`.
        """
        check_policy(errors)
        return self._decode(ids, horizon, action_dim, errors, num_threads)[0]

    def decode_checked(
        self,
        ids: object,
        *,
        horizon: Horizon,
        action_dim: int,
        errors: Literal["repair", "zeros"] = "repair",
        num_threads: int | None = None,
    ) -> CheckedActions[DecodedActions]:
        """Decodes like `decode`, never raises on ids, and says how each sequence ended.

        Returns:
            The actions and an int8 `[B]` of `DecodeStatus`; the attributes `position` and `decoded` tell where
            decoding stopped, and how many coefficients were there.
        """
        check_policy(errors, ("repair", "zeros"))
        actions, outcome = self._decode(ids, horizon, action_dim, errors, num_threads)
        if outcome is None:
            outcome = _all_decoded([one.size for one in actions])
        return CheckedActions(actions, outcome[0].astype(np.int8), *outcome[1:])

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes an equal codec of, as plain JSON."""
        return {
            "codec": "fast",
            "scheme": self._scheme,
            "scale": self._scale,
            "min_coefficient": self.min_coefficient,
            "tokens": list(self._tokens),
            "merges": self._merges.tolist(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> FastCodec:
        """The codec that `get_config` described."""
        if config.get("codec") != "fast":
            raise FormatError(f"got {config.get('codec')!r}, expected 'fast'", key="codec")
        try:
            return cls(
                config["tokens"],
                np.array(config["merges"], np.int32).reshape(-1, 3),
                scheme=config["scheme"],
                scale=config["scale"],
                min_coefficient=config["min_coefficient"],
            )
        except KeyError as error:
            raise FormatError("missing", key=str(error.args[0])) from error
        except FormatError:
            raise
        except (TypeError, ValueError, OverflowError) as error:
            raise FormatError(f"not the configuration of a codec: {error}") from error

    def __reduce__(self) -> tuple[Any, ...]:
        return FastCodec.from_config, (self.get_config(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FastCodec) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash((self._tokens, self._scheme, self._scale, self.min_coefficient))

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

    def _encode_ragged(self, chunks: Sequence[Actions], num_threads: int) -> TokenBatch:
        widths = {np.shape(chunk)[1] for chunk in chunks}
        if len(widths) != 1:
            raise EncodeError(f"chunks have action_dim {sorted(widths)}: expected one number for all")
        parts: list[npt.NDArray[np.int32]] = [np.empty(0, np.int32)] * len(chunks)
        clipped = np.zeros(len(chunks), bool)
        for batch, places in group_by_shape(chunks):
            with chunks_from(places):
                coefficients = quantize(batch, self._scale, num_threads)
                ids, offsets, batch_clipped = self._coder.encode(coefficients, num_threads)
            clipped[places] = batch_clipped
            for i, place in enumerate(places):
                parts[place] = ids[offsets[i] : offsets[i + 1]]
        all_offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        horizon = tuple(np.shape(chunk)[0] for chunk in chunks)
        return TokenBatch(
            np.concatenate(parts), all_offsets, horizon, widths.pop(), clipped, self.vocabulary.pad_id
        )

    def _decode(
        self,
        tokens: object,
        horizon: Horizon,
        action_dim: int,
        errors: ErrorPolicy,
        num_threads: int | None,
        first: int = 0,
    ) -> tuple[DecodedActions, npt.NDArray[np.int64] | None]:
        """Actions, and `[3, B]`: status, position, number of decoded coefficients; None where all is well.

        `first` is what an error calls the first sequence.
        """
        if not isinstance(horizon, (int, np.integer)):
            return self._decode_ragged(tokens, horizon, action_dim, errors, num_threads)
        if horizon < 1 or action_dim < 1:
            raise ValueError(f"the shape is [{horizon}, {action_dim}]: expected both to be at least 1")
        threads = thread_count(num_threads)
        keep_prefix = errors != "zeros"
        if isinstance(tokens, list) and tokens and isinstance(tokens[0], list):  # what a call returned
            actions, outcome, failed = self._coder.decode_lists(
                tokens, horizon, action_dim, self._scale, keep_prefix, threads
            )
        else:
            ids, offsets = as_sequences(tokens)
            actions, outcome, failed = self._coder.decode_arrays(
                ids, offsets, horizon, action_dim, self._scale, keep_prefix, threads
            )
        if outcome is not None and errors == "strict":
            status, position, decoded = outcome[:, failed].tolist()
            ids, offsets = as_sequences(tokens)
            sequence = ids[offsets[failed] : offsets[failed + 1]].tolist()
            needed = int(horizon * action_dim)
            raise_decode_error(first + failed, status, position, sequence, self.vocabulary.size, decoded, needed)
        return actions, outcome

    def _decode_ragged(
        self,
        tokens: object,
        horizon: Sequence[int],
        action_dim: int,
        errors: ErrorPolicy,
        num_threads: int | None,
    ) -> tuple[DecodedActions, npt.NDArray[np.int64]]:
        ids, offsets = as_sequences(tokens)
        if len(horizon) != len(offsets) - 1:
            raise ValueError(f"got {len(horizon)} horizons for {len(offsets) - 1} sequences: expected one each")
        actions: list[npt.NDArray[np.float64]] = []
        outcomes = _all_decoded([steps * action_dim for steps in horizon])
        for index, steps in enumerate(horizon):
            sequence = ids[None, offsets[index] : offsets[index + 1]]
            one, outcome = self._decode(sequence, int(steps), action_dim, errors, num_threads, first=index)
            actions.append(one[0])
            if outcome is not None:
                outcomes[:, index] = outcome[:, 0]
        return actions, outcomes


def _all_decoded(lengths: Sequence[int]) -> npt.NDArray[np.int64]:
    """`[3, B]`: status OK, no position, and all coefficients, of sequences without a fault."""
    return np.array([[DecodeStatus.OK] * len(lengths), [-1] * len(lengths), lengths], np.int64)
