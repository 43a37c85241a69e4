"""Experiments that do next to nothing; in a module, so that another process finds them."""

import os

from fast_tokenizer.lab.experiment import Experiment, Trial
from fast_tokenizer.lab.summary import Check, Column, Rows, Summary


def _trials(choice):
    return [Trial({"kind": kind, "seed": seed}, work=3) for kind in ("good", "odd") for seed in range(3)]


def _run(settings, progress):
    for done in range(3):
        progress(done + 1)
    return {"value": 10.0 * settings["seed"]}


def _fail(settings, progress):
    if settings["kind"] == "odd" and settings["seed"] == 1:
        raise ValueError("this one does not work")
    return _run(settings, progress)


def _die(settings, progress):
    if settings["kind"] == "odd" and settings["seed"] == 1:
        os._exit(9)
    return _run(settings, progress)


def _summarize(outcomes):
    rows = Rows()
    for outcome in outcomes:
        rows.add(outcome.settings["kind"], value=outcome.figures["value"])
    mean = rows.get("good", "value")
    check = Check("ten", mean.text(1), mean.mean == 10)
    return Summary([rows.table("values", "kind", {"value": Column("value", 1)})], [check])


COUNTING = Experiment("counting", "How much is it?", _trials, _run, _summarize)
DYING = Experiment("dying", "Does anybody notice?", _trials, _die, _summarize)
FAILING = Experiment("failing", "Does it go on?", _trials, _fail, _summarize)
