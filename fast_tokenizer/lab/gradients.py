"""Experiment (b): how much stronger the gradient of a large error is than that of a small one.

The error of a prediction is told by the action that it implies: 150 mm in one case, 1 mm in the other. Then a
training on one way only, with the gradients at its begin and at its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fast_tokenizer.heads import ActionHead, Condition
from fast_tokenizer.lab.contestants import HEADS, make_head, make_trunk
from fast_tokenizer.lab.experiment import Choice, Experiment, Outcome, Progress, Settings, Trial
from fast_tokenizer.lab.summary import Cell, Check, Column, Rows, Summary, Table
from fast_tokenizer.lab.training import Training, sample, seed_weights, train

_LARGE, _SMALL = 0.150, 0.001  # metres, as in the seeds
_ACTION_DIM = 7
_EXAMPLES, _TRIED = 8000, 1000
_NOISE = 0.01
_TRAINED = ("regression", "diffusion", "flow")
_KEPT = (0.95, 0.5, 0.05)
"""The part of the action's variance that is left in a noisy chunk, early to late (alpha bar of DDPM)."""
_TIMES = (0.1, 0.5, 0.9)
"""Of a flow, 1 for noise."""


def _trials(choice: Choice) -> list[Trial]:
    steps = choice.pick(300, 3000)
    trained = [
        Trial({"part": "trained", "head": head, "steps": steps, "seed": seed}, work=steps)
        for head in choice.among("heads", _TRAINED, [])
        for seed in range(choice.pick(1, 5))
    ]
    return [Trial({"part": "analytic"}), *trained]


def _run(settings: Settings, progress: Progress) -> Mapping[str, Any]:
    return _analytic() if settings["part"] == "analytic" else _trained(settings, progress)


def _analytic() -> Mapping[str, Any]:
    """The gradient of each loss at the network's output, for both errors, by automatic differentiation."""
    generator = torch.Generator().manual_seed(0)
    action, noise = torch.randn(2, _ACTION_DIM, dtype=torch.float64, generator=generator)
    direction = torch.nn.functional.normalize(torch.ones_like(action), dim=0)

    def gradients(output_of: Any, target: Tensor) -> list[float]:
        norms = []
        for error in (_LARGE, _SMALL):
            output = output_of(action + error * direction).requires_grad_()
            (gradient,) = torch.autograd.grad((output - target).square().mean(), output)
            norms.append(float(gradient.norm()))
        return norms

    large, small = gradients(lambda implied: implied.clone(), action)
    found = {"squared error": {"ratio": large / small, "amplification": 1.0, "expected": 1.0}}
    plain = large
    for kept in _KEPT:
        noisy = kept**0.5 * action + (1 - kept) ** 0.5 * noise

        def implied_noise(implied: Tensor, noisy: Tensor = noisy, kept: float = kept) -> Tensor:
            return (noisy - kept**0.5 * implied) / (1 - kept) ** 0.5

        large, small = gradients(implied_noise, noise)
        found[f"noise (DDPM), {kept:g} of the variance is action"] = {
            "ratio": large / small,
            "amplification": large / plain,
            "expected": (kept / (1 - kept)) ** 0.5,
        }
    for time in _TIMES:
        noisy = time * noise + (1 - time) * action

        def implied_velocity(implied: Tensor, noisy: Tensor = noisy, time: float = time) -> Tensor:
            return (noisy - implied) / time

        large, small = gradients(implied_velocity, noise - action)
        found[f"velocity (flow), time {time:g}"] = {
            "ratio": large / small,
            "amplification": large / plain,
            "expected": 1 / time,
        }
    return found


def _trained(settings: Settings, progress: Progress) -> Mapping[str, Any]:
    name, seed = str(settings["head"]), int(settings["seed"])
    rng = np.random.default_rng(seed)
    seen = rng.uniform(-1, 1, (_EXAMPLES + _TRIED, _ACTION_DIM))
    mix = rng.normal(0, 1 / _ACTION_DIM**0.5, (_ACTION_DIM, _ACTION_DIM))
    wanted = np.tanh(seen @ mix)[:, None]
    shown = wanted + rng.normal(0, _NOISE, wanted.shape)
    seed_weights(seed)
    head = make_head(name, make_trunk(_ACTION_DIM), shown)
    before = _gradients(head, seen[_EXAMPLES:], shown[_EXAMPLES:])
    train(head, seen[:_EXAMPLES], shown[:_EXAMPLES], Training(int(settings["steps"]), seed=seed), progress)
    after = _gradients(head, seen[_EXAMPLES:], shown[_EXAMPLES:])
    error = sample(head, seen[_EXAMPLES:], seed=seed) - wanted[_EXAMPLES:]
    return {
        "output_ratio": before[0] / after[0],
        "parameter_ratio": before[1] / after[1],
        "rmse": float(np.sqrt(np.square(error).mean())),
    }


def _gradients(head: ActionHead, seen: Any, chunks: Any) -> tuple[float, float]:
    """The mean norm of an example's gradient at the output, and that of the whole gradient of the parameters."""
    outputs: list[Tensor] = []
    hook = head.out.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    condition = Condition.of(torch.tensor(seen, dtype=torch.float32))
    generator = torch.Generator().manual_seed(0)
    loss = head.loss(condition, torch.tensor(chunks, dtype=torch.float32), generator=generator)
    hook.remove()
    of_output, *of_parameters = torch.autograd.grad(loss, [outputs[0], *head.parameters()], allow_unused=True)
    norms = [one.norm() for one in of_parameters if one is not None]
    by_example = of_output.flatten(1).norm(dim=1) * len(of_output)
    return float(by_example.mean()), float(torch.stack(norms).norm())


def _summarize(outcomes: Sequence[Outcome]) -> Summary:
    tables, checks = [], []
    rows = Rows()
    for outcome in outcomes:
        if outcome.settings["part"] == "trained":
            rows.add(HEADS[str(outcome.settings["head"])], **outcome.figures)
            continue
        cells: list[list[Cell]] = [[name, *figures.values()] for name, figures in outcome.figures.items()]
        names = ["target", "gradient of 150 mm / of 1 mm", "amplification", "expected amplification"]
        tables.append(Table("At the output, by the action implied", [Column(name) for name in names], cells))
        ratios = [figures["ratio"] for figures in outcome.figures.values()]
        off = max(abs(one["amplification"] / one["expected"] - 1) for one in outcome.figures.values())
        got = f"{min(ratios):.3f} to {max(ratios):.3f}"
        holds = all(abs(ratio / 150 - 1) <= 0.005 for ratio in ratios)
        checks.append(Check("the ratio is 150 ± 0.5% for every target", got, holds))
        bar = "amplified by √(signal to noise) or 1/t"
        checks.append(Check(bar, f"to {off:.1e}", off <= 1e-6))
    if rows.names():
        columns = {
            "output_ratio": Column("gradient at the output, begin / end", 1),
            "parameter_ratio": Column("gradient of the parameters, begin / end", 1),
            "rmse": Column("action RMSE at the end, normalised", 4),
        }
        tables.append(rows.table("Trained on one way, seven dimensions", "head", columns))
    notes = ["A gradient that stays large is not a small error: it is mostly of noise that nobody can predict."]
    return Summary(tables, checks, notes=notes)


GRADIENTS = Experiment(
    "gradients",
    "Do diffusion and flow learn small errors better?",
    _trials,
    _run,
    _summarize,
)
