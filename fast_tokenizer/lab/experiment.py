"""What an experiment is: trials that stand each for itself, and what they say together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from fast_tokenizer.lab.summary import Summary

Profile = Literal["quick", "full"]
"""`"quick"`: minutes, to see that all of it runs; `"full"`: what is quoted."""

Settings: TypeAlias = Mapping[str, str | int | float]
"""All that decides a trial, its seed too."""

Progress: TypeAlias = Callable[[int], None]
"""Is told how much of a trial's work is done."""


@dataclass(frozen=True)
class Choice:
    """Which trials are asked for.

    Attributes:
        profile: How much is spent on each.
        heads: Only of these heads; None for those that the experiment has as its standard.
        tasks: Only of these tasks, where the experiment has some; None for its standard.
    """

    profile: Profile
    heads: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None

    def among(self, kind: Literal["heads", "tasks"], standard: Sequence[str], others: Sequence[str]) -> list[str]:
        """Those of an experiment's heads or tasks that are asked for: all of them where `"all"` is."""
        asked = self.heads if kind == "heads" else self.tasks
        if asked is None:
            return list(standard)
        known = [*standard, *others]
        if "all" in asked:
            return known
        return [one for one in known if one in asked]

    def pick(self, quick: int, full: int) -> int:
        """A number of this profile."""
        return quick if self.profile == "quick" else full


@dataclass(frozen=True)
class Trial:
    """One run of an experiment, such as one head with one seed.

    Attributes:
        settings: All that decides it, as plain JSON.
        work: How much it is, in units that all trials of the experiment share, such as steps of training.
    """

    settings: Settings
    work: int = 1


@dataclass(frozen=True)
class Outcome:
    """A trial that was run.

    Attributes:
        settings: Those of the trial.
        figures: What was measured, as plain JSON.
        versions: What it was measured with, by name.
    """

    settings: Settings
    figures: Mapping[str, Any]
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """A question, and how it is asked.

    Attributes:
        name: As the command has it.
        question: A sentence for people.
        trials: Those of a choice.
        run: Runs the trial of these settings. Where trials run side by side it is called in another process, by
            its module and name.
        summarize: What outcomes of the same profile say together.
        runs_alone: Whether nothing else may run beside a trial, as it measures time.
        needs: Packages that not every lab has; the extra of the experiment's own name brings them.
        revision: Raised when a trial of the same settings measures something else than before: outcomes of another
            one are not used.
    """

    name: str
    question: str
    trials: Callable[[Choice], Sequence[Trial]]
    run: Callable[[Settings, Progress], Mapping[str, Any]]
    summarize: Callable[[Sequence[Outcome]], Summary]
    runs_alone: bool = False
    needs: Sequence[str] = ()
    revision: int = 1
