"""What the tests of masked decoding draw: stub models, canvases and settings."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from fast_tokenizer.diffusion import (
    ConfidenceFactor,
    ConfidenceThreshold,
    GroupedByTimeStep,
    LowFrequencyFirst,
    Power,
    RemaskBelow,
    RemaskDrop,
    RemaskTop,
    ReMDM,
)


@dataclass(frozen=True)
class StubModel:
    """Logits `[A, L, V]` that depend on the whole row, and on nothing else. Counts its calls."""

    ids: int
    seed: int
    sharpness: float

    def row(self, ids):
        words = [self.seed, *np.asarray(ids).tolist()]
        rng = np.random.default_rng(np.array(words, np.uint64))
        return rng.normal(0, self.sharpness, (len(ids), self.ids)).astype(np.float32)

    def __call__(self, ids, context):
        return np.stack([self.row(row) for row in ids])


names = st.sampled_from(["max_prob", "margin", "neg_entropy", "random", "left_to_right"])
orders = (
    names
    | st.builds(LowFrequencyFirst, st.integers(1, 4), names)
    | st.builds(GroupedByTimeStep, st.integers(1, 4), names)
)
temperatures = st.sampled_from([0.0, 0.3, 1.0, 2.5]) | st.just(lambda round, rounds: 1 - (round + 1) / rounds)
accepts = (
    st.none() | st.builds(ConfidenceThreshold, st.floats(0, 1.2)) | st.builds(ConfidenceFactor, st.floats(0, 3))
)
budgets = st.none() | st.integers(0, 5)
remasks = (
    st.builds(RemaskBelow, st.floats(0, 1), budget=budgets)
    | st.builds(RemaskDrop, st.floats(0, 0.5), budget=budgets)
    | st.builds(RemaskTop, st.integers(0, 4), budget=budgets)
    | st.builds(ReMDM, st.floats(0, 1), st.booleans(), budget=budgets)
)
models = st.builds(StubModel, st.integers(1, 12), st.integers(0, 2**32), st.sampled_from([0.3, 1.0, 4.0]))


@st.composite
def schedules(draw, rounds):
    named = st.sampled_from(["cosine", "linear", "even"]) | st.builds(Power, st.sampled_from([0.3, 1.0, 2.0, 5.0]))
    fractions = st.lists(st.floats(0, 1), min_size=rounds - 1, max_size=rounds - 1)
    return draw(named | fractions.map(lambda some: [*sorted(some, reverse=True), 0.0]))


@st.composite
def canvases(draw, ids, max_rows=4, max_length=14):
    """int64 [B, L] with masks (id `ids`) at random places, all masks, or none."""
    shape = draw(st.integers(1, max_rows)), draw(st.integers(1, max_length))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    masked = rng.random(shape) < draw(st.sampled_from([0.0, 0.5, 0.9, 1.0]))
    return np.where(masked, ids, rng.integers(0, ids, shape))


@st.composite
def problems(draw, remask=None, accept=None, order_names=orders):
    """(model, canvas, settings): keyword arguments for `decode_masked`, the mask id and seeds among them."""
    model = draw(models)
    canvas = draw(canvases(model.ids))
    rounds = draw(st.integers(1, 16))
    settings = {
        "mask_id": model.ids,
        "rounds": rounds,
        "schedule": draw(schedules(rounds)),
        "order": draw(order_names),
        "token_temperature": draw(temperatures),
        "order_temperature": draw(temperatures),
        "accept": draw(accept if accept is not None else st.none()),
        "remask": draw(remask if remask is not None else st.none()),
        "seeds": draw(st.lists(st.integers(0, 2**63 - 1), min_size=len(canvas), max_size=len(canvas))),
    }
    return model, canvas, settings


any_problems = problems(remask=st.none() | remasks, accept=accepts)
