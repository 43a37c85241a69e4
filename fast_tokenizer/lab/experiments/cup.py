"""Experiment (a): a cup that may be put down on the left or on the right.

One action, drawn from `0.5 N(-0.1 m, (1 cm)^2) + 0.5 N(+0.1 m, (1 cm)^2)`; nothing that is seen tells
which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtr
from torch import Tensor

from fast_tokenizer.heads import ActionHead, FlowMatchingHead
from fast_tokenizer.lab.contestants import HEADS, make_head, make_trunk, set_way
from fast_tokenizer.lab.experiment import Choice, Experiment, Outcome, Progress, Settings, Trial
from fast_tokenizer.lab.panels import panels
from fast_tokenizer.lab.summary import Check, Column, Drawing, Rows, Summary
from fast_tokenizer.lab.training import Training, sample, seed_weights, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MODE, _SPREAD = 0.1, 0.01  # metres
_UNIT = 0.13  # metres of a normalised one
_EXAMPLES = 20_000
_VALID = 3 * _SPREAD
_ENOUGH = 100  # draws, for a spread
_EXACT = "exact"
_KNOWN = ("diffusion", "flow")
"""Heads of which it is known what they would say, did they know the distribution."""
_WAYS: Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]] = {
    "mixture": [("", {}), (", low noise", {"temperature": 0.0})],
    "bins": [("", {}), (", likeliest", {"temperature": 0.0})],
    "bins-ar": [("", {}), (", likeliest", {"temperature": 0.0})],
    "masked": [("", {}), (", likeliest", {"temperature": 0.0})],
    "diffusion": [
        (", DDPM 100", {"sampler": "ddpm"}),
        (", DDIM 10", {"sampler": "ddim", "num_steps": 10}),
        (", DDIM 5", {"sampler": "ddim", "num_steps": 5}),
        (", DPM++ 10", {"sampler": "dpm++", "num_steps": 10}),
        *(
            (f", {label} {steps}, quadratic", {"sampler": sampler, "num_steps": steps, "spacing": "quadratic"})
            for label, sampler, steps in (("DDIM", "ddim", 10), ("DPM++", "dpm++", 10), ("DPM++", "dpm++", 5))
        ),
    ],
    "flow": [
        *((f", Euler {steps}", {"solver": "euler", "num_steps": steps}) for steps in (1, 2, 5, 10, 50)),
        (", midpoint 5", {"solver": "midpoint", "num_steps": 5}),
        *((f", Euler {steps}, quadratic", {"num_steps": steps, "spacing": "quadratic"}) for steps in (5, 10)),
    ],
}
"""How a head is asked for samples, where there is more than one way."""


def _trials(choice: Choice) -> list[Trial]:
    heads = choice.among("heads", list(HEADS), [])
    steps = choice.pick(300, 3000)
    draws = choice.pick(2000, 10_000)
    seeds = range(choice.pick(1, 5))
    trained = [
        Trial({"head": head, "steps": steps, "draws": draws, "seed": seed}, work=steps)
        for head in heads
        for seed in seeds
    ]
    exact = [
        Trial({"head": head, "model": _EXACT, "draws": draws, "seed": seed}) for head in _KNOWN for seed in seeds
    ]
    return trained + [trial for trial in exact if trial.settings["head"] in heads]


def _shown(seed: int, count: int) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return (rng.choice([-_MODE, _MODE], count) + rng.normal(0, _SPREAD, count)) / _UNIT


def _run(settings: Settings, progress: Progress) -> Mapping[str, Any]:
    name, seed, draws = str(settings["head"]), int(settings["seed"]), int(settings["draws"])
    chunks = _shown(seed, _EXAMPLES)[:, None, None]
    seed_weights(seed)
    head = make_head(name, make_trunk(1), chunks, scale=100)
    if "model" in settings:
        make_exact(head)
    else:
        train(head, np.ones((_EXAMPLES, 1)), chunks, Training(int(settings["steps"]), seed=seed), progress)
    ways = _WAYS.get(name, [("", {})])
    return {HEADS[name] + way: _measure(_drawn(head, draws, seed, options)) for way, options in ways}


def make_exact(head: ActionHead) -> None:
    """Makes a diffusion or flow head say what a network would say that knows the distribution exactly."""

    def velocity(noisy: Tensor, time: Tensor, memory: object) -> Tensor:
        part = time[:, None, None]
        return (noisy - _expected(noisy, 1 - part, part)) / part

    def noise(noisy: Tensor, steps: Tensor, memory: object) -> Tensor:
        signal, spread = (level[steps][:, None, None] for level in (head.signal, head.spread))
        return (noisy - signal * _expected(noisy, signal, spread)) / spread

    name, known = ("velocity", velocity) if isinstance(head, FlowMatchingHead) else ("predict", noise)
    setattr(head, name, known)


def _expected(noisy: Tensor, signal: Tensor, spread: Tensor) -> Tensor:
    """The mean of the actions of which `signal * action + spread * noise` is `noisy`."""
    mode, variance = _MODE / _UNIT, (_SPREAD / _UNIT) ** 2
    whole = signal**2 * variance + spread**2
    right = torch.sigmoid(2 * signal * mode * noisy / whole)
    return (2 * right - 1) * mode + signal * variance / whole * (noisy - signal * (2 * right - 1) * mode)


def _drawn(head: ActionHead, draws: int, seed: int, options: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    """Metres."""
    drawn = sample(head, np.ones((draws, 1)), seed=seed, batch=2500, **set_way(head, options))
    return _UNIT * drawn.ravel()


def _measure(drawn: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Balance, validity and spread apart: a distance between distributions is mostly about the balance."""
    near = np.abs(np.abs(drawn) - _MODE) <= _VALID
    inside = drawn[near]
    return {
        "mean_mm": 1e3 * float(drawn.mean()),
        "right": float((drawn > 0).mean()),
        "valid": float(near.mean()),
        "std_mm": 1e3 * float((inside - _MODE * np.sign(inside)).std()) if inside.size >= _ENOUGH else None,
        "wasserstein_mm": 1e3 * float(np.abs(np.sort(drawn) - _quantiles(drawn.size)).mean()),
        "histogram": np.histogram(drawn, bins=80, range=(-0.16, 0.16))[0].tolist(),
    }


def _quantiles(count: int) -> npt.NDArray[np.float64]:
    """Of the truth, in metres, in the middle of as many equal parts."""
    places = np.linspace(-0.2, 0.2, 40_001)
    reached = sum(0.5 * ndtr((places - mode) / _SPREAD) for mode in (-_MODE, _MODE))
    found: npt.NDArray[np.float64] = np.interp((np.arange(count) + 0.5) / count, reached, places)
    return found


_SAMPLED = {
    "mixture of Gaussians": 0.99,
    "bins, in parallel": 0.99,
    "bins, one by one": 0.99,
    "FAST tokens": 0.99,
    "masked diffusion": 0.99,
    "diffusion, DDPM 100": 0.99,
    "diffusion, DDIM 10": 0.95,
    "diffusion, DDIM 10, quadratic": 0.95,
    "flow matching, Euler 10": 0.95,
    "flow matching, Euler 10, quadratic": 0.95,
}
"""Which samples must be of both modes, and the least part of them that must be valid."""


def _summarize(outcomes: Sequence[Outcome]) -> Summary:
    rows, exact, histograms = Rows(), Rows(), dict[str, npt.NDArray[np.float64]]()
    for outcome in outcomes:
        for name, figures in outcome.figures.items():
            numbers = {key: value for key, value in figures.items() if key != "histogram"}
            if "model" in outcome.settings:
                exact.add(name, **numbers)
                continue
            rows.add(name, **numbers)
            histograms[name] = histograms.get(name, 0) + np.array(figures["histogram"], float)
    columns = {
        "mean_mm": Column("mean, mm", 1),
        "right": Column("to the right"),
        "valid": Column("within 3 deviations of a mode"),
        "std_mm": Column("spread in a mode, mm (truth 10)", 1),
        "wasserstein_mm": Column("Wasserstein distance, mm", 1),
    }
    tables = [rows.table("Draws of each", "head", columns)]
    if exact.names():
        title = "The same, had the network learned the distribution exactly"
        tables.append(exact.table(title, "head", columns))
    drawing = Drawing("Where the cup is put", lambda figure: _draw(figure, histograms))
    notes = [
        "The Wasserstein distance is mostly about the balance: of 10 000 true draws it is 1 to 2 mm. What few "
        "even steps take from the spread is the solver's: a network that knows the distribution loses as much."
    ]
    return Summary(tables, _checks(rows, exact), [drawing], notes)


def _checks(rows: Rows, exact: Rows) -> list[Check]:
    checks = []
    means, valid = rows.seeds(HEADS["regression"], "mean_mm"), rows.get(HEADS["regression"], "valid")
    if means and valid:
        worst = max(map(abs, means))
        got = f"{worst:.1f} mm at most, {valid.text(3)} valid"
        bar = "squared error: every seed within 2 mm of the middle, and never valid"
        checks.append(Check(bar, got, worst <= 2 and valid.mean == 0))
    for name, least in _SAMPLED.items():
        sides, valid, spread = rows.seeds(name, "right"), rows.get(name, "valid"), rows.get(name, "std_mm")
        if sides and valid:
            off = max(abs(right - 0.5) for right in sides)
            best = exact.get(name, "std_mm")
            of_exact = f" (of an exact network {best.text(1)})" if best else ""
            checks.append(
                Check(
                    f"{name}: every seed 50 ± 3% to each side, spread within 20%, {least} valid or more",
                    f"{100 * off:.1f}% off at most, {spread.text(1) if spread else 'no'} mm{of_exact}, "
                    f"{valid.text(3)} valid",
                    off <= 0.03
                    and spread is not None
                    and abs(spread.mean / 10 - 1) <= 0.2
                    and valid.mean >= least,
                )
            )
    one_step = rows.get(HEADS["flow"] + ", Euler 1", "valid")
    if one_step:
        checks.append(Check("flow in one step fails", f"{one_step.text(3)} valid", one_step.mean <= 0.05))
    return checks


def _draw(figure: Figure, histograms: Mapping[str, npt.NDArray[np.float64]]) -> None:
    places = np.linspace(-160, 160, 81)
    found = panels(figure, len(histograms), height=1.5, sharex=True)
    for panel, (name, counts) in zip(found, histograms.items(), strict=True):
        panel.stairs(counts, places, fill=True)
        panel.set_title(name, fontsize=8)
        panel.set_yticks([])
    figure.supxlabel("mm", fontsize=9)


CUP = Experiment(
    "cup",
    "There are two right answers. Which heads give one of them?",
    _trials,
    _run,
    _summarize,
    revision=4,
)
