"""One round of masked decoding: what is looked at, what is committed, what is masked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.diffusion.acceptance import Acceptance
from fast_tokenizer.diffusion.allowed_ids import AllowedIds
from fast_tokenizer.diffusion.canvas import Canvas
from fast_tokenizer.diffusion.orders import Order, rank_positions
from fast_tokenizer.diffusion.position_constraint import PositionConstraint
from fast_tokenizer.diffusion.query import Query
from fast_tokenizer.diffusion.random_numbers import Purpose
from fast_tokenizer.diffusion.reduction import Reduction, check_logits, reduce_logits
from fast_tokenizer.diffusion.remasking import Remask, RemaskEvidence
from fast_tokenizer.diffusion.result import DecodeRound
from fast_tokenizer.errors import FastTokenizerError, LogitsError

Temperature: TypeAlias = "float | Callable[[int, int], float]"
"""A number, or what gives it for (round, rounds), rounds counted from 0."""

Ints: TypeAlias = "npt.NDArray[np.int64]"
Floats: TypeAlias = "npt.NDArray[np.float64]"
Mask: TypeAlias = "npt.NDArray[np.bool_]"


@dataclass(eq=False)
class RoundPlayer:
    """The settings of a decoding, and one round of it."""

    canvas: Canvas
    mask_id: int
    rounds: int
    targets: Ints  # [B, R + 1]
    order: Order
    token_temperature: Temperature
    order_temperature: Temperature
    allowed: npt.ArrayLike | None
    accept: Acceptance | None
    remask: Remask | None
    constraint: PositionConstraint | None
    columns: Ints | None
    seeds: npt.NDArray[np.uint64]
    trace: list[DecodeRound] | None  # of every call, if it is to be kept
    table: AllowedIds | None = None  # of `allowed`, once the logits have told how many ids there are
    token_temperatures: Floats = field(init=False)  # [R]
    order_temperatures: Floats = field(init=False)
    draws_tokens: bool = field(init=False)
    upcoming: Ints = field(init=False)  # [B, R + 1]: the next round in which the schedule commits something
    least_width: int = field(init=False)  # logits that a position must have

    def __post_init__(self) -> None:
        self.token_temperatures = self._temperatures("token_temperature", self.token_temperature)
        self.draws_tokens = bool(self.token_temperatures.any())
        self.order_temperatures = self._temperatures("order_temperature", self.order_temperature)
        self.least_width = 1 if self.columns is None else int(self.columns.max()) + 1
        played = np.full(self.targets.shape, self.rounds)
        played[:, :-1] = np.where(np.diff(self.targets) < 0, np.arange(self.rounds), self.rounds)
        self.upcoming = np.minimum.accumulate(played[:, ::-1], axis=1)[:, ::-1]

    def next_rounds(self, rows: Ints) -> Ints:
        """The round that each row plays next; those that would commit nothing are skipped."""
        begin = self.canvas.next_round[rows]
        return begin if self.accept is not None else self.upcoming[rows, begin]

    def play(self, logits: Any, rows: Ints, rounds: Ints) -> Mask:
        """Commits and re-masks what the logits `[A, L, V]` of the rows say; gives the positions that changed."""
        canvas = self.canvas
        masked = canvas.masked[rows]
        committed = ~masked & ~canvas.given[rows] if self.remask is not None else None

        def draws(purpose: Purpose) -> Floats:
            return _core.uniforms(purpose, self.seeds[rows], rounds, masked.shape[1])

        temperatures = self.token_temperatures[rounds] if self.draws_tokens else None
        uniforms = None if temperatures is None else draws(Purpose.TOKEN)
        look = _Look(self, logits, self._table_for(logits, len(rows)), rows, temperatures, uniforms)
        asked = masked if committed is None else masked | committed
        found = look.at_likeliest(asked)

        def places_of_first(count: Ints) -> Ints:
            noise = self.order_temperatures[rounds]
            return rank_positions(self.order, found, masked, draws, noise, count)

        if self.accept is None:
            before, target = self.targets[rows, rounds], self.targets[rows, rounds + 1]
            most = target
        else:
            before = masked.sum(axis=1)
            places = places_of_first(before)
            commits = self._accepted(self.accept, found, masked, places, rounds)
            target = before - commits.sum(axis=1)
            most = np.minimum(target, before - target - 1)
        due = before - target
        remasked = np.zeros(masked.shape, bool)
        if self.remask is not None and committed is not None:
            total = canvas.total[rows]
            evidence = RemaskEvidence(
                committed=committed,
                now=found.probability,
                then=canvas.probability[rows],
                progress=rounds / self.rounds,
                revealed=1 - before / total,
                revealed_after=1 - target / total,
                uniform=draws(Purpose.REMASK),
            )
            remasked = self._remasked(self.remask, evidence, most, rows)
            at, positions = np.nonzero(remasked)
            canvas.remask(rows[at], positions)
            due = due + remasked.sum(axis=1)
        if self.accept is None:  # as many as the schedule says, and those that are masked again
            places = places_of_first(due)
            commits = places < masked.shape[1]
        self._commit(look, found, places, commits, rounds)
        canvas.next_round[rows] = rounds + 1
        canvas.nfe[rows] += 1
        if self.trace is not None:
            probability = np.where(commits, canvas.probability[rows], found.probability)
            probability[~asked] = np.nan
            self.trace.append(DecodeRound(rows, rounds, commits, remasked, canvas.ids[rows], probability))
        return commits | remasked

    def _commit(self, look: _Look, found: Reduction, places: Ints, commits: Mask, rounds: Ints) -> None:
        """Gives positions their ids, under a constraint one by one, as each narrows what the others may be."""
        for turn in _turns(places, commits, one_by_one=self.constraint is not None):
            if look.uniforms is not None or self.constraint is not None:
                found = look.at(turn)
            self.canvas.commit(look.rows, rounds, turn, found.ids, found.probability)

    def _table_for(self, logits: Any, rows: int) -> AllowedIds:
        batch, length = self.canvas.ids.shape
        check_logits(logits, rows, length, self.least_width)
        ids = logits.shape[2] if self.columns is None else len(self.columns)
        if self.constraint is not None and self.constraint.ids != ids:
            raise LogitsError(
                f"logits_fn gave logits of {ids} ids, and the constraint tells of {self.constraint.ids}"
            )
        if self.table is None:
            self.table = AllowedIds(self.allowed, (batch, length), ids, self.mask_id)
        if self.table.ids != ids:
            raise LogitsError(f"logits_fn gave logits of {ids} ids, and of {self.table.ids} in the first call")
        return self.table

    def _accepted(self, accept: Acceptance, found: Reduction, masked: Mask, places: Ints, rounds: Ints) -> Mask:
        """What is certain enough, one at least; in the last round everything."""
        is_last = rounds == self.rounds - 1
        return np.asarray(masked & (accept.accepted(found.largest, masked) | (places == 0) | is_last[:, None]))

    def _temperatures(self, name: str, value: Temperature) -> Floats:
        """Of each round."""
        by_round = [
            float(value(played, self.rounds)) if callable(value) else value for played in range(self.rounds)
        ]
        temperatures = np.array(by_round, np.float64)
        if not (np.isfinite(temperatures) & (temperatures >= 0)).all():
            raise FastTokenizerError(f"{name} is {temperatures.tolist()}: expected 0 or more, and finite")
        return temperatures

    def _remasked(self, rule: Remask, evidence: RemaskEvidence, most: Ints, rows: Ints) -> Mask:
        wanted, urgency = rule.wanted(evidence)
        if rule.budget is not None:
            most = np.minimum(most, rule.budget - self.canvas.remasked[rows])
        return np.asarray(wanted & (_core.rank(wanted, [urgency], most) < wanted.shape[1]))


@dataclass(frozen=True, eq=False)
class _Look:
    """How the logits of a round are looked at."""

    player: RoundPlayer
    logits: Any
    table: AllowedIds
    rows: Ints
    temperatures: Floats | None  # [A]
    uniforms: Floats | None  # [A, L]

    def at_likeliest(self, asked: Mask) -> Reduction:
        """As `at`, but nothing is drawn: most positions that are looked at are not committed in this round."""
        return self._reduced(asked, None, None)

    def at(self, asked: Mask) -> Reduction:
        """The logits of some positions `[A, L]` of the rows, under what is allowed there now."""
        return self._reduced(asked, self.temperatures, self.uniforms)

    def _reduced(self, asked: Mask, temperatures: Floats | None, uniforms: Floats | None) -> Reduction:
        canvas, constraint = self.player.canvas, self.player.constraint
        kept = None
        if self.player.remask is not None:
            kept = np.where(asked & ~canvas.masked[self.rows], canvas.ids[self.rows], -1)
        allowed, allowed_rows = self.table.table, None
        if allowed is not None:
            allowed_rows = self.table.rows_of(self.rows)
        if constraint is not None:
            at, positions = np.nonzero(asked)
            narrowed = np.ones((len(at), self.table.ids), bool)
            if allowed is not None and allowed_rows is not None:
                narrowed = allowed[allowed_rows[at, positions]]
            masked = canvas.masked[self.rows[at], positions]
            narrowed[masked] &= constraint.allowed(canvas.ids[self.rows], at[masked], positions[masked])
            allowed, allowed_rows = narrowed, np.zeros(asked.shape, np.int64)
            allowed_rows[at, positions] = np.arange(len(at))
        query = Query(
            asked=asked,
            kept=kept,
            temperatures=temperatures,
            uniforms=uniforms,
            allowed=allowed,
            allowed_rows=allowed_rows,
        )
        return reduce_logits(self.logits, query, self.player.columns, self.rows)


def _turns(places: Ints, commits: Mask, *, one_by_one: bool) -> Iterator[Mask]:
    """The positions to commit `[A, L]`: at once, or one of each row at a time, the best first."""
    if not one_by_one:
        yield commits
        return
    turns = np.where(commits, places, places.shape[1])
    for place in np.unique(turns[commits]):
        yield turns == place
