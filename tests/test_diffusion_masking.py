"""Masking for training: exact counts, labels, weights, in numpy and torch."""

import numpy as np
import pytest
from frameworks import import_or_skip
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer import FastTokenizerError
from fast_tokenizer.diffusion import Power, mask_tokens

MASK = 99
curves = st.sampled_from(["cosine", "linear", Power(0.5), Power(3.0)])


@pytest.fixture(params=["numpy", "torch"])
def kind(request):
    """(array of ids, generator of a seed) in numpy and torch."""
    if request.param == "numpy":
        return np.asarray, np.random.default_rng
    torch = import_or_skip("torch")
    return torch.tensor, lambda seed: torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("schedule", ["cosine", "linear", Power(0.5)])
@pytest.mark.parametrize("weighting", [None, "mdlm"])
def test_masks_labels_and_given_positions(kind, schedule, weighting):
    array, generator = kind
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 50, (300, 20))
    maskable = rng.random(ids.shape) < 0.7
    maskable[0] = False
    masked_ids, labels, weights = map(
        np.asarray,
        mask_tokens(
            array(ids), generator(1), schedule, mask_id=MASK, maskable=array(maskable), weighting=weighting
        ),
    )
    masked = masked_ids == MASK
    assert not (masked & ~maskable).any()
    assert (masked_ids[~masked] == ids[~masked]).all()
    assert (labels == np.where(masked, ids, -100)).all()
    assert (masked.sum(axis=1) >= maskable.any(axis=1)).all()
    assert weights.shape == (300,)
    assert np.isfinite(weights).all()
    assert weighting is not None or (weights == 1).all()


def test_the_count_is_that_of_the_paper(kind):
    """n = max(1, round(cos(pi u / 2) L)) for the u that the generator gives first, rounded half to even."""
    array, generator = kind
    masked_ids, _, _ = mask_tokens(array(np.zeros((5000, 7), int)), generator(3), mask_id=MASK)
    if array is np.asarray:
        u = generator(3).random(5000)
    else:
        torch = import_or_skip("torch")
        u = torch.rand(5000, generator=generator(3), dtype=torch.float64).numpy()
    counts = (np.asarray(masked_ids) == MASK).sum(axis=1)
    assert counts.tolist() == [max(1, round(np.cos(np.pi * one / 2) * 7)) for one in u]
    assert set(counts.tolist()) == set(range(1, 8))


def test_every_position_is_masked_alike(kind):
    array, generator = kind
    masked_ids, _, _ = mask_tokens(array(np.zeros((20_000, 5), int)), generator(5), "linear", mask_id=MASK)
    share = (np.asarray(masked_ids) == MASK).mean(axis=0)
    assert share == pytest.approx(share.mean(), abs=5 * 0.5 / np.sqrt(20_000))


@given(curves, st.integers(1, 60))
def test_mdlm_weights_make_the_expected_loss_the_sum_over_orders(schedule, length):
    """1 / weight / n is how often n masks come: summed over n, every count comes with certainty."""
    ids = np.zeros((20_000, length), int)
    masked_ids, _, weights = mask_tokens(
        ids, np.random.default_rng(length), schedule, mask_id=MASK, weighting="mdlm"
    )
    counts = (masked_ids == MASK).sum(axis=1)
    seen, first, times = np.unique(counts, return_index=True, return_counts=True)
    frequency = 1 / (seen * weights[first])
    assert frequency.sum() == pytest.approx(1, abs=2e-2)  # but for counts that did not come
    assert len(np.unique(weights)) <= len(seen)
    # A share of 20,000 draws is within five standard deviations of its frequency.
    assert (np.abs(times / 20_000 - frequency) <= 5 * np.sqrt(frequency / 20_000) + 1e-4).all()


def test_mdlm_weights_tend_to_those_of_the_continuous_time():
    """|d fraction / d u| / fraction, which for the cosine is pi / 2 tan(pi u / 2)."""
    length = 4000
    _, labels, weights = mask_tokens(
        np.zeros((50, length), int), np.random.default_rng(2), mask_id=MASK, weighting="mdlm"
    )
    fraction = (labels != -100).mean(axis=1)
    inside = (fraction > 0.05) & (fraction < 0.99)
    wanted = np.pi / 2 * np.sqrt(1 - fraction**2) / fraction
    assert weights[inside] == pytest.approx(wanted[inside], rel=0.01)


def test_other_arguments(kind):
    array, generator = kind
    ids = array(np.arange(6).reshape(2, 3))
    _, labels, _ = mask_tokens(ids, generator(0), mask_id=MASK, ignore_index=-1)
    assert set(np.asarray(labels).ravel().tolist()) <= {-1, 0, 1, 2, 3, 4, 5}
    again = mask_tokens(ids, generator(7), mask_id=MASK)
    assert again.ids.tolist() == mask_tokens(ids, generator(7), mask_id=MASK).ids.tolist()
    with pytest.raises(FastTokenizerError, match="row 1, position 1: the id is the mask id 4 already"):
        mask_tokens(ids, generator(0), mask_id=4)
    with pytest.raises(FastTokenizerError, match="schedule is 'even'"):
        mask_tokens(ids, generator(0), "even", mask_id=MASK)
    with pytest.raises(FastTokenizerError, match="weighting is 'elbo'"):
        mask_tokens(ids, generator(0), mask_id=MASK, weighting="elbo")
    with pytest.raises(FastTokenizerError, match=r"expected \[batch, length\]"):
        mask_tokens(ids[0], generator(0), mask_id=MASK)
    with pytest.raises(FastTokenizerError, match="maskable has shape"):
        mask_tokens(ids, generator(0), mask_id=MASK, maskable=array([True]))
