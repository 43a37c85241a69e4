"""A tokenizer that holds a normaliser: actions in the robot's units in, actions in the robot's units out."""

import json
import pickle
import re

import numpy as np
import pytest
from strategies import Tensor

from fast_tokenizer import BinningCodec, EncodeError, FastTokenizer, FastTokenizerError, FormatError, TrainingError
from fast_tokenizer.codecs import bins
from fast_tokenizer.model_card import model_card
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.normalizer_set import NormalizerSet
from fast_tokenizer.serialization import SavedTokenizer


@pytest.fixture(scope="module")
def actions(motions):
    """float64 [150, 20, 7] in a robot's units: far off, of different ranges, the second dimension constant."""
    actions = 300.0 + motions.astype("f8") * np.arange(1.0, 8.0)
    actions[:, :, 1] = 12.5
    return actions


@pytest.fixture(scope="module")
def normalizer(actions):
    return Normalizer.fit(actions)


@pytest.fixture(scope="module")
def plain(actions, normalizer):
    """Without a normaliser: takes what is normalised already."""
    return FastTokenizer.fit(normalizer.normalize(actions), vocab_size=600)


@pytest.fixture(scope="module")
def tokenizer(plain, normalizer):
    return FastTokenizer(plain.codec, normalizer=normalizer)


@pytest.fixture(scope="module")
def two_robots(plain, normalizer):
    other = Normalizer.fit(np.random.default_rng(0).normal(5, 2, (99, 7)), "mean_std")
    return FastTokenizer(plain.codec, normalizer=NormalizerSet({"one": normalizer, "two": other}))


# ---- Encoding and decoding ---------------------------------------------------------------------------------


def test_ids_are_those_of_the_normalised_actions(tokenizer, plain, normalizer, actions):
    expected = plain(normalizer.normalize(actions))
    assert tokenizer(actions) == expected
    assert tokenizer(actions).horizon == 20
    assert tokenizer.encode(actions).to_lists() == expected
    assert tokenizer(actions[0]) == expected[:1]
    assert tokenizer(list(actions[:3])) == expected[:3]
    assert tokenizer(Tensor(actions[:3])) == expected[:3]
    assert tokenizer(actions[:3].tolist()) == expected[:3]


def test_decoding_gives_the_units_back(tokenizer, plain, normalizer, actions):
    tokens = tokenizer(actions)
    expected = normalizer.unnormalize(plain.decode(tokens))
    np.testing.assert_array_equal(tokenizer.decode(tokens), expected)
    np.testing.assert_array_equal(tokenizer.decode(tokenizer.encode(actions)), expected)
    assert np.sqrt(np.square(expected - actions).mean(axis=(0, 1))).max() <= 0.5 / 10 * normalizer.gain.max()
    assert (expected[:, :, 1] == 12.5).all()


def test_checked_decoding_too(tokenizer, plain, normalizer, actions):
    tokens = [*tokenizer(actions[:2]), []]
    ours = tokenizer.decode_checked(tokens, time_horizon=20, action_dim=7)
    theirs = plain.decode_checked(tokens, time_horizon=20, action_dim=7)
    np.testing.assert_array_equal(ours.actions, normalizer.unnormalize(theirs.actions))
    for field in ("status", "position", "decoded"):
        np.testing.assert_array_equal(getattr(ours, field), getattr(theirs, field))


def test_chunks_of_several_lengths(tokenizer, plain, normalizer, actions):
    chunks = [actions[0], actions[1][:9], actions[2][:13]]
    tokens = tokenizer(chunks)
    assert tokens == plain([normalizer.normalize(chunk) for chunk in chunks])
    for decoded, theirs in zip(tokenizer.decode(tokens), plain.decode(tokens), strict=True):
        np.testing.assert_array_equal(decoded, normalizer.unnormalize(theirs))


def test_an_empty_batch_is_an_empty_result(tokenizer):
    assert tokenizer(np.empty((0, 20, 7))) == []
    assert len(tokenizer.decode([])) == 0


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named_though_a_normaliser_would_hide_it(plain, actions, clip, value):
    tokenizer = FastTokenizer(plain.codec, normalizer=Normalizer.fit(actions, clip=clip))
    for dimension in (0, 1):  # the second one is constant
        broken = actions[:4].copy()
        broken[2, 5, dimension] = value
        with pytest.raises(EncodeError, match="chunk 2") as ours:
            tokenizer(broken)
        with pytest.raises(EncodeError) as theirs:
            plain(broken)
        assert str(ours.value) == str(theirs.value)


def test_other_dimensions_are_refused(tokenizer, plain, actions):
    with pytest.raises(FastTokenizerError, match=r"expected \[\.\.\., 7\]"):
        tokenizer(actions[:, :, :6])
    six = plain(np.zeros((2, 20, 6)))
    with pytest.raises(FastTokenizerError, match=r"expected \[\.\.\., 7\]"):
        tokenizer.decode(six)
    with pytest.raises(EncodeError, match="shape"):
        tokenizer(np.zeros(7))


# ---- Several robots ----------------------------------------------------------------------------------------


def test_a_chunk_of_other_dimensions_is_named(tokenizer, normalizer, actions):
    chunks = [actions[0], actions[1][:9, :6]]
    for use in (tokenizer, tokenizer.encode, lambda chunks: FastTokenizer.fit(chunks, normalizer=normalizer)):
        with pytest.raises(EncodeError, match=r"chunk 1: actions has shape \(9, 6\)") as caught:
            use(chunks)
        assert caught.value.chunk == 1


def test_the_embodiment_chooses(two_robots, plain, normalizer, actions):
    second = two_robots.normalizer["two"]
    assert two_robots(actions, embodiment="one") == plain(normalizer.normalize(actions))
    assert two_robots.encode(actions, embodiment="two").to_lists() == plain(second.normalize(actions))
    tokens = plain(normalizer.normalize(actions))
    for name, chosen in two_robots.normalizer.items():
        expected = chosen.unnormalize(plain.decode(tokens))
        np.testing.assert_array_equal(two_robots.decode(tokens, embodiment=name), expected)
        np.testing.assert_array_equal(two_robots.decode_checked(tokens, embodiment=name)[0], expected)


def each_call(tokenizer, actions, tokens, **options):
    yield lambda: tokenizer(actions, **options)
    yield lambda: tokenizer.encode(actions, **options)
    yield lambda: tokenizer.decode(tokens, **options)
    yield lambda: tokenizer.decode_checked(tokens, **options)


def test_the_embodiment_must_be_told_where_there_is_no_default(two_robots, plain, actions):
    for call in each_call(two_robots, actions, plain(actions)):
        with pytest.raises(FastTokenizerError, match=r"no embodiment was named.*'one', 'two'"):
            call()
    for call in each_call(two_robots, actions, plain(actions), embodiment="three"):
        with pytest.raises(FastTokenizerError, match="'three': expected one of 'one', 'two'"):
            call()


def test_an_embodiment_without_a_normaliser_is_an_error(plain, actions):
    for call in each_call(plain, actions, plain(actions), embodiment="one"):
        with pytest.raises(FastTokenizerError, match="'one', but there is no normaliser to choose"):
            call()
    with pytest.raises(FastTokenizerError, match="no normaliser"):
        FastTokenizer.fit(actions, embodiment="one")


# ---- Fitting -----------------------------------------------------------------------------------------------


def test_fit_takes_the_robots_units(tokenizer, normalizer, actions):
    fitted = FastTokenizer.fit(actions, vocab_size=600, normalizer=normalizer)
    assert fitted == tokenizer
    assert FastTokenizer.fit(list(actions), vocab_size=600, normalizer=normalizer) == tokenizer
    ragged = [actions[0], actions[1][:9]]
    expected = FastTokenizer.fit([normalizer.normalize(chunk) for chunk in ragged])
    assert FastTokenizer.fit(ragged, normalizer=normalizer).codec == expected.codec
    with pytest.raises(TrainingError, match="no chunks"):
        FastTokenizer.fit([], normalizer=normalizer)


def test_fit_asks_which_robot(two_robots, actions):
    fitted = FastTokenizer.fit(actions, vocab_size=600, normalizer=two_robots.normalizer, embodiment="one")
    assert fitted == two_robots
    with pytest.raises(FastTokenizerError, match="no embodiment was named"):
        FastTokenizer.fit(actions, normalizer=two_robots.normalizer)


def test_the_length_of_tokens_is_bounded(motions):
    def longest(**options):
        return max(len(text) for text in FastTokenizer.fit(motions, vocab_size=700, **options).codec.tokens)

    assert longest(max_token_length=5) == 4
    assert longest() > 4
    with pytest.raises(TrainingError, match="max_token_length is 0"):
        FastTokenizer.fit(motions, max_token_length=0)


# ---- The object --------------------------------------------------------------------------------------------


def test_the_normaliser_is_part_of_it(tokenizer, two_robots, plain, normalizer):
    assert plain.normalizer is None
    assert tokenizer.normalizer == NormalizerSet({"default": normalizer})
    assert len({plain, tokenizer, two_robots, FastTokenizer(plain.codec, normalizer=normalizer)}) == 3
    assert "normalizer" not in repr(plain)
    assert repr(two_robots).endswith("normalizer=NormalizerSet(one, two; default None))")
    again = pickle.loads(pickle.dumps(two_robots))
    assert (again, hash(again)) == (two_robots, hash(two_robots))


# ---- Files -------------------------------------------------------------------------------------------------


def names_in(folder):
    return {path.name for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("which", ["tokenizer", "two_robots"])
def test_it_is_saved_with_the_tokenizer(which, actions, tmp_path, request):
    tokenizer = request.getfixturevalue(which)
    tokenizer.save_pretrained(tmp_path / "saved")
    loaded = FastTokenizer.from_pretrained(tmp_path / "saved")
    assert loaded == tokenizer
    embodiment = next(iter(tokenizer.normalizer))
    tokens = loaded(actions, embodiment=embodiment)
    assert tokens == tokenizer(actions, embodiment=embodiment)
    expected = tokenizer.decode(tokens, embodiment=embodiment)
    np.testing.assert_array_equal(loaded.decode(tokens, embodiment=embodiment), expected)
    assert NormalizerSet.load(tmp_path / "saved" / "normalizer.json") == tokenizer.normalizer


def test_other_codecs_have_it_too(normalizer, actions, tmp_path):
    tokenizer = FastTokenizer(BinningCodec(bins.uniform(-1.5, 1.5)), normalizer=normalizer)
    tokenizer.save_pretrained(tmp_path)
    assert names_in(tmp_path) == {"codec_config.json", "normalizer.json"}
    loaded = FastTokenizer.from_pretrained(tmp_path)
    assert loaded == tokenizer
    error = np.abs(loaded.decode(loaded(actions)) - actions).max(axis=(0, 1))
    assert (error <= normalizer.gain * 1.5 / 256 + 1e-9).all()
    FastTokenizer(tokenizer.codec).save_pretrained(tmp_path)
    assert names_in(tmp_path) == {"codec_config.json"}


def test_no_normaliser_of_another_tokenizer_stays(tokenizer, plain, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    assert "normalizer.json" in names_in(tmp_path)
    plain.save_pretrained(tmp_path)
    assert "normalizer.json" not in names_in(tmp_path)
    assert FastTokenizer.from_pretrained(tmp_path) == plain


def test_a_damaged_normaliser_is_named(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    content = json.loads((tmp_path / "normalizer.json").read_text())
    content["embodiments"]["default"]["mode"] = "median"
    (tmp_path / "normalizer.json").write_text(json.dumps(content))
    with pytest.raises(FormatError, match=r"embodiments\.default\.mode.*normalizer\.json"):
        FastTokenizer.from_pretrained(tmp_path)


# ---- What a normaliser does not bring back ------------------------------------------------------------------


@pytest.mark.parametrize("as_list", [False, True])
def test_what_the_normaliser_clips_is_told(plain, actions, as_list):
    tokenizer = FastTokenizer(plain.codec, normalizer=Normalizer.fit(actions.reshape(-1, 7), clip=True))
    low, high = (np.array(getattr(tokenizer.normalizer["default"].statistics, name)) for name in ("q01", "q99"))
    within = np.clip(actions[:3], low, high)
    beyond = within.copy()
    beyond[1, 4, 2] = high[2] + 1.0
    given = (lambda chunks: [chunk[: 5 + place] for place, chunk in enumerate(chunks)]) if as_list else np.asarray
    assert tokenizer.encode(given(within)).clipped.tolist() == [False, False, False]
    assert tokenizer.encode(given(beyond)).clipped.tolist() == [False, True, False]
    assert tokenizer(given(beyond)).clipped.tolist() == [False, True, False]
    with pytest.raises(EncodeError, match=r"chunk 1.*normaliser clips"):
        tokenizer.encode(given(beyond), on_clip="raise")


def test_a_constant_that_moves_is_told(plain, actions):
    steps = actions.reshape(-1, 7).copy()
    steps[:, 3] = 7.5
    tokenizer = FastTokenizer(plain.codec, normalizer=Normalizer.fit(steps))
    still = steps[:20].reshape(2, 10, 7)
    assert not tokenizer.encode(still).clipped.any()
    moving = still.copy()
    moving[1, 9, 3] = 7.6
    assert tokenizer.encode(moving).clipped.tolist() == [False, True]
    assert tokenizer.decode(tokenizer(moving))[1, 9, 3] == 7.5


def test_tokens_know_whose_they_are(two_robots, actions):
    for embodiment in two_robots.normalizer:
        tokens = two_robots(actions[:2], embodiment=embodiment)
        decoded = two_robots.decode(tokens)
        assert (decoded == two_robots.decode(tokens, embodiment=embodiment)).all()
        assert (
            decoded == two_robots.decode_checked(two_robots.encode(actions[:2], embodiment=embodiment))[0]
        ).all()
    contradiction = "embodiment='one' was given, but the tokens are of chunks with embodiment='two'"
    with pytest.raises(ValueError, match=contradiction):
        two_robots.decode(two_robots(actions[:2], embodiment="two"), embodiment="one")


# ---- The model card ----------------------------------------------------------------------------------------


def code_of(card):
    return re.findall(r"```python\n(.*?)```", card, re.DOTALL)


def test_the_card_says_who_normalises(plain, two_robots, normalizer, actions, tmp_path, monkeypatch):
    assert "input must be normalised" in model_card(SavedTokenizer(plain.codec, 20, 7), "me/mine")
    two_robots.save_pretrained(tmp_path / "me" / "mine")
    card = model_card(SavedTokenizer(plain.codec, 20, 7, two_robots.normalizer), "me/mine")
    assert "in the robot's units" in card
    assert "the published processor too" in card
    assert "`one`, `two`" in card
    by_hand, package, _ = code_of(card)
    monkeypatch.chdir(tmp_path)
    scope = {"actions": actions}
    exec(package, scope)
    assert scope["tokens"] == plain(normalizer.normalize(actions))
    monkeypatch.chdir(tmp_path / "me" / "mine")
    exec(by_hand, scope)
    assert scope["normalizer"] == normalizer


def test_the_card_names_the_default(plain, normalizer):
    card = model_card(SavedTokenizer(plain.codec, 20, 7, NormalizerSet({"arm": normalizer})), "me/mine")
    assert "`arm` (default)" in card
    assert ".select()" in card
    assert "tokenizer(actions)" in card
    assert "processor(normalizer.normalize(actions))" in card
    assert "actions = normalizer.unnormalize(actions)" in card
