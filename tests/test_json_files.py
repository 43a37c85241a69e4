import json

import pytest

from fast_tokenizer import FormatError
from fast_tokenizer.json_files import errors_within, read_json, write_json


def test_what_was_written_is_read(tmp_path):
    content = {"name": "Fränk", "numbers": [0.1, 2], "none": None}
    write_json(tmp_path / "robot.json", content)
    assert read_json(tmp_path / "robot.json") == content
    assert [path.name for path in tmp_path.iterdir()] == ["robot.json"]


@pytest.mark.parametrize("content", [{"x": float("nan")}, {"x": object()}])
def test_what_is_no_json_leaves_the_file_as_it_was(tmp_path, content):
    path = tmp_path / "robot.json"
    write_json(path, {"x": 1})
    with pytest.raises((ValueError, TypeError)):
        write_json(path, content)
    assert read_json(path) == {"x": 1}


def test_a_write_that_is_interrupted_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "robot.json"
    write_json(path, {"x": 1})

    def interrupt(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(path), "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_json(path, {"x": 2})
    assert json.loads(path.read_text("utf-8")) == {"x": 1}
    assert [one.name for one in tmp_path.iterdir()] == ["robot.json"]


@pytest.mark.parametrize(
    ("inner", "key", "expected"),
    [("q01", "a.b", "a.b.q01"), (None, "a.b", "a.b"), ("q01", "", "q01"), (None, "", None)],
)
def test_an_error_within_a_part_says_where_the_part_is(tmp_path, inner, key, expected):
    with pytest.raises(FormatError, match="missing") as caught, errors_within(key, tmp_path / "x.json"):
        raise FormatError("missing", key=inner)
    assert caught.value.key == expected
    assert caught.value.path == str(tmp_path / "x.json")
