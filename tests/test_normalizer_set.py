import json
import pickle

import pytest

from fast_tokenizer import FastTokenizerError, FormatError
from fast_tokenizer.action_statistics import ActionStatistics
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.normalizer_set import NormalizerSet

PANDA = Normalizer(ActionStatistics(q01=(0.0,), q99=(1.0,), count=7), clip=True, convention="openpi")
ALOHA = Normalizer(ActionStatistics(mean=(0.5, 0.1), std=(0.25, 0.0)), ("mean_std", "identity"))


@pytest.fixture
def normalizers():
    return NormalizerSet({"panda": PANDA, "aloha": ALOHA}, default="aloha")


def test_an_embodiment_is_chosen_by_name_or_by_default(normalizers):
    assert normalizers.select("panda") == normalizers["panda"] == PANDA
    assert normalizers.select() == ALOHA
    assert (list(normalizers), len(normalizers), "panda" in normalizers) == (["panda", "aloha"], 2, True)


def test_one_that_is_alone_needs_no_name():
    assert NormalizerSet({"panda": PANDA}).select() == PANDA
    assert NormalizerSet({"panda": PANDA}).default == "panda"


def test_of_several_without_a_default_one_must_be_named():
    normalizers = NormalizerSet({"panda": PANDA, "aloha": ALOHA})
    with pytest.raises(FastTokenizerError, match="no default: choose one of 'panda', 'aloha'"):
        normalizers.select()
    assert normalizers.select("aloha") == ALOHA


def test_an_unknown_embodiment_is_answered_with_those_there_are(normalizers):
    with pytest.raises(FastTokenizerError, match="got the embodiment 'widowx': expected one of 'panda', 'aloha'"):
        normalizers.select("widowx")


@pytest.mark.parametrize("default", ["aloha", None])
def test_a_file_brings_back_an_equal_set(tmp_path, default):
    normalizers = NormalizerSet({"panda": PANDA, "aloha": ALOHA}, default)
    normalizers.save(tmp_path / "normalizer.json")
    loaded = NormalizerSet.load(tmp_path / "normalizer.json")
    assert loaded == normalizers
    assert hash(loaded) == hash(normalizers)
    assert loaded.default == default


def test_the_file_says_its_version_and_keeps_embodiments_by_name(tmp_path, normalizers):
    normalizers.save(tmp_path / "normalizer.json")
    content = json.loads((tmp_path / "normalizer.json").read_text("utf-8"))
    assert (content["format_version"], content["default"]) == (1, "aloha")
    assert content["embodiments"]["panda"] == {
        "mode": "quantile",
        "clip": True,
        "convention": "openpi",
        "statistics": {"count": 7, "q01": [0.0], "q99": [1.0]},
    }


def test_it_differs_by_default_and_by_normalizers(normalizers):
    assert normalizers != NormalizerSet({"panda": PANDA, "aloha": ALOHA}, default="panda")
    assert normalizers != NormalizerSet({"panda": ALOHA, "aloha": ALOHA}, default="aloha")
    assert pickle.loads(pickle.dumps(normalizers)) == normalizers


def test_a_set_is_not_empty_and_has_its_default():
    with pytest.raises(FormatError, match="'embodiments': got no normaliser"):
        NormalizerSet({})
    with pytest.raises(FormatError, match="'default': got 'widowx', expected one of 'panda'"):
        NormalizerSet({"panda": PANDA}, default="widowx")


def place(content, *keys):
    *path, last = keys
    for key in path:
        content = content[key]
    return content, last


@pytest.mark.parametrize(
    ("keys", "value", "key"),
    [
        (("format_version",), 2, "format_version"),
        (("format_version",), "1", "format_version"),
        (("embodiments",), [], "embodiments"),
        (("embodiments",), {}, "embodiments"),
        (("default",), "widowx", "default"),
        (("default",), 3, "default"),
        (("embodiments", "panda", "mode"), "z", "embodiments.panda.mode"),
        (("embodiments", "panda", "statistics", "q99"), [-1.0], "embodiments.panda.statistics.q01"),
        (("embodiments", "aloha", "statistics", "std"), [1.0], "embodiments.aloha.statistics.std"),
        (("embodiments", "aloha"), None, "embodiments.aloha"),
    ],
)
def test_a_damaged_file_is_named_with_the_key(tmp_path, normalizers, keys, value, key):
    path = tmp_path / "normalizer.json"
    normalizers.save(path)
    content = json.loads(path.read_text("utf-8"))
    parent, last = place(content, *keys)
    parent[last] = value
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(FormatError) as caught:
        NormalizerSet.load(path)
    assert (caught.value.path, caught.value.key) == (str(path), key)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"normalizer\.json is missing"):
        NormalizerSet.load(tmp_path / "normalizer.json")
