"""The lab: trials that are run once, kept, and put together."""

import argparse
import json
import re
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from command_line import assert_interruptible, assert_one_line_error, run
from frameworks import import_or_skip

import_or_skip("torch")
import_or_skip("diffusers")
import_or_skip("matplotlib")

from lab_experiments import COUNTING, DYING, FAILING  # noqa: E402

from fast_tokenizer.commands import lab  # noqa: E402
from fast_tokenizer.errors import FastTokenizerError, FormatError  # noqa: E402
from fast_tokenizer.lab import EXPERIMENTS, Choice, Laboratory  # noqa: E402
from fast_tokenizer.lab.contestants import HEADS  # noqa: E402
from fast_tokenizer.lab.experiment import Outcome  # noqa: E402
from fast_tokenizer.lab.page import as_page  # noqa: E402
from fast_tokenizer.lab.records import Records  # noqa: E402
from fast_tokenizer.lab.running import run_trials  # noqa: E402
from fast_tokenizer.lab.summary import Check, Column, Drawing, Estimate, Rows, Summary, Table  # noqa: E402

QUICK = Choice("quick")


def files_of(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*.json")}


def test_an_estimate_is_students_interval():
    values = np.random.default_rng(0).normal(3, 2, 7)
    estimate = Estimate.of(values)
    low, high = scipy.stats.t.interval(0.95, 6, loc=values.mean(), scale=scipy.stats.sem(values))
    assert (estimate.mean - estimate.half_width, estimate.mean + estimate.half_width) == pytest.approx((low, high))
    assert (Estimate.of([2.0]), Estimate.of([2.0]).text(1)) == (Estimate(2.0, None, 1), "2.0")
    assert Estimate.of([2.0, 2.0]).text(1) == "2.0"
    assert Estimate.of([0.1 + 0.2, 0.3]).text(1) == "0.3"


@pytest.mark.parametrize("workers", [1, 2])
def test_trials_are_run_once(tmp_path, workers):
    records, trials = Records(tmp_path), COUNTING.trials(QUICK)
    outcomes = run_trials(COUNTING, trials[1:3], records, workers=workers)
    assert [outcome.figures["value"] for outcome in outcomes] == [10.0, 20.0]
    before = files_of(tmp_path)
    outcomes = run_trials(COUNTING, trials, records, workers=workers)
    assert [outcome.figures["value"] for outcome in outcomes] == [0.0, 10.0, 20.0] * 2
    after = files_of(tmp_path)
    assert (len(before), len(after)) == (2, 6)
    assert before.items() <= after.items()
    content = json.loads(next(iter(after)).read_text())
    assert set(content) == {"format_version", "revision", "settings", "figures", "seconds", "versions"}
    assert content["versions"]["numpy"] == np.__version__


@pytest.mark.parametrize("workers", [1, 2])
def test_a_trial_that_fails_takes_no_other_with_it(tmp_path, workers):
    records, trials = Records(tmp_path), FAILING.trials(QUICK)
    with pytest.raises(ValueError, match="this one does not work"):
        run_trials(FAILING, trials, records, workers=workers)
    assert [records.find(trial.settings) is None for trial in trials] == [at == 4 for at in range(6)]


def test_a_process_that_dies_ends_the_run_at_once(tmp_path):
    records, trials = Records(tmp_path), DYING.trials(QUICK)
    with pytest.raises(BrokenProcessPool):
        run_trials(DYING, trials, records, workers=2)
    assert records.find(trials[4].settings) is None
    kept = files_of(tmp_path)
    run_trials(COUNTING, trials, records, workers=2)
    assert kept.items() <= files_of(tmp_path).items()
    assert all(records.find(trial.settings) for trial in trials)


@pytest.mark.skipif(not hasattr(Exception, "add_note"), reason="notes on errors are from Python 3.11 on")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_failure_tells_its_trial(tmp_path, workers):
    with pytest.raises(ValueError, match="this one does not work") as caught:
        run_trials(FAILING, FAILING.trials(QUICK), Records(tmp_path), workers=workers)
    assert caught.value.__notes__ == ["in a trial of failing: {'kind': 'odd', 'seed': 1}"]


def test_an_experiment_that_fails_takes_no_other_with_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(EXPERIMENTS, "cup", FAILING)
    monkeypatch.setitem(EXPERIMENTS, "joint", COUNTING)
    parser = argparse.ArgumentParser()
    lab.add_to(parser.add_subparsers())
    options = parser.parse_args(["lab", "cup", "joint", "--out", str(tmp_path), "--workers", "1"])
    with pytest.raises(ValueError, match="this one does not work"):
        options.run(options)
    shown = capsys.readouterr().out
    assert "cup failed: what was measured is kept" in shown
    assert "met      ten: 10.0" in shown
    assert (tmp_path / "quick" / "index.html").exists()


def test_outcomes_of_another_revision_are_measured_again(tmp_path):
    trials = COUNTING.trials(QUICK)
    run_trials(COUNTING, trials, Records(tmp_path))
    newer = Records(tmp_path, revision=2)
    assert newer.find(trials[0].settings) is None
    assert len(run_trials(COUNTING, trials, newer)) == 6
    assert newer.find(trials[0].settings) is not None
    assert Records(tmp_path).find(trials[0].settings) is None


def test_a_damaged_record_is_named(tmp_path):
    records, (first, second, *_) = Records(tmp_path), COUNTING.trials(QUICK)
    run_trials(COUNTING, [first, second], records)
    one, two = sorted(tmp_path.iterdir())
    one.write_text(two.read_text())
    broken = next(trial for trial in (first, second) if Records(tmp_path)._path(trial.settings) == one)
    with pytest.raises(FormatError, match="other settings: delete it"):
        records.find(broken.settings)
    one.write_text("{")
    with pytest.raises(FormatError, match="not readable as JSON"):
        records.find(broken.settings)


def test_the_page_shows_everything_and_asks_for_nothing():
    table = Table("a & b", [Column("name"), Column("x", 1)], [["<one>", Estimate(1.25, 0.5, 3)], ["two", None]])
    drawing = Drawing("a line", lambda figure: figure.subplots().plot([1, 2]))
    page = as_page(
        {COUNTING: Summary([table], [Check("more than 1", "0.5", False)], [drawing], ["note"])},
        "quick",
        {"numpy": "1"},
    )
    for text in ("&lt;one&gt;", "1.2 ± 0.5", "a &amp; b", "not met", "more than 1: ", "How much is it?", "<svg"):
        assert text in page
    assert "src=" not in page
    assert 'href="http' not in page
    assert as_page({COUNTING: Summary([table])}, "quick", {}).count("<svg") == 0


def test_figures_go_by_row_and_column():
    rows = Rows()
    rows.add("a", x=1.0, y=2.0)
    rows.add("b", x=5.0)
    rows.add("a", x=3.0, y=2.0)
    table = rows.table("t", "name", {"x": Column("x", 0), "y": Column("y", 0)})
    assert table.texts() == [["a", "2 ± 13", "2"], ["b", "5", "-"]]


def test_names_heads_and_tasks_are_checked(tmp_path, monkeypatch):
    plain = Laboratory(tmp_path, QUICK)
    assert plain.experiments(["joint", "cup"]) == ["cup", "joint"]
    with pytest.raises(FastTokenizerError, match="no experiment 'cups': expected all, or some of cup"):
        plain.experiments(["cups"])
    with pytest.raises(FastTokenizerError, match="no heads telepathy: expected all, or some of regression"):
        Laboratory(tmp_path, Choice("quick", heads=("flow", "telepathy")))
    with pytest.raises(FastTokenizerError, match="no tasks juggle: expected all, or some of drawer-open"):
        Laboratory(tmp_path, Choice("quick", tasks=("juggle",)))
    with pytest.raises(FastTokenizerError, match="mixture has none of the heads or tasks"):
        Laboratory(tmp_path, Choice("quick", heads=("fast",))).experiments(["cup", "mixture"])
    # What cannot be run is left out of all, and told where it is asked for.
    monkeypatch.setattr("fast_tokenizer.lab.laboratory.find_spec", lambda name: None)
    assert plain.experiments(["all"]) == [name for name in EXPERIMENTS if name != "simulator"]
    with pytest.raises(ImportError, match=r"pip install 'fast_tokenizer\[simulator\]'"):
        plain.experiments(["simulator"])
    of_mixtures = Laboratory(tmp_path, Choice("quick", heads=("mixture",))).experiments(["all"])
    assert of_mixtures == [
        "cup",
        "gradients",
        "precision",
        "chunk",
        "cost",
        "mixture",
        "obstacle",
        "joint",
    ]


def test_settings_tell_trials_apart():
    for profile in ("quick", "full"):
        for experiment in EXPERIMENTS.values():
            trials = experiment.trials(Choice(profile, heads=("all",), tasks=("all",)))
            assert len({json.dumps(dict(trial.settings), sort_keys=True) for trial in trials}) == len(trials)


@pytest.mark.parametrize("name", ["cup", "gradients", "chunk", "mixture", "obstacle", "joint", "simulator"])
def test_the_full_profile_has_enough_seeds(name):
    trials = EXPERIMENTS[name].trials(Choice("full"))
    seeds = {trial.settings["seed"] for trial in trials if "seed" in trial.settings}
    assert len(seeds) >= (3 if name == "simulator" else 5)


def test_the_command_goes_on_and_shows_all(tmp_path):
    first = run(tmp_path, "lab", "precision", "chunk", "--workers", "2")
    assert (first.returncode, first.stderr) == (0, "")
    assert "met      smooth: 15 to 25 tokens" in first.stdout
    folder = tmp_path / "lab" / "quick"
    content = json.loads((folder / "chunk.json").read_text())
    assert all(check["holds"] for check in content["checks"])
    assert content["tables"][0]["rows"][0][1]["seeds"] == 2
    trials = files_of(folder / "trials")
    again = run(tmp_path, "lab", "precision")
    assert again.returncode == 0
    assert files_of(folder / "trials") == trials
    page = (folder / "index.html").read_text()
    assert 'id="precision"' in page
    assert 'id="chunk"' in page
    assert 'id="cup"' not in page


def test_errors_are_one_line(tmp_path):
    assert_one_line_error(run(tmp_path, "lab", "cups"), "no experiment 'cups'")
    assert_one_line_error(run(tmp_path, "lab", "cup", "--heads", "telepathy"), "no heads telepathy")
    # Before anything of the first one is run:
    assert_one_line_error(run(tmp_path, "lab", "precision", "mixture", "--heads", "fast"), "mixture has none")
    (tmp_path / "file").write_text("")
    assert_one_line_error(run(tmp_path, "lab", "precision", "--out", "file"), "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_stops_all_workers(tmp_path, workers):
    command = ("lab", "cup", "--profile", "full", "--heads", "regression,flow", "--workers", workers)
    assert_interruptible(tmp_path, *command, stage="cup")


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux tells the children of a process")
def test_workers_end_with_the_process_that_asked(tmp_path):
    """Also where it is killed, and can tell nobody."""
    command = [sys.executable, "-m", "fast_tokenizer", "lab", "cup", "--profile", "full", "--workers", "2"]
    with subprocess.Popen(command, cwd=tmp_path) as process:
        children = []
        begin = time.monotonic()
        while sum("spawn_main" in command_of(child) for child in children) < 2:
            assert process.poll() is None
            assert time.monotonic() - begin < 100
            time.sleep(0.05)
            listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            children = [Path(f"/proc/{child}") for child in listed]
        process.kill()
    begin = time.monotonic()
    while any("spawn_main" in command_of(child) for child in children):
        assert time.monotonic() - begin < 30
        time.sleep(0.05)


def command_of(process):
    """Empty for one that ended."""
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""


def test_what_is_missing_of_the_standard_is_said(tmp_path):
    laboratory = Laboratory(tmp_path, Choice("full", heads=("regression",)))
    experiment = EXPERIMENTS["cup"]
    figures = {"mean_mm": 0.1, "right": 1.0, "valid": 0.0, "std_mm": None, "wasserstein_mm": 100.0}
    one = Outcome(
        experiment.trials(Choice("full"))[0].settings,
        {HEADS["regression"]: {**figures, "histogram": [0] * 80}},
        {"numpy": "1.0"},
    )
    Records(tmp_path / "full" / "trials" / "cup", experiment.revision).write(one, 1.0)
    laboratory.write_page()
    page = laboratory.page.read_text()
    assert f"numpy {np.__version__}" in page
    assert re.search(r"Not all was run: \d+ of the \d+ trials", page)
    assert "spread in a mode" in page
