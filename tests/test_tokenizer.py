"""The tokenizer that people use: shapes, inputs, policies, and the reference's calls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import ReferencePipeline
from strategies import BrainFloat, DlpackOnly, Tensor, chunk_batches, damaged

from fast_tokenizer import DecodeError, DecodeStatus, EncodeError, FastTokenizer, TokenBatch, TokenLists


@pytest.fixture(scope="session")
def reference(tokenizer, tmp_path_factory):
    """The same files read by scipy and the tokenizers library."""
    folder = tmp_path_factory.mktemp("saved")
    tokenizer.save_pretrained(folder)
    return ReferencePipeline.from_directory(folder)


# ---- The two lines that everyone writes --------------------------------------------------------------------


@given(batch=chunk_batches(max_horizon=40, kinds=("smooth",)))
def test_a_call_and_decode(tokenizer, batch):
    tokens = tokenizer(batch)
    decoded = tokenizer.decode(tokens)
    assert type(tokens) is TokenLists
    assert tokens == tokenizer.encode(batch).to_lists()
    assert decoded.shape == batch.shape
    # By Parseval: half a step of each coefficient.
    assert np.square(decoded - batch).mean(axis=(1, 2)).max() <= (0.5 / tokenizer.scale) ** 2 + 1e-9


def test_nothing_is_remembered_between_calls(tokenizer, motions):
    shapes = [(20, 7), (5, 3), (1, 1), (20, 7), (7, 20)]
    chunks = [np.resize(motions[place], shape) for place, shape in enumerate(shapes)]
    calls = [tokenizer(chunk) for chunk in chunks]
    for tokens, shape, chunk in zip(calls, shapes, chunks, strict=True):
        assert tokenizer.decode(tokens).shape == (1, *shape)
        assert tokens == tokenizer(chunk)
    assert (tokenizer.time_horizon, tokenizer.action_dim) == (None, None)
    with pytest.raises(ValueError, match="shape of these tokens is not known"):
        tokenizer.decode(list(calls[0]))


@given(batch=chunk_batches(max_horizon=40, kinds=("smooth", "grid", "heavy-tailed", "constant")))
def test_ids_are_those_of_the_reference_in_the_precision_of_the_input(tokenizer, reference, batch):
    encoded = tokenizer.encode(batch)
    inside = ~encoded.clipped
    expected = reference.encode(np.ascontiguousarray(batch[inside]))
    assert [ids for ids, whole in zip(encoded.to_lists(), inside, strict=True) if whole] == expected


def test_the_two_precisions_have_different_ids(tokenizer, reference):
    grid = np.random.default_rng(0).integers(-20, 21, (200, 16, 2)) * 0.05
    assert tokenizer(grid) == reference.encode(grid)
    assert tokenizer(grid.astype("f4")) == reference.encode(grid.astype("f4"))
    assert tokenizer(grid) != tokenizer(grid.astype("f4"))


# ---- Shapes ------------------------------------------------------------------------------------------------


def test_a_flat_list_is_one_chunk(tokenizer, motions):
    ids = tokenizer(motions[0])[0]
    for flat in (ids, tuple(ids), np.array(ids)):
        assert tokenizer.decode(flat, time_horizon=20, action_dim=7).shape == (1, 20, 7)
    assert len(tokenizer.decode_checked(ids, time_horizon=20, action_dim=7).status) == 1


def test_an_empty_batch_is_an_empty_result(tokenizer):
    tokens = tokenizer(np.zeros((0, 20, 7)))
    assert tokens == []
    assert tokenizer.decode(tokens).shape == (0, 20, 7)
    assert tokenizer.decode(tokenizer.encode(np.zeros((0, 20, 7)))).shape == (0, 20, 7)
    assert tokenizer.decode([], time_horizon=20, action_dim=7).shape == (0, 20, 7)
    assert len(tokenizer.decode([])) == 0
    actions, status = tokenizer.decode_checked(np.zeros((0, 9), int), time_horizon=20, action_dim=7)
    assert (actions.shape, status.shape) == ((0, 20, 7), (0,))
    ids, mask = tokenizer.encode(np.zeros((0, 20, 7))).padded()
    assert ids.shape == mask.shape == (0, 0)


def test_keywords_come_before_the_list_and_the_list_before_the_saved_shape(tokenizer, motions):
    saved = FastTokenizer(tokenizer.codec, time_horizon=10, action_dim=14)
    tokens = saved(motions[:2])
    assert saved.decode(tokens).shape == (2, 20, 7)
    plain = list(tokens)
    assert saved.decode(plain).shape == (2, 10, 14)
    assert saved.decode(plain, time_horizon=4, action_dim=35).shape == (2, 4, 35)
    assert saved.decode(plain, time_horizon=np.int64(10)).shape == (2, 10, 14)
    assert saved.decode(tokens, time_horizon=20, action_dim=7).shape == (2, 20, 7)
    assert saved.decode(saved.encode(motions[:2])).shape == (2, 20, 7)


@pytest.mark.parametrize(
    "shape", [{"time_horizon": 10}, {"action_dim": 14}, {"time_horizon": 7, "action_dim": 20}]
)
def test_keywords_that_contradict_the_list_are_an_error(tokenizer, motions, shape):
    for tokens in (tokenizer(motions[:2]), tokenizer.encode(motions[:2])):
        for decode in (tokenizer.decode, tokenizer.decode_checked):
            with pytest.raises(ValueError, match="was given, but the tokens are of chunks with"):
                decode(tokens, **shape)


@pytest.mark.parametrize(
    ("saved", "given", "missing"),
    [
        ({}, {}, "give time_horizon and action_dim,"),
        ({"time_horizon": 20}, {}, "give action_dim,"),
        ({}, {"action_dim": 7}, "give time_horizon,"),
    ],
)
def test_an_unknown_shape_is_an_error(tokenizer, motions, saved, given, missing):
    plain = list(tokenizer(motions[:2]))
    tokenizer = FastTokenizer(tokenizer.codec, **saved)
    with pytest.raises(ValueError, match=missing):
        tokenizer.decode(plain, **given)
    with pytest.raises(ValueError, match=missing):
        tokenizer.decode_checked(plain, **given)


@pytest.mark.parametrize("name", ["time_horizon", "action_dim"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_shape_has_at_least_one_of_each(tokenizer, motions, name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}: expected 1 or more"):
        FastTokenizer(tokenizer.codec, **{name: value})
    with pytest.raises(ValueError, match="at least 1"):
        tokenizer.decode([[1]], **({"time_horizon": 1, "action_dim": 1} | {name: value}))


def test_chunks_of_several_lengths(tokenizer, motions):
    chunks = [motions[0], motions[1, :5], motions[2, :9]]
    tokens = tokenizer(chunks)
    assert tokens == [tokenizer(chunk)[0] for chunk in chunks]
    decoded = tokenizer.decode(tokens)
    assert [actions.shape for actions in decoded] == [(20, 7), (5, 7), (9, 7)]
    assert [one.shape for one in tokenizer.decode(list(tokens), time_horizon=[20, 5, 9], action_dim=7)] == [
        (20, 7),
        (5, 7),
        (9, 7),
    ]
    with pytest.raises(ValueError, match="expected one each"):
        tokenizer.decode(tokenizer([motions[0], motions[1, :5]])[:1], time_horizon=(20, 5), action_dim=7)


# ---- Inputs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        lambda chunks: chunks.tolist(),
        list,
        tuple,
        np.asfortranarray,
        lambda chunks: np.repeat(chunks, 2, axis=1)[:, ::2],
        lambda chunks: chunks[:, ::-1].copy()[:, ::-1],
        lambda chunks: chunks.astype(">f8"),
        Tensor,
        DlpackOnly,
        lambda chunks: [Tensor(chunk, wants_gradient=False) for chunk in chunks],
    ],
)
def test_actions_may_come_in_many_ways(tokenizer, motions, given):
    chunks = motions[:5].astype("f8")
    assert tokenizer(given(chunks)) == tokenizer(chunks)


def test_narrow_types_become_what_holds_them(tokenizer, motions):
    half = motions[:5].astype("f2")
    assert tokenizer(half) == tokenizer(half.astype("f4"))
    assert tokenizer(BrainFloat(half)) == tokenizer(half.astype("f4"))
    whole = np.round(motions[:5]).astype(int)
    assert tokenizer(whole) == tokenizer(whole.astype("f8")) == tokenizer(whole.astype("i1"))
    assert tokenizer(whole == 1) == tokenizer((whole == 1).astype("f8"))


@pytest.mark.parametrize("kind", [Tensor, BrainFloat])
def test_a_list_of_tensors_is_a_batch(tokenizer, motions, kind):
    chunks = motions[:3].astype("f4")
    assert tokenizer([kind(chunk) for chunk in chunks]) == tokenizer(chunks)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros(5), r"shape \(5,\): expected \[horizon, action_dim\]"),
        (np.zeros((1, 2, 3, 4)), r"shape \(1, 2, 3, 4\): expected"),
        (np.zeros((0, 7)), "at least 1"),
        (np.zeros((2, 20, 0)), "at least 1"),
        (np.array([[np.nan]]), "chunk 0: step 0, dimension 0 is NaN: expected a finite number; drop the chunk"),
        (np.array([[1.0, 2.0], [3.0, -np.inf]]), "chunk 0: step 1, dimension 1 is -inf"),
        (np.zeros((2, 2), complex), "complex128: expected real numbers"),
        ("actions", "expected real numbers"),
        (None, "expected real numbers"),
        ([], "expected"),
        ([np.zeros((4, 2)), np.zeros((5, 3))], r"action_dim \[2, 3\]: expected one number for all"),
        ([np.zeros((4, 2)), np.zeros((0, 2))], "at least 1"),
    ],
)
def test_what_is_no_chunk_is_refused(tokenizer, actions, message):
    for call in (tokenizer, tokenizer.encode):
        with pytest.raises(EncodeError, match=message):
            call(actions)


@pytest.mark.parametrize("actions", [[[[1.0], [1.0, 2.0]]], [[[1.0]], [[1.0, 2.0], [3.0]]]])
def test_nested_numbers_of_no_shape_are_refused(tokenizer, actions):
    with pytest.raises(EncodeError):
        tokenizer(actions)


# ---- Policies ----------------------------------------------------------------------------------------------


@given(st.data())
@settings(max_examples=200)
def test_zeros_is_what_the_reference_does(tokenizer, reference, motions, data):
    """Where the reference gives zeros, and where it is right; it also takes U+FFFD and skips unknown ids."""
    chunk = motions[data.draw(st.integers(0, len(motions) - 1))]
    _, ids = data.draw(damaged(tokenizer(chunk)[0], tokenizer.vocab_size))
    while ids and ids[0] == tokenizer.vocabulary.pad_id:
        del ids[0]
    while ids and ids[-1] == tokenizer.vocabulary.pad_id:
        ids.pop()  # not damage, but padding
    known = all(0 <= token < tokenizer.vocab_size for token in ids)
    decoded = tokenizer.decode([ids], time_horizon=20, action_dim=7, errors="zeros")
    if known and "\ufffd" not in reference.tokenizer.decode(ids, skip_special_tokens=False):
        np.testing.assert_allclose(decoded, reference.decode([ids], 20, 7), rtol=0, atol=1e-9)
    else:
        assert not decoded.any()


@given(st.data())
def test_checked_decoding_tells_what_strict_decoding_raises(tokenizer, motions, data):
    chunk = motions[data.draw(st.integers(0, len(motions) - 1))]
    good = tokenizer(chunk)[0]
    _, ids = data.draw(damaged(good, tokenizer.vocab_size, padding=tokenizer.vocabulary.pad_id))
    checked = tokenizer.decode_checked([good, ids], time_horizon=20, action_dim=7)
    assert (checked.status.dtype, checked.position.dtype) == (np.int8, np.int64)
    actions, status = checked
    assert actions is checked.actions
    assert (status[0], checked.position[0]) == (DecodeStatus.OK, -1)
    if status[1] == DecodeStatus.OK:
        np.testing.assert_array_equal(actions, tokenizer.decode([good, ids], time_horizon=20, action_dim=7))
        assert checked.position[1] == -1
    else:
        with pytest.raises(DecodeError) as caught:
            tokenizer.decode([good, ids], time_horizon=20, action_dim=7)
        error = caught.value
        assert (error.sequence, error.reason, error.position) == (1, status[1], checked.position[1])
        repaired = tokenizer.decode([good, ids], time_horizon=20, action_dim=7, errors="repair")
        np.testing.assert_array_equal(repaired, actions)


def test_options_reach_the_codec(tokenizer, motions):
    assert isinstance(tokenizer.encode(motions, num_threads=2), TokenBatch)
    with pytest.raises(EncodeError, match="larger margin"):
        tokenizer.encode(-1e7 * np.ones((1, 1)), on_clip="raise")
    with pytest.raises(ValueError, match="expected one of 'strict', 'repair', 'zeros'"):
        tokenizer.decode([[1]], time_horizon=1, action_dim=1, errors="ignore")
    for call in (tokenizer, tokenizer.encode):
        with pytest.raises(ValueError, match="num_threads is 0"):
            call(motions, num_threads=0)


def test_clipping_is_told_by_the_lists_too(symbols_tokenizer, motions):
    chunks = motions[:3].copy()
    chunks[1] *= 100
    assert symbols_tokenizer(chunks).clipped.tolist() == [False, True, False]


# ---- Facts -------------------------------------------------------------------------------------------------


def test_attributes_of_the_reference(tokenizer):
    saved = FastTokenizer(tokenizer.codec, time_horizon=20, action_dim=7)
    assert (saved.time_horizon, saved.action_dim) == (20, 7)
    assert saved.vocab_size == len(saved) == len(saved.codec.tokens) == saved.vocabulary.size
    assert saved.scale == 10
    assert saved.min_token == saved.codec.min_coefficient
    assert saved.vocabulary.pad_id == saved.vocab_size
    assert "time_horizon=20, action_dim=7" in repr(saved)


def test_tokenizers_of_different_shapes_differ(tokenizer):
    saved = FastTokenizer(tokenizer.codec, time_horizon=20, action_dim=7)
    assert saved == FastTokenizer(tokenizer.codec, time_horizon=20, action_dim=7)
    assert saved not in (tokenizer, FastTokenizer(tokenizer.codec, time_horizon=20), None)
    assert len({saved, FastTokenizer(tokenizer.codec, time_horizon=20, action_dim=7), tokenizer}) == 2
