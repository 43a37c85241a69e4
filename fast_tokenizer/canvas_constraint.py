"""Which ids the masked positions of a canvas may take, so that what is decoded is a chunk of a given shape."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.actions import require_shape
from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer.vocabulary import ActionVocabulary


class CanvasConstraint:
    """The ids that may stand at each position of a canvas; made by `FastCodec.canvas_constraint`.

    A canvas holds the tokens of one chunk, and padding after them. An id is allowed at a masked position exactly
    if the others can still be filled so that the canvas holds all coefficients of the chunk and no more. Tokens
    are those that stand for whole coefficients wherever they are. Immutable.

    It is the `constraint` of `decode_masked`, where the masks are `vocabulary.mask_id` and logits are of
    `vocabulary.size + 1` ids: the last one is padding.

    Args:
        grammar: The tokens.
        vocabulary: The ids.
        horizon: Steps of the chunk.
        action_dim: Dimensions of an action.
        length: L, ids of a canvas.

    Raises:
        FastTokenizerError: If no canvas of that length holds such a chunk.

    Examples:
        >>> from fast_tokenizer import FastTokenizer, decode_masked
        >>> codec = FastTokenizer.fit(np.zeros((3, 4, 2)), time_horizon=4, action_dim=2).codec
        >>> constraint = codec.canvas_constraint(4, 2, length=8)
        >>> canvas = np.full((1, 8), codec.vocabulary.mask_id)
        >>> result = decode_masked(
        ...     lambda ids, context: np.random.default_rng(0).normal(size=(1, 8, constraint.ids)),
        ...     canvas,
        ...     mask_id=codec.vocabulary.mask_id,
        ...     constraint=constraint,
        ... )
        >>> codec.decode(result.ids, horizon=4, action_dim=2).shape
        (1, 4, 2)
    """

    def __init__(
        self,
        grammar: _core.TokenGrammar,
        vocabulary: ActionVocabulary,
        horizon: int,
        action_dim: int,
        length: int,
    ) -> None:
        require_shape(horizon, action_dim)
        if length < 1:
            raise ValueError(f"length is {length}: expected at least 1")
        self.vocabulary = vocabulary
        self.horizon = int(horizon)
        self.action_dim = int(action_dim)
        self.length = int(length)
        self._core = _core.CanvasConstraint(grammar, self.length, self.horizon * self.action_dim)
        if not self._core.possible:
            raise FastTokenizerError(
                f"{length} ids of this vocabulary cannot hold the {horizon * action_dim} coefficients of a chunk "
                f"of [{horizon}, {action_dim}]: expected a longer canvas"
            )

    @property
    def ids(self) -> int:
        """Ids that it tells of: the action ids, and pad."""
        return self.vocabulary.size + 1

    def allowed(
        self, ids: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """The ids that masked positions may take.

        Args:
            ids: `[A, L]`: canvases, with `vocabulary.mask_id` where nothing is decided.
            rows: `[N]`: the canvas of each position that is asked about.
            positions: `[N]`.

        Returns:
            bool `[N, vocabulary.size + 1]`. A row is false throughout where what the canvas holds already cannot
            be completed.

        Raises:
            FastTokenizerError: If the canvases have another length, or a position is not masked.
        """
        if ids.ndim != 2 or ids.shape[1] != self.length:
            raise FastTokenizerError(f"the canvases have shape {ids.shape}: expected [batch, {self.length}]")
        wrong = np.flatnonzero(ids[rows, positions] != self.vocabulary.mask_id)
        if wrong.size:
            row, position = rows[wrong[0]], positions[wrong[0]]
            raise FastTokenizerError(
                f"position {position} of a canvas holds {ids[row, position]}: expected the mask id of the "
                f"vocabulary, {self.vocabulary.mask_id}"
            )
        return self._core.allowed(ids, rows, positions)

    def __repr__(self) -> str:
        return f"CanvasConstraint([{self.horizon}, {self.action_dim}], length={self.length}, ids={self.ids})"
