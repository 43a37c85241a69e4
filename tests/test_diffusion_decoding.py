"""The laws of masked decoding. Numbers are those of the list of properties that a decoder is to have.

1 given ids stay; 2 the schedule is kept; 3 traces replay; 4 rows are independent; 5 an oracle model; 6 calls;
7 no temperature; 8 the limit of temperature; 9 allowed ids, shifts, slices; 10 thresholds; 11 re-masking;
12 strange logits; 13 frequencies.
"""

import numpy as np
import pytest
from diffusion_strategies import (
    StubModel,
    any_problems,
    models,
    orders,
    problems,
    remasks,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from masked_oracle import decode_row

from fast_tokenizer import VocabularyMap, decode_masked
from fast_tokenizer.diffusion import ConfidenceThreshold, RemaskBelow, RemaskDrop, RemaskTop, ReMDM
from fast_tokenizer.diffusion.schedules import masked_counts


class Counting:
    """A model that counts its calls and the rows of each."""

    def __init__(self, model):
        self.model = model
        self.rows = []

    def __call__(self, ids, context):
        self.rows.append(context.rows)
        return self.model(ids, context)


def assert_same(one, other):
    assert one.ids.tolist() == other.ids.tolist()
    assert one.nfe.tolist() == other.nfe.tolist()
    assert one.committed_round.tolist() == other.committed_round.tolist()


@settings(max_examples=300)
@given(any_problems)
def test_it_is_what_the_definitions_say(problem):
    model, canvas, options = problem
    result = decode_masked(model, canvas, **options)
    seeds = options.pop("seeds")
    for row, seed in enumerate(seeds):
        ids, nfe, rounds = decode_row(model.row, canvas[row], seed=seed, **options)
        assert result.ids[row].tolist() == ids
        assert result.nfe[row] == nfe
        assert result.committed_round[row].tolist() == rounds


@given(any_problems)
def test_1_no_mask_is_left_and_what_is_given_stays(problem):
    model, canvas, options = problem
    result = decode_masked(model, canvas, **options)
    given_ids = canvas != model.ids
    assert not (result.ids == model.ids).any()
    assert (result.ids[given_ids] == canvas[given_ids]).all()
    assert ((result.committed_round == -1) == given_ids).all()


@given(problems())
def test_2_the_schedule_is_kept_exactly(problem):
    model, canvas, options = problem
    result = decode_masked(model, canvas, **options)
    wanted = masked_counts(options["schedule"], options["rounds"], (canvas == model.ids).sum(axis=1))
    holes = (canvas == model.ids)[:, None]
    steps = np.arange(options["rounds"] + 1)[:, None]
    assert ((holes & (result.committed_round[:, None] >= steps)).sum(axis=2) == wanted).all()


@given(any_problems)
def test_3_ids_change_by_commits_and_remasks_only_and_the_trace_replays(problem):
    model, canvas, options = problem
    result = decode_masked(model, canvas, trace=True, **options)
    ids, committed_round = canvas.copy(), np.full(canvas.shape, -1)
    for played in result.trace:
        before, after = ids[played.rows], played.ids
        assert (before[played.committed] == model.ids).all()
        assert (before[played.remasked] != model.ids).all()
        assert (canvas[played.rows][played.remasked] == model.ids).all()
        assert (after[played.remasked] == model.ids).all()
        assert ((before == after) | played.committed | played.remasked).all()
        seen = np.isfinite(played.probability)
        assert (seen | ~(played.committed | played.remasked)).all()
        assert ((played.probability[seen] >= 0) & (played.probability[seen] <= 1)).all()
        ids[played.rows] = np.where(played.committed | played.remasked, after, before)
        rounds = np.where(played.remasked, -1, committed_round[played.rows])
        committed_round[played.rows] = np.where(played.committed, played.round[:, None], rounds)
    assert ids.tolist() == result.ids.tolist()
    assert committed_round.tolist() == result.committed_round.tolist()
    assert len(result.trace) == result.calls
    assert_same(result, decode_masked(model, canvas, **options))


@given(any_problems, st.randoms(use_true_random=False))
def test_4_a_row_depends_neither_on_its_batch_nor_on_its_place(problem, random):
    model, canvas, options = problem
    whole = decode_masked(model, canvas, **options)
    seeds = np.array(options.pop("seeds"))
    rows = random.choices(range(len(canvas)), k=random.randint(1, 5))
    some = decode_masked(model, canvas[rows], seeds=seeds[rows], **options)
    assert some.ids.tolist() == whole.ids[rows].tolist()
    assert some.nfe.tolist() == whole.nfe[rows].tolist()
    assert some.committed_round.tolist() == whole.committed_round[rows].tolist()


@given(any_problems, st.sampled_from([np.float16, np.float32, np.float64]))
def test_5_a_model_that_is_sure_gets_what_it_is_sure_of(problem, dtype):
    model, canvas, options = problem
    wanted = np.random.default_rng(model.seed).integers(0, model.ids, canvas.shape)
    logits = np.full((*canvas.shape, model.ids), -np.inf, dtype)
    np.put_along_axis(logits, wanted[:, :, None], 0, axis=2)
    result = decode_masked(lambda ids, context: logits[context.rows], canvas, **options)
    assert result.ids.tolist() == np.where(canvas == model.ids, wanted, canvas).tolist()


@given(problems(accept=st.just(ConfidenceThreshold(1.0))))
def test_5_one_call_where_all_is_certain(problem):
    model, canvas, options = problem
    sure = np.where(np.arange(model.ids) == 0, 0.0, -np.inf)
    for changed in ({}, {"accept": None, "rounds": 1, "schedule": "cosine"}):
        result = decode_masked(
            lambda ids, context: np.broadcast_to(sure, (*ids.shape, model.ids)), canvas, **{**options, **changed}
        )
        assert result.calls == int((canvas == model.ids).any())


@given(any_problems)
def test_6_calls_are_counted_and_bounded(problem):
    model, canvas, options = problem
    counting = Counting(model)
    result = decode_masked(counting, canvas, **options)
    assert result.calls == len(counting.rows) == result.nfe.max(initial=0)
    called = [sum(row in rows for rows in counting.rows) for row in range(len(canvas))]
    assert result.nfe.tolist() == called
    assert (result.nfe <= options["rounds"]).all()
    holes = (canvas == model.ids).sum(axis=1)
    assert ((result.nfe == 0) == (holes == 0)).all()
    if options["remask"] is None:
        assert (result.nfe <= holes).all()


@given(problems(order_names=orders.filter(lambda order: "random" not in (order, getattr(order, "within", "")))))
def test_7_without_temperature_the_seed_means_nothing(problem):
    model, canvas, options = problem
    options |= {"token_temperature": 0.0, "order_temperature": 0.0}
    one = decode_masked(model, canvas, **options)
    assert_same(one, decode_masked(model, canvas, **{**options, "seeds": None}))


@given(problems())
def test_7_one_round_takes_the_likeliest_ids(problem):
    model, canvas, options = problem
    options |= {"rounds": 1, "schedule": "linear", "token_temperature": 0.0}
    allowed = np.random.default_rng(model.seed).random(model.ids) < 0.5
    allowed[0] = True
    result = decode_masked(model, canvas, allowed=allowed, **options)
    likeliest = np.where(allowed, model(canvas, None), -np.inf).argmax(axis=2)
    assert result.ids.tolist() == np.where(canvas == model.ids, likeliest, canvas).tolist()


@given(models, st.integers(1, 12))
def test_7_left_to_right_is_greedy_autoregression(model, length):
    def causal(ids, context):
        """Logits of a position that know the ids before it only."""
        return np.stack(
            [[model.row([*row[:p], *[model.ids] * (length - p)])[p] for p in range(length)] for row in ids]
        )

    canvas = np.full((2, length), model.ids)
    result = decode_masked(
        causal, canvas, mask_id=model.ids, rounds=length, schedule="even", order="left_to_right"
    )
    for position in range(length):
        canvas[:, position] = causal(canvas, None)[:, position].argmax(axis=1)
    assert result.ids.tolist() == canvas.tolist()
    assert result.committed_round.tolist() == [list(range(length))] * 2


@given(any_problems)
def test_8_no_temperature_is_the_limit_of_a_small_one(problem):
    model, canvas, options = problem
    assume(model.ids > 1)  # of a single id all positions are equally certain, and every order is the limit
    cold = {"token_temperature": 0.0, "order_temperature": 0.0}
    cool = {"token_temperature": 1e-7, "order_temperature": 1e-10}
    distinct = StubModel(model.ids, model.seed, 0.5)
    assert_same(
        decode_masked(distinct, canvas, **{**options, **cold}),
        decode_masked(distinct, canvas, **{**options, **cool}),
    )


@given(problems())
def test_8_a_temperature_that_changes_is_the_declared_one(problem):
    """Not compounded: in each round it is what its function says of that round alone."""
    model, canvas, options = problem
    asked = []

    def annealed(round, rounds):
        asked.append((round, rounds))
        return 0.7

    fixed = {"token_temperature": 0.7, "order_temperature": 0.7}
    moving = {"token_temperature": annealed, "order_temperature": annealed}
    assert_same(
        decode_masked(model, canvas, **{**options, **fixed}), decode_masked(model, canvas, **{**options, **moving})
    )
    assert {rounds for _, rounds in asked} <= {options["rounds"]}
    assert {round for round, _ in asked} <= set(range(options["rounds"]))


@given(any_problems, st.sampled_from([1, 2, 3]))
def test_9_what_comes_is_allowed(problem, axes):
    model, canvas, options = problem
    rng = np.random.default_rng(model.seed)
    allowed = rng.random((*canvas.shape, model.ids)[-axes:]) < 0.5
    allowed[..., rng.integers(model.ids)] = True
    result = decode_masked(model, canvas, allowed=allowed, **options)
    everywhere = np.broadcast_to(allowed, (*canvas.shape, model.ids))
    taken = np.take_along_axis(everywhere, result.ids[:, :, None], axis=2)[:, :, 0]
    assert taken[canvas == model.ids].all()
    seeds = options.pop("seeds")
    for row, seed in enumerate(seeds):
        ids, *_ = decode_row(model.row, canvas[row], seed=seed, allowed=everywhere[row], **options)
        assert result.ids[row].tolist() == ids


@given(any_problems, st.integers(-1000, 1000))
def test_9_a_constant_added_to_the_logits_of_a_position_changes_nothing(problem, constant):
    model, canvas, options = problem

    def coarse(ids, context):
        return np.round(model(ids, context) * 64).astype(np.float64) / 64  # so that sums are exact

    def shifted(ids, context):
        return coarse(ids, context) + constant * np.arange(canvas.shape[1])[:, None]

    assert_same(decode_masked(coarse, canvas, **options), decode_masked(shifted, canvas, **options))


@given(any_problems, st.integers(0, 20), st.booleans())
def test_9_logits_over_a_whole_language_model_are_sliced(problem, start, from_the_end):
    model, canvas, options = problem
    canvas = np.where(canvas == model.ids, model.ids + 2, canvas)  # the mask id of the vocabulary
    options["mask_id"] = model.ids + 2
    width = model.ids + start + 3
    if from_the_end:
        places = VocabularyMap.tail(width, size=model.ids, skip=start)
    else:
        places = VocabularyMap.offset(start, size=model.ids)

    def whole(ids, context):
        logits = np.full((*ids.shape, width), np.nan, np.float32)  # other ids are not looked at
        logits[:, :, places.model_ids] = model(ids, context)
        return logits

    assert_same(
        decode_masked(model, canvas, **options),
        decode_masked(whole, canvas, vocabulary_map=places, **options),
    )


@given(problems(), st.floats(-1, 0), st.floats(1.001, 5))
def test_10_thresholds_at_both_ends(problem, low, high):
    model, canvas, options = problem
    holes = (canvas == model.ids).sum(axis=1)
    options |= {"rounds": 14, "schedule": "cosine"}
    at_once = decode_masked(model, canvas, **{**options, "accept": ConfidenceThreshold(low)})
    assert at_once.nfe.tolist() == np.minimum(holes, 1).tolist()
    one_by_one = decode_masked(model, canvas, **{**options, "accept": ConfidenceThreshold(high)})
    assert one_by_one.nfe.tolist() == holes.tolist()


@given(problems(remask=remasks), st.sampled_from([None, ConfidenceThreshold(0.4)]))
def test_11_remasking_ends_and_is_never_in_the_last_round(problem, accept):
    model, canvas, options = problem
    options["accept"] = accept
    result = decode_masked(model, canvas, trace=True, **options)
    budget = options["remask"].budget
    times = np.zeros(len(canvas), int)
    for played in result.trace:
        done = ~(played.ids == model.ids).any(axis=1)
        assert not played.remasked[done].any()
        assert not played.remasked[played.round == options["rounds"] - 1].any()
        np.add.at(times, played.rows, played.remasked.sum(axis=1))
        if accept is None:
            wanted = masked_counts(options["schedule"], options["rounds"], (canvas == model.ids).sum(axis=1))
            left = (played.ids == model.ids).sum(axis=1)
            assert left.tolist() == wanted[played.rows, played.round + 1].tolist()
    assert budget is None or (times <= budget).all()


@given(
    problems(),
    st.sampled_from(
        [
            RemaskBelow(0.0),
            RemaskDrop(1.0),
            RemaskTop(0),
            ReMDM(0.0),
            ReMDM(0.0, rescale=True),
            RemaskTop(9, budget=0),
        ]
    ),
)
def test_11_a_rule_that_wants_nothing_is_no_rule(problem, rule):
    model, canvas, options = problem
    assert_same(
        decode_masked(model, canvas, **options), decode_masked(model, canvas, **{**options, "remask": rule})
    )


def test_11_a_model_that_changes_its_mind_corrects_itself():
    def logits_fn(ids, context):
        first_is_alone = (ids[:, 1:] == 2).all(axis=1)
        others = np.full((len(ids), 3), 0.4)
        of_zero = np.column_stack([np.where(first_is_alone, 0.9, 0.05), others])
        if context.round[0] == 1:
            of_zero[:, 0] = 0.05
        return np.log(np.stack([of_zero, 1 - of_zero], axis=2))

    options = {"mask_id": 2, "rounds": 4, "schedule": "even"}
    assert decode_masked(logits_fn, [[2, 2, 2, 2]], **options).ids.tolist() == [[0, 1, 1, 1]]
    result = decode_masked(logits_fn, [[2, 2, 2, 2]], remask=RemaskDrop(0.5), trace=True, **options)
    assert result.ids.tolist() == [[1, 1, 1, 1]]
    assert result.committed_round.tolist() == [[2, 1, 1, 3]]
    assert [played.remasked.tolist() for played in result.trace][1] == [[True, False, False, False]]


@given(any_problems, st.sampled_from([np.float16, np.float32, np.float64]))
def test_12_ties_and_minus_infinity_in_any_type(problem, dtype):
    model, canvas, options = problem

    def strange(ids, context):
        logits = np.round(model(ids, context)).astype(dtype)  # many ties
        logits[logits < 0] = -np.inf
        logits[:, :, 0] = np.maximum(logits[:, :, 0], 0)
        return logits

    result = decode_masked(strange, canvas, **options)
    assert ((result.ids >= 0) & (result.ids < model.ids)).all()
    seeds = options.pop("seeds")
    for row, seed in enumerate(seeds):
        ids, *_ = decode_row(lambda one: strange(one[None], None)[0], canvas[row], seed=seed, **options)
        assert result.ids[row].tolist() == ids


@settings(max_examples=5)
@given(st.integers(0, 2**32), st.sampled_from([0.5, 1.0, 2.0]))
def test_13_frequencies_are_those_of_the_softmax(seed, temperature):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (4, 6))
    rows = 5000
    result = decode_masked(
        lambda ids, context: np.broadcast_to(logits, (rows, 4, 6)),
        np.full((rows, 4), 6),
        mask_id=6,
        rounds=1,
        token_temperature=temperature,
        seeds=rng.integers(0, 2**63, rows),
    )
    expected = np.exp(logits / temperature)
    expected *= rows / expected.sum(axis=1, keepdims=True)
    seen = np.stack([np.bincount(column, minlength=6) for column in result.ids.T])
    # 20 degrees of freedom: above 62.2 with a probability of 3e-6.
    assert ((seen - expected) ** 2 / expected).sum() < 62.2


class Watching(StubModel):
    """A model that checks what it is told beside the ids."""

    def __call__(self, ids, context):
        if context.cache is None:
            assert context.changed.all()
        else:
            ids_before, rows_before = context.cache
            assert (rows_before[context.kept] == context.rows).all()
            assert ((ids_before[context.kept] != ids) == context.changed).all()
        context.cache = ids, context.rows
        return super().__call__(ids, context)


@given(any_problems)
def test_the_model_is_told_which_rows_and_positions_it_sees(problem):
    model, canvas, options = problem
    watching = Watching(model.ids, model.seed, model.sharpness)
    assert_same(decode_masked(watching, canvas, **options), decode_masked(model, canvas, **options))


def test_mask_id_is_never_produced_though_the_logits_have_it():
    logits = np.zeros((1, 3, 4))
    logits[..., 2] = 9
    result = decode_masked(lambda ids, context: logits, [[2, 2, 2]], mask_id=2, rounds=1)
    assert result.ids.tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0, 0)])
def test_nothing_to_decode(shape):
    result = decode_masked(None, np.zeros(shape, int), mask_id=7)
    assert result.ids.shape == result.committed_round.shape == shape
    assert result.calls == 0


def test_any_layout_of_the_canvas_will_do():
    def model(ids, context):
        assert ids.flags.c_contiguous
        return np.broadcast_to(np.eye(4)[[1, 2, 3]], (len(ids), 3, 4))

    for canvas in (np.full((3, 5), 4).T, np.asfortranarray(np.full((5, 3), 4)), np.full((5, 6), 4)[:, ::2]):
        assert decode_masked(model, canvas, mask_id=4, rounds=2).ids.tolist() == [[1, 2, 3]] * 5
