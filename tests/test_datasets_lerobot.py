import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_files import assert_same, episode_lists, frames, write_lerobot_v21, write_lerobot_v30
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer import FormatError
from fast_tokenizer.datasets import open_episodes


@pytest.fixture
def episodes():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(length, 3)).astype(np.float32) for length in (4, 1, 6, 5)]


@given(episodes=episode_lists(), row_group=st.integers(1, 9))
def test_v21_gives_the_episodes_that_were_written(episodes, row_group):
    states = [episode[:, :1] + 1 for episode in episodes]
    with tempfile.TemporaryDirectory() as folder:
        path = write_lerobot_v21(Path(folder) / "set", episodes, row_group=row_group, states=states)
        opened = open_episodes(path, state_key="observation.state")
        assert opened.hz == 50
        assert_same(opened, episodes)
        assert_same_states(opened, states)


@given(
    episodes=episode_lists(),
    splits=st.sets(st.integers(1, 13), max_size=4),
    row_group=st.integers(1, 40),
    fixed=st.booleans(),
    meta_rows=st.integers(1, 5),
)
def test_v30_gives_the_episodes_that_were_written(episodes, splits, row_group, fixed, meta_rows):
    splits = [split for split in splits if split < len(episodes)]
    states = [episode[:, :1] + 1 for episode in episodes]
    with tempfile.TemporaryDirectory() as folder:
        options = {"splits": splits, "row_group": row_group, "fixed": fixed, "meta_rows": meta_rows}
        path = write_lerobot_v30(Path(folder) / "set", episodes, **options, states=states)
        opened = open_episodes(path, state_key="observation.state")
        assert_same(opened, episodes)
        assert_same_states(opened, states)


def assert_same_states(opened, states):
    for episode, expected in zip(opened, states, strict=True):
        np.testing.assert_array_equal(episode.states, expected)


def test_v20_is_read_as_v21(tmp_path, episodes):
    assert_same(open_episodes(write_lerobot_v21(tmp_path / "set", episodes, version="v2.0")), episodes)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["x", "y", "grip"], ("x", "y", "grip")),
        ({"motors": ["x", "y", "grip"]}, ("x", "y", "grip")),
        ({"x": 0, "y": 1, "grip": 2}, ("x", "y", "grip")),
        (["x", "y"], None),
        ({"motors": ["x"]}, None),
        (None, None),
    ],
)
def test_names_of_dimensions(tmp_path, episodes, written, read):
    opened = open_episodes(write_lerobot_v30(tmp_path / "set", episodes, names=written))
    assert opened.names == read
    if read:
        assert_same(open_episodes(opened.origin, dims=["grip", "x"]), [episode[:, [2, 0]] for episode in episodes])


def test_one_dimension_is_stored_as_plain_numbers(tmp_path, episodes):
    narrow = [episode[:, :1] for episode in episodes]
    path = write_lerobot_v30(tmp_path / "set", narrow, names={"motors": ["slide"]})
    assert pa.types.is_floating(pq.read_schema(path / "data/chunk-000/file-000.parquet").field("action").type)
    assert_same(open_episodes(path), narrow)
    assert open_episodes(path).names == ("slide",)


def test_only_the_columns_asked_for_are_read(tmp_path, monkeypatch, episodes):
    path = write_lerobot_v30(tmp_path / "set", episodes, states=episodes)
    asked = []
    whole = pq.ParquetFile.iter_batches
    monkeypatch.setattr(
        pq.ParquetFile,
        "iter_batches",
        lambda self, **options: asked.append(options["columns"]) or whole(self, **options),
    )
    list(open_episodes(path))
    assert asked == [["episode_index", "action"]]


def test_files_are_opened_when_they_are_needed_and_closed_after(tmp_path, monkeypatch, episodes):
    path = write_lerobot_v21(tmp_path / "set", episodes)
    opened, held = [], []
    real_open, real_close = pq.ParquetFile.__init__, pq.ParquetFile.__exit__

    def noted_open(self, source, *arguments, **options):
        opened.append(source)
        held.append(self)
        real_open(self, source, *arguments, **options)

    def noted_close(self, *arguments):
        held.remove(self)
        real_close(self, *arguments)

    monkeypatch.setattr(pq.ParquetFile, "__init__", noted_open)
    monkeypatch.setattr(pq.ParquetFile, "__exit__", noted_close)
    for number, _ in enumerate(open_episodes(path)):
        assert len(opened) == number + 1
        assert len(held) == 1
    assert held == []


def test_a_file_is_read_a_few_steps_at_a_time(tmp_path, monkeypatch):
    episodes = [np.full((1000, 2), index, np.float32) for index in range(200)]
    path = write_lerobot_v30(tmp_path / "set", episodes, row_group=1000)
    read = []
    whole = pq.ParquetFile.iter_batches

    def noted(self, **options):
        for batch in whole(self, **options):
            read.append(len(batch))
            yield batch

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", noted)
    for number, _ in enumerate(open_episodes(path)):
        assert sum(read) - 1000 * number <= 70_000
    assert sum(read) == 200_000


def rewrite_info(folder, **changes):
    path = folder / "meta" / "info.json"
    info = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in info.items() if value is not None}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"codebase_version": "v1.6"},
            r"'codebase_version' in .*info\.json: got 'v1\.6', expected v2\.0, v2\.1 or v3",
        ),
        ({"codebase_version": None}, r"'codebase_version' in .*: missing"),
        ({"features": None}, r"'features' in .*: missing"),
        ({"features": {"action": {"shape": [2, 3]}}}, r"'features\.action\.shape' in .*: got \[2, 3\]"),
        ({"data_path": "data/{file}.parquet"}, r"'data_path' in .*expected a template of chunk_index, file_index"),
        ({"fps": "fast"}, r"'fps' in .*: got 'fast'"),
        ({"fps": float("inf")}, r"'fps' in .*info\.json: got inf steps a second, expected a number above 0"),
        ({"fps": float("nan")}, r"'fps' in .*: got nan"),
        ({"fps": 10**400}, r"'fps' in .*: got 10+\.\.\. steps"),
        ({"fps": 0}, r"'fps' in .*: got 0"),
    ],
)
def test_metadata_that_is_wrong(tmp_path, episodes, changes, message):
    path = write_lerobot_v30(tmp_path / "set", episodes)
    rewrite_info(path, **changes)
    with pytest.raises(FormatError, match=message):
        open_episodes(path)


@pytest.mark.parametrize("chunks_size", [0, -1])
def test_a_folder_holds_at_least_one_file(tmp_path, episodes, chunks_size):
    path = write_lerobot_v21(tmp_path / "set", episodes)
    rewrite_info(path, chunks_size=chunks_size)
    with pytest.raises(FormatError, match="'chunks_size'"):
        open_episodes(path)


@pytest.mark.parametrize(
    "lines", ["not json", '{"episode_index": 0}', "[]", '{"episode_index": 0, "length": "long"}']
)
def test_a_damaged_list_of_episodes(tmp_path, episodes, lines):
    path = write_lerobot_v21(tmp_path / "set", episodes)
    (path / "meta" / "episodes.jsonl").write_text(lines)
    with pytest.raises(FormatError, match=r"episodes\.jsonl: not a readable list of episodes"):
        open_episodes(path)


def test_lists_of_episodes_that_hold_none(tmp_path, episodes):
    path = write_lerobot_v21(tmp_path / "v21", episodes)
    (path / "meta" / "episodes.jsonl").write_text("\n")
    with pytest.raises(FormatError, match="there is no episode"):
        open_episodes(path)
    (path / "meta" / "episodes.jsonl").write_text('{"episode_index": 7, "length": 0}\n')
    with pytest.raises(FormatError, match="episode 7 has 0 steps"):
        open_episodes(path)
    (path / "meta" / "episodes.jsonl").unlink()
    with pytest.raises(FileNotFoundError):
        open_episodes(path)


def test_metadata_of_episodes_in_parquet(tmp_path, episodes):
    path = write_lerobot_v30(tmp_path / "v30", episodes)
    rows = path / "meta/episodes/chunk-000/file-000.parquet"
    table = pq.read_table(rows)
    for damaged in (table.drop_columns("length"), replace_column(table, "length", [4, 1, None, 5])):
        pq.write_table(damaged, rows)
        with pytest.raises(FormatError, match=r"file-000\.parquet: not a readable list of episodes"):
            open_episodes(path)
    pq.write_table(table.take([2, 0, 3, 1]), rows)  # the order of the rows does not matter
    assert_same(open_episodes(path), episodes)
    rows.unlink()
    with pytest.raises(FormatError, match="there is no episode"):
        open_episodes(path)


@pytest.mark.parametrize("options", [{"key": "actions"}, {"state_key": "actions"}])
def test_a_wrong_key_names_the_features(tmp_path, episodes, options):
    with pytest.raises(FormatError, match=r"no 'actions': found observation\.image, action$"):
        open_episodes(write_lerobot_v30(tmp_path / "set", episodes), **options)


DATA = "data/chunk-000/file-000.parquet"


def replace_column(table, name, values):
    return table.set_column(table.column_names.index(name), name, pa.array(values))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda table: table.slice(0, 15), "has 15 steps, 16 in the metadata"),
        (lambda table: table.drop_columns("action"), "no 'action': found observation.image, timestamp"),
        (
            lambda table: replace_column(table, "episode_index", [0] * 5 + [1] * 11),
            "do not lie where the metadata has episode 1",
        ),
        (
            lambda table: replace_column(table, "action", [[1.0, 2.0, 3.0]] * 7 + [[1.0]] + [[1.0, 2.0, 3.0]] * 8),
            "'action' in .*: a step of episode 2 has 1 values, expected 3",
        ),
        (
            lambda table: replace_column(table, "action", [[1.0, 2.0, 3.0]] * 7 + [None] + [[1.0, 2.0, 3.0]] * 8),
            "'action' in .*: a step of episode 2 has no value",
        ),
        (
            lambda table: replace_column(table, "action", [[1.0, 2.0, 3.0]] * 7 + [[1.0, None, 3.0]] * 9),
            r"episode 2: actions\[2, 1\] is nan",
        ),
        (
            lambda table: replace_column(table, "action", pa.array([[1.0, 2.0]] * 16, pa.list_(pa.float32(), 2))),
            "'action' in .*: a step of episode 0 has 2 values, expected 3",
        ),
        (
            lambda table: replace_column(table, "action", [1.0] * 16),
            "'action' in .*: a step of episode 0 has 1 values, expected 3",
        ),
        (lambda table: replace_column(table, "action", [["a", "b", "c"]] * 16), "actions: type object"),
        (
            lambda table: replace_column(table, "action", [[1.0, 2.0]] * 16),
            "'action' in .*: a step of episode 0 has 2 values, expected 3",
        ),
    ],
)
def test_data_that_is_not_what_the_metadata_tells(tmp_path, episodes, damage, message):
    path = write_lerobot_v30(tmp_path / "set", episodes)
    pq.write_table(damage(frames(episodes)), path / DATA)
    with pytest.raises(ValueError, match=message):
        list(open_episodes(path))


def test_files_that_are_damaged_or_missing(tmp_path, episodes):
    path = write_lerobot_v30(tmp_path / "set", episodes)
    content = (path / DATA).read_bytes()
    (path / DATA).write_bytes(content[:-20])
    with pytest.raises(FormatError, match=r"file-000\.parquet: not a readable parquet file"):
        list(open_episodes(path))
    (path / DATA).unlink()
    with pytest.raises(FileNotFoundError):
        list(open_episodes(path))
