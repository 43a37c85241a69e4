"""Which ids may come next, so that what a model generates is a chunk of a given shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.actions import require_shape
from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer.token_batch import as_sequences
from fast_tokenizer.vocabulary import ActionVocabulary


@dataclass(frozen=True, eq=False)
class ConstraintState:
    """How far each row of a batch has come.

    Indexing with a slice, or an array of rows or of bools, gives the state of these rows, in that order (as beam
    search needs it).

    Attributes:
        places: int32 `[B, 3]`: the core's description of each place; only the last column has a meaning outside.
    """

    places: npt.NDArray[np.int32]

    @property
    def remaining(self) -> npt.NDArray[np.int32]:
        """Coefficients still to come, int32 `[B]`: 0 where the chunk is complete."""
        return np.maximum(self.places[:, 2], 0)

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """Rows that are a whole chunk, bool `[B]`."""
        whole: npt.NDArray[np.bool_] = (self.places[:, 2] <= 0) & (self.places[:, 1] == 0)
        return whole

    def __len__(self) -> int:
        """Rows."""
        return len(self.places)

    def __getitem__(self, rows: slice | npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> ConstraintState:
        """The state of some rows."""
        return ConstraintState(self.places[rows])


class ActionConstraint:
    """The ids that may come next in a sequence that is to become a chunk of one shape; made by `codec.constraint`.

    An id is allowed exactly if some continuation completes the chunk, so that a model that takes allowed ids only
    never comes to a dead end, ends, and has written an action. Where the chunk is complete, the end token is
    allowed and nothing else; after it, padding. Immutable.

    Args:
        grammar: Which token may follow which.
        vocabulary: The ids.
        horizon: Steps of the chunk.
        action_dim: Dimensions of an action.
        length: Coefficients of a chunk: `horizon * action_dim`, unless the codec writes fewer.

    Raises:
        FastTokenizerError: If no sequence of these tokens has that many coefficients.

    Examples:
        >>> from fast_tokenizer import FastTokenizer
        >>> tokenizer = FastTokenizer.fit(np.zeros((3, 4, 2)), time_horizon=4, action_dim=2)
        >>> constraint = tokenizer.codec.constraint(4, 2)
        >>> state = constraint.start(rows=1)
        >>> while not state.complete.all():
        ...     ids = constraint.allowed_mask(state).argmax(axis=1)  # the model's choice
        ...     state = constraint.advance(state, ids)
        >>> state.remaining.tolist()
        [0]
    """

    def __init__(
        self,
        grammar: _core.TokenGrammar,
        vocabulary: ActionVocabulary,
        horizon: int,
        action_dim: int,
        *,
        length: int | None = None,
    ) -> None:
        require_shape(horizon, action_dim)
        self.vocabulary = vocabulary
        self.horizon = int(horizon)
        self.action_dim = int(action_dim)
        self._length = int(horizon * action_dim if length is None else length)
        self._automaton = _core.LengthAutomaton(grammar, self.length)
        if not self._automaton.possible:
            raise FastTokenizerError(
                f"no sequence of this vocabulary has exactly {self.length} coefficients (chunks of "
                f"[{horizon}, {action_dim}]): expected a vocabulary with tokens of one coefficient"
            )

    @property
    def length(self) -> int:
        """Coefficients of a chunk."""
        return self._length

    def start(self, rows: int = 1) -> ConstraintState:
        """The state before the first id."""
        return ConstraintState(self._automaton.start(rows))

    def allowed_mask(self, state: ConstraintState) -> npt.NDArray[np.bool_]:
        """The ids that may come next.

        Returns:
            bool `[B, vocabulary.size + 3]`: the action ids, then pad, eos and mask.
        """
        return self._automaton.allowed(state.places)

    def advance(self, state: ConstraintState, ids: npt.ArrayLike) -> ConstraintState:
        """The state after one more id in every row.

        Args:
            state: The state before.
            ids: int `[B]`.

        Raises:
            FastTokenizerError: If an id is not allowed there.
        """
        return self.follow(state, np.asarray(ids)[:, None])

    def follow(self, state: ConstraintState, tokens: object) -> ConstraintState:
        """The state after some more ids in every row.

        Args:
            state: The state before.
            tokens: Lists of ids, a `TokenBatch`, or an array `[B, L]`: one sequence a row.

        Raises:
            FastTokenizerError: If an id is not allowed where it stands.
        """
        ids, offsets = as_sequences(tokens)
        if len(offsets) - 1 != len(state):
            raise ValueError(f"got {len(offsets) - 1} sequences for {len(state)} rows: expected one each")
        places, refused = self._automaton.follow(state.places, ids, offsets)
        after = ConstraintState(places)
        self._require_allowed(after, refused, ids, offsets)
        return after

    def progress(self, tokens: object) -> ConstraintState:
        """The state after sequences that may have gone past their end, such as the rows of a batch that waited.

        Args:
            tokens: As in `follow`, each from its beginning. What follows a whole chunk counts as padding, whatever
                it is.

        Raises:
            FastTokenizerError: If an id is not allowed where it stands.
        """
        ids, offsets = as_sequences(tokens)
        start = self._automaton.start(len(offsets) - 1)
        places, refused = self._automaton.follow(start, ids, offsets)
        state = ConstraintState(places)
        self._require_allowed(state, np.where(state.complete, -1, refused), ids, offsets)
        return state

    def _require_allowed(
        self,
        state: ConstraintState,
        refused: npt.NDArray[np.int64],
        ids: npt.NDArray[np.int32],
        offsets: npt.NDArray[np.int64],
    ) -> None:
        if (refused < 0).all():
            return
        row = int((refused >= 0).argmax())
        position = int(refused[row])
        raise FastTokenizerError(
            f"row {row}, position {position}: id {ids[offsets[row] + position]} is not allowed there, with "
            f"{state.remaining[row]} of {self.length} coefficients still to come: expected ids of allowed_mask"
        )

    def __repr__(self) -> str:
        return f"ActionConstraint([{self.horizon}, {self.action_dim}], vocab_size={self.vocabulary.size})"


class ModelBitmask:
    """Writes what a constraint allows as a bit mask over a language model's vocabulary.

    The format is that of guided decoding in xgrammar and vLLM: int32 `[B, ceil(vocabulary / 32)]`, the lowest id
    in the lowest bit, 1 for allowed.

    Args:
        model_ids: int `[size + 3]`: the model's id of every action id, of pad, eos and mask; -1 where it has none.
    """

    def __init__(self, model_ids: npt.ArrayLike) -> None:
        self._places = _core.BitmaskPlaces(np.asarray(model_ids, np.int64))

    def fill(self, constraint: ActionConstraint, state: ConstraintState, bitmask: npt.NDArray[np.int32]) -> None:
        """Writes one row of the mask for each row of the state.

        Only words that hold bits of the action block and the special ids are written: start from zeros, and use
        the same array at every step.

        Args:
            constraint: The constraint.
            state: Its state.
            bitmask: int32 `[B, W]`, C order.
        """
        self._places.write(constraint._automaton, state.places, bitmask)
