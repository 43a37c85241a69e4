"""Experiments run and written down: a folder that can be gone on with, and looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer.json_files import write_json, write_text
from fast_tokenizer.lab.catalogue import EXPERIMENTS
from fast_tokenizer.lab.experiment import Choice, Experiment, Outcome, Trial
from fast_tokenizer.lab.page import as_page
from fast_tokenizer.lab.records import Records, versions
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
        self._folder = folder / choice.profile
        self._choice = choice

    @property
    def page(self) -> Path:
        """Where the page is."""
        return self._folder / "index.html"

    def trials(self, name: str) -> Sequence[Trial]:
        """Those of an experiment that are asked for.

        Raises:
            FastTokenizerError: If there is no such experiment, no such head or task in it, or none is asked for.
        """
        trials = find_experiment(name).trials(self._choice)
        if not trials:
            raise FastTokenizerError(f"{name}: no trial is asked for: expected a head and a task, or all")
        return trials

    def run(self, name: str, *, workers: int = 1) -> Summary:
        """Runs what is missing of an experiment, and writes what all its outcomes say.

        Args:
            name: Of `EXPERIMENTS`.
            workers: Trials at a time, each in a process of its own; 1: in this one.

        Raises:
            FastTokenizerError: As `trials` does.
        """
        experiment, trials = find_experiment(name), self.trials(name)
        self._folder.mkdir(parents=True, exist_ok=True)  # what is in its way is told before anything is run
        run_trials(experiment, trials, self._records(experiment), workers=workers)
        summary = experiment.summarize(self._outcomes(experiment))
        content = {"format_version": 1, "profile": self._choice.profile, "versions": versions()}
        write_json(self._folder / f"{name}.json", {**content, **summary.as_json()})
        return summary

    def summary(self, name: str) -> Summary | None:
        """What the outcomes that are there say; None if there is none."""
        experiment = find_experiment(name)
        outcomes = self._outcomes(experiment)
        return experiment.summarize(outcomes) if outcomes else None

    def write_page(self) -> None:
        """Writes the page of all experiments that have outcomes."""
        summaries = {name: self.summary(name) for name in EXPERIMENTS}
        found = {EXPERIMENTS[name]: summary for name, summary in summaries.items() if summary is not None}
        write_text(self.page, as_page(found, self._choice.profile, versions()))

    def _outcomes(self, experiment: Experiment) -> list[Outcome]:
        """All that are there, asked for or not."""
        everything = replace(self._choice, heads=("all",), tasks=("all",))
        records = self._records(experiment)
        found = [records.find(trial.settings) for trial in experiment.trials(everything)]
        return [outcome for outcome in found if outcome is not None]

    def _records(self, experiment: Experiment) -> Records:
        return Records(self._folder / "trials" / experiment.name, experiment.revision)


def find_experiment(name: str) -> Experiment:
    """The experiment of a name.

    Raises:
        FastTokenizerError: If there is none.
    """
    if name not in EXPERIMENTS:
        raise FastTokenizerError(f"there is no experiment {name!r}: expected one of {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def experiment_names(asked: Sequence[str]) -> list[str]:
    """Those asked for, in the order of the catalogue; all of them where `"all"` is."""
    for name in asked:
        if name != "all":
            find_experiment(name)
    return [name for name in EXPERIMENTS if name in asked or "all" in asked]
