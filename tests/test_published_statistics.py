"""Files of other projects: small ones written here, and published ones where they are at hand."""

import json

import numpy as np
import pytest

from fast_tokenizer import FastTokenizerError, FormatError
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.normalizer_set import NormalizerSet
from fast_tokenizer.published_statistics import read_lerobot, read_normalizer, read_openpi, read_openvla

NUMBERS = {"mean": [0.1, 0.5], "std": [0.2, 0.5], "q01": [-0.4, 0.0], "q99": [0.6, 1.0]}
EXTREMES = {"min": [-1.0, 0.0], "max": [2.0, 1.0]}
ACTIONS = np.array([[-0.4, 0.0], [0.1, 1.0], [1.6, 1.0]])


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "statistics.json"
        path.write_text(json.dumps(content), "utf-8")
        return path

    return write


def test_a_file_of_openpi(written):
    path = written({"norm_stats": {"state": {**NUMBERS, "q01": None, "q99": None}, "actions": NUMBERS}})
    normalizer = read_openpi(path)
    q01, q99 = np.array(NUMBERS["q01"]), np.array(NUMBERS["q99"])
    np.testing.assert_array_equal(normalizer.normalize(ACTIONS), (ACTIONS - q01) / (q99 - q01 + 1e-6) * 2.0 - 1.0)
    z_score = read_openpi(path, key="state", mode="mean_std").normalize(ACTIONS)
    np.testing.assert_array_equal(z_score, (ACTIONS - NUMBERS["mean"]) / (np.array(NUMBERS["std"]) + 1e-6))
    with pytest.raises(FormatError, match=r"'norm_stats.state.statistics.q01' in .*statistics.json: missing"):
        read_openpi(path, key="state")


def test_a_file_of_openvla(written):
    group = {"action": {**NUMBERS, **EXTREMES, "mask": [True, False]}, "proprio": {}, "num_transitions": 3}
    unmasked = {"action": {**NUMBERS, **EXTREMES}}
    normalizers = read_openvla(written({"bridge_orig": group, "rlbench": unmasked}))
    assert list(normalizers) == ["bridge_orig", "rlbench"]
    low, high = np.array(NUMBERS["q01"]), np.array(NUMBERS["q99"])
    scaled = np.clip(2 * (ACTIONS - low) / (high - low + 1e-8) - 1, -1, 1)
    np.testing.assert_array_equal(normalizers["rlbench"].normalize(ACTIONS), scaled)
    masked = normalizers.select("bridge_orig").normalize(ACTIONS)
    np.testing.assert_array_equal(masked, np.where([True, False], scaled, ACTIONS))
    assert masked.max() == 1.0


def test_a_file_of_openvla_with_minimum_and_maximum(written):
    path = written({"rlbench": {"action": {**NUMBERS, **EXTREMES}}})
    normalizer = read_openvla(path, mode="min_max").select()
    assert normalizer.unnormalize([[-1.0, 1.0]]).tolist() == [[-1.0, 1.0]]
    assert normalizer.unnormalize([[1.0, -1.0]]).tolist() == [[2.0, 0.0]]


def test_a_file_of_lerobot(written):
    image = {"min": [[[0.0]]], "max": [[[1.0]]], "count": [3]}
    path = written({"action": {**NUMBERS, **EXTREMES, "count": [3]}, "observation.image": image})
    normalizer = read_lerobot(path)
    assert normalizer.statistics.count == 3
    low, high = np.array(NUMBERS["q01"]), np.array(NUMBERS["q99"])
    np.testing.assert_allclose(normalizer.normalize(ACTIONS), 2 * (ACTIONS - low) / (high - low) - 1, atol=1e-15)
    assert read_lerobot(path, mode="min_max").normalize([[2.0, 0.0]]).tolist() == [[1.0, -1.0]]


def test_a_file_of_lerobot_without_percentiles_says_what_is_missing(written):
    path = written({"action": {**EXTREMES}})
    with pytest.raises(FormatError, match=r"'action.statistics.q01' in .*: missing, but the mode 'quantile'"):
        read_lerobot(path)
    assert read_lerobot(path, mode="min_max").statistics.action_dim == 2


@pytest.mark.parametrize(
    ("read", "content", "key"),
    [
        (read_openpi, {}, "norm_stats"),
        (read_openpi, {"norm_stats": {"state": NUMBERS}}, "norm_stats.actions"),
        (read_openpi, {"norm_stats": {"actions": [1.0]}}, "norm_stats.actions"),
        (read_openpi, {"norm_stats": {"actions": {**NUMBERS, "q99": ["x", 1.0]}}}, "norm_stats.actions.q99"),
        (read_openvla, {"bridge": {}}, "bridge.action"),
        (read_openvla, {"bridge": {"action": {**NUMBERS, "mask": [True]}}}, "bridge.action.mask"),
        (read_openvla, {"bridge": {"action": {**NUMBERS, "mask": [1, 0]}}}, "bridge.action.mask"),
        (read_openvla, {"bridge": {"action": {**NUMBERS, "std": [0.1]}}}, "bridge.action.std"),
        (read_openvla, {}, "embodiments"),
        (read_lerobot, {"actions": NUMBERS}, "action"),
        (read_lerobot, {"action": {**NUMBERS, "count": [1, 2]}}, "action.count"),
    ],
)
def test_a_damaged_file_is_named_with_the_key(written, read, content, key):
    path = written(content)
    with pytest.raises(FormatError) as caught:
        read(path)
    assert (caught.value.path, caught.value.key) == (str(path), key)


@pytest.mark.parametrize("read", [read_openpi, read_openvla, read_lerobot])
def test_a_missing_file_is_named(tmp_path, read):
    with pytest.raises(FormatError, match=r"nowhere\.json is missing"):
        read(tmp_path / "nowhere.json")


@pytest.mark.parity
@pytest.mark.parametrize(
    ("name", "key"),
    [("bridge", "bridge_robot"), ("calvin", "calvin_abcd"), ("libero_pre", "libero")],
)
def test_published_files_of_openpi(shared, name, key):
    path = shared / "data" / "stats" / f"ellsa_normalizer_{name}.json"
    numbers = json.loads(path.read_text("utf-8"))["norm_stats"][key]
    q01, q99 = np.array(numbers["q01"]), np.array(numbers["q99"])
    actions = np.random.default_rng(0).uniform(q01 - 0.1, q99 + 0.1, (100, 7))
    normalizer = read_openpi(path, key=key)
    normalized = (actions - q01) / (q99 - q01 + 1e-6) * 2.0 - 1.0
    np.testing.assert_array_equal(normalizer.normalize(actions), normalized)
    np.testing.assert_allclose(normalizer.unnormalize(normalized), actions, rtol=0, atol=1e-15)


@pytest.mark.parity
def test_published_file_of_openvla(shared):
    path = shared / "data" / "stats" / "vgmact_oxe_dataset_statistics.json"
    normalizers = read_openvla(path)
    content = json.loads(path.read_text("utf-8"))
    assert list(normalizers) == list(content)
    assert len(normalizers) == 26
    rng = np.random.default_rng(0)
    for name, group in content.items():
        numbers = {key: np.array(value) for key, value in group["action"].items()}
        low, high, mask = numbers["q01"], numbers["q99"], numbers.get("mask", np.full(7, True))
        actions = rng.uniform(numbers["min"], numbers["max"], (100, 7))
        expected = np.where(mask, np.clip(2 * (actions - low) / (high - low + 1e-8) - 1, -1, 1), actions)
        expected = np.where(numbers["min"] == numbers["max"], 0.0, expected)
        np.testing.assert_array_equal(normalizers[name].normalize(actions), expected)
        back = np.where(mask, 0.5 * (expected + 1) * (high - low) + low, expected)
        np.testing.assert_array_equal(normalizers[name].unnormalize(expected), back)


# ---- Any of them -------------------------------------------------------------------------------------------


def test_the_content_says_whose_file_it_is(tmp_path):
    group = {"mean": [0.5], "std": [0.1], "min": [-1.0], "max": [3.0], "q01": [-0.5], "q99": [2.0]}
    normalizers = NormalizerSet({"one": Normalizer.fit([[0.0], [1.0]]), "two": Normalizer.fit([[0.0], [2.0]])})
    normalizers.save(tmp_path / "normalizer.json")
    contents = {
        "openpi": {"norm_stats": {"actions": group, "state": group}},
        "openvla": {"bridge": {"action": group}, "fractal": {"action": group, "proprio": group}},
        "lerobot": {"action": group, "observation.state": group},
        "unknown": {"numbers": group},
        "empty": {},
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(json.dumps(content))
    assert read_normalizer(tmp_path / "openpi") == read_openpi(tmp_path / "openpi")
    assert read_normalizer(tmp_path / "openpi", "state") == read_openpi(tmp_path / "openpi", "state")
    assert read_normalizer(tmp_path / "openpi", "my_arm") == read_openpi(tmp_path / "openpi")
    assert read_normalizer(tmp_path / "lerobot") == read_lerobot(tmp_path / "lerobot")
    assert read_normalizer(tmp_path / "openvla", "bridge") == read_openvla(tmp_path / "openvla")["bridge"]
    assert read_normalizer(tmp_path / "normalizer.json", "two") == normalizers["two"]
    for several in ("openvla", "normalizer.json"):
        with pytest.raises(FastTokenizerError, match="no embodiment was named"):
            read_normalizer(tmp_path / several)
    for other in ("unknown", "empty"):
        with pytest.raises(FormatError, match=r"looked for statistics of openpi .*OpenVLA .*LeRobot"):
            read_normalizer(tmp_path / other)
