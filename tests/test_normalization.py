import dataclasses
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds

from fast_tokenizer import FormatError
from fast_tokenizer.action_statistics import ActionStatistics
from fast_tokenizer.normalization import Normalizer

MODES = ["quantile", "min_max", "mean_std", "identity"]

finite = st.floats(-1e100, 1e100)


@st.composite
def recordings(draw):
    """float32 steps [N, 5]: smooth, heavy-tailed, two-valued, constant and seldom-changing dimensions."""
    rng = np.random.default_rng(draw(seeds))
    count = draw(st.integers(2, 300))
    offset, size = draw(st.sampled_from([0.0, 1.0, -500.0])), 10.0 ** draw(st.integers(-6, 6))
    columns = [
        offset + size * np.cumsum(rng.normal(size=count)),
        offset + size * rng.standard_t(1, count),
        rng.choice([offset, offset + size], count),
        np.full(count, offset + size * rng.normal()),
        np.where(np.arange(count) == count // 2, 1.0, 0.0),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def q01_and_q99(low, high):
    return Normalizer(ActionStatistics(q01=low, q99=high))


def test_the_percentiles_go_to_minus_one_and_one():
    actions = np.random.default_rng(0).normal([0.0, 500.0], [1.0, 40.0], (2000, 2))
    normalizer = Normalizer.fit(actions)
    ends = np.quantile(actions, [0.01, 0.99], axis=0)
    np.testing.assert_allclose(normalizer.normalize(ends), [[-1, -1], [1, 1]], atol=1e-12)
    inside = np.abs(normalizer.normalize(actions)) <= 1
    assert inside.mean() == pytest.approx(0.98, abs=0.01)


def test_minimum_and_maximum_go_to_minus_one_and_one():
    actions = np.random.default_rng(0).normal([0.0, 500.0], [1.0, 40.0], (200, 2))
    normalized = Normalizer.fit(actions, "min_max").normalize(actions)
    np.testing.assert_allclose(normalized.min(axis=0), -1, rtol=1e-15)
    np.testing.assert_allclose(normalized.max(axis=0), 1, rtol=1e-15)


def test_the_mean_goes_to_zero_and_a_standard_deviation_to_one():
    actions = np.random.default_rng(0).normal([0.0, 500.0], [1.0, 40.0], (200, 2))
    normalized = Normalizer.fit(actions, "mean_std").normalize(actions)
    np.testing.assert_allclose(normalized.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(normalized.std(axis=0), 1, rtol=1e-12)


def test_each_dimension_may_have_its_own_mode():
    actions = np.random.default_rng(0).normal(size=(200, 4))
    mixed = Normalizer.fit(actions, MODES).normalize(actions)
    for dimension, mode in enumerate(MODES):
        alone = Normalizer.fit(actions, mode).normalize(actions)
        np.testing.assert_array_equal(mixed[:, dimension], alone[:, dimension])
    np.testing.assert_array_equal(mixed[:, MODES.index("identity")], actions[:, MODES.index("identity")])


@given(
    actions=recordings(), mode=st.sampled_from(MODES) | st.lists(st.sampled_from(MODES), min_size=5, max_size=5)
)
def test_actions_come_back_in_float32_to_a_millionth_of_their_range(actions, mode):
    normalizer = Normalizer.fit(actions, mode)
    normalized = normalizer.normalize(actions).astype(np.float32)
    assert np.isfinite(normalized).all()
    back = normalizer.unnormalize(normalized).astype(np.float32)
    limit = 1e-6 * np.ptp(actions.astype(np.float64), axis=0)
    error = np.abs(back.astype(np.float64) - actions).max(axis=0)
    assert np.all(error <= limit)
    is_constant = limit == 0
    np.testing.assert_array_equal(back[:, is_constant], actions[:, is_constant])


@given(actions=recordings(), mode=st.lists(st.sampled_from(MODES), min_size=5, max_size=5))
def test_only_what_is_to_be_clipped_is(actions, mode):
    free, clipped = (Normalizer.fit(actions, mode, clip=clip).normalize(actions * 2) for clip in (False, True))
    is_bounded = np.isin(mode, ["quantile", "min_max"])
    np.testing.assert_array_equal(clipped, np.where(is_bounded, np.clip(free, -1, 1), free))
    back = Normalizer.fit(actions, mode).unnormalize(free)
    is_constant = np.ptp(actions, axis=0) == 0
    np.testing.assert_allclose(
        back[:, ~is_constant], actions[:, ~is_constant] * 2.0, rtol=1e-9, atol=1e-9 * np.abs(actions).max()
    )


@given(
    actions=recordings(),
    mode=st.sampled_from(["quantile", "min_max"]),
    convention=st.sampled_from(["exact", "openvla"]),
    seed=seeds,
)
def test_what_is_lost_is_what_is_clipped_and_constants_that_move(actions, mode, convention, seed):
    statistics = Normalizer.fit(actions).statistics
    normalizer = Normalizer(statistics, mode, clip=True, convention=convention)
    low, high = (
        np.array(getattr(statistics, name)) for name in {"quantile": ("q01", "q99")}.get(mode, ("min", "max"))
    )
    is_constant = normalizer.gain == 0
    parts = np.random.default_rng(seed).uniform(-1, 2, (50, 5))
    values = low + parts * (high - low)
    parts = (values - low) / (high - low + {"exact": 1e-300, "openvla": 1e-8}[convention])  # as it is clipped
    expected = ((parts < 0) | (parts > 1)) & ~is_constant
    told = normalizer.loses(values)
    on_the_edge = (np.abs(parts) < 1e-5) | (np.abs(parts - 1) < 1e-5) | (low == high)
    assert (told == expected)[~on_the_edge].all()
    assert not normalizer.loses(np.clip(values, low, high))[:, low < high].any()
    constants = np.array(statistics.min) == np.array(statistics.max)
    moved = np.where(constants, np.array(statistics.min) * (1 + 1e-4) + 1e-4, low)
    assert normalizer.loses(moved)[constants].all()
    assert not normalizer.loses(actions[0])[constants].any()


def test_little_is_lost_far_from_zero():
    """Where a range is narrow and far away, a value beyond it is off by little beside its size."""
    narrow = Normalizer(ActionStatistics(q01=(1000.0,), q99=(1000.001,)), clip=True)
    assert narrow.loses([[1000.0], [1000.0005], [1000.001], [1000.0019]]).ravel().tolist() == [False] * 3 + [True]
    still = Normalizer(ActionStatistics(q01=(1e4,), q99=(1e4,), min=(1e4,), max=(1e4,)))
    assert still.loses([[1e4], [1e4 + 0.009]]).ravel().tolist() == [False, True]


def test_a_mode_may_be_a_list():
    statistics = ActionStatistics(q01=(0.0, 0.0), q99=(1.0, 1.0))
    listed, tupled = (Normalizer(statistics, kind(["quantile", "identity"])) for kind in (list, tuple))
    assert (listed, hash(listed)) == (tupled, hash(tupled))


@given(actions=recordings(), mode=st.sampled_from(MODES), change=st.floats(-3, 3))
def test_the_gain_is_what_a_unit_of_normalised_actions_is_worth(actions, mode, change):
    normalizer = Normalizer.fit(actions, mode)
    normalized = normalizer.normalize(actions)
    moved = normalizer.unnormalize(normalized + change) - normalizer.unnormalize(normalized)
    expected = np.broadcast_to(change * normalizer.gain, moved.shape)
    scale = np.abs(actions).max(axis=0) + np.abs(normalizer.gain)
    assert np.all(np.abs(moved - expected) <= 1e-12 * scale)


@given(
    actions=recordings(),
    mode=st.sampled_from(MODES) | st.lists(st.sampled_from(MODES), min_size=5, max_size=5),
    clip=st.booleans(),
)
def test_a_configuration_is_plain_json_and_makes_an_equal_normaliser(actions, mode, clip):
    normalizer = Normalizer.fit(actions, mode, clip=clip)
    copied = Normalizer.from_config(json.loads(json.dumps(normalizer.get_config(), allow_nan=False)))
    assert copied == normalizer
    assert hash(copied) == hash(normalizer)
    np.testing.assert_array_equal(copied.normalize(actions), normalizer.normalize(actions))


@pytest.mark.parametrize("shape", [(100, 3), (5, 20, 3), (2, 5, 10, 3)])
def test_any_shape_that_ends_in_the_dimensions_will_do(shape):
    actions = np.random.default_rng(1).normal(size=shape)
    normalizer = Normalizer.fit(actions)
    normalized = normalizer.normalize(actions)
    assert normalized.shape == shape
    assert normalizer == Normalizer.fit(actions.reshape(-1, 3))
    np.testing.assert_allclose(normalizer.unnormalize(normalized), actions, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "u1"])
def test_results_are_float64_whatever_comes_in(dtype):
    actions = np.arange(30).reshape(10, 3).astype(dtype)
    normalized = Normalizer.fit(actions).normalize(actions)
    assert normalized.dtype == np.float64
    assert normalized[0, 0] == pytest.approx(-normalized[-1, 0])


@given(
    value=finite | st.floats(-1e-300, 1e-300),
    dtype=st.sampled_from(["f4", "f8"]),
    noise=finite,
    mode=st.sampled_from(MODES[:3]),
)
def test_a_constant_dimension_comes_back_exactly(value, dtype, noise, mode):
    with np.errstate(over="ignore"):  # beyond float32
        constant = np.dtype(dtype).type(value)
    if not np.isfinite(constant):
        return
    actions = np.stack([np.full(50, constant), np.linspace(0, 1, 50, dtype=dtype)], axis=1)
    normalizer = Normalizer.fit(actions, mode)
    normalized = normalizer.normalize(actions)
    assert normalizer.gain[0] == 0.0
    assert np.all(normalized[:, 0] == 0.0)
    assert np.all(normalizer.unnormalize(normalized)[:, 0] == constant)
    assert normalizer.unnormalize([[noise, 0.0]])[0, 0] == constant


def test_a_constant_is_known_by_its_extremes_whatever_rounding_made_of_its_mean():
    statistics = ActionStatistics(mean=(0.30000000000000004,), std=(1e-17,), min=(0.3,), max=(0.3,))
    normalizer = Normalizer(statistics, "mean_std")
    assert normalizer.normalize([0.3]).item() == 0.0
    assert normalizer.unnormalize([0.0]).item() == 0.3


def test_a_gripper_that_hardly_ever_closes_is_not_taken_for_constant():
    actions = np.ones((1000, 1))
    actions[500] = 0.0
    normalizer = Normalizer.fit(actions)
    assert (normalizer.statistics.q01, normalizer.statistics.q99) == ((1.0,), (1.0,))
    assert sorted(set(normalizer.normalize(actions).ravel())) == [-1.0, 1.0]
    np.testing.assert_array_equal(normalizer.unnormalize(normalizer.normalize(actions)), actions)


def test_equal_percentiles_without_extremes_are_taken_for_a_constant():
    normalizer = q01_and_q99((5.0,), (5.0,))
    assert normalizer.normalize([9.0]).item() == 0.0
    assert normalizer.unnormalize([0.5]).item() == 5.0


def test_it_cannot_be_changed_and_can_be_shared():
    normalizer = Normalizer.fit(np.random.default_rng(2).normal(size=(50, 2)))
    normalizer.normalize([[0.0, 0.0]])
    with pytest.raises(dataclasses.FrozenInstanceError):
        normalizer.clip = True
    assert pickle.loads(pickle.dumps(normalizer)) == normalizer
    assert len({normalizer, dataclasses.replace(normalizer)}) == 1


def published_openpi(actions, statistics, use_quantiles):
    """openpi's `Normalize` and `Unnormalize`, as functions."""
    if use_quantiles:
        q01, q99 = np.array(statistics.q01), np.array(statistics.q99)
        return (
            (actions - q01) / (q99 - q01 + 1e-6) * 2.0 - 1.0,
            lambda x: (x + 1.0) / 2.0 * (q99 - q01 + 1e-6) + q01,
        )
    mean, std = np.array(statistics.mean), np.array(statistics.std)
    return (actions - mean) / (std + 1e-6), lambda x: x * (std + 1e-6) + mean


@given(actions=recordings(), mode=st.sampled_from(["quantile", "mean_std"]))
def test_the_convention_of_openpi_is_its_formula_to_the_last_bit(actions, mode):
    statistics = Normalizer.fit(actions).statistics
    normalizer = Normalizer(statistics, mode, convention="openpi")
    normalized, inverse = published_openpi(actions.astype(np.float64), statistics, mode == "quantile")
    np.testing.assert_array_equal(normalizer.normalize(actions), normalized)
    np.testing.assert_array_equal(normalizer.unnormalize(normalized), inverse(normalized))


@given(
    actions=recordings(),
    mode=st.sampled_from(["quantile", "min_max"]),
    mask=st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_the_convention_of_openvla_is_its_formula_to_the_last_bit(actions, mode, mask):
    statistics = Normalizer.fit(actions).statistics
    modes = tuple(mode if is_scaled else "identity" for is_scaled in mask)
    normalizer = Normalizer(statistics, modes, clip=True, convention="openvla")
    names = ("q01", "q99") if mode == "quantile" else ("min", "max")
    low, high = (np.array(getattr(statistics, name)) for name in names)
    wide = actions.astype(np.float64)
    expected = np.where(mask, np.clip(2 * (wide - low) / (high - low + 1e-8) - 1, -1, 1), wide)
    expected = np.where(np.array(statistics.min) == np.array(statistics.max), 0.0, expected)
    np.testing.assert_array_equal(normalizer.normalize(actions), expected)
    back = np.where(mask, 0.5 * (expected + 1) * (high - low) + low, expected)
    np.testing.assert_array_equal(normalizer.unnormalize(expected), back)


KNOWN = {"q01": [0.0, 0.0], "q99": [1.0, 1.0]}


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"mode": "z_score"}, "mode", "dimension 0 has 'z_score', expected one of quantile, min_max"),
        ({"mode": ["quantile", 3]}, "mode", "dimension 1 has 3"),
        ({"mode": ["quantile"]}, "mode", "got 1 modes, expected one, or as many as dimensions: 2"),
        ({"mode": 3}, "mode", "got 3, expected a mode"),
        ({"mode": "mean_std"}, "statistics.mean", "the mode 'mean_std' needs it"),
        ({"mode": ["quantile", "min_max"]}, "statistics.min", "the mode 'min_max' needs it"),
        ({"clip": 1}, "clip", "got 1, expected true or false"),
        ({"convention": "octo"}, "convention", "got 'octo', expected one of exact, openpi, openvla"),
        ({"convention": ["exact"]}, "convention", "expected one of exact"),
        ({"convention": "openpi", "mode": "min_max"}, "mode", "'min_max', expected one of quantile, mean_std"),
        ({"statistics": 5}, "statistics", "got a int, expected an object"),
        ({"statistics": {"q01": ["a", 0.0]}}, "statistics.q01", "dimension 0 has 'a'"),
        ({"statistics": {}}, "statistics", "no statistics"),
    ],
)
def test_what_is_wrong_in_a_configuration_is_named(changes, key, message):
    config = {"mode": "quantile", "clip": False, "convention": "exact", "statistics": KNOWN, **changes}
    with pytest.raises(FormatError, match=message) as caught:
        Normalizer.from_config(config)
    assert caught.value.key == key


@pytest.mark.parametrize("key", ["mode", "clip", "convention", "statistics"])
def test_what_is_missing_in_a_configuration_is_named(key):
    config = q01_and_q99((0.0,), (1.0,)).get_config()
    del config[key]
    with pytest.raises(FormatError, match=f"'{key}': missing"):
        Normalizer.from_config(config)


@pytest.mark.parametrize("shape", [(), (0, 3), (3, 0)])
def test_no_step_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected (at least one step|steps)"):
        Normalizer.fit(np.zeros(shape))


@pytest.mark.parametrize("method", ["normalize", "unnormalize"])
@pytest.mark.parametrize("actions", [0.0, [1.0], [[1.0, 2.0, 3.0]]])
def test_another_number_of_dimensions_is_refused(method, actions):
    with pytest.raises(ValueError, match=r"expected \[\.\.\., 2\], as in the statistics"):
        getattr(q01_and_q99((0.0, 0.0), (1.0, 1.0)), method)(actions)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_cell_that_is_not_finite_is_named(bad):
    actions = np.zeros((4, 5, 2), dtype=np.float32)
    actions[1, 2, 1] = actions[3, 0, 0] = bad
    with pytest.raises(ValueError, match=rf"actions\[1, 2, 1\] is {bad} \(2 of 40 values"):
        Normalizer.fit(actions)
