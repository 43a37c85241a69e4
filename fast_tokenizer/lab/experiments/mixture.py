"""Experiment (f): how often a mixture of Gaussians is trained well.

Four chunks of one step, each as likely, in ever more dimensions. Where a component stays between two of them, its
samples are of neither. Components begin by chance, or among the chunks, by k-means. Beside them, heads that have
no components, on the same four.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri

from fast_tokenizer.lab.contestants import HEADS, make_head, make_trunk
from fast_tokenizer.lab.experiment import Choice, Experiment, Outcome, Progress, Settings, Trial
from fast_tokenizer.lab.summary import Check, Column, Drawing, Rows, Summary
from fast_tokenizer.lab.training import Training, sample, seed_weights, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MODES, _SPREAD, _REACH = 4, 0.05, 0.8
_EXAMPLES, _DRAWS = 8000, 2000
_DIMENSIONS, _COMPONENTS = (2, 7, 14, 56), (4, 5, 10, 20)
_DEFAULT = (7, 5)
"""Dimensions and components of the runs whose losses are counted."""
_OTHERS = {"diffusion": "DDPM 100", "flow": "Euler 10"}
"""Heads that are tried on the same, and how they draw."""
_BEGINS = ("among chunks", "by chance")
_SURE = 0.0027  # of a normal distribution beyond three standard deviations


def _trials(choice: Choice) -> list[Trial]:
    steps = choice.pick(200, 1500)
    heads = choice.among("heads", ["mixture", *_OTHERS], [])
    trials: list[Settings] = []
    for d in _DIMENSIONS if choice.profile == "full" else (_DEFAULT[0], _DIMENSIONS[-1]):
        for k in _COMPONENTS if choice.profile == "full" else _DEFAULT[1:]:
            seeds = choice.pick(2, 20 if (d, k) == _DEFAULT else 5)
            cells = [{"dimensions": d, "components": k, "steps": steps, "seed": seed} for seed in range(seeds)]
            if "mixture" in heads:
                trials += [{"begins": begins, **cell} for begins in _BEGINS for cell in cells]
        for head in (one for one in _OTHERS if one in heads):
            seeds = choice.pick(1, 5)
            trials += [{"head": head, "dimensions": d, "steps": steps, "seed": seed} for seed in range(seeds)]
    return [Trial(settings, work=steps) for settings in trials]


def _run(settings: Settings, progress: Progress) -> Mapping[str, Any]:
    dimensions, seed = int(settings["dimensions"]), int(settings["seed"])
    rng = np.random.default_rng(seed)
    modes = _modes(dimensions, rng)
    chunks = modes[rng.integers(_MODES, size=_EXAMPLES)] + rng.normal(0, _SPREAD, (_EXAMPLES, dimensions))
    seed_weights(seed)
    name, components = str(settings.get("head", "mixture")), int(settings.get("components", _DEFAULT[1]))
    begins: Any = settings.get("begins", "among chunks")
    head = make_head(name, make_trunk(1), chunks[:, None], components=components, begins=begins)
    training = Training(int(settings["steps"]), seed=seed)
    trained = train(head, np.ones((_EXAMPLES, 1)), chunks[:, None], training, progress)
    drawn = sample(head, np.ones((_DRAWS, 1)), seed=seed)[:, 0]
    distance = np.square((drawn[:, None] - modes) / _SPREAD).sum(axis=2)
    near = distance.min(axis=1) <= chdtri(dimensions, _SURE)
    shares = np.bincount(distance.argmin(axis=1)[near], minlength=_MODES) / _DRAWS
    return {
        "valid": float(near.mean()),
        "modes_found": int((shares > 0.25 / _MODES).sum()),
        "strange_losses": trained.strange_losses,
    }


def _modes(dimensions: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Four places, each at least half a unit from the others."""
    while True:
        modes = rng.uniform(-_REACH, _REACH, (_MODES, dimensions))
        apart = np.linalg.norm(modes[:, None] - modes, axis=2) + np.eye(_MODES) * 9
        if apart.min() >= 0.5:
            return modes


def _summarize(outcomes: Sequence[Outcome]) -> Summary:
    by_chance, among, strange = Rows(), Rows(), list[int]()
    for outcome in outcomes:
        d, k = int(outcome.settings["dimensions"]), int(outcome.settings.get("components", 0))
        figures = outcome.figures
        rows = by_chance if outcome.settings.get("begins") == "by chance" else among
        rows.add(
            f"D = {d}, K = {k}" if k else f"D = {d}, {_called(str(outcome.settings['head']))}",
            valid=figures["valid"],
            merged=float(figures["valid"] < 0.9),
            found=figures["modes_found"],
            strange=figures["strange_losses"],
        )
        if (d, k) == _DEFAULT:
            strange.append(figures["strange_losses"])
    columns = {
        "valid": Column("samples within 3 deviations of a mode"),
        "merged": Column("seeds with merged modes", 2),
        "found": Column("modes found, of 4", 1),
        "strange": Column("losses that are not finite", 1),
    }
    bar = f"no loss that is not finite, with defaults (D = {_DEFAULT[0]}, K = {_DEFAULT[1]}), 20 seeds"
    checks = [Check(bar, f"{sum(strange)} in {len(strange)} runs", not any(strange) and len(strange) >= 20)]
    notes = ["Merged: more than a tenth of the samples is near no mode."]
    tables = [
        by_chance.table("Four modes, components that begin by chance", "dimensions, components", columns),
        among.table("Components that begin among the chunks, and other heads", "dimensions, and which", columns),
    ]
    drawing = Drawing("Samples near a mode", lambda figure: _draw(figure, by_chance, among))
    return Summary(tables, checks if strange else [], [drawing], notes)


def _called(head: str) -> str:
    return f"{HEADS[head]}, {_OTHERS[head]}"


def _draw(figure: Figure, by_chance: Rows, among: Rows) -> None:
    axes = figure.subplots()
    lines = [
        *((by_chance, f"K = {k}", f"{k} components, by chance", "o-") for k in _COMPONENTS),
        *((among, f"K = {k}", f"{k} components, among the chunks", "x:") for k in _COMPONENTS),
        *((among, _called(head), _called(head), "s--") for head in _OTHERS),
    ]
    for rows, row, label, style in lines:
        points = [(d, one.mean) for d in _DIMENSIONS if (one := rows.get(f"D = {d}, {row}", "valid"))]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=label, markersize=4)
    axes.set(xscale="log", xlabel="dimensions", ylabel="samples within 3 deviations of a mode", ylim=(0, 1.03))
    axes.set_xticks(_DIMENSIONS, [str(d) for d in _DIMENSIONS])
    axes.legend(fontsize=7)


MIXTURE = Experiment(
    "mixture",
    "Is a mixture of Gaussians hard to train?",
    _trials,
    _run,
    _summarize,
)
