"""Times of several pieces of work, measured by turns so that a disturbance meets them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

from fast_tokenizer.progress import ProgressBar

_SECONDS_A_TURN = 0.01

Work = Callable[[], object]


def median_seconds(label: str, works: Mapping[str, Work], rounds: int) -> dict[str, float]:
    """Seconds a call of each work: the median over rounds, in which each has its turn.

    A turn repeats a short work until it has taken about 10 ms.
    """
    repeats = {name: _repeats(work) for name, work in works.items()}
    turns: dict[str, list[float]] = {name: [] for name in works}
    with ProgressBar(label, unit="rounds") as bar:
        for done in range(rounds):
            for name, work in works.items():
                turns[name].append(_turn(work, repeats[name]))
            bar.update(done + 1, rounds)
    return {name: median(seconds) for name, seconds in turns.items()}


def _repeats(work: Work) -> int:
    work()  # the first call may import or grow something
    return max(1, round(_SECONDS_A_TURN / max(1e-7, _turn(work, 1))))


def _turn(work: Work, repeats: int) -> float:
    begin = perf_counter()
    for _ in range(repeats):
        work()
    return (perf_counter() - begin) / repeats
