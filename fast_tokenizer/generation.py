"""Generating actions with a model that is called by hand: ids that lead to an action, and a stop at its end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from fast_tokenizer.constraint import ActionConstraint, ConstraintState
from fast_tokenizer.token_batch import TokenLists


class ConstrainedGeneration:
    """A loop over the steps of generation, for models that are called by hand.

    Rows of a batch end at different steps. Each step is about the rows that have not ended: `rows` says which,
    `mask` what they may take, and `take` tells what they took.

    Args:
        constraint: What `codec.constraint(horizon, action_dim)` made.
        rows: How many sequences.

    Attributes:
        rows: int64 `[A]`: the rows that are still being written.
        mask: bool `[A, vocabulary.size]`: the action ids that each of them may take next.
        ids: int64 `[A]`: what each of them took last; -1 at the first step.

    Examples:
        >>> from fast_tokenizer import FastTokenizer
        >>> tokenizer = FastTokenizer.fit(np.zeros((3, 4, 2)))
        >>> generation = ConstrainedGeneration(tokenizer.codec.constraint(4, 2), rows=2)
        >>> for step in generation:
        ...     logits = np.zeros(step.mask.shape)  # the model's, of step.rows
        ...     step.take(np.where(step.mask, logits, -np.inf).argmax(axis=1))
        >>> tokenizer.decode(generation.tokens).shape
        (2, 4, 2)
    """

    def __init__(self, constraint: ActionConstraint, rows: int = 1) -> None:
        self._constraint = constraint
        self._state: ConstraintState = constraint.start(rows)
        self._lists: list[list[int]] = [[] for _ in range(rows)]
        self._taken = True
        self.rows: npt.NDArray[np.int64] = np.arange(rows)
        self.ids: npt.NDArray[np.int64] = np.full(rows, -1)

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """The action ids that each row may take next."""
        return self._constraint.allowed_mask(self._state)[:, : self._constraint.vocabulary.size]

    @property
    def tokens(self) -> TokenLists:
        """What was generated so far; it carries the shape, so a tokenizer decodes it as it is."""
        shape = self._constraint.horizon, self._constraint.action_dim
        return TokenLists(self._lists, *shape, np.zeros(len(self._lists), bool))

    def take(self, ids: npt.ArrayLike) -> None:
        """Says which id each of `rows` takes.

        Args:
            ids: int `[A]`.

        Raises:
            FastTokenizerError: If an id is not allowed.
        """
        ids = np.asarray(ids)
        self._state = self._constraint.advance(self._state, ids)
        for row, taken in zip(self.rows.tolist(), ids.tolist(), strict=True):
            self._lists[row].append(taken)
        going_on = ~self._state.complete
        self._state = self._state[going_on]
        self.rows, self.ids = self.rows[going_on], ids[going_on]
        self._taken = True

    def __iter__(self) -> Iterator[ConstrainedGeneration]:
        """Steps until every row is complete."""
        while self.rows.size:
            if not self._taken:
                raise RuntimeError("the step before took no ids: call take(ids) in each step")
            self._taken = False
            yield self
