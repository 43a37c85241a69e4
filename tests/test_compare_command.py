"""`fast-tokenizer compare`, run as a user runs it."""

import numpy as np
import pytest
from bad_datasets import BAD_DATASETS, save_npz, write_bad_dataset
from command_line import assert_one_line_error, run, table

from fast_tokenizer import BinningCodec, FastTokenizer
from fast_tokenizer.chunking import cut_chunks
from fast_tokenizer.codecs.bins import uniform
from fast_tokenizer.motions import generate_episodes

COLUMNS = ("mean", "p99", "max", "compression", "rmse", "largest", "clipped", "refused")


@pytest.fixture(scope="module")
def episodes():
    return [300 * one for one in generate_episodes(8, action_dim=3, hz=20.0, seconds=5.0, seed=1)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, episodes):
    """A folder with `arm.npz` and three tokenizers, from which the program is run."""
    folder = tmp_path_factory.mktemp("arm")
    save_npz(folder / "arm.npz", episodes)
    assert run(folder, "train", "arm.npz", "--out", "arm").returncode == 0
    (folder / "fine").mkdir()
    assert run(folder, "train", "arm.npz", "--out", "fine/arm", "--scale", "40").returncode == 0
    FastTokenizer(BinningCodec(uniform(-1, 1, count=16))).save_pretrained(folder / "bins")
    return folder


def comparison(result):
    """The rows by label, and the columns of each tokenizer by its name."""
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    rows, lines = result.stdout.split("\n\n")
    header, *lines = lines.splitlines()
    assert header.startswith("tokenizer")
    assert len({len(line) for line in (header, *lines)}) == 1
    cells = [line.rsplit(maxsplit=len(COLUMNS)) for line in lines]
    return table(rows), {
        name.strip(): dict(zip(COLUMNS, map(as_number, row), strict=True)) for name, *row in cells
    }


def as_number(text):
    return None if text == "-" else float(text)


def test_held_out_chunks_in_the_units_of_the_first(folder):
    rows, lines = comparison(run(folder, "compare", "arm", "fine/arm", "bins", "arm.npz"))
    assert rows["data"] == "arm.npz: held out"
    assert rows["normalised"] == "by arm; errors are in such units"
    assert list(lines) == ["arm", "fine/arm", "bins", "256 uniform bins"]
    assert lines["bins"]["mean"] == lines["bins"]["max"] == lines["256 uniform bins"]["p99"] == 60
    assert lines["256 uniform bins"]["compression"] == 1
    assert lines["fine/arm"]["rmse"] < lines["arm"]["rmse"] < lines["bins"]["rmse"]
    assert lines["fine/arm"]["mean"] > lines["arm"]["mean"]
    assert {line["refused"] for line in lines.values()} == {0}

    alone, other = comparison(run(folder, "compare", "arm", "arm.npz"))
    assert alone["chunks"] == rows["chunks"]
    assert other["arm"] == lines["arm"]


def test_the_figures_are_those_of_the_tokenizer(folder, episodes):
    tokenizer = FastTokenizer.from_pretrained(folder / "arm")
    save_npz(folder / "other.npz", episodes[:3])
    rows, lines = comparison(run(folder, "compare", "arm", "other.npz"))
    assert rows["data"] == "other.npz: another dataset than the one trained on"
    chunks = cut_chunks(episodes[:3], 20, 5)
    assert rows["chunks"] == f"{len(chunks)} of {len(chunks)}: 20 steps x 3 dimensions"
    tokens = tokenizer(chunks)
    lengths = [len(one) for one in tokens]
    error = np.abs(tokenizer.decode(tokens) - chunks) / tokenizer.normalizer.select().gain
    expected = {
        "mean": np.mean(lengths),
        "p99": np.percentile(lengths, 99),
        "max": max(lengths),
        "compression": 60 / np.mean(lengths),
        "rmse": np.sqrt(np.square(error).mean()),
        "largest": error.max(),
        "clipped": tokens.clipped.sum(),
        "refused": 0,
    }
    rounding = {"mean": 0.06, "compression": 0.06, "p99": 0.51}
    for name, value in expected.items():
        assert lines["arm"][name] == pytest.approx(value, rel=1e-3, abs=rounding.get(name, 0)), name


def test_a_first_one_without_a_normaliser(folder):
    command = ("compare", "bins", "arm", "arm.npz", "--horizon", "10", "--stride", "7", "--chunks", "9")
    rows, lines = comparison(run(folder, *command))
    assert rows["data"] == "arm.npz: all episodes"
    assert rows["chunks"].startswith("9 of ")
    assert rows["chunks"].endswith(": 10 steps x 3 dimensions")
    assert rows["normalised"].startswith(
        "by the 1st and 99th percentile of these chunks, as bins has no normaliser"
    )
    assert lines["256 uniform bins"]["mean"] == 30


def test_one_that_can_encode_nothing_is_shown(folder):
    tiny = FastTokenizer.fit(np.zeros((3, 4, 3)), scheme="bytes")
    tiny.save_pretrained(folder / "tiny")
    rows, lines = comparison(run(folder, "compare", "arm", "tiny", "arm.npz"))
    assert lines["tiny"]["mean"] is None
    assert lines["tiny"]["refused"] == int(rows["chunks"].split()[0])


@pytest.mark.parametrize("name", BAD_DATASETS)
def test_a_bad_dataset_is_one_line(folder, episodes, name):
    write_bad_dataset(folder, name, episodes)
    assert_one_line_error(run(folder, "compare", "arm", "bins", name), BAD_DATASETS[name])


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("compare arm nowhere arm.npz", "nowhere is no directory"),
        ("compare arm arm.npz --key torques", "torques"),
        ("compare arm arm.npz --embodiment leg", "leg"),
        ("compare arm.npz", "DATASET"),
    ],
)
def test_errors_are_one_line(folder, command, message):
    assert_one_line_error(run(folder, *command.split()), message)


@pytest.mark.parity
def test_beside_fast_plus(shared, folder):
    _, lines = comparison(run(folder, "compare", "arm", str(shared / "fast_plus"), "arm.npz"))
    fast_plus = lines[str(shared / "fast_plus")]
    assert lines["arm"]["mean"] < fast_plus["mean"] < 60
    assert fast_plus["rmse"] == pytest.approx(lines["arm"]["rmse"], rel=1e-3)  # of the same scale
