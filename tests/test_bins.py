"""Bins: each convention against the published formula restated, and the rules of the table itself."""

import json

import numpy as np
import published_binning as published
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds

from fast_tokenizer import BinningCodec, EncodeError, FormatError, VocabularyMap
from fast_tokenizer.codecs import bins
from fast_tokenizer.codecs.bins import Bins
from fast_tokenizer.errors import FastTokenizerError

RANGES = [(-1.0, 1.0), (-0.1, 0.1), (0.0, 1.0), (-np.pi / 2, np.pi / 2), (-0.3, 12.7)]


def probes(made, dtype, seed=0, count=20_000):
    """Values within the range of the bins, at every threshold and beside it; and some outside."""
    low, high = made.low[0], made.high[0]
    thresholds = np.array(made.thresholds[0])
    near = np.concatenate([[low, high], thresholds, *(np.linspace(low, high, n) for n in (255, 256, 257))])
    near = near.astype(dtype)
    infinite = np.array([-np.inf, np.inf], dtype)
    beside = [np.nextafter(near, one) for one in infinite]
    random = np.random.default_rng(seed).uniform(low - 0.1 * (high - low), high + 0.1 * (high - low), count)
    return np.concatenate([near, *beside, random.astype(dtype), np.array([-1e30, 1e30], dtype)])


def encoded(made, values):
    """Bins and decoded values, value by value."""
    codec = BinningCodec(made)
    batch = codec.encode(values[None, :, None])
    return batch.ids, codec.decode(batch, horizon=len(values), action_dim=1)[0, :, 0]


dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
ranges = pytest.mark.parametrize("span", RANGES)


# ---- Against the published formulas ------------------------------------------------------------------------


@dtypes
@ranges
@pytest.mark.parametrize("count", [2, 7, 256, 1024])
def test_rt_1(dtype, span, count):
    made = bins.rt_1(*span, count=count)
    values = probes(made, dtype)
    ids, decoded = encoded(made, values)
    expected_ids, expected = published.rt_1(values, *span, count)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_array_equal(decoded, expected)


@dtypes
@pytest.mark.parametrize("count", [2, 256])
def test_openvla(dtype, count):
    made = bins.openvla(count=count)
    values = probes(made, dtype)
    ids, decoded = encoded(made, values)
    expected_ids, expected = published.openvla(values, -1, 1, count)
    places = VocabularyMap.tail(32_000, size=count, skip=0)
    np.testing.assert_array_equal(places.to_model(ids), expected_ids)
    np.testing.assert_array_equal(decoded, expected)


@dtypes
def test_openpi(dtype):
    made = bins.openpi()
    values = probes(made, dtype)
    ids, _ = encoded(made, values)
    expected = published.openpi(values)
    assert (expected == -1).any()  # openpi's own answer to what is under the range, which is no bin
    np.testing.assert_array_equal(ids, np.maximum(expected, 0))
    assert BinningCodec(made).encode([[-1.001]]).clipped.tolist() == [True]


@dtypes
@ranges
@pytest.mark.parametrize("count", [2, 7, 256])
def test_octo_uniform(dtype, span, count):
    made = bins.octo_uniform(*span, count=count)
    values = probes(made, dtype)
    ids, decoded = encoded(made, values)
    expected_ids, expected = published.octo(values, published.octo_edges_uniform(*span, count), clip_to=span)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_array_equal(decoded, expected)


@dtypes
@pytest.mark.parametrize("count", [2, 7, 256])
def test_octo_normal(dtype, count):
    made = bins.octo_normal(count=count)
    edges = published.octo_edges_normal(count)
    values = probes(made, dtype)
    ids, decoded = encoded(made, values)
    expected_ids, expected = published.octo(values, edges)
    in_a_bin = values.astype(np.float32) < edges[-1]  # what is not has no bin there, and so argmax says 0
    np.testing.assert_array_equal(ids[in_a_bin], expected_ids[in_a_bin])
    np.testing.assert_array_equal(decoded[in_a_bin], expected[in_a_bin])
    assert (ids[~in_a_bin] == count - 1).all()
    np.testing.assert_allclose(edges, scipy.stats.norm.ppf(np.linspace(1e-6, 1 - 1e-6, count + 1)), atol=0.01)


@dtypes
@ranges
def test_uniform(dtype, span):
    made = bins.uniform(*span, count=100)
    values = probes(made, dtype)
    ids, decoded = encoded(made, values)
    expected_ids, _ = published.uniform(values.astype(np.float64), *span, 100)
    off = ids != expected_ids  # at a threshold itself the division may round to either side
    nearest = np.abs(values[off, None] - np.array(made.thresholds[0])).min(axis=1)
    assert (nearest <= 1e-15 * max(map(abs, span))).all()
    np.testing.assert_allclose(
        decoded[~off], published.uniform(values.astype("f8"), *span, 100)[1][~off], rtol=1e-9
    )


def test_the_resolution_of_256_bins_over_20_cm():
    values = np.random.default_rng(0).uniform(-0.1, 0.1, 200_000)
    _, decoded = encoded(bins.uniform(-0.1, 0.1), values)
    millimetres = np.abs(decoded - values) * 1e3
    assert 0.39 < millimetres.max() <= 0.390626
    assert np.sqrt((millimetres**2).mean()) == pytest.approx(0.2255, abs=0.0005)


# ---- Laws --------------------------------------------------------------------------------------------------


@given(seeds, st.integers(2, 300), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_uniform_bins_are_off_by_half_a_bin_at_most(seed, count, low, width):
    made = bins.uniform(low, low + width, count=count)
    values = np.random.default_rng(seed).uniform(low, low + width, 50)
    _, decoded = encoded(made, values)
    assert (np.abs(decoded - values) <= width / count / 2 * (1 + 1e-9) + 1e-9 * abs(low)).all()


@given(seeds, st.integers(2, 300), st.sampled_from(["rt_1", "openvla", "octo_uniform"]))
def test_published_bins_are_off_by_a_bin_at_most(seed, count, name):
    made = getattr(bins, name)(-1.0, 1.0, count=count)
    values = np.random.default_rng(seed).uniform(-1, 1, 50)
    _, decoded = encoded(made, values)
    assert (np.abs(decoded - values) <= 2 / (count - 1) + 1e-6).all()


@given(seeds, st.integers(2, 64))
def test_quantile_bins_hold_equally_many_values(seed, count):
    data = np.random.default_rng(seed).normal(size=(64 * count, 2)) * [1.0, 30.0]
    codec = BinningCodec(bins.quantiles(data, count=count))
    batch = codec.encode(data)
    per_bin = [np.bincount(column, minlength=count) for column in batch.ids.reshape(-1, 2).T]
    assert np.ptp(per_bin) <= 2
    assert not batch.clipped.any()
    decoded = codec.decode(batch, horizon=len(data), action_dim=2)
    again = codec.encode(decoded)
    np.testing.assert_array_equal(again.ids, batch.ids)


@pytest.mark.parametrize("count", [2, 8, 256])
@pytest.mark.parametrize("seldom", [1, 10, 50])
def test_a_value_that_many_steps_share_is_exact(count, seldom):
    gripper = np.repeat([0.1, 0.7], [100 - seldom, seldom])
    for values in (gripper, -gripper, np.full(100, 0.3)):
        codec = BinningCodec(bins.quantiles(values[:, None], count=count))
        decoded = codec.decode(codec.encode(values[:, None]), horizon=100, action_dim=1)
        np.testing.assert_array_equal(decoded[0, :, 0], values)


def test_each_dimension_has_its_own_range():
    made = bins.uniform([-1.0, 0.0], [1.0, 10.0], count=4)
    assert (made.dimensions, bins.uniform(-1, 1).dimensions) == (2, None)
    codec = BinningCodec(made)
    assert codec.encode([[0.6, 6.0]]).ids.tolist() == [3, 2]
    with pytest.raises(EncodeError, match="action_dim is 3: expected 2, as the bins have"):
        codec.encode(np.zeros((1, 4, 3)))
    for call in (codec.decode, codec.decode_checked):
        with pytest.raises(ValueError, match="action_dim is 1: expected 2"):
            call([0], horizon=1, action_dim=1)
    with pytest.raises(ValueError, match="action_dim is 1: expected 2"):
        codec.constraint(4, 1)


# ---- The table ---------------------------------------------------------------------------------------------


def test_bins_are_plain_json():
    for made in (bins.openvla(), bins.octo_normal(count=16), bins.rt_1([-1, 0], [1, 3])):
        assert Bins.from_config(json.loads(json.dumps(made.get_config()))) == made
    assert repr(bins.rt_1([-1, 0], [1, 3])) == "Bins(rt_1, 256 in -1..1, 0..3)"


@pytest.mark.parametrize(
    ("low", "high"),
    [(1, 1), (1, -1), (0, np.nan), (-np.inf, 0), (0, 1e39), ([0, 0], [1, 0]), ([], []), ([[0]], 1)],
)
def test_ranges_that_are_none_are_refused(low, high):
    for make in (bins.uniform, bins.rt_1, bins.openvla, bins.octo_uniform):
        with pytest.raises(FormatError):
            make(low, high)


@pytest.mark.parametrize("count", [1, 0, -5, 2.5, True, "256"])
def test_counts_that_are_none_are_refused(count):
    for make in (bins.octo_normal, lambda count: bins.uniform(-1, 1, count=count)):
        with pytest.raises(FormatError) as caught:
            make(count=count)
        assert caught.value.key == "count"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"thresholds": [[0.5, 0.2]]}, "thresholds"),
        ({"thresholds": [[0.2, 1.5]]}, "thresholds"),
        ({"thresholds": [[0.2, float("nan")]]}, "thresholds"),
        ({"thresholds": [[0.2]]}, "thresholds"),
        ({"values": [[0.1, 0.5, float("inf")]]}, "values"),
        ({"values": []}, "values"),
        ({"values": [[0.5]], "thresholds": [[]]}, "values"),
        ({"low": [2.0]}, "low"),
        ({"high": [1.0, 1.0]}, "low"),
    ],
)
def test_tables_that_contradict_themselves_are_refused(change, key):
    good = {"name": "mine", "low": [0.0], "high": [1.0], "thresholds": [[0.2, 0.5]], "values": [[0.1, 0.3, 0.8]]}
    assert Bins.from_config(good).count == 3
    with pytest.raises(FormatError) as caught:
        Bins.from_config(good | change)
    assert caught.value.key == key


@pytest.mark.parametrize("actions", [np.zeros((0, 3)), 1.0, [[np.nan, 0.0]]])
def test_data_that_tells_no_quantiles_is_refused(actions):
    with pytest.raises(FastTokenizerError):
        bins.quantiles(actions)


def test_a_published_defect_is_held_and_reported():
    codec = BinningCodec(bins.octo_normal())
    batch = codec.encode([[[9.0]], [[-9.0]], [[0.0]]])
    assert batch.ids.tolist() == [255, 0, 128]
    assert batch.clipped.tolist() == [True, True, False]
