"""Closed loop in a real simulator: Meta-World, its scripted experts, and policies that see states.

A robot sees 39 numbers, predicts 16 steps, and carries out 8 of them. Two tasks are the standard: one that is done
in one way, and one in which a pillar is passed on the left or on the right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fast_tokenizer.execution import DIFFUSION_POLICY
from fast_tokenizer.heads import ActionHead
from fast_tokenizer.lab.closed_loop.demonstrations import record
from fast_tokenizer.lab.closed_loop.metaworld_robot import MetaWorldRobot
from fast_tokenizer.lab.closed_loop.observation_scale import ObservationScale
from fast_tokenizer.lab.closed_loop.robots import Ending, Robot
from fast_tokenizer.lab.closed_loop.rollouts import roll_out, roll_out_expert
from fast_tokenizer.lab.closed_loop.state_policy import StatePolicy
from fast_tokenizer.lab.closed_loop.two_sided import TwoSidedRobot
from fast_tokenizer.lab.contestants import HEADS, STANDARD_TASKS, make_head, make_trunk
from fast_tokenizer.lab.experiment import Choice, Experiment, Outcome, Progress, Settings, Trial
from fast_tokenizer.lab.summary import Check, Column, Drawing, Rows, Summary
from fast_tokenizer.lab.training import Training, parameters_of, seed_weights, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HORIZON, _EXECUTE = DIFFUSION_POLICY
_MAX_STEPS = 200  # the experts need 100 at most
_NOISE = 0.2
_BATCH = 64
_VOCAB_SIZE = 256  # of FAST: a few thousand chunks show each of more ids too seldom
_ROBOTS = 10  # that ask a policy together
_SEEDS_A_TRIAL, _FIRST_TRIED = 10_000, 1_000_000  # of episodes: none is shown and tried, or of two trials' seeds
_STEPS_AN_EPISODE = 10  # of training, in about the same time

_OTHER_TASKS = ("button-press-topdown", "reach", "push", "pick-place")
TASKS = (*STANDARD_TASKS, *_OTHER_TASKS)
_TWO_SIDED = "-two-sided"
_STANDARD_HEADS = ("regression", "flow", "fast", "masked")
_TOKEN_HEADS = ("bins", "bins-ar", "fast", "masked")


def _trials(choice: Choice) -> list[Trial]:
    tasks = choice.among("tasks", STANDARD_TASKS, _OTHER_TASKS)
    others = [name for name in HEADS if name not in _STANDARD_HEADS]
    spent = {
        "steps": choice.pick(300, 4000),
        "episodes": choice.pick(20, 50),
        "evaluations": choice.pick(5, 50),
    }
    work = spent["steps"] + _STEPS_AN_EPISODE * (spent["episodes"] + spent["evaluations"])
    return [
        Trial({"task": task, "head": head, **spent, "seed": seed}, work=work)
        for seed in range(choice.pick(1, 3))
        for task in tasks
        for head in choice.among("heads", _STANDARD_HEADS, others)
    ]


def _make_robot(task: str) -> Robot:
    robot = MetaWorldRobot(task.removesuffix(_TWO_SIDED))
    return TwoSidedRobot(robot) if task.endswith(_TWO_SIDED) else robot


def _run(settings: Settings, progress: Progress) -> Mapping[str, Any]:
    """Records, trains, and tries a head in episodes that are the same for all heads of the task and the seed."""
    task, name = str(settings["task"]), str(settings["head"])
    steps, episodes, evaluations, seed = (
        int(settings[key]) for key in ("steps", "episodes", "evaluations", "seed")
    )
    robots = [_make_robot(task) for _ in range(min(_ROBOTS, evaluations))]
    shown_seeds = range(_SEEDS_A_TRIAL * seed, _SEEDS_A_TRIAL * seed + episodes)
    # Every third, as two-sided tasks have two seeds for each place: no place is tried twice, and both sides are.
    tried_seeds = [_FIRST_TRIED + _SEEDS_A_TRIAL * seed + 3 * one for one in range(evaluations)]
    shown = record(
        robots[0],
        shown_seeds,
        horizon=_HORIZON,
        noise=_NOISE,
        max_steps=_MAX_STEPS,
        progress=lambda done: progress(_STEPS_AN_EPISODE * done),
    )
    scale = ObservationScale.of(shown.observations)
    seed_weights(seed)
    trunk = make_trunk(shown.observations.shape[1])
    head = make_head(name, trunk, shown.chunks, vocab_size=_VOCAB_SIZE)
    before = _STEPS_AN_EPISODE * episodes
    trained = train(
        head,
        scale(shown.observations),
        shown.chunks,
        Training(steps, batch=_BATCH, seed=seed),
        lambda done: progress(before + done),
    )
    policy = StatePolicy(head, scale, seed=seed)
    endings = roll_out(
        policy,
        robots,
        tried_seeds,
        execute=_EXECUTE,
        max_steps=_MAX_STEPS,
        progress=lambda done: progress(before + steps + _STEPS_AN_EPISODE * done),
    )
    return {
        **_outcome(endings),
        **_cost(policy, head, robots[0]),
        "loss": trained.last_loss,
        "step_ms": trained.step_ms,
        "observations": len(shown.chunks),
        "expert": _outcome(roll_out_expert(robots[0], tried_seeds, max_steps=_MAX_STEPS)),
    }


def _outcome(endings: Sequence[Ending]) -> dict[str, float | None]:
    passed = [ending.went_left for ending in endings if ending.went_left is not None]
    return {
        "success": float(np.mean([ending.succeeded for ending in endings])),
        "hits": float(np.mean([ending.hit_pillar for ending in endings])),
        "left": float(np.mean(passed)) if passed else None,
    }


def _cost(policy: StatePolicy, head: ActionHead, robot: Robot) -> dict[str, float | None]:
    """Of all chunks that robots asked for, and then of some for one robot alone."""
    chunks = len(policy.is_valid)
    return {
        "tokens": float(np.mean(policy.token_counts)) if policy.token_counts else None,
        "invalid": 1 - float(np.mean(policy.is_valid)),
        "ms_together": 1e3 * policy.seconds / (chunks * _EXECUTE),
        "ms_alone": policy.milliseconds(robot.seen) / _EXECUTE,
        "nfe": float(np.mean(policy.passes)),
        "parameters": parameters_of(head),
    }


_COLUMNS = {
    "success": Column("success"),
    "hits": Column("hit the pillar"),
    "left": Column("of those that passed it, to the left"),
    "ms_alone": Column("ms an action, one robot", 2),
    "ms_together": Column(f"ms an action, {_ROBOTS} robots", 2),
    "nfe": Column("passes of the trunk", 1),
    "tokens": Column("tokens a chunk", 1),
    "invalid": Column("invalid chunks"),
    "loss": Column("last loss", 4),
    "step_ms": Column("ms a step of training", 1),
    "parameters": Column("parameters", 0),
}
_EXPERT = "scripted expert"


def _summarize(outcomes: Sequence[Outcome]) -> Summary:
    by_task: dict[str, Rows] = {}
    experts: dict[tuple[str, int], Mapping[str, Any]] = {}
    for outcome in outcomes:
        task = str(outcome.settings["task"])
        rows = by_task.setdefault(task, Rows())
        rows.add(HEADS[str(outcome.settings["head"])], **_known(outcome.figures))
        experts[task, int(outcome.settings["seed"])] = outcome.figures["expert"]
    for (task, _), figures in experts.items():
        by_task[task].add(_EXPERT, **_known(figures))
    tables = [
        rows.table(task, "head", {key: column for key, column in _COLUMNS.items() if _is_told(key, task)})
        for task, rows in by_task.items()
    ]
    continuous = [name for name in HEADS if name not in _TOKEN_HEADS]
    checks = [
        _best_check("a token head", [HEADS[name] for name in _TOKEN_HEADS], by_task),
        _best_check("a continuous head", [HEADS[name] for name in continuous], by_task),
        _expert_check(by_task),
    ]
    notes = [
        f"Every head predicts {_HORIZON} steps and carries out {_EXECUTE}, learns from the same demonstrations, "
        "and is tried in the same episodes. Trials may have run side by side: milliseconds are to compare. "
        "Losses of different heads are different things."
    ]
    return Summary(tables, checks, [Drawing("Success", lambda figure: _draw(figure, by_task))], notes)


def _known(figures: Mapping[str, Any]) -> dict[str, float]:
    return {key: figures[key] for key in _COLUMNS if figures.get(key) is not None}


def _is_told(column: str, task: str) -> bool:
    return column not in {"hits", "left"} or task.endswith(_TWO_SIDED)


def _best_check(kind: str, heads: Sequence[str], by_task: Mapping[str, Rows]) -> Check:
    bar = f"{kind}: 90% or more in one task"
    successes = {
        f"{head}, {task}": success
        for task, rows in by_task.items()
        for head in heads
        if (success := rows.get(head, "success")) is not None
    }
    if not successes:
        return Check(bar, "not measured", False)
    best = max(successes, key=lambda one: successes[one].mean)
    return Check(bar, f"{best}: {successes[best].text(3)}", successes[best].mean >= 0.9)


def _expert_check(by_task: Mapping[str, Rows]) -> Check:
    least = min(success.mean for rows in by_task.values() if (success := rows.get(_EXPERT, "success")))
    return Check("the scripted expert: 98% or more in every task", f"at least {least:.3f}", least >= 0.98)


def _draw(figure: Figure, by_task: Mapping[str, Rows]) -> None:
    axes = figure.subplots()
    heads = list(dict.fromkeys(name for rows in by_task.values() for name in rows.names()))
    height = 0.8 / len(by_task)
    for at, (task, rows) in enumerate(by_task.items()):
        found = {place: one for place, head in enumerate(heads) if (one := rows.get(head, "success"))}
        axes.barh(
            [place + at * height for place in found],
            [one.mean for one in found.values()],
            height,
            xerr=[one.half_width or 0.0 for one in found.values()],
            label=task,
            capsize=2,
        )
    axes.set_yticks([place + (len(by_task) - 1) * height / 2 for place in range(len(heads))], heads)
    axes.invert_yaxis()
    axes.set(xlabel="part of the episodes in which the task was done", xlim=(0, 1.05))
    axes.legend(loc="best")


SIMULATOR = Experiment(
    "simulator",
    "Which heads do a task in closed loop?",
    _trials,
    _run,
    _summarize,
    needs=("metaworld",),
)
