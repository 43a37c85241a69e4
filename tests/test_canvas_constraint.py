"""The length constraint: FAST tokens on a canvas always decode, and what encoding writes is let through.

Property 14 of the list in `test_diffusion_decoding.py`.
"""

import numpy as np
import pytest
from diffusion_strategies import accepts, orders, remasks, schedules, temperatures
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import byte_vocabularies, seeds, small_vocabularies

from fast_tokenizer import FastTokenizer, FastTokenizerError, LogitsError, VocabularyMap, decode_masked
from fast_tokenizer.canvas_constraint import CanvasConstraint

vocabularies = small_vocabularies() | byte_vocabularies()


class Hostile:
    """Logits of `[A, L, ids]`: random, or all for one kind of id; none is minus infinity."""

    def __init__(self, kind, ids, seed):
        self.kind, self.ids, self.rng = kind, ids, np.random.default_rng(seed)

    def __call__(self, ids, context):
        logits = self.rng.normal(0, 3, (*ids.shape, self.ids))
        if self.kind == "all padding":
            logits[..., -1] += 1000
        elif self.kind == "no padding":
            logits[..., -1] -= 1000
        elif self.kind == "padding first":
            logits[:, : ids.shape[1] // 2, -1] += 1000
        elif self.kind == "one id":
            logits[..., self.ids // 2] += 1000
        return logits


hostile_kinds = st.sampled_from(["random", "all padding", "no padding", "padding first", "one id"])


def constraint_of(codec, values, length):
    try:
        return codec.canvas_constraint(1, values, length)
    except FastTokenizerError:
        return None


@given(vocabulary=vocabularies, values=st.integers(1, 12), length=st.integers(1, 14), data=st.data())
@settings(max_examples=300)
def test_14_constrained_decoding_always_decodes(vocabulary, values, length, data):
    codec = vocabulary.codec()
    constraint = constraint_of(codec, values, length)
    assume(constraint is not None)
    rounds = data.draw(st.integers(1, 10))
    rows = data.draw(st.integers(1, 4))
    result = decode_masked(
        Hostile(data.draw(hostile_kinds), constraint.ids, data.draw(seeds)),
        np.full((rows, length), codec.vocabulary.mask_id),
        mask_id=codec.vocabulary.mask_id,
        rounds=rounds,
        schedule=data.draw(schedules(rounds)),
        order=data.draw(orders),
        token_temperature=data.draw(temperatures),
        order_temperature=data.draw(temperatures),
        accept=data.draw(accepts),
        remask=data.draw(st.none() | remasks),
        constraint=constraint,
    )
    assert codec.decode(result.ids, horizon=1, action_dim=values).shape == (rows, 1, values)


@given(vocabulary=small_vocabularies(), data=st.data())
@settings(max_examples=300)
def test_whatever_is_masked_of_an_encoding_may_come_back(vocabulary, data):
    codec = vocabulary.codec()
    points = data.draw(st.lists(st.sampled_from(vocabulary.points), min_size=1, max_size=20))
    batch = codec.encode(np.array(points, float)[None])
    length = int(batch.lengths[0]) + data.draw(st.integers(0, 4))
    canvas = batch.padded(max_length=length)[0].astype(np.int64)
    hidden = np.array(data.draw(st.lists(st.booleans(), min_size=length, max_size=length)))
    positions = np.flatnonzero(hidden)
    holes = np.where(hidden, codec.vocabulary.mask_id, canvas)
    constraint = codec.canvas_constraint(1, len(points), length)
    allowed = constraint.allowed(holes, np.zeros(len(positions), np.int64), positions)
    assert allowed.shape == (len(positions), codec.vocabulary.size + 1)
    assert allowed[np.arange(len(positions)), canvas[0, positions]].all()


@given(vocabulary=vocabularies, data=st.data())
@settings(max_examples=300)
def test_every_allowed_id_leads_on_and_no_other(vocabulary, data):
    """Filled in any order with any allowed ids, a canvas decodes; with one that is not, nothing is allowed on."""
    codec = vocabulary.codec()
    values, length = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 8))
    constraint = constraint_of(codec, values, length)
    assume(constraint is not None)
    canvas = np.full((1, length), codec.vocabulary.mask_id)
    row = np.zeros(1, np.int64)
    order = data.draw(st.permutations(range(length)))
    for step, position in enumerate(order):
        (allowed,) = constraint.allowed(canvas, row, np.array([position]))
        assert allowed.any()
        for refused in np.flatnonzero(~allowed)[:5] if step + 1 < length else ():
            canvas[0, position] = refused
            assert not constraint.allowed(canvas, row, np.array([order[step + 1]])).any()
        canvas[0, position] = data.draw(st.sampled_from(np.flatnonzero(allowed)))
    codec.decode(canvas, horizon=1, action_dim=values)


@pytest.fixture(scope="module")
def codec():
    rng = np.random.default_rng(0)
    chunks = np.cumsum(rng.normal(0, 0.1, (200, 8, 3)), axis=1)
    return FastTokenizer.fit(chunks, vocab_size=200).codec


def test_a_beginning_that_is_given_is_gone_on_from(codec):
    chunk = np.cumsum(np.random.default_rng(1).normal(0, 0.1, (1, 8, 3)), axis=1)
    ids = codec.encode(chunk).to_lists()[0]
    length, mask = len(ids) + 5, codec.vocabulary.mask_id
    canvas = np.full((3, length), mask)
    canvas[:, : len(ids) // 2] = ids[: len(ids) // 2]
    constraint = codec.canvas_constraint(8, 3, length)
    model = Hostile("random", constraint.ids, 0)
    result = decode_masked(model, canvas, mask_id=mask, constraint=constraint)
    assert (result.ids[:, : len(ids) // 2] == ids[: len(ids) // 2]).all()
    assert codec.decode(result.ids, horizon=8, action_dim=3).shape == (3, 8, 3)


def test_what_cannot_be_completed_is_an_error_that_names_the_place(codec):
    mask, pad = codec.vocabulary.mask_id, codec.vocabulary.pad_id
    constraint = codec.canvas_constraint(8, 3, 30)
    canvas = np.full((2, 30), mask)
    canvas[1, 0] = pad  # and so nothing can follow
    model = Hostile("random", constraint.ids, 0)
    with pytest.raises(LogitsError, match=r"row 1, position 1: no id is left.*constraint"):
        decode_masked(model, canvas, mask_id=mask, constraint=constraint)


def test_logits_must_be_of_the_ids_that_the_constraint_tells_of(codec):
    mask = codec.vocabulary.mask_id
    constraint = codec.canvas_constraint(8, 3, 30)
    model = Hostile("random", constraint.ids - 1, 0)
    with pytest.raises(LogitsError, match=f"{constraint.ids - 1} ids.*tells of {constraint.ids}"):
        decode_masked(model, np.full((1, 30), mask), mask_id=mask, constraint=constraint)


def test_the_mask_must_be_that_of_the_vocabulary_and_the_canvas_as_long_as_said(codec):
    constraint = codec.canvas_constraint(8, 3, 30)
    model = Hostile("random", constraint.ids, 0)
    with pytest.raises(FastTokenizerError, match=f"holds 999: expected the mask id.*{codec.vocabulary.mask_id}"):
        decode_masked(model, np.full((1, 30), 999), mask_id=999, constraint=constraint)
    mask = codec.vocabulary.mask_id
    with pytest.raises(FastTokenizerError, match=r"shape \(1, 29\): expected \[batch, 30\]"):
        decode_masked(model, np.full((1, 29), mask), mask_id=mask, constraint=constraint)


def test_logits_over_a_language_model_with_its_padding(codec):
    size, mask = codec.vocabulary.size, codec.vocabulary.mask_id
    places = VocabularyMap.tail(1000, size=size, pad_id=0, mask_id=2)
    constraint = codec.canvas_constraint(8, 3, 30)
    result = decode_masked(
        Hostile("random", 1000, 0),
        np.full((5, 30), mask),
        mask_id=mask,
        constraint=constraint,
        vocabulary_map=places,
    )
    assert (result.ids == codec.vocabulary.pad_id).any()
    assert codec.decode(result.ids, horizon=8, action_dim=3).shape == (5, 8, 3)
    without = VocabularyMap.tail(1000, size=size, mask_id=2)
    with pytest.raises(FastTokenizerError, match=f"is {size}: expected an action id"):
        decode_masked(None, [[mask]], mask_id=mask, constraint=constraint, vocabulary_map=without)


def test_a_shape_that_no_canvas_holds(codec):
    with pytest.raises(FastTokenizerError, match=r"2 ids.*cannot hold the 300 coefficients.*\[100, 3\]"):
        codec.canvas_constraint(100, 3, 2)
    for shape in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            codec.canvas_constraint(*shape)


def test_it_says_what_it_is(codec):
    constraint = codec.canvas_constraint(8, 3, 30)
    assert isinstance(constraint, CanvasConstraint)
    assert repr(constraint) == f"CanvasConstraint([8, 3], length=30, ids={codec.vocabulary.size + 1})"
