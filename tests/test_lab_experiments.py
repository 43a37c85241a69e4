"""The experiments of the lab: what they count, against a plainer way to count it, and each of them in small."""

from itertools import pairwise

import numpy as np
import pytest
from frameworks import import_or_skip

import_or_skip("torch")
import_or_skip("diffusers")

from fast_tokenizer.execution import TemporalEnsemble  # noqa: E402
from fast_tokenizer.lab import claims, guide  # noqa: E402
from fast_tokenizer.lab.claims import judge_all  # noqa: E402
from fast_tokenizer.lab.contestants import HEADS, make_head, make_trunk  # noqa: E402
from fast_tokenizer.lab.experiment import Choice, Outcome  # noqa: E402
from fast_tokenizer.lab.experiments import EXPERIMENTS, cup  # noqa: E402
from fast_tokenizer.lab.experiments.chunk import with_jumps  # noqa: E402
from fast_tokenizer.lab.experiments.cup import _measure as measure_cup  # noqa: E402
from fast_tokenizer.lab.experiments.cup import make_exact  # noqa: E402
from fast_tokenizer.lab.experiments.gradients import _analytic as analytic_gradients  # noqa: E402
from fast_tokenizer.lab.experiments.joint import _coherent, _revealed_first  # noqa: E402
from fast_tokenizer.lab.experiments.obstacle_course import (  # noqa: E402
    HORIZON,
    RADIUS,
    carry_out,
    chunks_from_everywhere,
    collides,
    demonstrations,
    roughness,
    to_the_right,
)
from fast_tokenizer.lab.guide import advise  # noqa: E402
from fast_tokenizer.lab.overview import overview  # noqa: E402
from fast_tokenizer.lab.quoting import Figures  # noqa: E402
from fast_tokenizer.lab.training import sample  # noqa: E402

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    # diffusers 0.42 makes a numpy array of a torch tensor in a way that numpy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]


TRAINED = ("cup", "gradients", "joint", "mixture", "obstacle")


@pytest.fixture(scope="module")
def small():
    """All toys after a few steps of training: nothing is good yet, and everything is measured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cup, "_ENOUGH", 2)
        return {name: in_small(name) for name in (*TRAINED, "precision", "chunk")}


def in_small(name):
    trials = EXPERIMENTS[name].trials(Choice("full" if name == "mixture" else "quick"))
    changed = {"steps": 3, "draws": 40, "episodes": 16}
    settings = [
        {key: changed.get(key, value) for key, value in trial.settings.items()}
        for trial in trials
        if trial.settings.get("seed", 0) == 0
    ]
    outcomes = [Outcome(one, EXPERIMENTS[name].run(one, lambda done: None)) for one in settings]
    return EXPERIMENTS[name].summarize(outcomes)


def test_demonstrations_go_past_on_both_sides():
    paths = demonstrations(2000, np.random.default_rng(0))
    assert not collides(paths).any()
    assert to_the_right(paths).mean() == pytest.approx(0.5, abs=0.05)
    assert collides(paths * [1, 0]).all()


def test_collisions_are_seen_between_waypoints():
    rng = np.random.default_rng(1)
    paths = rng.uniform(-0.5, 0.5, (300, 5, 2))
    fine = np.linspace(0, 1, 2001)[:, None]
    for path, found in zip(paths, collides(paths), strict=True):
        points = np.concatenate([a + fine * (b - a) for a, b in pairwise(path)])
        nearest = np.linalg.norm(points, axis=1).min()
        if abs(nearest - RADIUS) > 1e-3:
            assert found == (nearest < RADIUS)


def test_chunks_follow_the_paths():
    paths = demonstrations(3, np.random.default_rng(0))
    seen, chunks = chunks_from_everywhere(paths)
    assert (seen.shape, chunks.shape) == ((3 * HORIZON, 2), (3 * HORIZON, HORIZON, 2))
    at = 3 * 5 + 1  # the second path at its sixth place
    assert (seen[at] == paths[1, 5]).all()
    assert (chunks[at, :11] == paths[1, 6:]).all()
    assert (chunks[at, 11:] == paths[1, -1]).all()


@pytest.mark.parametrize("execute", [1, 4, 16])
def test_points_go_where_chunks_say(execute):
    path = demonstrations(1, np.random.default_rng(0))[0]
    asked = []

    def predict(places):
        step = len(asked) * execute
        asked.append(places)
        rest = np.concatenate([path[step + 1 :], np.repeat(path[-1:], step, axis=0)])
        return np.broadcast_to(rest, (len(places), HORIZON, 2))

    paths, told = carry_out(predict, 50, np.random.default_rng(2), execute=execute, ensemble=None)
    assert len(asked) == HORIZON // execute
    assert (told == path[1:]).all()
    assert np.abs(paths - path).max() < 0.06
    assert np.abs(paths[:, 1:] - path[1:]).std() > 0.003


def test_roughness_is_of_changes_of_direction():
    straight = np.stack([np.linspace(0, 1, 16), np.linspace(0, 2, 16)], axis=1)[None]
    assert roughness(straight) == pytest.approx(0, abs=1e-12)
    there_and_back = np.array([0.0, 0.1, 0.0])[None, :, None]
    assert roughness(there_and_back) == pytest.approx(0.2)


def test_jumps_are_sudden_and_stay():
    rest = np.zeros((1600, 7), np.float32)
    jumped = with_jumps(rest, np.random.default_rng(0))
    assert jumped.dtype == np.float32
    assert np.abs(jumped).max() <= 0.2
    changes = (np.diff(jumped, axis=0) != 0).all(axis=1)
    assert changes.sum() == pytest.approx(100, abs=25)  # one a second at 16 Hz
    assert (np.diff(jumped, axis=0)[~changes] == 0).all()
    assert np.abs(with_jumps(rest + 0.95, np.random.default_rng(0))).max() == 1


def test_chunks_are_averaged_where_asked():
    def predict(places):
        return np.repeat(places[:, None] + 0.1, HORIZON, axis=1)

    plain, averaged = (
        carry_out(predict, 20, np.random.default_rng(2), execute=1, ensemble=ensemble)[0]
        for ensemble in (None, TemporalEnsemble(0.01))
    )
    assert averaged[:, -1].mean() < plain[:, -1].mean() - 0.1  # the older chunks hold it back


def test_a_cup_is_measured_by_balance_validity_and_spread():
    rng = np.random.default_rng(0)
    truth = rng.choice([-0.1, 0.1], 20_000, p=[0.3, 0.7]) + rng.normal(0, 0.01, 20_000)
    found = measure_cup(truth)
    assert found["right"] == pytest.approx(0.7, abs=0.01)
    assert found["valid"] == pytest.approx(0.9973, abs=0.002)
    assert found["std_mm"] == pytest.approx(9.87, abs=0.1)  # beyond three deviations nothing counts
    assert found["wasserstein_mm"] == pytest.approx(0.2 * 0.2 * 1e3, rel=0.1)
    middle = measure_cup(np.zeros(100))
    assert (middle["valid"], middle["std_mm"], middle["mean_mm"]) == (0.0, None, 0.0)


@pytest.mark.parametrize("name", ["diffusion", "flow"])
def test_an_exact_network_draws_the_cups_distribution(name):
    """With many steps, in which the solvers lose nothing; with ten they lose a quarter of the spread."""
    head = make_head(name, make_trunk(1), np.array([-1.0, 1.0])[:, None, None])
    make_exact(head)
    found = measure_cup(0.13 * sample(head, np.ones((4000, 1)), seed=0, batch=4000, num_steps=100).ravel())
    assert found["valid"] > 0.99
    assert found["right"] == pytest.approx(0.5, abs=0.03)
    assert found["std_mm"] == pytest.approx(9.87, rel=0.2 if name == "diffusion" else 0.06)


def test_signs_agree_as_the_law_says():
    rng = np.random.default_rng(0)
    independent = rng.choice([-1.0, 1.0], (100_000, 1, 7))
    assert _coherent(independent) == pytest.approx(2.0**-6, abs=0.002)
    assert _coherent(np.repeat(independent[..., :1], 7, axis=2)) == 1.0
    assert [_revealed_first(rounds) for rounds in (1, 2, 7)] == [7, 3, 1]


def test_every_loss_has_the_same_ratio():
    found = analytic_gradients()
    for name, figures in found.items():
        assert figures["least_ratio"] == pytest.approx(150, rel=5e-3), name
        assert figures["largest_ratio"] == pytest.approx(150, rel=5e-3), name
        assert figures["off"] < 1e-3, name
    assert found["diffusion: the noise"]["least"] < 0.2 < 10 < found["diffusion: the noise"]["largest"]


@pytest.mark.parametrize("name", TRAINED)
def test_all_is_told_and_drawn(name, small):
    summary = small[name]
    assert summary.checks
    cells = [cell for table in summary.tables for row in table.texts() for cell in row]
    assert not any("nan" in cell or "inf" in cell.split() for cell in cells)
    for drawing in summary.drawings:
        figure = import_or_skip("matplotlib.figure").Figure()
        drawing.draw(figure)
        assert figure.axes


def test_the_cup_tries_every_head(small):
    rows = [row[0] for row in small["cup"].tables[0].rows]
    assert {row.split(", ")[0] for row in rows} == {name.split(", ")[0] for name in HEADS.values()}


@pytest.fixture(scope="module")
def found(small):
    """Figures of all, those of costs made up: a row or column of another name would be left out silently."""
    cost = EXPERIMENTS["cost"]
    figures = {"sample_ms": 2.0, "pass_ms": 1.0, "loss_ms": 3.0, "passes": 1, "tokens": 16, "parameters": 9}
    figures |= {"memory_mb": None}
    costs = cost.summarize([Outcome(trial.settings, figures) for trial in cost.trials(Choice("quick"))])
    return Figures({**small, "cost": costs})


def test_the_overview_finds_its_figures(found):
    table = overview(found)
    missing = {
        (row[0], column.name)
        for row in table.rows
        for column, cell in zip(table.columns, row, strict=True)
        if cell is None
    }
    of_simulator, of_spread = (
        table.columns[-1].name,
        table.columns[2].name,
    )  # of which there are too few draws here
    assert {one for one in missing if one[1] not in (of_simulator, of_spread)} == {
        ("regression", "dimensions that fit")
    }


def test_every_claim_and_every_advice_finds_its_figures(found, monkeypatch):
    judged = {one.claim for one in judge_all(found)}
    assert set(claims.CLAIMS) - judged == {"FAST learns with less training than flow"}  # simulator
    asked = []
    monkeypatch.setattr(guide, "_require", asked.append)  # whether figures bear it out is another question
    assert len(advise(found)) == len(guide._RULES) - 1  # one is of the simulator
    assert len(asked) >= 6


def test_costs_in_small():
    settings = {"threads": 1, "repeats": 1, "width": 16, "layers": 1}
    ways = {"regression": 1, "flow, Euler 5": 5, "DDIM 10": 10}
    outcomes = [
        Outcome(one, EXPERIMENTS["cost"].run(one, lambda done: None))
        for one in [
            *({"way": way, "batch": 1, **settings} for way in ways),
            {"way": "DDIM 10", "batch": 2, **settings},
        ]
    ]
    *apart, together = EXPERIMENTS["cost"].summarize(outcomes).tables
    assert [len(table.rows) for table in (*apart, together)] == [3, 1, 3]
    (row,) = (row for row in together.rows if row[0] == "DDIM 10")
    assert [cell.mean for cell in row[1:3]] == [
        outcomes[at].figures["sample_ms"] / outcomes[at].figures["pass_ms"] for at in (2, 3)
    ]
    outcomes = outcomes[:3]
    assert [outcome.figures["passes"] for outcome in outcomes] == list(ways.values())
    assert all(outcome.figures[key] > 0 for outcome in outcomes for key in ("sample_ms", "pass_ms", "loss_ms"))
    assert len(EXPERIMENTS["cost"].summarize(outcomes).tables[0].rows) == 3
