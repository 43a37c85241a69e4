"""How claims are kept, and judged by what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from fast_tokenizer.lab.quoting import Figures, NotMeasured

Verdict = Literal["held", "refined", "refuted"]

_Judge: TypeAlias = Callable[[Figures], "tuple[Verdict, str]"]

ALIKE = 0.02
"""Of episodes or paths: what differs by less is alike."""

CLAIMS: dict[str, _Judge] = {}
"""What is said, and the rule that decides what became of it."""


@dataclass(frozen=True)
class Judged:
    """A claim that was looked at.

    Attributes:
        claim: What is said, in our words.
        verdict: What became of it.
        because: The figures, and the experiment that they are of.
    """

    claim: str
    verdict: Verdict
    because: str


def claim(text: str) -> Callable[[_Judge], _Judge]:
    """Keeps the rule that follows as the one that judges what is said."""

    def keep(judge: _Judge) -> _Judge:
        CLAIMS[text] = judge
        return judge

    return keep


def judge_all(figures: Figures) -> list[Judged]:
    """All claims for which everything that is needed was measured."""
    return list(_judged(figures))


def _judged(figures: Figures) -> Iterator[Judged]:
    for text, judge in CLAIMS.items():
        try:
            verdict, because = judge(figures)
        except NotMeasured:
            continue
        yield Judged(text, verdict, because)
