"""The mixture of Gaussians: where its components begin, and what becomes of them."""

import numpy as np
import pytest
import scipy.cluster.vq
from frameworks import import_or_skip

torch = import_or_skip("torch")

from heads_under_test import CONDITION, C, D, H, near, seeded  # noqa: E402

from fast_tokenizer.errors import HeadError  # noqa: E402
from fast_tokenizer.heads import Condition, GaussianMixtureHead, TransformerTrunk, load_head, save_head  # noqa: E402
from fast_tokenizer.heads.mixture import LEAST_STD  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def make(components=4, horizon=H, action_dim=D):
    torch.manual_seed(0)
    trunk = TransformerTrunk(C, width=16, layers=1, heads=2)
    return GaussianMixtureHead(trunk, horizon=horizon, action_dim=action_dim, components=components)


def ways(count=400, spread=0.05, seed=0):
    """Four chunks, of which the first is shown half of the time, and which of them each is."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-0.8, 0.8, (4, H, D))
    which = rng.choice(4, count, p=[0.5, 0.2, 0.2, 0.1])
    return centres, which, centres[which] + spread * rng.normal(size=(count, H, D))


def mixture_of(head):
    """Weights, means and deviations before anything is learned: the same whatever is seen."""
    weights, means, stds = head._mixture(CONDITION)
    assert near(weights[0], weights[1])
    assert near(means[0], means[1])
    return weights[0].exp(), means[0], stds[0]


def test_components_begin_at_the_ways():
    centres, which, chunks = ways()
    head = make()
    head.begin_at(chunks)
    weights, means, stds = (one.detach().numpy() for one in mixture_of(head))
    distances = np.square(means[:, None] - centres).mean(axis=(2, 3)) ** 0.5
    nearest = distances.argmin(axis=1)
    assert sorted(nearest) == [0, 1, 2, 3]
    assert distances.min(axis=1).max() < 0.02
    assert weights == pytest.approx(np.bincount(which, minlength=4)[nearest] / len(which), abs=0.02)
    assert stds == pytest.approx(0.05, abs=0.01)


def test_its_density_is_near_that_of_the_truth():
    _, which, chunks = ways()
    head, plain = make(), make()
    head.begin_at(chunks)
    shown, condition = torch.tensor(chunks, dtype=torch.float32), Condition.of(torch.zeros(len(chunks), C))
    begun, by_chance = (float(one.log_prob(condition, shown).detach().mean()) for one in (head, plain))
    entropy = H * D * 0.5 * np.log(2 * np.pi * np.e * 0.05**2)
    shares = np.bincount(which) / len(which)
    assert begun == pytest.approx(-entropy + (shares * np.log(shares)).sum(), abs=0.05 * entropy * -1)
    assert by_chance < begun - 10


def test_four_ways_in_many_dimensions_are_learned():
    """By chance fewer than four are found there: what `fast-tokenizer lab mixture` measures."""
    rng = np.random.default_rng(3)
    centres = rng.uniform(-0.8, 0.8, (4, 1, 28))
    chunks = centres[rng.integers(4, size=2000)] + 0.05 * rng.normal(size=(2000, 1, 28))
    head = make(components=5, horizon=1, action_dim=28)
    head.begin_at(chunks)
    shown, condition = torch.tensor(chunks, dtype=torch.float32), Condition.of(torch.zeros(128, C))
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-3)
    for step in range(100):
        rows = torch.arange(128) + 128 * (step % 15)
        optimizer.zero_grad()
        head.loss(condition, shown[rows]).backward()
        optimizer.step()
    drawn = head.sample(Condition.of(torch.zeros(400, C)), generator=seeded()).numpy()
    distances = np.square(drawn[:, None] - centres).mean(axis=(2, 3)) ** 0.5
    assert (distances.min(axis=1) < 0.08).mean() > 0.95
    assert (np.bincount(distances.argmin(axis=1), minlength=4) > 50).all()


@pytest.mark.parametrize("count", [1, 3])
def test_fewer_chunks_than_components_do(count):
    chunks = np.arange(count * H * D, dtype=float).reshape(count, H, D) / 100
    head = make(components=5)
    head.begin_at(np.repeat(chunks, 20, axis=0))
    _, means, stds = mixture_of(head)
    found = {tuple(np.round(one.flatten().tolist(), 3)) for one in means.detach()}
    assert found == {tuple(np.round(chunk.ravel(), 3)) for chunk in chunks}
    assert stds.detach().numpy() == pytest.approx(2 * LEAST_STD, rel=1e-4)


def test_a_seed_decides_and_torch_is_left_alone():
    _, _, chunks = ways()
    heads = [make(components=7) for _ in range(3)]
    state = torch.get_rng_state()
    for head, seed in zip(heads, (1, 1, 2), strict=True):
        head.begin_at(torch.tensor(chunks), seed=seed)
    assert torch.equal(torch.get_rng_state(), state)
    first, again, other = (head.centres for head in heads)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_best_of_several_runs_is_taken(monkeypatch):
    _, _, chunks = ways()
    runs, real = [], scipy.cluster.vq.kmeans2

    def watched(flat, *arguments, **options):
        centres, nearest = real(flat, *arguments, **options)
        runs.append((np.square(flat - centres[nearest]).sum(), centres))
        return centres, nearest

    monkeypatch.setattr(scipy.cluster.vq, "kmeans2", watched)
    head = make(components=3)
    head.begin_at(chunks)
    assert len({round(left, 3) for left, _ in runs}) > 1
    assert near(head.centres.flatten(1), torch.tensor(min(runs, key=lambda run: run[0])[1], dtype=torch.float32))


def test_it_comes_back_from_a_file(tmp_path):
    head = make()
    head.begin_at(ways()[2])
    save_head(head, tmp_path / "head.safetensors")
    again = load_head(tmp_path / "head.safetensors")
    assert torch.equal(again.centres, head.centres)
    assert torch.equal(*(one.sample(CONDITION, generator=seeded()) for one in (head, again)))


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        (np.zeros((5, H, D + 1)), rf"chunks has shape \[5, {H}, {D + 1}\]: expected \[1 or more, {H}, {D}\]"),
        (np.zeros((0, H, D)), r"chunks has shape \[0, "),
        (np.zeros((H, D)), rf"chunks has shape \[{H}, {D}\]"),
        (np.full((2, H, D), np.nan), r"chunks\[0, 0, 0\] is not finite"),
    ],
)
def test_chunks_of_another_kind_are_named(chunks, message):
    with pytest.raises(HeadError, match=message):
        make().begin_at(chunks)
