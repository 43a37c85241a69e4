"""`fast-tokenizer sweep`, run as a user runs it, and what it is made of."""

import re
import sys

import numpy as np
import pytest
from bad_datasets import BAD_DATASETS, save_npz, write_bad_dataset
from command_line import assert_one_line_error, run, table
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer import BinningCodec, FastTokenizer, cli
from fast_tokenizer.codecs.bins import uniform
from fast_tokenizer.motions import generate_episodes
from fast_tokenizer.sweep.front import pareto_front

SMALL = ("--scales", "5,20", "--vocab-sizes", "300,600")


@pytest.fixture(scope="module")
def episodes():
    return [300 * one for one in generate_episodes(8, action_dim=3, hz=20.0, seconds=5.0, seed=1)]


@pytest.fixture
def folder(tmp_path, episodes):
    save_npz(tmp_path / "arm.npz", episodes, states=np.concatenate(episodes) - 0.5)
    return tmp_path


def parts_of(result):
    """The rows by label, (is on the front, mean tokens, RMSE) by name, and the lines below the table."""
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    rows, lines, notes, *drawn = result.stdout.split("\n\n")
    cells = [line.rsplit(maxsplit=8) for line in lines.splitlines()[1:]]
    points = {name[2:]: (name[:2] == "* ", float(row[0]), float(row[4])) for name, *row in cells}
    return table(rows), points, notes.splitlines() + drawn


def test_a_grid_with_its_front(folder):
    FastTokenizer(BinningCodec(uniform(-1, 1, count=16))).save_pretrained(folder / "bins")
    before = sorted(folder.iterdir())
    rows, points, notes = parts_of(run(folder, "sweep", "arm.npz", *SMALL, "--baseline", "bins", "--chunks", "30"))
    assert sorted(folder.iterdir()) == before
    assert rows["data"] == "arm.npz: held out"
    assert re.fullmatch(r"30 of \d+: 20 steps x 3 dimensions", rows["chunks"])
    names = [f"scale {scale}, vocabulary {size}" for scale in (5, 20) for size in (300, 600)]
    found = dict(zip(names, list(points.values())[:4], strict=True))
    assert [name.split(" (")[0] for name in list(points)[:4]] == names
    assert list(points)[4:] == ["bins", "256 uniform bins"]
    assert points["bins"][1] == points["256 uniform bins"][1] == 60
    assert found["scale 20, vocabulary 600"][2] < found["scale 5, vocabulary 600"][2]
    assert found["scale 20, vocabulary 600"][1] > found["scale 5, vocabulary 600"][1]
    assert found["scale 20, vocabulary 600"][1] < found["scale 20, vocabulary 300"][1]
    costs = [point[1:] for point in found.values()]
    for on_front, *cost in found.values():
        beaten = any(other[0] <= cost[0] and other[1] <= cost[1] and other != tuple(cost) for other in costs)
        assert on_front != beaten
    assert not points["bins"][0]
    assert notes == [
        "* no other one takes fewer tokens at no larger error, or has a smaller error with no more tokens"
    ]


def test_a_point_is_what_train_makes(folder):
    options = ("--seed", "3", "--stride", "3", "--normalize", "min_max")
    _, points, _ = parts_of(run(folder, "sweep", "arm.npz", "--scales", "20", "--vocab-sizes", "300", *options))
    command = ("train", "arm.npz", "--out", "arm", "--scale", "20", "--vocab-size", "300", *options)
    assert run(folder, *command).returncode == 0
    result = run(folder, "compare", "arm", "arm.npz", "--seed", "3")
    line = next(line for line in result.stdout.splitlines() if line.startswith("arm "))
    (name, (_, mean, rmse)), *_ = points.items()
    assert name.startswith("scale 20, vocabulary 300")
    assert [f"{mean:.1f}", f"{rmse:.4g}"] == [line.split()[1], line.split()[5]]


def test_what_does_not_fit_is_told(folder):
    _, points, notes = parts_of(run(folder, "sweep", "arm.npz", "--scales", "2.5,40", "--vocab-sizes", "100"))
    assert [name.split(" (")[0] for name in points] == ["scale 2.5, vocabulary 100", "256 uniform bins"]
    assert re.search(
        r"scale 40, vocabulary 100: the coefficients .* need \d+ tokens, more than vocab_size 100", notes[1]
    )
    assert_one_line_error(
        run(folder, "sweep", "arm.npz", "--scales", "40", "--vocab-sizes", "50,100"), "more than vocab_size 50"
    )


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_drawing(folder, suffix):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    result = run(folder, "sweep", "arm.npz", *SMALL, "--out", f"front.{suffix}")
    _, _, notes = parts_of(result)
    assert notes[-1] == f"drawn  front.{suffix}\n"
    content = (folder / f"front.{suffix}").read_bytes()
    assert content.startswith(b"\x89PNG" if suffix == "png" else b"<?xml")
    assert not list(folder.glob(".*"))


def test_exact_and_unencodable_chunks_are_drawn_too(folder, capsys):
    """No error has no logarithm, and what encodes nothing has no figures."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    still, tiny = [np.full((40, 2), 3.0)] * 3, FastTokenizer.fit(np.zeros((3, 4, 2)), scheme="bytes")
    save_npz(folder / "still.npz", still)
    tiny.save_pretrained(folder / "tiny")
    for name in ("still.npz", "arm.npz"):
        command = ["sweep", str(folder / name), *SMALL, "--baseline", str(folder / "tiny")]
        assert cli.main([*command, "--out", str(folder / "front.png")]) == 0
        assert (folder / "front.png").stat().st_size > 1000
    assert re.search(r"tiny +- +-", capsys.readouterr().out)


def test_options_of_train_hold_here_too(folder):
    command = ("sweep", "arm.npz", *SMALL, "--dims", "2,0", "--horizon", "0.5s", "--relative", "0")
    rows, _, _ = parts_of(run(folder, *command, "--state-key", "states", "--hold-out", "0"))
    assert rows["data"] == "arm.npz: trained on, as none were held out"
    assert rows["chunks"].endswith(": 10 steps x 2 dimensions")


@pytest.mark.parametrize("name", BAD_DATASETS)
def test_a_bad_dataset_is_one_line(folder, episodes, name):
    write_bad_dataset(folder, name, episodes)
    before = sorted(folder.iterdir())
    command = ("sweep", name, *SMALL, "--horizon", "20", "--out", "front.png")
    assert_one_line_error(run(folder, *command), BAD_DATASETS[name])
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scales", "5,none"], "'none', expected a number above 0"),
        (["--vocab-sizes", "5,"], "'', expected a whole number from 1"),
        (["--vocab-sizes", "99999999"], "vocab_size is 99999999: expected 1"),
        (["--baseline", "nowhere"], "nowhere is no directory"),
        (["--out", "no/front.png"], "no/front.png: its folder does not exist"),
        (["--out", "front.txt"], "front.txt: expected a name that ends in one of"),
        (["--key", "torques"], "torques"),
    ],
)
def test_wrong_options_are_one_line(folder, monkeypatch, capsys, arguments, message):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.chdir(folder)
    assert cli.main(["sweep", "arm.npz", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert message in output.err


def test_a_missing_matplotlib_is_one_line_before_the_work(folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert cli.main(["sweep", "nowhere.npz", "--out", str(folder / "front.png")]) == 2
    assert capsys.readouterr().err.endswith("install the extra: pip install fast_tokenizer[plot]\n")


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_the_front_is_what_no_other_point_beats(points):
    expected = [not any(a <= x and b <= y and (a, b) != (x, y) for a, b in points) for x, y in points]
    assert pareto_front(np.reshape(points, (-1, 2))).tolist() == expected


def test_what_is_no_number_is_not_on_the_front():
    nan = float("nan")
    assert pareto_front([[nan, nan], [2.0, 1.0]]).tolist() == [False, True]


@pytest.mark.parity
def test_beside_fast_plus(shared, folder):
    _, points, _ = parts_of(run(folder, "sweep", "arm.npz", *SMALL, "--baseline", str(shared / "fast_plus")))
    assert list(points.values())[3][2] < points[str(shared / "fast_plus")][2]
