"""`fast-tokenizer inspect`, run as a user runs it."""

import json

import numpy as np
import pytest
from command_line import assert_one_line_error, run, table
from dataset_files import write_lerobot_v30

from fast_tokenizer import ActionVocabulary, BinningCodec, FastTokenizer, FrequencyCodec
from fast_tokenizer.codecs.bins import uniform
from fast_tokenizer.motions import generate_episodes
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.normalizer_set import NormalizerSet


def inspect(folder, name):
    """The rows by label, and what stands below them."""
    result = run(folder, "inspect", name)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    rows, *tables = result.stdout.split("\n\n")
    return table(rows), tables


def test_a_trained_tokenizer_tells_where_it_comes_from(tmp_path):
    episodes = [one.astype(np.float32) for one in generate_episodes(6, action_dim=3, seconds=3.0)]
    write_lerobot_v30(tmp_path / "data", episodes, names=["x", "y", "gripper"])
    command = "train data --out arm --dims gripper,x --normalize min_max --clip --embodiment panda --horizon 20"
    assert run(tmp_path, *command.split()).returncode == 0
    rows, (normalizer,) = inspect(tmp_path, "arm")
    tokenizer = FastTokenizer.from_pretrained(tmp_path / "arm")
    codec = tokenizer.codec
    record = json.loads((tmp_path / "arm" / "training.json").read_text())
    merged, longest = len(codec.merges), max(map(len, codec.tokens))
    assert rows["scheme"] == "FAST, symbols"
    assert rows["scale"] == "10"
    assert rows["vocabulary"] == (
        f"{len(codec.tokens)} tokens: {len(codec.tokens) - merged} base symbols, {merged} merged, the longest of "
        f"{longest} coefficients"
    )
    assert rows["coefficients"].startswith(f"{codec.min_coefficient}..{codec.max_coefficient}")
    size = tokenizer.vocab_size
    assert rows["special ids"] == f"pad {size}, eos {size + 1}, mask {size + 2}"
    assert rows["chunk"] == "20 steps x 2 dimensions"
    assert rows["normaliser"].startswith("panda: ")
    assert rows["trained on"] == f"data: {record['chunks']['count']} chunks of 5 episodes, 1 held out"
    assert rows["hash"].split(",")[0] == record["dataset"]["sha256"][:12]
    assert rows["command"] == f"fast-tokenizer {command}"

    first, header, *lines = normalizer.splitlines()
    assert first == "panda: formulas 'exact', held within [-1, 1]"
    assert header.split() == ["dimension", "mode", "-1", "is", "1", "is", "one", "unit"]
    statistics = tokenizer.normalizer.select().statistics
    for place, (name, line) in enumerate(zip(["gripper", "x"], lines, strict=True)):
        low, high = statistics.min[place], statistics.max[place]
        assert line.split()[:2] == [name, "min_max"]
        assert [float(cell) for cell in line.split()[2:]] == pytest.approx([low, high, (high - low) / 2], rel=1e-3)


def test_relative_dimensions_have_their_names(tmp_path):
    episodes = generate_episodes(6, action_dim=3, seconds=3.0)
    ends = np.cumsum([len(one) for one in episodes])
    actions = np.concatenate(episodes)
    np.savez(tmp_path / "arm.npz", actions=actions, episode_ends=ends, states=actions)
    command = "train arm.npz --out arm --dims 2,0 --relative 0 --state-key states --horizon 20"
    assert run(tmp_path, *command.split()).returncode == 0
    rows, (normalizer,) = inspect(tmp_path, "arm")
    assert rows["relative"] == "0: to the state that a chunk begins in"
    assert [line.split()[0] for line in normalizer.splitlines()[2:]] == ["2", "0"]


def test_several_robots_and_a_mode_for_each_dimension(tmp_path):
    arm = Normalizer.fit([[0.0, 3.0, 0.0], [10.0, 3.0, 1.0]], ["min_max", "min_max", "identity"])
    leg = Normalizer.fit([[0.0], [1.0], [2.0]], "mean_std")
    chunks = np.zeros((2, 5, 1))
    robots = NormalizerSet({"arm": arm, "leg": leg}, default="leg")
    FastTokenizer.fit(chunks, normalizer=robots).save_pretrained(tmp_path / "both")
    rows, (first, second) = inspect(tmp_path, "both")
    assert rows["normaliser"] == "arm, leg (default): actions are taken and given in the robot's units"
    assert rows["chunk"] == "any number of steps x any number of dimensions"
    assert rows["trained on"] == "not known, as there is no training.json"
    assert [line.split() for line in first.splitlines()[2:]] == [
        ["0", "min_max", "0", "10", "5"],
        ["1", "min_max", "3", "3", "0"],
        ["2", "identity", "-1", "1", "1"],
    ]
    deviation = np.std([0.0, 1.0, 2.0])
    low, high, unit = (float(cell) for cell in second.splitlines()[2].split()[2:])
    assert (low, high, unit) == pytest.approx((1 - deviation, 1 + deviation, deviation), rel=1e-3)


def test_other_codecs(tmp_path):
    frequency = FrequencyCodec(4, scale=20, min_coefficient=-60, vocabulary=ActionVocabulary(121))
    FastTokenizer(frequency, time_horizon=8).save_pretrained(tmp_path / "frequencies")
    rows, tables = inspect(tmp_path, "frequencies")
    assert rows["scheme"] == "frequencies: the lowest 4, an id a coefficient"
    assert (rows["scale"], rows["vocabulary"]) == ("20", "121 ids")
    assert rows["coefficients"].startswith("-60..60")
    assert rows["chunk"] == "8 steps x any number of dimensions"
    assert rows["normaliser"].startswith("none: ")
    assert tables == []

    FastTokenizer(BinningCodec(uniform(-1, 1, count=16))).save_pretrained(tmp_path / "bins")
    rows, _ = inspect(tmp_path, "bins")
    assert (rows["scheme"], rows["bins"]) == ("bins: an id a value", "uniform, 16 in -1..1")
    assert {"scale", "coefficients"}.isdisjoint(rows)


def test_bytes_are_counted_in_coefficients(tmp_path, bytes_tokenizer):
    bytes_tokenizer.save_pretrained(tmp_path / "bytes")
    rows, _ = inspect(tmp_path, "bytes")
    byte_lengths = [len(token) for token in bytes_tokenizer.codec.tokens]
    longest = int(rows["vocabulary"].split()[-2])
    assert rows["scheme"] == "FAST, bytes"
    assert "256 base symbols" in rows["vocabulary"]
    assert max(byte_lengths) / 4 <= longest < max(byte_lengths)


@pytest.mark.parity
def test_fast_plus(shared, tmp_path):
    rows, tables = inspect(tmp_path, str(shared / "fast_plus"))
    assert rows["scheme"] == "FAST, bytes"
    assert rows["vocabulary"].startswith("2048 tokens: 256 base symbols, 1792 merged, ")
    assert rows["scale"] == "10"
    assert rows["coefficients"].startswith("-354..")
    assert tables == []


@pytest.mark.parametrize("name", ["nowhere", "data.npz", "empty"])
def test_errors_are_one_line(tmp_path, name):
    np.savez(tmp_path / "data.npz", actions=np.zeros((4, 2)))
    (tmp_path / "empty").mkdir()
    message = {
        "nowhere": "no directory",
        "data.npz": "no directory",
        "empty": r"processor_config\.json is missing",
    }
    assert_one_line_error(run(tmp_path, "inspect", name), message[name])
