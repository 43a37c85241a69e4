"""What every codec is: actions to ids of an `ActionVocabulary` and back, under one contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from fast_tokenizer.actions import (
    Actions,
    Floats,
    as_chunks,
    chunks_from,
    group_by_shape,
    is_ragged,
    require_shape,
)
from fast_tokenizer.constraint import ActionConstraint
from fast_tokenizer.decoding import (
    UNREADABLE_BYTES,
    CheckedActions,
    DecodeStatus,
    ErrorPolicy,
    check_policy,
    raise_decode_error,
)
from fast_tokenizer.errors import EncodeError, FormatError
from fast_tokenizer.threads import thread_count
from fast_tokenizer.token_batch import Horizon, TokenBatch, TokenLists, as_sequences
from fast_tokenizer.vocabulary import ActionVocabulary

DecodedActions: TypeAlias = "npt.NDArray[np.float64] | list[npt.NDArray[np.float64]]"

EncodedChunks: TypeAlias = "tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.bool_]]"
"""Flat ids, offsets `[B + 1]`, and which chunks were clipped, `[B]`."""

ChunkEncoder: TypeAlias = Callable[[Floats, int], EncodedChunks]
"""Encodes `[B, H, D]` on so many threads."""

ReadSequences: TypeAlias = "tuple[npt.NDArray[np.float64], npt.NDArray[np.int64] | None, int]"
"""Actions `[B, H, D]`; status, position and number of decoded values `[3, B]`, None where all is well; the first
sequence that failed, or -1."""

C = TypeVar("C", bound="Codec")


class Codec(ABC):
    """Actions to ids and back. Immutable, so that threads and processes may share it.

    A model that was trained with one codec can be decoded with that codec only: what an id means, the codec says.
    Where a configuration tells that it is another codec's, it is refused; ids alone do not tell.

    A class says how chunks of one shape become ids, and ids such chunks; what all have in common is said here.

    Attributes:
        name: What a configuration calls this class of codecs.
        value_name: What a message calls the values that ids stand for.
        unreadable: What it says of an id of the vocabulary that stands for none.
    """

    name: ClassVar[str]
    value_name: ClassVar[str] = "coefficients"
    unreadable: ClassVar[str] = UNREADABLE_BYTES

    @property
    @abstractmethod
    def vocabulary(self) -> ActionVocabulary:
        """The action ids, and the special ids after them."""

    @abstractmethod
    def length(self, horizon: int, action_dim: int) -> int | None:
        """Ids of a chunk of this shape, None where that depends on the chunk."""

    def max_length(self, horizon: int, action_dim: int) -> int:
        """Most ids of a chunk of this shape: none that encoding writes, or `constraint` lets through, has more."""
        return self._values(horizon, action_dim)

    @abstractmethod
    def constraint(self, horizon: int, action_dim: int) -> ActionConstraint:
        """Which ids may come next in a sequence that is to become a chunk of this shape."""

    @abstractmethod
    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes an equal codec of, as plain JSON."""

    @classmethod
    @abstractmethod
    def _from_config(cls: type[C], config: Mapping[str, Any]) -> C:
        """The codec of a configuration of this class; any error of Python's is taken for a fault of it."""

    @abstractmethod
    def _encode_chunks(self, chunks: Floats, num_threads: int) -> EncodedChunks:
        """Encodes `[B, H, D]`."""

    @abstractmethod
    def _read_sequences(
        self, tokens: object, horizon: int, action_dim: int, keep_prefix: bool, num_threads: int | None
    ) -> ReadSequences:
        """Decodes sequences, as `decode` takes them, to chunks of one shape.

        Of a sequence that fails, what is valid before its error is kept, or a chunk of zeros is given.
        """

    @abstractmethod
    def _range_advice(self) -> str:
        """What a message says of a chunk that was clipped: the range, and what to do."""

    def encode(
        self,
        actions: Actions,
        *,
        on_clip: Literal["report", "raise"] = "report",
        num_threads: int | None = None,
    ) -> TokenBatch:
        """Encodes chunks.

        Args:
            actions: `[H, D]`, `[B, H, D]`, or a list of `[H_i, D]`.
            on_clip: What to do where a value is outside the range that the ids can tell, and so is clipped: say so
                in the batch, or raise.
            num_threads: None for as many as are worth it.

        Returns:
            The ids, one sequence a chunk.

        Raises:
            EncodeError: If the actions are not finite numbers of such a shape, if the codec has no id that they
                need, or if one was clipped and `on_clip="raise"`.
        """
        return self._encode(actions, self._encode_chunks, on_clip, num_threads)

    def encode_lists(self, actions: Actions, *, num_threads: int | None = None) -> TokenLists:
        """The lists of `encode(actions).to_lists()`.

        Raises:
            EncodeError: As `encode` does.
        """
        return self.encode(actions, num_threads=num_threads).to_lists()

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
        if errors != "strict":  # one call less for a single chunk, in a control loop
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
            decoding stopped, and how many values were there.
        """
        check_policy(errors, ("repair", "zeros"))
        actions, outcome = self._decode(ids, horizon, action_dim, errors, num_threads)
        if outcome is None:
            outcome = self._all_decoded([len(one) for one in actions], action_dim)
        return CheckedActions(actions, outcome[0].astype(np.int8), *outcome[1:])

    @classmethod
    def from_config(cls: type[C], config: Mapping[str, Any]) -> C:
        """The codec that `get_config` described.

        Raises:
            FormatError: If it describes another codec, or none.
        """
        if config.get("codec") != cls.name:
            raise FormatError(
                f"got {config.get('codec')!r}, expected {cls.name!r}: ids are read by the codec that wrote them, "
                "with which the model was trained",
                key="codec",
            )
        try:
            return cls._from_config(config)
        except KeyError as error:
            raise FormatError("missing", key=str(error.args[0])) from error
        except FormatError:
            raise
        except (TypeError, ValueError, OverflowError) as error:
            raise FormatError(f"not the configuration of a codec: {error}") from error

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_config, (self.get_config(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Codec) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash((self.name, self.vocabulary.size))  # no more: few codecs are kept together

    def _encode(
        self,
        actions: Actions,
        encode_chunks: ChunkEncoder,
        on_clip: Literal["report", "raise"],
        num_threads: int | None,
    ) -> TokenBatch:
        if on_clip not in ("report", "raise"):
            raise ValueError(f"on_clip is {on_clip!r}: expected 'report' or 'raise'")
        threads = thread_count(num_threads)
        if is_ragged(actions):
            batch = self._encode_ragged(actions, encode_chunks, threads)
        else:
            chunks = as_chunks(actions)
            ids, offsets, clipped = encode_chunks(chunks, threads)
            _, horizon, action_dim = chunks.shape
            batch = TokenBatch(ids, offsets, horizon, action_dim, clipped, self.vocabulary.pad_id)
        if on_clip == "raise" and batch.clipped.any():
            raise EncodeError(self._range_advice(), int(batch.clipped.argmax()))
        return batch

    def _encode_ragged(
        self, chunks: Sequence[Actions], encode_chunks: ChunkEncoder, num_threads: int
    ) -> TokenBatch:
        widths = {np.shape(chunk)[1] for chunk in chunks}
        if len(widths) != 1:
            raise EncodeError(f"chunks have action_dim {sorted(widths)}: expected one number for all")
        parts: list[npt.NDArray[np.int32]] = [np.empty(0, np.int32)] * len(chunks)
        clipped = np.zeros(len(chunks), bool)
        for batch, places in group_by_shape(chunks):
            with chunks_from(places):
                ids, offsets, clipped[places] = encode_chunks(batch, num_threads)
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
        """Actions, and `[3, B]`: status, position, number of decoded values; None where all is well.

        `first` is what an error calls the first sequence.
        """
        if not isinstance(horizon, (int, np.integer)):
            return self._decode_ragged(tokens, horizon, action_dim, errors, num_threads)
        require_shape(horizon, action_dim)
        keep_prefix = errors != "zeros"
        actions, outcome, failed = self._read_sequences(tokens, horizon, action_dim, keep_prefix, num_threads)
        if outcome is not None and errors == "strict":
            status, position, decoded = outcome[:, failed].tolist()
            ids, offsets = as_sequences(tokens)
            raise_decode_error(
                first + failed,
                status,
                position,
                ids[offsets[failed] : offsets[failed + 1]].tolist(),
                self.vocabulary.size,
                decoded,
                self._values(horizon, action_dim),
                self.value_name,
                self.unreadable,
            )
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
        outcomes = self._all_decoded(horizon, action_dim)
        for index, steps in enumerate(horizon):
            sequence = ids[None, offsets[index] : offsets[index + 1]]
            one, outcome = self._decode(sequence, int(steps), action_dim, errors, num_threads, first=index)
            actions.append(one[0])
            if outcome is not None:
                outcomes[:, index] = outcome[:, 0]
        return actions, outcomes

    def _all_decoded(self, horizons: Sequence[int], action_dim: int) -> npt.NDArray[np.int64]:
        """`[3, B]`: status OK, no position, and all values, of sequences without a fault."""
        values = [self._values(steps, action_dim) for steps in horizons]
        return np.array([[DecodeStatus.OK] * len(values), [-1] * len(values), values], np.int64)

    def _values(self, horizon: int, action_dim: int) -> int:
        """Values that the ids of a chunk stand for: one an id where their number is known."""
        return self.length(int(horizon), int(action_dim)) or int(horizon) * int(action_dim)
