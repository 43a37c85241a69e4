"""Masked discrete-diffusion decoding: the rounds in which a canvas of masks becomes ids."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fast_tokenizer.diffusion.acceptance import Acceptance
from fast_tokenizer.diffusion.canvas import Canvas
from fast_tokenizer.diffusion.context import DecodeContext
from fast_tokenizer.diffusion.orders import Order, check_order
from fast_tokenizer.diffusion.position_constraint import PositionConstraint
from fast_tokenizer.diffusion.remasking import Remask
from fast_tokenizer.diffusion.result import DecodeRound, MaskedDecodeResult
from fast_tokenizer.diffusion.rounds import RoundPlayer, Temperature
from fast_tokenizer.diffusion.schedules import Schedule, masked_counts
from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer.vocabulary import ActionVocabulary
from fast_tokenizer.vocabulary_map import VocabularyMap

LogitsFn: TypeAlias = Callable[[Any, DecodeContext], Any]


def decode_masked(
    logits_fn: LogitsFn,
    init_ids: Any,
    *,
    mask_id: int,
    rounds: int = 12,
    schedule: Schedule = "cosine",
    order: Order = "max_prob",
    token_temperature: Temperature = 0.0,
    order_temperature: Temperature = 0.0,
    allowed: npt.ArrayLike | None = None,
    accept: Acceptance | None = None,
    remask: Remask | None = None,
    constraint: PositionConstraint | None = None,
    vocabulary_map: VocabularyMap | None = None,
    seeds: Sequence[int] | npt.ArrayLike | None = None,
    trace: bool = False,
) -> MaskedDecodeResult:
    """Replaces the masks of a canvas by ids, a few in each round, those first that the model is most certain of.

    Every row is decoded for itself: its result does not depend on the batch that it is in or on its place there,
    if the logits do not. A round in which a row commits nothing costs it no call, and a row that is done is left
    out of the batch.

    Args:
        logits_fn: Called with `(ids, context)`: the canvases `[A, L]` of the rows that are not done, int64 in the
            kind of array and on the device of `init_ids`, and a `DecodeContext`. Gives floating logits
            `[A, L, V]`, numpy or torch. Only those of masked positions are looked at, and with `remask` those of
            committed ones.
        init_ids: Integers `[B, L]`, the mask id where an id is to be found. Everything else is given and stays.
        mask_id: The mask id. It is never produced.
        rounds: R, the most calls that a row may take.
        schedule: How many positions are masked after each round: `"cosine"`, `"linear"`, `Power(exponent)`,
            `"even"`, or the fraction of each round.
        order: Which positions are committed first: a name of `OrderName`, `LowFrequencyFirst` or
            `GroupedByTimeStep`. Ties go to the lower position.
        token_temperature: 0 takes the likeliest id of a position, above 0 one is drawn from
            softmax(logits / temperature). Certainty is always that of the model itself.
        order_temperature: Gumbel noise times this is added to what `order` compares. MaskGIT's is
            `lambda round, rounds: 1 - (round + 1) / rounds`.
        allowed: The ids that may come: bool `[ids]`, `[L, ids]` or `[B, L, ids]`.
        accept: Commits as many as are certain enough, and one at least, in place of what `schedule` says; the
            last round commits what is left.
        remask: Which committed positions are masked again. The schedule is kept: as many more are committed in
            the same round, so there is none in the last one. With `accept`, fewer than were committed.
        constraint: What narrows the allowed ids by what is committed.
        vocabulary_map: Where the action ids lie in logits over a whole language model: only those are looked at,
            and the pad id if a `constraint` tells of it. Ids are action ids all the same;
            `vocabulary_map.to_model(ids)` is what such a model reads.
        seeds: `[B]`: one for each row. None: from the operating system.
        trace: Whether to keep every round.

    Raises:
        FastTokenizerError: If an argument is not what it should be.
        LogitsError: If the logits have another shape, one is NaN or plus infinity, or a position has no id left;
            with row and position.

    Examples:
        >>> wanted = np.array([3, 1, 4, 1, 5])
        >>> result = decode_masked(
        ...     lambda ids, context: np.broadcast_to(np.eye(6)[wanted], (len(ids), 5, 6)),
        ...     np.full((2, 5), 6),
        ...     mask_id=6,
        ...     rounds=3,
        ... )
        >>> result.ids.tolist(), result.nfe.tolist(), result.calls
        ([[3, 1, 4, 1, 5], [3, 1, 4, 1, 5]], [3, 3], 3)
    """
    rounds = operator.index(rounds)
    if rounds < 1:
        raise FastTokenizerError(f"rounds is {rounds}: expected 1 or more")
    check_order(order)
    canvas = Canvas(init_ids, operator.index(mask_id))
    columns = None
    if vocabulary_map is None:
        canvas.require_given(np.iinfo(np.int64).max, "an id")
    else:
        vocabulary = ActionVocabulary(len(vocabulary_map))
        columns = vocabulary_map.to_model(np.arange(vocabulary.size if constraint is None else constraint.ids))
        if mask_id != vocabulary.mask_id:
            raise FastTokenizerError(
                f"mask_id is {mask_id}: with a vocabulary_map ids are action ids, whose mask id is "
                f"{vocabulary.mask_id}"
            )
        canvas.require_given(vocabulary.eos_id, "an action id, pad or eos")
    played: list[DecodeRound] | None = [] if trace else None
    player = RoundPlayer(
        canvas=canvas,
        mask_id=mask_id,
        rounds=rounds,
        targets=masked_counts(schedule, rounds, canvas.total),
        order=order,
        token_temperature=token_temperature,
        order_temperature=order_temperature,
        allowed=allowed,
        accept=accept,
        remask=remask,
        constraint=constraint,
        columns=columns,
        seeds=_as_seeds(seeds, len(canvas.ids)),
        trace=played,
    )
    rows = np.flatnonzero(canvas.total)
    context = DecodeContext(
        rows,
        player.next_rounds(rows),
        rounds,
        np.ones((len(rows), canvas.ids.shape[1]), bool),
        np.arange(len(rows)),
    )
    calls = 0
    while rows.size:
        context.rows, context.round = rows, player.next_rounds(rows)
        changed = player.play(logits_fn(canvas.as_given(canvas.ids[rows]), context), rows, context.round)
        calls += 1
        left = canvas.masked[rows].any(axis=1)
        context.changed, context.kept = changed[left], np.flatnonzero(left)
        rows = rows[left]
    return MaskedDecodeResult(
        canvas.as_given(canvas.ids),
        canvas.nfe,
        calls,
        canvas.committed_round,
        None if played is None else tuple(played),
    )


def _as_seeds(seeds: Sequence[int] | npt.ArrayLike | None, rows: int) -> npt.NDArray[np.uint64]:
    if seeds is None:
        return np.random.default_rng().integers(2**64, size=rows, dtype=np.uint64)
    values = np.asarray(seeds)
    if values.shape != (rows,) or values.dtype.kind not in "iu":
        raise FastTokenizerError(
            f"seeds is {values.dtype} of shape {values.shape}: expected an integer of 64 bits for each of {rows} "
            "row(s)"
        )
    return values.astype(np.uint64)
