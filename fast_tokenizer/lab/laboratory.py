"""Experiments run and written down: a folder that can be gone on with, and looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer.json_files import write_json, write_text
from fast_tokenizer.lab.contestants import HEADS
from fast_tokenizer.lab.experiment import Choice, Experiment, Outcome
from fast_tokenizer.lab.experiments import EXPERIMENTS
from fast_tokenizer.lab.experiments.simulator import TASKS
from fast_tokenizer.lab.page import as_page
from fast_tokenizer.lab.records import Records
from fast_tokenizer.lab.running import run_trials
from fast_tokenizer.lab.summary import Summary


class Laboratory:
    """A folder of outcomes.

    `trials/NAME/*.json` holds an outcome each, `NAME.json` what those of an experiment say together, and
    `index.html` all of it as one page. Experiments are run trial by trial: one that was stopped goes on where it
    was.

    Args:
        folder: Made when the first outcome is written. Outcomes of each profile have a folder of their own in it.
        choice: Which trials are asked for.
    """

    def __init__(self, folder: Path, choice: Choice) -> None:
        for kind, asked, known in (("heads", choice.heads, HEADS), ("tasks", choice.tasks, TASKS)):
            unknown = sorted(set(asked or ()) - {*known, "all"})
            if unknown:
                raise FastTokenizerError(
                    f"no {kind} {', '.join(unknown)}: expected all, or some of {', '.join(known)}"
                )
        self._folder = folder / choice.profile
        self._choice = choice

    @property
    def page(self) -> Path:
        """Where the page is."""
        return self._folder / "index.html"

    def experiments(self, names: Sequence[str]) -> list[str]:
        """Those of the names that are asked for, in the order of `EXPERIMENTS`.

        Args:
            names: Of `EXPERIMENTS`; `"all"` for those that have something to run and whose packages are here.

        Raises:
            FastTokenizerError: If there is no experiment of a name, or nothing of it is asked for.
            ImportError: If a package that it needs is not installed.
        """
        for name in names:
            if name == "all":
                continue
            if name not in EXPERIMENTS:
                raise FastTokenizerError(
                    f"no experiment {name!r}: expected all, or some of {', '.join(EXPERIMENTS)}"
                )
            if not EXPERIMENTS[name].trials(self._choice):
                raise FastTokenizerError(f"{name} has none of the heads or tasks that are asked for")
            if not _is_possible(EXPERIMENTS[name]):
                raise ImportError(f"{name} needs more packages: pip install 'fast_tokenizer[{name}]'")
        return [
            name
            for name, experiment in EXPERIMENTS.items()
            if name in names or ("all" in names and _is_possible(experiment) and experiment.trials(self._choice))
        ]

    def run(self, name: str, *, workers: int = 1) -> Summary:
        """Runs what is missing of an experiment, and writes what all its outcomes say.

        Args:
            name: One of those that `experiments` gave.
            workers: Trials at a time, each in a process of its own; 1: in this one.
        """
        experiment = EXPERIMENTS[name]
        self._folder.mkdir(parents=True, exist_ok=True)  # what is in its way is told before anything is run
        run_trials(experiment, experiment.trials(self._choice), self._records(experiment), workers=workers)
        outcomes = self._outcomes(experiment)
        summary = self._summarize(experiment, outcomes)
        content = {"format_version": 1, "profile": self._choice.profile, "versions": _versions_of(outcomes)}
        write_json(self._folder / f"{name}.json", {**content, **summary.as_json()})
        return summary

    def summaries(self) -> dict[Experiment, Summary]:
        """What the outcomes say that are there, asked for or not."""
        found = {one: self._outcomes(one) for one in EXPERIMENTS.values()}
        return {one: self._summarize(one, outcomes) for one, outcomes in found.items() if outcomes}

    def write_page(self) -> None:
        """Writes the page of all experiments that have outcomes."""
        every = [outcome for one in EXPERIMENTS.values() for outcome in self._outcomes(one)]
        write_text(self.page, as_page(self.summaries(), self._choice.profile, _versions_of(every)))

    def _summarize(self, experiment: Experiment, outcomes: Sequence[Outcome]) -> Summary:
        """What they say, and whether it is all that the standard has."""
        summary = experiment.summarize(outcomes)
        standard = [trial.settings for trial in experiment.trials(Choice(self._choice.profile))]
        there = [outcome.settings for outcome in outcomes]
        missing = sum(settings not in there for settings in standard)
        if not missing:
            return summary
        note = f"Not all was run: {missing} of the {len(standard)} trials of the standard are missing."
        return replace(summary, notes=[note, *summary.notes])

    def _outcomes(self, experiment: Experiment) -> list[Outcome]:
        """All that are there, asked for or not."""
        everything = replace(self._choice, heads=("all",), tasks=("all",))
        records = self._records(experiment)
        found = [records.find(trial.settings) for trial in experiment.trials(everything)]
        return [outcome for outcome in found if outcome is not None]

    def _records(self, experiment: Experiment) -> Records:
        return Records(self._folder / "trials" / experiment.name, experiment.revision)


def _is_possible(experiment: Experiment) -> bool:
    return all(find_spec(package) is not None for package in experiment.needs)


def _versions_of(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """With which they were measured; several of a package where outcomes are of several days."""
    names = dict.fromkeys(name for outcome in outcomes for name in outcome.versions)
    return {
        name: " and ".join(sorted({outcome.versions[name] for outcome in outcomes if name in outcome.versions}))
        for name in names
    }
