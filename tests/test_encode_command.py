"""`fast-tokenizer encode` and `decode`, run as a user runs them."""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bad_datasets import BAD_DATASETS, save_npz, write_bad_dataset
from command_line import assert_interruptible, assert_one_line_error, run, table
from dataset_files import write_lerobot_v30

from fast_tokenizer import BinningCodec, FastTokenizer, cli
from fast_tokenizer.chunking import Chunking
from fast_tokenizer.codecs.bins import uniform
from fast_tokenizer.motions import generate_episodes


@pytest.fixture(scope="module")
def episodes():
    """Eight episodes of one arm, of lengths that differ; the second one is shorter than a chunk."""
    motions = generate_episodes(8, action_dim=3, hz=20.0, seconds=5.0, seed=1)
    return [300 * one[: 19 if place == 1 else 80 + place] for place, one in enumerate(motions)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, episodes):
    """A folder with `arm.npz` and the tokenizer `arm`, from which the program is run."""
    folder = tmp_path_factory.mktemp("arm")
    save_npz(folder / "arm.npz", episodes, states=np.concatenate(episodes) - 0.5)
    assert run(folder, "train", "arm.npz", "--out", "arm", "--sample", "0.5").returncode == 0
    return folder


def succeed(folder, *arguments):
    result = run(folder, *arguments)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert not list(folder.glob(".*"))
    return table(result.stdout)


def tokens_in(path):
    """(ids of each chunk, episode, start, clipped, shape)"""
    if path.suffix == ".npz":
        content = np.load(path)
        assert content["ids"].dtype == np.int32
        ids = [one.tolist() for one in np.split(content["ids"], content["offsets"][1:-1])]
        shape = int(content["horizon"]), int(content["action_dim"])
        return ids, *(content[name].tolist() for name in ("episode", "start", "clipped")), shape
    rows = pq.read_table(path).to_pydict()
    (shape,) = set(zip(rows["horizon"], rows["action_dim"], strict=True))
    return rows["ids"], rows["episode"], rows["start"], rows["clipped"], shape


def actions_in(path):
    """(chunks, episode, start, status)"""
    if path.suffix == ".npz":
        content = np.load(path)
        return content["chunks"], *(content[name].tolist() for name in ("episode", "start", "status"))
    rows = pq.read_table(path).to_pydict()
    shapes = zip(rows["horizon"], rows["action_dim"], strict=True)
    chunks = np.array([np.reshape(flat, shape) for flat, shape in zip(rows["actions"], shapes, strict=True)])
    return chunks, rows["episode"], rows["start"], rows["status"]


def cut(episodes, chunking):
    """Chunks, the place of each one's episode, and its first step."""
    places = [
        (place, start)
        for place, one in enumerate(episodes)
        for start in range(0, len(one) - chunking.horizon + 1, chunking.stride)
    ]
    return chunking.cut(episodes), *map(list, zip(*places, strict=True))


SUFFIXES = [".npz", ".parquet"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_there_and_back_is_what_the_tokenizer_does(folder, episodes, suffix):
    tokenizer = FastTokenizer.from_pretrained(folder / "arm")
    chunks, places, starts = cut(episodes, Chunking(horizon=20, stride=5))
    expected = tokenizer(chunks)
    rows = succeed(folder, "encode", "arm.npz", "--tokenizer", "arm", "--out", f"tokens{suffix}")
    lengths = [len(one) for one in expected]
    assert rows["encoded"] == f"arm.npz: {len(chunks)} chunks, 20 steps x 3 dimensions, one every 5 step(s)"
    assert rows["tokens a chunk"] == f"mean {np.mean(lengths):.1f}, max {max(lengths)}"
    assert rows["clipped"] == f"{expected.clipped.sum()} of {len(chunks)} chunks"
    written = tokens_in(folder / f"tokens{suffix}")
    assert written == (list(expected), places, starts, expected.clipped.tolist(), (20, 3))

    for other in SUFFIXES:  # from either format to either
        rows = succeed(folder, "decode", f"tokens{suffix}", "--tokenizer", "arm", "--out", f"actions{other}")
        assert rows == {"decoded": f"tokens{suffix}: {len(chunks)} chunks", "saved": f"actions{other}"}
        actions, *where, status = actions_in(folder / f"actions{other}")
        np.testing.assert_array_equal(actions, tokenizer.decode(expected))
        assert where == [places, starts]
        assert set(status) == {0}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_many_groups(tmp_path, suffix):
    """More values than are read, written or decoded at once."""
    rng = np.random.default_rng(0)
    episodes = [rng.normal(size=(length, 7)) for length in (3000, 2500, 20, 3000)]
    save_npz(tmp_path / "long.npz", episodes)
    tokenizer = FastTokenizer(BinningCodec(uniform(-1, 1)))
    tokenizer.save_pretrained(tmp_path / "bins")
    command = ("encode", "long.npz", "--tokenizer", "bins", "--horizon", "40", "--stride", "2")
    rows = succeed(tmp_path, *command, "--out", f"tokens{suffix}")
    assert rows["normalised"].startswith("not here: the tokenizer has no normaliser")
    succeed(tmp_path, "decode", f"tokens{suffix}", "--tokenizer", "bins", "--out", f"actions{suffix}")
    chunks, places, starts = cut(episodes, Chunking(horizon=40, stride=2))
    assert len(chunks) * 280 > 2**19
    actions, *where, _ = actions_in(tmp_path / f"actions{suffix}")
    np.testing.assert_array_equal(actions, tokenizer.decode(tokenizer(chunks)))
    assert where == [places, starts]
    if suffix == ".parquet":
        assert pq.ParquetFile(tmp_path / "tokens.parquet").num_row_groups > 1
        assert pq.ParquetFile(tmp_path / "actions.parquet").num_row_groups > 1


def test_options_go_before_the_training(folder, episodes):
    command = ("encode", "arm.npz", "--tokenizer", "arm", "--horizon", "10", "--stride", "1")
    succeed(folder, *command, "--out", "fine.npz")
    chunks, places, starts = cut(episodes, Chunking(horizon=10, stride=1))
    ids, *where, _, shape = tokens_in(folder / "fine.npz")
    assert ids == list(FastTokenizer.from_pretrained(folder / "arm")(chunks))
    assert where == [places, starts]
    assert shape == (10, 3)


def test_dimensions_rate_and_padding_of_the_training(tmp_path, episodes):
    write_lerobot_v30(tmp_path / "data", [one.astype(np.float32) for one in episodes], names=["x", "y", "z"])
    options = ("--dims", "z,x", "--hz", "25", "--padding", "hold", "--horizon", "12", "--stride", "7")
    succeed_training = run(tmp_path, "train", "data", "--out", "arm", *options)
    assert succeed_training.returncode == 0, succeed_training.stderr
    succeed(tmp_path, "encode", "data", "--tokenizer", "arm", "--out", "tokens.parquet")
    _, places, starts, _, shape = tokens_in(tmp_path / "tokens.parquet")
    assert shape == (12, 2)
    assert set(places) == set(range(8))
    for place, one in enumerate(episodes):
        steps = (len(one) - 1) // 2 + 1  # of 50 Hz, at 25
        assert [start for at, start in zip(places, starts, strict=True) if at == place] == list(range(0, steps, 7))


def test_relative_actions(folder, episodes):
    command = ("train", "arm.npz", "--out", "relative", "--relative", "0,1", "--state-key", "states")
    assert run(folder, *command).returncode == 0
    encode = ("encode", "arm.npz", "--tokenizer", "relative", "--out", "relative.npz")
    assert_one_line_error(run(folder, *encode, "--state-key", "torques"), "torques")
    assert not (folder / "relative.npz").exists()
    succeed(folder, *encode)  # the record of the training says what the states are
    rows = succeed(folder, "decode", "relative.npz", "--tokenizer", "relative", "--out", "decoded.npz")
    assert rows["relative"].startswith("to the state")
    chunks, _, _ = cut(episodes, Chunking(horizon=20, stride=5))
    actions = np.load(folder / "decoded.npz")["chunks"]
    actions[..., :2] += chunks[:, :1, :2] - 0.5
    spread = np.ptp(np.concatenate(episodes), axis=0)
    assert (np.abs(actions - chunks).max(axis=(0, 1)) < 0.2 * spread).all()


def with_ids(folder, suffix, change):
    """A copy of the tokens in which `change` was applied to the ids of row 3."""
    ids, episode, start, clipped, (horizon, action_dim) = tokens_in(folder / f"tokens{suffix}")
    ids[3] = change(ids[3])
    path = folder / f"bad{suffix}"
    shared = {"episode": episode, "start": start, "clipped": clipped}
    if suffix == ".npz":
        offsets = np.cumsum([0, *map(len, ids)])
        np.savez(path, ids=np.concatenate(ids), offsets=offsets, horizon=horizon, action_dim=action_dim, **shared)
    else:
        shape = {"horizon": [horizon] * len(ids), "action_dim": [action_dim] * len(ids)}
        pq.write_table(pa.table({**shared, **shape, "ids": ids}), path)
    return path.name


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_policies_for_ids_that_are_no_action(folder, suffix):
    succeed(folder, "encode", "arm.npz", "--tokenizer", "arm", "--out", f"tokens{suffix}")
    tokenizer = FastTokenizer.from_pretrained(folder / "arm")
    good = tokens_in(folder / f"tokens{suffix}")[0]
    bad = with_ids(folder, suffix, lambda ids: ids[:-1])
    decode = ("decode", bad, "--tokenizer", "arm", "--out", f"actions{suffix}")
    (folder / f"actions{suffix}").unlink(missing_ok=True)
    error = r"row 3 \(episode 0, step 15\), position \d+: the ids end after \d+ of 60 coefficients"
    assert_one_line_error(run(folder, *decode), error)
    assert not (folder / f"actions{suffix}").exists()
    for policy in ("repair", "zeros"):
        rows = succeed(folder, *decode, "--errors", policy)
        assert rows["no actions"].startswith(f"1 of {len(good)} chunks")
        actions, *_, status = actions_in(folder / f"actions{suffix}")
        assert [place for place, one in enumerate(status) if one] == [3]
        ids = [*good[:3], good[3][:-1], *good[4:]]
        expected = tokenizer.decode(ids, time_horizon=20, action_dim=3, errors=policy)
        np.testing.assert_array_equal(actions, expected)


# ---- What goes wrong ---------------------------------------------------------------------------------------


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", BAD_DATASETS)
def test_a_bad_dataset_is_one_line_and_leaves_nothing(folder, episodes, name, suffix):
    write_bad_dataset(folder, name, [episodes[0]] * 5)
    before = names_in(folder)
    result = run(folder, "encode", name, "--tokenizer", "arm", "--out", f"never{suffix}")
    assert_one_line_error(result, BAD_DATASETS[name])
    assert names_in(folder) == before


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("encode arm.npz --tokenizer arm --out no/x.npz", r"no/x\.npz: its folder does not exist"),
        ("encode arm.npz --tokenizer arm --out x.csv", r"x\.csv: expected a name that ends in \.npz or \.parquet"),
        ("encode arm.npz --tokenizer arm --out taken.npz", r"taken\.npz: is a directory, expected a file"),
        ("encode arm.npz --tokenizer arm --out x.npz --key torques", "torques"),
        ("encode arm.npz --tokenizer arm --out x.npz --embodiment leg", "leg"),
        ("encode arm.npz --tokenizer nowhere --out x.npz", "nowhere is no directory"),
        ("encode arm.npz --out x.npz", "--tokenizer"),
        ("decode nowhere.npz --tokenizer arm --out x.npz", r"nowhere\.npz: No such file"),
        ("decode arm.npz --tokenizer arm --out x.npz", r"arm\.npz: there is no 'ids': found actions"),
        ("decode text.npz --tokenizer arm --out x.npz", r"text\.npz: not a readable \.npz file"),
        ("decode text.parquet --tokenizer arm --out x.npz", r"text\.parquet: not a readable parquet file"),
        (
            "decode other.parquet --tokenizer arm --out x.npz",
            r"other\.parquet: there is no 'episode': found steps",
        ),
        ("decode none.parquet --tokenizer arm --out x.parquet", r"none\.parquet holds no chunk"),
        ("decode gaps.parquet --tokenizer arm --out x.parquet", r"'ids' in gaps\.parquet: .*row.* has no value"),
        ("decode mixed.parquet --tokenizer arm --out x.parquet", r"mixed\.parquet: row 1 has the shape 4 x 3"),
        ("decode wide.parquet --tokenizer arm --out x.parquet", r"wide\.parquet: .*5000000000"),
        ("decode wide.npz --tokenizer arm --out x.npz", r"'ids' in wide\.npz: has numbers that do not fit int32"),
        ("decode real.npz --tokenizer arm --out x.npz", r"'ids' in real\.npz: .*float64, expected integers"),
        ("decode torn.npz --tokenizer arm --out x.npz", r"'offsets' in torn\.npz: expected numbers that ascend"),
        ("decode short.npz --tokenizer arm --out x.npz", r"'start' in short\.npz: got 1 values for 2 chunks"),
        ("decode flat.npz --tokenizer arm --out x.npz", r"'horizon' in flat\.npz: got 0, expected 1 or more"),
        ("decode arm.csv --tokenizer arm --out x.npz", r"arm\.csv: expected a name that ends in"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(folder, command, message):
    (folder / "taken.npz").mkdir(exist_ok=True)
    for name in ("text.npz", "text.parquet", "arm.csv"):
        (folder / name).write_text("mine")
    row = {"episode": 0, "start": 0, "horizon": 4, "action_dim": 2, "clipped": False, "ids": [0, 1]}
    pq.write_table(pa.table({"steps": [1]}), folder / "other.parquet")
    pq.write_table(pa.Table.from_pylist([row]).slice(1), folder / "none.parquet")
    pq.write_table(pa.Table.from_pylist([row, row | {"ids": [0, None]}]), folder / "gaps.parquet")
    pq.write_table(pa.Table.from_pylist([row, row | {"action_dim": 3}]), folder / "mixed.parquet")
    pq.write_table(pa.Table.from_pylist([row, row | {"ids": [5_000_000_000]}]), folder / "wide.parquet")
    arrays = {"offsets": [0, 2, 3], "episode": [0, 0], "start": [0, 5], "clipped": [False, False]}
    arrays |= {"ids": [0, 1, 2], "horizon": 4, "action_dim": 2}
    np.savez(folder / "wide.npz", **arrays | {"ids": [0, 1, 5_000_000_000]})
    np.savez(folder / "real.npz", **arrays | {"ids": [0.0, 1.0, 2.0]})
    np.savez(folder / "torn.npz", **arrays | {"offsets": [0, 2, 9]})
    np.savez(folder / "short.npz", **arrays | {"start": [0]})
    np.savez(folder / "flat.npz", **arrays | {"horizon": 0})
    before = names_in(folder)
    assert_one_line_error(run(folder, *command.split()), message)
    assert names_in(folder) == before


@pytest.mark.parametrize("command", ["encode arm.npz", "decode arm.npz"])
def test_a_missing_library_is_one_line_before_the_work(folder, monkeypatch, capsys, command):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.chdir(folder)
    assert cli.main([*command.split(), "--tokenizer", "nowhere", "--out", "x.parquet"]) == 2
    line = "fast-tokenizer: to read or write x.parquet, install the extra: pip install fast_tokenizer[lerobot]\n"
    assert capsys.readouterr().err == line


def test_a_chunk_that_cannot_be_encoded_is_named(folder, episodes):
    normalized = [one / 300 for one in episodes]
    quiet = [np.zeros((40, 3)), *normalized[2:4]]
    save_npz(folder / "quiet.npz", quiet)
    FastTokenizer.fit(np.zeros((3, 20, 3)), scheme="bytes").save_pretrained(folder / "zeros")
    command = ("encode", "quiet.npz", "--tokenizer", "zeros", "--horizon", "20", "--out", "never.npz")
    assert_one_line_error(run(folder, *command), "episode 1, the chunk from step 0: ")
    assert not (folder / "never.npz").exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_ctrl_c_leaves_everything_as_it_was(tmp_path, suffix):
    rng = np.random.default_rng(0)
    save_npz(tmp_path / "noise.npz", [rng.normal(size=(2000, 6)) for _ in range(60)])
    FastTokenizer.fit(rng.normal(size=(50, 50, 6))).save_pretrained(tmp_path / "tok")
    (tmp_path / f"tokens{suffix}").write_text("mine")
    command = ("encode", "noise.npz", "--tokenizer", "tok", "--out", f"tokens{suffix}", "--horizon", "50")
    assert_interruptible(tmp_path, *command, "--stride", "1", stage="encoding")
