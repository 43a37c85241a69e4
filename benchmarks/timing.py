"""Times of several pieces of work, measured by turns so that a disturbance meets them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter

from fast_tokenizer.progress import ProgressBar

_SECONDS_A_TURN = 0.01

Work = Callable[[], object]


def take_turns(label: str, works: Mapping[str, Work], rounds: int) -> dict[str, list[float]]:
    """Seconds a call of each work, one figure a round. Every work has its turn in a round.

    A turn repeats a short work until it has taken about 10 ms.
    """
    repeats = {name: _repeats(work) for name, work in works.items()}
    turns: dict[str, list[float]] = {name: [] for name in works}
    with ProgressBar(label, unit="rounds") as bar:
        for done in range(rounds):
            for name, work in works.items():
                turns[name].append(_turn(work, repeats[name]))
            bar.update(done + 1, rounds)
    return turns


def median_ratio(seconds: Sequence[float], of: Sequence[float]) -> float:
    """How many times longer one work takes than another: the median over rounds.

    Within a round a processor that is slow for a while is slow for both.
    """
    return median(one / other for one, other in zip(seconds, of, strict=True))


def _repeats(work: Work) -> int:
    work()  # the first call may import or grow something
    return max(1, round(_SECONDS_A_TURN / max(1e-7, _turn(work, 1))))


def _turn(work: Work, repeats: int) -> float:
    begin = perf_counter()
    for _ in range(repeats):
        work()
    return (perf_counter() - begin) / repeats
