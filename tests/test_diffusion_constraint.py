"""Constraints on a whole canvas: asked again before each commit, in the order of certainty."""

import numpy as np
import pytest
from diffusion_strategies import problems, remasks
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer import LogitsError, decode_masked
from fast_tokenizer.diffusion import ConfidenceThreshold


class SumOf:
    """Ids of a row must add up to `total`; given ids count too."""

    def __init__(self, ids, total, mask_id):
        self.ids, self.total, self.mask_id = ids, total, mask_id

    def allowed(self, ids, rows, positions):
        masked = ids == self.mask_id
        assert masked[rows, positions].all()
        left = self.total - np.where(masked, 0, ids).sum(axis=1)[rows]
        others = masked.sum(axis=1)[rows] - 1
        rest = left[:, None] - np.arange(self.ids)
        return (rest >= 0) & (rest <= others[:, None] * (self.ids - 1))


@given(
    problems(remask=st.none() | remasks, accept=st.none() | st.just(ConfidenceThreshold(0.3))),
    st.integers(0, 2**32),
)
def test_a_constraint_holds_whatever_the_model_and_the_settings_are(problem, seed):
    model, canvas, options = problem
    canvas = np.full_like(canvas, model.ids)
    total = int(np.random.default_rng(seed).integers(0, canvas.shape[1] * (model.ids - 1) + 1))
    result = decode_masked(model, canvas, constraint=SumOf(model.ids, total, model.ids), trace=True, **options)
    assert (result.ids.sum(axis=1) == total).all()
    seeds = options.pop("seeds")
    alone = decode_masked(
        model, canvas[-1:], constraint=SumOf(model.ids, total, model.ids), seeds=seeds[-1:], **options
    )
    assert alone.ids.tolist() == result.ids[-1:].tolist()


def test_commits_of_a_round_know_of_each_other():
    """Both positions like 2 best, the second one more: it gets it, and leaves 1 for the first."""
    logits = np.log([[[0.1, 0.3, 0.6], [0.1, 0.2, 0.7]]])
    options = {"mask_id": 3, "rounds": 1, "trace": True}
    result = decode_masked(lambda ids, context: logits, [[3, 3]], constraint=SumOf(3, 3, 3), **options)
    assert result.ids.tolist() == [[1, 2]]
    assert result.trace[0].probability == pytest.approx(np.array([[1.0, 0.2 / 0.9 + 0.5 / 0.9]]), abs=1e-6)


def test_allowed_ids_and_a_constraint_must_both_agree():
    logits = np.zeros((1, 2, 3))
    options = {"mask_id": 3, "rounds": 1, "constraint": SumOf(3, 2, 3)}
    allowed = np.array([[True, False, True], [True, True, True]])
    result = decode_masked(lambda ids, context: logits, [[3, 3]], allowed=allowed, **options)
    assert result.ids.tolist() == [[0, 2]]
    with pytest.raises(LogitsError, match="row 0, position 1: no id is left"):
        decode_masked(lambda ids, context: logits, [[3, 3]], allowed=[True, False, False], **options)
