"""Constraints: what they let through decodes, what encoding writes they let through, and nothing is a dead end."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import byte_vocabularies, small_vocabularies
from test_parity import RECORDINGS, second_long_chunks

from fast_tokenizer import FastCodec, FastTokenizer, FastTokenizerError
from fast_tokenizer.constraint import ModelBitmask

vocabularies = small_vocabularies() | byte_vocabularies()


def ids_of_points(codec, points):
    """What encoding writes for symbols, without the transform: one step of many dimensions is its own DCT."""
    return codec.encode(np.array(points, float)[None]).to_lists()[0]


def generated(constraint, choose):
    """One sequence; `choose` takes one of the allowed ids."""
    state, ids = constraint.start(), []
    while not state.complete[0]:
        (allowed,) = np.nonzero(constraint.allowed_mask(state)[0])
        assert allowed.size, "a dead end"
        assert allowed[-1] < constraint.vocabulary.size
        ids.append(int(choose(allowed)))
        state = constraint.advance(state, ids[-1:])
    return ids


@given(vocabulary=vocabularies, data=st.data())
@settings(max_examples=300)
def test_every_encoding_is_let_through(vocabulary, data):
    points = data.draw(st.lists(st.sampled_from(vocabulary.points), min_size=1, max_size=30))
    codec = vocabulary.codec()
    ids = ids_of_points(codec, points)
    assert len(ids) <= codec.max_length(1, len(points))
    for canonical in (True, False):
        constraint = codec.constraint(1, len(points), canonical=canonical)
        assert constraint.follow(constraint.start(), [ids]).complete.all()


@given(vocabulary=vocabularies, length=st.integers(1, 12), canonical=st.booleans(), data=st.data())
@settings(max_examples=300)
def test_what_is_let_through_decodes(vocabulary, length, canonical, data):
    codec = vocabulary.codec()
    ids = generated(
        codec.constraint(1, length, canonical=canonical), lambda allowed: data.draw(st.sampled_from(allowed))
    )
    assert len(ids) <= codec.max_length(1, length)
    points = np.rint(codec.decode([ids], horizon=1, action_dim=length)[0, 0])
    if canonical and not vocabulary.byte_level:
        assert ids_of_points(codec, points) == ids


@given(vocabulary=small_vocabularies(max_alphabet=2, max_merges=5), length=st.integers(1, 5))
def test_in_symbols_exactly_the_encodings_are_let_through(vocabulary, length):
    codec = vocabulary.codec()
    constraint = codec.constraint(1, length)
    expected = {
        tuple(ids_of_points(codec, points)) for points in itertools.product(vocabulary.points, repeat=length)
    }
    found, open_ends = set(), [((), constraint.start())]
    while open_ends:
        ids, state = open_ends.pop()
        if state.complete[0]:
            found.add(ids)
            continue
        allowed = np.flatnonzero(constraint.allowed_mask(state)[0]).tolist()
        open_ends += [((*ids, token), constraint.advance(state, [token])) for token in allowed]
    assert found == expected


@pytest.mark.parametrize("scheme", ["bytes", "symbols"])
def test_the_worst_choices_end_and_decode(scheme, request, motions):
    tokenizer = request.getfixturevalue(f"{scheme}_tokenizer")
    lengths = [len(token) for token in tokenizer.codec.tokens]
    for shape in [(1, 1), (5, 7), (20, 7)]:
        constraint = tokenizer.codec.constraint(*shape)
        for choose in (
            lambda allowed: min(allowed, key=lengths.__getitem__),
            lambda allowed: max(allowed, key=lengths.__getitem__),
            lambda allowed: allowed[0],
            lambda allowed: allowed[-1],
        ):
            tokens = [generated(constraint, choose)]
            actions = tokenizer.decode(tokens, time_horizon=shape[0], action_dim=shape[1])
            assert actions.shape == (1, *shape)


def test_the_longest_chunk_is_of_characters_of_four_bytes(bytes_tokenizer):
    codec = bytes_tokenizer.codec
    first = codec.tokens.index("ð")  # of such a character: 0xF0
    ids = generated(codec.constraint(5, 7), lambda allowed: first if first in allowed else allowed[0])
    assert len(ids) == codec.max_length(5, 7) == 4 * 5 * 7


def test_the_end_token_comes_when_the_chunk_is_complete_and_not_before(symbols_tokenizer, motions):
    tokens = symbols_tokenizer(motions[:3])
    vocabulary = symbols_tokenizer.vocabulary
    constraint = symbols_tokenizer.codec.constraint(20, 7)
    before = constraint.follow(constraint.start(3), [ids[:-1] for ids in tokens])
    assert not before.complete.any()
    assert (before.remaining > 0).all()
    assert not constraint.allowed_mask(before)[:, vocabulary.eos_id].any()
    whole = constraint.advance(before, [ids[-1] for ids in tokens])
    assert whole.complete.all()
    assert (whole.remaining == 0).all()
    assert np.flatnonzero(constraint.allowed_mask(whole)[0]).tolist() == [vocabulary.eos_id]
    ended = constraint.advance(whole, [vocabulary.eos_id] * 3)
    assert ended.complete.all()
    assert np.flatnonzero(constraint.allowed_mask(ended)[1]).tolist() == [vocabulary.pad_id]
    assert constraint.follow(ended, [[vocabulary.pad_id] * 4] * 3).complete.all()


def test_rows_are_independent_and_can_be_reordered(bytes_tokenizer, motions):
    tokens = bytes_tokenizer(motions[:4])
    constraint = bytes_tokenizer.codec.constraint(20, 7)
    cut = [ids[: 3 + 2 * place] for place, ids in enumerate(tokens)]
    together = constraint.follow(constraint.start(4), cut)
    alone = [constraint.follow(constraint.start(), [ids]) for ids in cut]
    masks = constraint.allowed_mask(together)
    for row, state in enumerate(alone):
        np.testing.assert_array_equal(constraint.allowed_mask(state)[0], masks[row])
    order = np.array([2, 2, 0])
    np.testing.assert_array_equal(constraint.allowed_mask(together[order]), masks[order])
    assert len(together[1:]) == 3
    assert together[together.remaining > 0].remaining.tolist() == together.remaining.tolist()


def test_bits_over_a_models_vocabulary(symbols_tokenizer, motions):
    size = symbols_tokenizer.vocab_size
    constraint = symbols_tokenizer.codec.constraint(20, 7)
    tokens = symbols_tokenizer(motions[:5])
    cut = [ids[: len(ids) - place] for place, ids in enumerate(tokens)]
    state = constraint.follow(constraint.start(5), cut)
    mask = constraint.allowed_mask(state)
    rng = np.random.default_rng(0)
    for model_ids in (
        50_000 - 128 - np.arange(size),
        1000 + np.arange(size),
        rng.permutation(50_000)[:size] + 10,
    ):
        everywhere = np.r_[model_ids, -1, 1, -1]
        bits = np.zeros((5, 1600), np.int32)
        ModelBitmask(everywhere).fill(constraint, state, bits)
        unpacked = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little").astype(bool)
        expected = np.zeros((5, 1600 * 32), bool)
        expected[:, model_ids] = mask[:, :size]
        expected[:, 1] = mask[:, size + 1]
        np.testing.assert_array_equal(unpacked, expected)
    with pytest.raises(ValueError, match=r"expected a bitmask \[5, at least"):
        ModelBitmask(everywhere).fill(constraint, state, np.zeros((5, 3), np.int32))
    with pytest.raises(ValueError, match="a place for each id"):
        ModelBitmask([1, 2]).fill(constraint, state, bits)


def test_errors_say_what_was_expected(symbols_tokenizer, motions):
    codec = symbols_tokenizer.codec
    with pytest.raises(ValueError, match=r"\[0, 7\]: expected both"):
        codec.constraint(0, 7)
    constraint = codec.constraint(20, 7)
    ids = symbols_tokenizer(motions[:1])[0]
    refusal = rf"row 1, position {len(ids)}: id {ids[0]} is not allowed there, with 0 of 140"
    with pytest.raises(FastTokenizerError, match=refusal):
        constraint.follow(constraint.start(2), [ids, [*ids, ids[0]]])
    with pytest.raises(FastTokenizerError, match="row 0, position 0: id -1 is not allowed"):
        constraint.advance(constraint.start(), [-1])
    with pytest.raises(ValueError, match="got 1 sequences for 2 rows"):
        constraint.advance(constraint.start(2), [0])


def test_actions_stay_within_a_bound(bytes_tokenizer, symbols_tokenizer):
    rng = np.random.default_rng(0)
    for tokenizer in (bytes_tokenizer, symbols_tokenizer):
        constraint = tokenizer.codec.constraint(4, 2, max_action=1.5)
        tokens = [generated(constraint, rng.choice) for _ in range(40)]
        points = tokenizer.codec.decode(tokens, horizon=1, action_dim=8) * tokenizer.scale
        # Characters of one lead byte are 64 neighbours at most, of those that a bound of 30 lets through.
        assert np.abs(points).max() <= 1.5 * tokenizer.scale * np.sqrt(4) + 64
    huge = list(bytes_tokenizer(np.full((1, 4, 2), 3000.0)))
    free = bytes_tokenizer.codec.constraint(4, 2)
    assert free.follow(free.start(), huge).complete.all()
    bounded = bytes_tokenizer.codec.constraint(4, 2, max_action=1.5)
    with pytest.raises(FastTokenizerError, match=r"position 0: .* is not allowed"):
        bounded.follow(bounded.start(), huge)
    # Everything that such actions encode to is inside.
    corners = rng.choice([-1.5, 1.5], (200, 4, 2))
    for tokenizer in (bytes_tokenizer, symbols_tokenizer):
        constraint = tokenizer.codec.constraint(4, 2, max_action=1.5)
        assert constraint.follow(constraint.start(200), list(tokenizer(corners))).complete.all()
    with pytest.raises(ValueError, match="max_action is 0"):
        bytes_tokenizer.codec.constraint(4, 2, max_action=0)


def test_a_length_that_no_tokens_have_is_refused():
    # The first byte of a character, and no other.
    lead = FastCodec(["\u00c5"], np.empty((0, 3)), scheme="bytes", scale=1.0, min_coefficient=0)
    with pytest.raises(FastTokenizerError, match="exactly 6 coefficients"):
        lead.constraint(2, 3)


def test_threads_share_a_codec(motions):
    tokenizer = FastTokenizer.fit(motions, vocab_size=400)
    with ThreadPoolExecutor(4) as pool:
        constraints = list(pool.map(lambda _: tokenizer.codec.constraint(20, 7), range(8)))
    masks = [constraint.allowed_mask(constraint.start()) for constraint in constraints]
    assert all((mask == masks[0]).all() for mask in masks)


@pytest.mark.parity
def test_no_encoding_of_a_recording_is_refused(shared):
    published = FastTokenizer.from_pretrained(shared / "fast_plus")
    for name in RECORDINGS:
        chunks = second_long_chunks(shared, name, 600)
        fitted = FastTokenizer.fit(chunks, vocab_size=1024)
        for tokenizer in (published, fitted):
            constraint = tokenizer.codec.constraint(*chunks.shape[1:])
            tokens = list(tokenizer(chunks))
            assert constraint.follow(constraint.start(len(tokens)), tokens).complete.all(), name
