import os
import re
import subprocess
import sys

import numpy as np
import pytest
from command_line import assert_one_line_error, numbers, run, table

from fast_tokenizer import cli
from fast_tokenizer.commands import demo
from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer.motions import generate_episodes

ROWS = [
    "data",
    "chunks",
    "shape",
    "vocabulary",
    "tokens a chunk",
    "compression",
    "bits a chunk",
    "error, RMSE",
    "error, max",
    "encode",
    "decode",
    "clipped",
    "next",
]

HALF_A_HEADER = b"\x93NUMPY\x01\x00\x04\x00{'a("


@pytest.fixture(scope="module")
def episodes():
    """Five short episodes of one arm in a robot's units: the first joint far off, the second one constant."""
    episodes = [episode.astype(np.float64) for episode in generate_episodes(5, action_dim=7, seconds=4.0)]
    for episode in episodes:
        episode[:, 0] = 300.0 + 80.0 * episode[:, 0]
        episode[:, 1] = 12.5
    return episodes


def test_the_demo_generates_fits_and_shows_a_table(tmp_path):
    result = run(tmp_path, "demo")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    rows = table(result.stdout)
    assert list(rows) == ROWS
    assert rows["shape"] == "50 steps x 14 dimensions"
    assert rows["vocabulary"].startswith("1024 tokens")
    mean, _, p99, highest = numbers(rows["tokens a chunk"])
    assert 1 <= mean <= p99 <= highest < 700
    assert numbers(rows["compression"])[0] == pytest.approx(700 / mean, rel=0.01)
    bits, binned = numbers(rows["bits a chunk"])[:2]
    assert bits == pytest.approx(mean * 10, rel=0.01)
    assert binned == 50 * 14 * 8
    for row in ("error, RMSE", "error, max"):
        assert 0 < numbers(rows[row])[0] < numbers(rows[row])[-1]
    assert numbers(rows["encode"])[0] > 0
    assert numbers(rows["decode"])[0] > 0
    assert rows["clipped"].startswith("0 of ")
    assert list(tmp_path.iterdir()) == []


def test_the_options_arrive(tmp_path, episodes):
    # Every chunk ten times: a fitted vocabulary of bytes refuses what it never saw, and 8 of 40 are held out.
    np.save(tmp_path / "chunks.npy", np.tile(np.stack(episodes[:4])[:, :16], (10, 1, 1)))
    options = ("--input", "chunks.npy", "--horizon", "16", "--scale", "5", "--vocab-size", "600")
    result = run(tmp_path, "demo", *options, "--scheme", "bytes", "--seed", "3")
    assert result.returncode == 0, result.stderr
    rows = table(result.stdout)
    assert rows["chunks"] == "32 to fit, 8 held out"
    assert rows["shape"] == "16 steps x 7 dimensions"
    assert re.fullmatch(r"\d+ tokens \(600 asked for\), bytes, scale 5", rows["vocabulary"])


def test_the_seed_decides_what_is_generated_and_held_out(capsys):
    outputs = []
    for seed in ("1", "1", "2"):
        assert cli.main(["demo", "--horizon", "10", "--seed", seed]) == 0
        rows = table(capsys.readouterr().out)
        outputs.append((rows["tokens a chunk"], rows["error, RMSE"]))
    assert outputs[0] == outputs[1] != outputs[2]


def test_errors_are_told_in_the_units_of_the_file(tmp_path, episodes):
    for name, factor in (("metres", 1.0), ("millimetres", 1000.0)):
        np.save(tmp_path / f"{name}.npy", np.concatenate(episodes) * factor)
    results = [run(tmp_path, "demo", "--input", f"{name}.npy") for name in ("metres", "millimetres")]
    metres, millimetres = (table(result.stdout) for result in results)
    assert metres["data"].startswith("metres.npy")
    for row in ("error, RMSE", "error, max"):
        assert numbers(millimetres[row])[0] == pytest.approx(1000 * numbers(metres[row])[0], rel=2e-3)
    assert numbers(metres["error, max"])[1] == 0  # the dimension with the widest range


@pytest.mark.parametrize("layout", ["chunks.npy", "episode.npy", "ends.npz", "chunks.npz", "single.npz"])
def test_every_layout_of_a_file_is_read(tmp_path, capsys, episodes, layout):
    path, steps = tmp_path / layout, np.concatenate(episodes).astype(np.float32)
    chunks = steps.reshape(-1, 25, 7)
    if layout == "chunks.npy":
        np.save(path, chunks)
    elif layout == "episode.npy":
        np.save(path, steps)
    elif layout == "ends.npz":
        np.savez(path, actions=steps, episode_ends=np.cumsum([len(e) for e in episodes]), hz=50.0)
    elif layout == "chunks.npz":
        np.savez_compressed(path, chunks=chunks, note=np.zeros(3))
    else:
        np.savez(path, anything=steps)
    horizon = [] if "chunks" in layout else ["--horizon", "25"]
    assert cli.main(["demo", "--input", str(path), *horizon]) == 0
    rows = table(capsys.readouterr().out)
    assert rows["shape"] == "25 steps x 7 dimensions"
    # By episodes 4 of 5 are for the fit, with 36 chunks each; a single episode is split by its chunks.
    expected = {"chunks": (32, 8), "ends": (144, 36), "episode": (157, 39), "single": (157, 39)}
    assert tuple(map(int, numbers(rows["chunks"])[:2])) == expected[path.stem]


def test_a_missing_file(tmp_path):
    assert_one_line_error(run(tmp_path, "demo", "--input", "nowhere.npy"), r"nowhere\.npy: No such file")


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4, 5), (), (0, 7)])
def test_a_wrong_shape_says_what_was_looked_for(tmp_path, shape):
    np.save(tmp_path / "wrong.npy", np.zeros(shape))
    error = rf"wrong\.npy: looked for .*\[B, H, D\].*\[T, D\].*; found .*{re.escape(str(shape))}"
    assert_one_line_error(run(tmp_path, "demo", "--input", "wrong.npy"), error)


def test_a_value_that_is_not_a_number_is_named(tmp_path):
    actions = np.zeros((100, 7))
    actions[12, 3] = np.nan
    np.savez(tmp_path / "holes.npz", actions=actions, episode_ends=[100])
    error = r"holes\.npz: episode 0: actions\[12, 3\] is nan \(1 of 700"
    assert_one_line_error(run(tmp_path, "demo", "--input", "holes.npz"), error)


def test_episodes_shorter_than_a_chunk(tmp_path):
    np.savez(tmp_path / "short.npz", actions=np.zeros((30, 7)), episode_ends=[12, 30])
    error = r"no chunk of 50 steps: the longest of 2 episode\(s\) has 18 steps"
    assert_one_line_error(run(tmp_path, "demo", "--input", "short.npz"), error)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"steps": np.zeros((9, 2)), "ends": np.array([9])}, "looked for .*; found steps, ends$"),
        ({"actions": np.zeros((9, 2)), "episode_ends": np.array([5, 7])}, "episode_ends goes from 5 to 7"),
        ({"chunks": np.zeros((9, 2))}, r"found chunks of shape \(9, 2\)"),
        ({"chunks": np.full((9, 2, 2), "a")}, "episode 0: actions: type <U1, expected numbers"),
        ({"chunks": np.zeros((1, 2, 2))}, "one chunk of 2 steps is not enough"),
        ({"chunks": np.array([None, {}])}, "not a readable"),
        ({}, "found no array"),
    ],
)
def test_other_wrong_files_are_told_in_one_line(tmp_path, capsys, content, message):
    np.savez(tmp_path / "wrong.npz", **content)
    assert cli.main(["demo", "--input", str(tmp_path / "wrong.npz")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"PK\x03\x04 no", b"\x93NUMPY\x01\x00", b"\x80\x04N.", HALF_A_HEADER]
)
def test_a_file_of_another_format_is_refused(tmp_path, capsys, content):
    (tmp_path / "odd.npy").write_bytes(content)
    assert cli.main(["demo", "--input", str(tmp_path / "odd.npy")]) == 2
    assert re.fullmatch(r"fast-tokenizer: .*odd\.npy: not a readable .*\n", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["dance"], "dance"),
        (["demo", "--horizon", "0"], "'0', expected a whole number from 1"),
        (["demo", "--horizon", "long"], "'long', expected a whole number"),
        (["demo", "--scale", "nan"], "'nan', expected a number above 0"),
        (["demo", "--scale", "-1"], "expected a number above 0"),
        (["demo", "--seed", "-1"], "expected a whole number from 0"),
        (["demo", "--scheme", "words"], "invalid choice"),
        (["demo", "--vocab-size", "1"], r"\d"),
        (["demo", "--input", "."], "directory|Permission"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(capsys, arguments, message):
    assert cli.main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert re.search(message, output.err)


def test_a_horizon_that_contradicts_the_chunks_is_refused(tmp_path, capsys):
    np.save(tmp_path / "chunks.npy", np.zeros((4, 20, 2)))
    assert cli.main(["demo", "--input", str(tmp_path / "chunks.npy"), "--horizon", "10"]) == 2
    assert "chunks of 20 steps" in capsys.readouterr().err


def test_an_interrupt_is_one_line_and_130(monkeypatch, capsys):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run_demo", interrupted)
    assert cli.main(["demo"]) == 130
    assert capsys.readouterr().err == "fast-tokenizer: interrupted\n"


def test_what_an_interrupt_stops_is_closed_before_it_is_told(monkeypatch, capsys):
    """A bar that a generator draws, stopped between two of its values, ends its line first."""

    def values():
        try:
            yield 1
        finally:
            print("closed", file=sys.stderr)

    def interrupted(*arguments, **options):
        started = values()  # held by this frame, and by what the error remembers of it
        next(started)
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run_demo", interrupted)
    assert cli.main(["demo"]) == 130
    assert capsys.readouterr().err == "closed\nfast-tokenizer: interrupted\n"


def test_a_pipe_that_nobody_reads_ends_it_silently(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "fast_tokenizer", "demo", "--episodes", "5"]
    ended = subprocess.run(command, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (FastTokenizerError("no such thing"), 2, "no such thing"),
        (ImportError("install the extra"), 2, "install the extra"),
        (MemoryError("no 44 GiB"), 2, "not enough memory: no 44 GiB"),
        (MemoryError(), 2, "not enough memory"),
        (FileNotFoundError(2, "No such file", "x.npy"), 2, "x.npy: No such file"),
    ],
)
def test_debug_shows_the_traceback_before_the_line(monkeypatch, capsys, error, status, line):
    def failing(*arguments, **options):
        raise error

    monkeypatch.setattr(demo, "run_demo", failing)
    assert cli.main(["demo"]) == status
    assert capsys.readouterr().err == f"fast-tokenizer: {line}\n"
    assert cli.main(["demo", "--debug"]) == status
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert "in failing" in shown
    assert shown.endswith(f"fast-tokenizer: {line}\n")


def test_help_is_no_error(capsys):
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main(["demo", "--help"])
    assert "80%" in capsys.readouterr().out
