"""Training on a dataset: the same as by hand, whatever the size of the groups; the scale that a bound needs."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds

from fast_tokenizer import EncodeError, FastTokenizer, FastTokenizerError, FormatError, TrainingError
from fast_tokenizer.action_statistics import ActionStatistics
from fast_tokenizer.chunking import Chunking
from fast_tokenizer.dataset_training import Resampling, TrainingSettings, chunk_groups, train
from fast_tokenizer.dataset_training.chunk_groups import ChunkGroups
from fast_tokenizer.dataset_training.recording import read_recording
from fast_tokenizer.dataset_training.scale_search import least_scale
from fast_tokenizer.datasets import Episode, Episodes, open_episodes
from fast_tokenizer.motions import generate_episodes
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.relative_actions import RelativeActions
from fast_tokenizer.resampling import resample
from fast_tokenizer.training import VocabularySettings

CHUNKING = Chunking(horizon=16, stride=4)


@pytest.fixture(scope="module")
def arrays():
    """Twelve episodes in a robot's units, float32 `[80, 4]`, the second dimension far off and wide."""
    motions = generate_episodes(12, action_dim=4, hz=20.0, seconds=4.0, seed=3)
    return [(motion * [0.5, 40.0, 1.0, 0.2] + [0.0, 300.0, 0.0, 1.0]).astype("f4") for motion in motions]


@pytest.fixture(scope="module")
def vocabulary():
    return VocabularySettings(vocab_size=500)


def with_states(actions, states, dims=None):
    """A dataset with states, of arrays in memory."""

    def read():
        for place, (one, state) in enumerate(zip(actions, states, strict=True)):
            yield Episode(f"episode {place}", one, state)

    return Episodes("memory", len(actions), actions[0].shape[1], read, dims=dims)


def groups_of(arrays, chunking=CHUNKING, relative=None):
    episodes = open_episodes(arrays) if isinstance(arrays, list) else arrays
    return ChunkGroups(read_recording(episodes, None).episodes, chunking, relative)


# ---- Groups of chunks --------------------------------------------------------------------------------------


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    horizon=st.integers(1, 12),
    stride=st.integers(1, 9),
    padding=st.sampled_from(["drop", "hold", "zeros"]),
    sample=st.sampled_from([1.0, 0.6]),
    at_once=st.integers(1, 200),
    seed=seeds,
)
@settings(max_examples=60)
def test_groups_are_the_chunks_in_their_order(lengths, horizon, stride, padding, sample, at_once, seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=(length, 2)).astype(np.float32) for length in lengths]
    chunking = Chunking(horizon, stride, padding, sample, seed % 5)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(chunk_groups, "_VALUES_AT_ONCE", at_once)
        groups = list(groups_of(arrays, chunking).read("chunks"))
    try:
        expected = chunking.cut(arrays)
    except FastTokenizerError:
        assert groups == []
        return
    np.testing.assert_array_equal(np.concatenate(groups), expected)
    assert all(0 < group.size < at_once + max(at_once, 2 * horizon) for group in groups)


def test_chunks_relative_to_the_states_they_begin_in(arrays):
    states = [array[:, :3] - 2 for array in arrays]
    relative = RelativeActions((0, 2))
    groups = groups_of(with_states(arrays, states), relative=relative)
    starts = CHUNKING.cut(states)[:, 0]
    expected = relative.to_relative(CHUNKING.cut(arrays), starts)
    np.testing.assert_array_equal(np.concatenate(list(groups.read("chunks"))), expected)


def test_states_of_the_chosen_dimensions(arrays):
    episodes = with_states(arrays, [array + 5 for array in arrays], dims=(3, 1))
    groups = groups_of(episodes, relative=RelativeActions((0, 1)))
    first = next(groups.read("chunks"))[0, 0]
    np.testing.assert_allclose(first, [-5, -5], atol=1e-4)


def test_states_without_the_gripper(arrays):
    episodes = with_states(arrays, [array[:, :3] + 5 for array in arrays], dims=(1, 2, 3))
    chunks = next(groups_of(episodes, relative=RelativeActions((0, 1))).read("chunks"))
    np.testing.assert_allclose(chunks[0, 0, :2], [-5, -5], atol=1e-4)
    np.testing.assert_array_equal(chunks[:, :, 2], next(groups_of(arrays).read("chunks"))[:, :, 3])


@pytest.mark.parametrize("dims", [None, (0, 1, 3), (3, 2, 1)])
def test_a_relative_dimension_that_states_lack_is_refused(arrays, dims):
    episodes = with_states(arrays, [array[:, :2] for array in arrays], dims=dims)
    with pytest.raises(
        TrainingError, match=r"episode 0: its states have no dimension that belongs to \[[02]\] of"
    ):
        next(groups_of(episodes, relative=RelativeActions((0 if dims == (3, 2, 1) else 2,))).read("chunks"))


def test_states_without_the_gripper_are_resampled(arrays):
    episodes = replace(with_states(arrays, [array[:, :3] for array in arrays]), hz=20.0)
    states = read_recording(episodes, Resampling(10.0)).episodes[0].episode.states
    np.testing.assert_allclose(states[:, :3], resample(arrays[0][:, :3], 20, 10), rtol=1e-6)
    assert np.isnan(states[:, 3]).all()


def test_a_rate_beyond_all_sense_is_refused(arrays):
    with pytest.raises(TrainingError, match=r"the rate is 1e\+09 Hz, that of memory 20 Hz: expected at most 1000"):
        read_recording(replace(open_episodes(arrays), hz=20.0), Resampling(1e9))


def test_relative_chunks_need_states(arrays):
    with pytest.raises(TrainingError, match=r"episode 0 has no states .*state_key"):
        train(open_episodes(arrays), TrainingSettings(CHUNKING, relative=RelativeActions((0,))))


# ---- What is read ------------------------------------------------------------------------------------------


def test_the_hash_is_that_of_the_values(arrays):
    def sha256(episodes):
        return read_recording(episodes, None).sha256

    first = sha256(open_episodes(arrays))
    assert first == sha256(open_episodes([np.asfortranarray(array) for array in arrays]))
    changed = [array.copy() for array in arrays]
    changed[7][3, 2] += 1e-3
    others = [
        open_episodes(changed),
        open_episodes(arrays[::-1]),
        open_episodes([np.concatenate(arrays[:2]), *arrays[2:]]),
        open_episodes(arrays, dims=[0, 1]),
        with_states(arrays, arrays),
    ]
    assert len({first, *map(sha256, others)}) == 6


def test_episodes_are_resampled(arrays):
    episodes = replace(open_episodes([*arrays, np.empty((0, 4))]), hz=20.0)
    recording = read_recording(episodes, Resampling(50.0, held=(3,)))
    for placed, array in zip(recording.episodes[:-1], arrays, strict=True):
        np.testing.assert_allclose(placed.episode.actions, resample(array, 20, 50, held=[3]), rtol=1e-6)
        assert placed.episode.actions.dtype == np.float32
    assert recording.steps == 12 * 80
    assert len(recording.episodes[-1].episode.actions) == 0


@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=12),
    hold_out=st.sampled_from([0.0, 0.01, 0.2, 0.5, 0.99]),
    seed=seeds,
)
def test_whole_episodes_are_held_out(lengths, hold_out, seed):
    recording = read_recording(open_episodes([np.zeros((length, 2)) for length in lengths]), None)
    long_enough = [place for place, length in enumerate(lengths) if length >= 10]
    chunking = Chunking(10)
    if not long_enough:
        with pytest.raises(FastTokenizerError, match="no chunk of 10 steps"):
            recording.split(chunking, hold_out, seed)
        return
    to_train, held_out = ([one.place for one in part] for part in recording.split(chunking, hold_out, seed))
    assert sorted(to_train + held_out) == list(range(len(lengths)))
    assert to_train == sorted(to_train)
    assert held_out == sorted(held_out)
    assert set(held_out) <= set(long_enough)
    expected = max(1, round(hold_out * len(long_enough))) if hold_out else 0
    assert len(held_out) == min(expected, len(long_enough) - 1)


# ---- The tokenizer -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["quantile", "min_max", "mean_std", "identity"])
@pytest.mark.parametrize("scheme", ["symbols", "bytes"])
def test_it_is_that_of_a_fit_by_hand(arrays, mode, scheme):
    if mode == "identity":
        arrays = [(array - np.float32([0, 300, 0, 0])) / np.float32([1, 40, 1, 1]) for array in arrays]
    wanted = VocabularySettings(vocab_size=1500, scheme=scheme)
    trained = train(
        open_episodes(arrays),
        TrainingSettings(CHUNKING, wanted, mode, hold_out=0, embodiment="arm"),
        num_threads=1,
    )
    normalizer = trained.tokenizer.normalizer["arm"]
    by_hand = Normalizer.fit(np.concatenate(arrays), mode)
    for name in ("q01", "q99", "min", "max", "count"):
        assert getattr(normalizer.statistics, name) == getattr(by_hand.statistics, name)
    chunks = CHUNKING.cut(arrays)
    fitted = FastTokenizer.fit(chunks, vocab_size=1500, scheme=scheme, normalizer=normalizer)
    assert trained.tokenizer.codec == fitted.codec
    assert (trained.tokenizer.time_horizon, trained.tokenizer.action_dim) == (16, 4)
    assert trained.held_out_chunks == 0
    assert trained.figures.lengths.tolist() == fitted.encode(chunks).lengths.tolist()


def test_statistics_of_relative_actions_are_of_chunks(arrays):
    relative = RelativeActions((0, 1))
    episodes = with_states(arrays, arrays)
    trained = train(episodes, TrainingSettings(CHUNKING, relative=relative, hold_out=0))
    chunks = relative.to_relative(CHUNKING.cut(arrays), CHUNKING.cut(arrays)[:, 0])
    expected = Normalizer.fit(chunks).statistics
    assert trained.tokenizer.normalizer.select().statistics.q99 == expected.q99


def test_a_given_normaliser_is_taken(arrays, vocabulary):
    normalizer = Normalizer.fit(np.concatenate(arrays), "min_max")
    for clip in (False, True):
        trained = train(open_episodes(arrays), TrainingSettings(CHUNKING, vocabulary, normalizer, clip))
        assert trained.tokenizer.normalizer.select() == replace(normalizer, clip=clip)
        assert trained.record["normalization"] == "given"
    with pytest.raises(TrainingError, match="the normaliser is for 4 dimensions, the actions of memory have 2"):
        train(open_episodes(arrays, dims=[0, 1]), TrainingSettings(CHUNKING, vocabulary, normalizer))


def test_figures_are_those_of_the_held_out_chunks(arrays, vocabulary):
    trained = train(open_episodes(arrays), TrainingSettings(CHUNKING, vocabulary, hold_out=0.3, seed=5))
    held_out = trained.record["episodes"]["held_out"]
    assert trained.record["episodes"]["held_out_names"] == [f"episode {place}" for place in held_out]
    assert len(held_out) == 4
    chunks = CHUNKING.cut([arrays[place] for place in held_out])
    batch = trained.tokenizer.encode(chunks)
    error = np.abs(trained.tokenizer.decode(batch) - chunks)
    figures = trained.figures
    assert figures.lengths.tolist() == batch.lengths.tolist()
    assert (figures.clipped, figures.refused, figures.values) == (batch.clipped.sum(), 0, 64)
    np.testing.assert_allclose(figures.rmse, np.sqrt(np.square(error).mean(axis=(0, 1))))
    np.testing.assert_array_equal(figures.largest_error, error.max(axis=(0, 1)))
    assert trained.held_out_chunks == len(chunks)
    assert trained.record["chunks"]["count"] == len(CHUNKING.cut(arrays)) - len(chunks)


def is_refused(tokenizer, chunk):
    try:
        tokenizer(chunk)
    except EncodeError:
        return True
    return False


def test_chunks_that_a_vocabulary_of_bytes_refuses_are_counted(arrays):
    loud = (arrays[0] - np.float32([0, 300, 0, 0])) / np.float32([1, 40, 1, 1])
    quiet = [loud * 0 + np.float32(place * 1e-3) for place in range(11)]
    episodes = open_episodes([*quiet, loud])
    wanted = VocabularySettings(vocab_size=600, scheme="bytes")
    refused = {}
    for seed in range(12):
        trained = train(episodes, TrainingSettings(CHUNKING, wanted, "identity", hold_out=0.2, seed=seed))
        held_out = trained.record["episodes"]["held_out"]
        chunks = CHUNKING.cut([[*quiet, loud][place] for place in held_out])
        count = sum(is_refused(trained.tokenizer, chunk) for chunk in chunks)
        assert trained.figures.refused == count
        assert len(trained.figures.lengths) == len(chunks) - count
        refused[11 in held_out] = count
        if count:
            assert any(label == "refused" for label, _ in trained.figures.rows())
    assert refused[True] > 0 == refused[False]


def test_the_record_is_plain_json(arrays, vocabulary, tmp_path):
    chosen = TrainingSettings(
        CHUNKING, vocabulary, max_error=(0.2, np.inf, np.inf, 0.1), resampling=Resampling(10.0, (3,))
    )
    trained = train(replace(open_episodes(arrays), hz=20.0), chosen)
    trained.save(tmp_path / "arm")
    saved = json.loads((tmp_path / "arm" / "training.json").read_text())
    assert saved == trained.record
    assert saved["command"] is None
    assert saved["max_error"] == [0.2, None, None, 0.1]
    assert saved["vocabulary"]["scale"] == trained.tokenizer.scale
    assert saved["episodes"]["used"] + len(saved["episodes"]["held_out"]) == saved["dataset"]["episodes"] == 12
    assert FastTokenizer.from_pretrained(tmp_path / "arm") == trained.tokenizer
    trained.tokenizer.save_pretrained(tmp_path / "arm")  # which knows nothing of a training
    assert not (tmp_path / "arm" / "training.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hold_out": 1.0}, "hold_out is 1.0: expected a share"),
        ({"hold_out": float("nan")}, "hold_out is nan"),
        ({"max_error": (0.0, 1.0)}, "expected numbers above 0"),
        ({"max_error": (np.inf, np.inf)}, "bounds no dimension"),
        ({"relative": RelativeActions((0,)), "chunking": replace(CHUNKING, padding="zeros")}, "zeros is no rest"),
    ],
)
def test_settings_out_of_their_range(options, message):
    with pytest.raises(TrainingError, match=message):
        TrainingSettings(**{"chunking": CHUNKING, **options})


# ---- The scale that a bound needs --------------------------------------------------------------------------


def largest_errors(arrays, normalizer, scale):
    chunks = CHUNKING.cut(arrays)
    tokenizer = FastTokenizer.fit(chunks, scale, 10**6, normalizer=normalizer)
    return np.abs(tokenizer.decode(tokenizer(chunks)) - chunks).max(axis=(0, 1))


def chosen_scale(arrays, normalizer, max_error, vocab_size=10**6):
    return least_scale(
        groups_of(arrays),
        normalizer,
        np.array(max_error),
        horizon=CHUNKING.horizon,
        vocabulary=VocabularySettings(vocab_size=vocab_size),
        num_threads=1,
    )


@pytest.mark.parametrize("mode", ["quantile", "mean_std", "identity"])
@pytest.mark.parametrize("bound", [0.3, 0.06])
def test_the_bound_holds_and_a_hundredth_less_breaks_it(arrays, mode, bound):
    normalizer = Normalizer.fit(np.concatenate(arrays), mode)
    limits = np.array([bound, 80 * bound, bound, bound])
    scale = chosen_scale(arrays, normalizer, limits)
    assert scale == float(f"{scale:.3g}")
    assert (largest_errors(arrays, normalizer, scale) <= limits + 1e-12).all()
    step = 10.0 ** (np.floor(np.log10(scale * 0.999)) - 2)
    below = largest_errors(arrays, normalizer, float(f"{scale - step:.3g}"))
    assert (below > limits).any()


def test_a_bound_of_one_dimension_leaves_the_others_free(arrays):
    normalizer = Normalizer.fit(np.concatenate(arrays))
    all_bound = chosen_scale(arrays, normalizer, [0.01] * 4)
    one_bound = chosen_scale(arrays, normalizer, [np.inf, np.inf, np.inf, 0.01])
    assert one_bound < all_bound / 10
    assert largest_errors(arrays, normalizer, one_bound)[3] <= 0.01


def test_a_bound_beyond_all_actions_needs_no_coefficients(arrays):
    still = [array * 1e-3 for array in arrays]
    scale = chosen_scale(still, Normalizer.fit(np.concatenate(still), "identity"), [1.0] * 4)
    assert largest_errors(still, Normalizer.fit(np.concatenate(still), "identity"), scale).max() <= 1


def test_constants_need_no_scale():
    still = [np.ones((20, 2))]
    assert chosen_scale(still, Normalizer.fit(still[0]), [0.1, 0.1]) == VocabularySettings().scale


@pytest.mark.parametrize("others", [0.0, 1.0])
def test_a_constant_of_a_given_normaliser_that_moves_keeps_no_bound(others):
    rng = np.random.default_rng(0)
    known = Normalizer(ActionStatistics(q01=(1.0, -others), q99=(1.0, others)))
    moving = [1 + rng.normal(size=(40, 2)) * [0.5, others] - [0, 1]]
    with pytest.raises(TrainingError, match=r"in dimensions \[0\] normalising alone .* takes them for constant"):
        chosen_scale(moving, known, [0.1, 0.1])
    assert chosen_scale(moving, known, [10.0, 10.0]) > 0


def test_a_bound_that_cannot_be_kept_is_an_error(arrays):
    clipping = Normalizer.fit(np.concatenate(arrays), clip=True)
    with pytest.raises(TrainingError, match=r"cannot be kept by any scale: .* \[0, 1, 2\] .* as it clips them"):
        chosen_scale(arrays, clipping, [1e-3] * 4)
    plain = Normalizer.fit(np.concatenate(arrays))
    for normalizer in (plain, replace(plain, mode="min_max", clip=True)):
        with pytest.raises(TrainingError, match=r"it needs a scale of .*, and numbers are not that precise"):
            chosen_scale(arrays, normalizer, [1e-11] * 4)
    with pytest.raises(TrainingError, match=r"needs a scale of .* or raise vocab_size .*more than vocab_size 300"):
        chosen_scale(arrays, plain, [0.01] * 4, vocab_size=300)
    wanted = VocabularySettings(vocab_size=10**7)  # of which symbols take less
    with pytest.raises(
        TrainingError, match=r"max_error needs a scale of .*: allow a larger error, .* \(the coeff"
    ):
        train(open_episodes(arrays), TrainingSettings(CHUNKING, wanted, max_error=(1e-4,) * 4))
    with pytest.raises(TrainingError, match="max_error is for 2 dimensions"):
        train(open_episodes(arrays), TrainingSettings(CHUNKING, max_error=(1.0, 1.0)))


# ---- Dimensions --------------------------------------------------------------------------------------------


def test_places_of_dimensions(arrays):
    episodes = replace(open_episodes(arrays), stored_names=("x", "y", "z", "grip"))
    assert episodes.places(["z", 0]) == (2, 0)
    chosen = episodes.select(["grip", "x", 2])
    assert chosen.places(["x", "grip", 2]) == (1, 0, 2)
    with pytest.raises(FormatError, match="'y' is not among those chosen"):
        chosen.places(["y"])
    with pytest.raises(FormatError, match="there is no dimension 'w'"):
        chosen.places(["w"])
