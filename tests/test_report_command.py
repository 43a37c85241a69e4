"""`fast-tokenizer report`, run as a user runs it."""

import json
import re

import numpy as np
import pytest
from command_line import assert_one_line_error, run, table

from fast_tokenizer import BinningCodec, FastTokenizer
from fast_tokenizer.codecs.bins import uniform
from fast_tokenizer.motions import generate_episodes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with `arm.npz` and the tokenizer `arm`, from which the program is run."""
    folder = tmp_path_factory.mktemp("arm")
    episodes = generate_episodes(8, action_dim=3, hz=20.0, seconds=5.0, seed=1)
    ends = np.cumsum([len(one) for one in episodes])
    np.savez(folder / "arm.npz", actions=np.concatenate(episodes), episode_ends=ends, hz=20.0)
    assert run(folder, "train", "arm.npz", "--out", "arm").returncode == 0
    return folder


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page.read_text("utf-8"), re.S).group(1))


def test_a_page_about_the_episodes_held_out(folder):
    result = run(folder, "report", "arm", "arm.npz", "--out", "report.html", "--chunks", "5")
    assert result.returncode == 0, result.stderr
    rows = table(result.stdout)
    assert rows["page"] == "report.html"
    data = data_of(folder / "report.html")
    assert [(one["label"], one["chunks"]) for one in data["sets"]] == [("held out", 5), ("trained on", 5)]
    assert rows["shown"] == "5 chunks: held out"
    assert data["name"] == "arm"
    assert data["record"]["command"] == "fast-tokenizer train arm.npz --out arm"


def test_baselines_and_tokenizers_without_a_record(folder):
    FastTokenizer(BinningCodec(uniform(-1, 1, count=16))).save_pretrained(folder / "bins")
    where = ("report", "bins", "arm.npz", "--out", "bins.html")
    result = run(folder, *where, "--horizon", "10", "--stride", "7", "--baseline", "arm")
    assert result.returncode == 0, result.stderr
    data = data_of(folder / "bins.html")
    assert (data["horizon"], data["record"], data["isFitted"]) == (10, None, True)
    assert [one["name"] for one in data["compared"]] == ["bins", "arm", "256 uniform bins"]
    assert table(result.stdout)["shown"].endswith("all episodes")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("report nowhere arm.npz --out x.html", "nowhere is no directory"),
        ("report arm nowhere.npz --out x.html", "nowhere.npz"),
        ("report arm arm.npz --out no/x.html", r"no/x\.html: its folder does not exist; make it first"),
        ("report arm arm.npz --out x.html --key torques", "torques"),
        ("report arm arm.npz --out x.html --embodiment leg", "leg"),
        ("report arm arm.npz --out x.html --baseline nowhere", "nowhere is no directory"),
        ("report arm arm.npz", "--out"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(folder, command, message):
    before = sorted(folder.iterdir())
    assert_one_line_error(run(folder, *command.split()), message)
    assert sorted(folder.iterdir()) == before


def _spoil(actions, ends, how):
    if how == "NaN":
        actions[ends[2] + 7, 1] = np.nan
    if how == "short":
        ends = np.arange(10, len(actions) + 1, 10)
    if how == "ragged":
        return np.array([np.zeros((5, 3)), np.zeros((6, 2))], dtype=object), ends
    return (actions[:0], ends[:0]) if how == "empty" else (actions, ends)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("NaN", r"episode 3: actions\[7, 1\] is nan"),
        ("short", "no chunk of 20 steps: the longest of 80 episode"),
        ("ragged", "not a readable .npz file"),
        ("empty", "spoilt.npz"),
    ],
)
def test_recordings_that_are_spoilt(folder, how, message):
    with np.load(folder / "arm.npz") as content:
        actions, ends = _spoil(content["actions"].copy(), content["episode_ends"], how)
    np.savez(folder / "spoilt.npz", actions=actions, episode_ends=ends, hz=20.0)
    assert_one_line_error(run(folder, "report", "arm", "spoilt.npz", "--out", "x.html"), message)
    assert not (folder / "x.html").exists()


def test_a_page_is_written_whole_or_not_at_all(folder):
    (folder / "taken.html").mkdir()
    assert_one_line_error(run(folder, "report", "arm", "arm.npz", "--out", "taken.html"), "taken.html")
    assert list((folder / "taken.html").iterdir()) == []
    assert not list(folder.glob(".*"))


def test_a_damaged_record_is_named(folder):
    record = folder / "arm" / "training.json"
    content = record.read_text()
    record.write_text(content.replace('"sha256"', '"sha"'))
    try:
        assert_one_line_error(
            run(folder, "report", "arm", "arm.npz", "--out", "x.html"), r"dataset\.sha256.*training\.json"
        )
    finally:
        record.write_text(content)
