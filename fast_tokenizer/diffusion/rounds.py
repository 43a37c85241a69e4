"""One round of masked decoding: what is looked at, what is committed, what is masked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fast_tokenizer.diffusion.acceptance import Acceptance
from fast_tokenizer.diffusion.allowed_ids import AllowedIds
from fast_tokenizer.diffusion.canvas import Canvas
from fast_tokenizer.diffusion.orders import Order, rank_positions
from fast_tokenizer.diffusion.position_constraint import PositionConstraint
from fast_tokenizer.diffusion.query import Query
from fast_tokenizer.diffusion.random_numbers import Purpose, uniforms
from fast_tokenizer.diffusion.reduction import Reduction, check_logits, reduce_logits
from fast_tokenizer.diffusion.remasking import Remask, RemaskEvidence
from fast_tokenizer.diffusion.result import DecodeRound
from fast_tokenizer.diffusion.selection import first_of, ranking
from fast_tokenizer.errors import FastTokenizerError, LogitsError

Temperature: TypeAlias = "float | Callable[[int, int], float]"
"""A number, or what gives it for (round, rounds), rounds counted from 0."""

Ints: TypeAlias = "npt.NDArray[np.int64]"
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
    table: AllowedIds | None = None  # of `allowed`, once the logits have told how many ids there are

    def next_rounds(self, rows: Ints) -> Ints:
        """The round that each row plays next; those that would commit nothing are skipped."""
        begin = self.canvas.next_round[rows]
        if self.accept is not None:
            return begin
        masked = self.canvas.masked[rows].sum(axis=1)
        due = (self.targets[rows, 1:] < masked[:, None]) & (np.arange(self.rounds) >= begin[:, None])
        return np.asarray(due.argmax(axis=1))

    def play(self, logits: Any, rows: Ints, rounds: Ints) -> DecodeRound:
        """Commits and re-masks what the logits `[A, L, V]` of the rows say."""
        canvas = self.canvas
        masked = canvas.masked[rows]
        committed = ~masked & ~canvas.given[rows] if self.remask is not None else np.zeros_like(masked)
        table = self._table_for(logits, len(rows))

        def draws(purpose: Purpose) -> npt.NDArray[np.float64]:
            return uniforms(purpose, self.seeds[rows], rounds, masked.shape[1])

        temperatures = self._temperatures("token_temperature", self.token_temperature, rounds)
        uniform = draws(Purpose.TOKEN) if temperatures.any() else np.zeros(masked.shape)
        look = _Look(self, logits, table, rows, temperatures, uniform)
        found = look.at(*np.nonzero(masked | committed))

        noise = self._temperatures("order_temperature", self.order_temperature, rounds)
        ranks = rank_positions(self.order, found, masked, draws, noise)
        before = masked.sum(axis=1)
        if self.accept is None:
            commits = None  # as many as the schedule says, and those that are masked again: not known yet
            target = self.targets[rows, rounds + 1]
            most = target
        else:
            commits = self._accepted(self.accept, found, masked, ranks, rounds)
            target = before - commits.sum(axis=1)
            most = np.minimum(target, before - target - 1)
        remasked = np.zeros_like(masked)
        if self.remask is not None:
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
        if commits is None:
            commits = first_of(ranks, before + remasked.sum(axis=1) - target)
        probability = np.where(masked | committed, found.probability, np.nan)
        self._commit(look, found, ranks, commits, rounds, probability)
        canvas.next_round[rows] = rounds + 1
        canvas.nfe[rows] += 1
        return DecodeRound(rows, rounds, commits, remasked, canvas.ids[rows], probability)

    def _commit(
        self,
        look: _Look,
        found: Reduction,
        ranks: Ints,
        commits: Mask,
        rounds: Ints,
        probability: npt.NDArray[np.float64],
    ) -> None:
        """Gives positions the ids that were found; under a constraint those that are found again, one by one."""
        for at, positions in _turns(ranks, commits, one_by_one=self.constraint is not None):
            if self.constraint is not None:
                found = look.at(at, positions)
            chances = found.probability[at, positions]
            probability[at, positions] = chances
            self.canvas.commit(look.rows[at], positions, found.ids[at, positions], chances, rounds[at])

    def _table_for(self, logits: Any, rows: int) -> AllowedIds:
        batch, length = self.canvas.ids.shape
        check_logits(logits, rows, length, 1 if self.columns is None else int(self.columns.max()) + 1)
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

    def _accepted(self, accept: Acceptance, found: Reduction, masked: Mask, ranks: Ints, rounds: Ints) -> Mask:
        """What is certain enough, one at least; in the last round everything."""
        best = first_of(ranks, np.ones(len(ranks), np.int64))
        is_last = rounds == self.rounds - 1
        return np.asarray(masked & (accept.accepted(found.largest, masked) | best | is_last[:, None]))

    def _temperatures(self, name: str, value: Temperature, rounds: Ints) -> npt.NDArray[np.float64]:
        if not callable(value):
            temperatures = np.full(len(rounds), value, np.float64)
        else:
            at = {played: float(value(played, self.rounds)) for played in np.unique(rounds).tolist()}
            temperatures = np.array([at[played] for played in rounds.tolist()])
        if not (np.isfinite(temperatures) & (temperatures >= 0)).all():
            raise FastTokenizerError(f"{name} is {temperatures.tolist()}: expected 0 or more, and finite")
        return temperatures

    def _remasked(self, rule: Remask, evidence: RemaskEvidence, most: Ints, rows: Ints) -> Mask:
        wanted, urgency = rule.wanted(evidence)
        if rule.budget is not None:
            most = np.minimum(most, rule.budget - self.canvas.remasked[rows])
        return wanted & first_of(ranking(wanted, urgency), most)


@dataclass(frozen=True, eq=False)
class _Look:
    """How the logits of a round are looked at."""

    player: RoundPlayer
    logits: Any
    table: AllowedIds
    rows: Ints
    temperatures: npt.NDArray[np.float64]  # [A]
    uniform: npt.NDArray[np.float64]  # [A, L]

    def at(self, at: Ints, positions: Ints) -> Reduction:
        """The logits of some positions `[N]` of the rows `at` `[N]`, under what is allowed there now."""
        canvas, constraint = self.player.canvas, self.player.constraint
        rows = self.rows[at]
        masked = canvas.masked[rows, positions]
        allowed, allowed_rows = self.table.table, self.table.rows_of(rows, positions)
        if constraint is not None:
            narrowed = np.ones((len(at), self.table.ids), bool) if allowed is None else allowed[allowed_rows]
            narrowed[masked] &= constraint.allowed(canvas.ids[self.rows], at[masked], positions[masked])
            allowed, allowed_rows = narrowed, np.arange(len(at))
        query = Query(
            rows=at,
            positions=positions,
            kept=np.where(masked, -1, canvas.ids[rows, positions]),
            temperatures=self.temperatures[at],
            uniforms=self.uniform[at, positions],
            allowed=allowed,
            allowed_rows=allowed_rows,
        )
        return reduce_logits(self.logits, query, self.player.columns, self.rows)


def _turns(ranks: Ints, commits: Mask, *, one_by_one: bool) -> Iterator[tuple[Ints, Ints]]:
    """The positions to commit as (rows, positions): at once, or one of each row at a time, the best first."""
    if not one_by_one:
        at, positions = np.nonzero(commits)
        yield at, positions
        return
    in_order = np.take_along_axis(commits, ranks, axis=1)
    queue = np.take_along_axis(ranks, np.argsort(~in_order, axis=1, kind="stable"), axis=1)
    lengths = commits.sum(axis=1)
    for turn in range(lengths.max(initial=0)):
        at = np.flatnonzero(lengths > turn)
        yield at, queue[at, turn]
