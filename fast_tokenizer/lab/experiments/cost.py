"""Experiment (e): what a chunk costs, by passes of the trunk.

A chunk of 16 steps of 7 dimensions by an untrained head on a trunk of width 256 and four layers; only the head
over FAST tokens is trained, for a moment, as its chunks differ in length: each turn draws others. Beside it, what
a step of training takes: the loss of as many chunks, and its gradient.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from fast_tokenizer.chunking import cut_chunks
from fast_tokenizer.heads import ActionHead, Condition
from fast_tokenizer.lab.contestants import HEADS, make_head, make_trunk, set_way
from fast_tokenizer.lab.experiment import Choice, Experiment, Outcome, Progress, Settings, Trial
from fast_tokenizer.lab.summary import Check, Column, Drawing, Rows, Summary
from fast_tokenizer.lab.training import Training, parameters_of, seed_weights, train
from fast_tokenizer.motions import generate_episodes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HORIZON, _ACTION_DIM, _HZ = 16, 7, 16
_CONDITION_DIM, _CONDITION_TOKENS = 64, 16
_WAYS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "regression": ("regression", {}),
    "mixture": ("mixture", {}),
    "bins, in parallel": ("bins", {}),
    **{f"flow, Euler {steps}": ("flow", {"num_steps": steps}) for steps in (5, 10, 20, 50)},
    **{f"DDIM {steps}": ("diffusion", {"sampler": "ddim", "num_steps": steps}) for steps in (10, 50)},
    "DDPM 100": ("diffusion", {"sampler": "ddpm"}),
    "FAST tokens": ("fast", {}),
    "masked diffusion, 12 rounds": ("masked", {}),
    "bins, one by one": ("bins-ar", {}),
}
_CASES = ((1, 1), (1, 2), (32, 1), (32, 2))
"""Chunks at a time, and threads."""
_ORDER = (
    ("regression", "mixture", "bins, in parallel"),
    ("flow, Euler 10", "DDIM 10"),
    ("FAST tokens",),
    ("masked diffusion, 12 rounds",),
    ("bins, one by one",),
    ("DDPM 100",),
)
"""From cheap to dear, with one chunk and one thread."""


def _trials(choice: Choice) -> list[Trial]:
    repeats, width, layers = choice.pick(2, 7), choice.pick(64, 256), choice.pick(2, 4)
    wanted = choice.among("heads", list(HEADS), [])
    common = {"repeats": repeats, "width": width, "layers": layers}
    return [
        Trial({"way": way, "batch": batch, "threads": threads, **common, "round": turn})
        for turn in range(choice.pick(1, 3))  # minutes apart: what else a machine does comes and goes
        for way, (head, _) in _WAYS.items()
        if head in wanted
        for batch, threads in (_CASES if choice.profile == "full" else _CASES[:1])
    ]


def _run(settings: Settings, progress: Progress) -> Mapping[str, Any]:
    """Milliseconds of a sample, a loss and a pass over a token a step, medians of turns, and memory."""
    case = (str(settings["way"]), int(settings["batch"]), int(settings["width"]), int(settings["layers"]))
    asked = _prepared(*case)
    passes, tokens = 0, 0

    def count(module: Any, inputs: Any, output: Any) -> None:
        nonlocal passes, tokens
        passes, tokens = passes + 1, tokens + inputs[0].shape[1]

    trunk: Any = asked.head.trunk
    turns = int(settings["repeats"]) if _WAYS[case[0]][0] == "fast" else 1  # of the others all are alike
    hook = trunk.register_forward_hook(count)
    for turn in range(1, 1 + turns):
        asked.sample(turn)
    hook.remove()
    threads = torch.get_num_threads()
    torch.set_num_threads(int(settings["threads"]))
    try:
        times = _times(asked, int(settings["repeats"]))
    finally:
        torch.set_num_threads(threads)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
        memory = fresh.submit(_memory, *case).result()
    return {
        **times,
        "passes": passes / turns,
        "tokens": tokens / turns,
        "parameters": parameters_of(asked.head),
        "memory_mb": memory,
    }


@dataclass(frozen=True)
class _Asked:
    """A head, and what it is asked for.

    Attributes:
        head: Untrained, or nearly so.
        condition: Random.
        how: Arguments of `sample`.
        chunks: As many as the condition has rows, for a loss.
    """

    head: ActionHead
    condition: Condition
    how: Mapping[str, Any]
    chunks: Tensor

    def sample(self, turn: int) -> None:
        """Chunks that the number of the turn decides."""
        self.head.sample(self.condition, generator=torch.Generator().manual_seed(turn), **self.how)

    def loss_and_gradient(self, turn: int) -> None:
        """What a step of training takes, but for the optimiser, which is the same for all."""
        self.head.zero_grad()
        self.head.loss(self.condition, self.chunks, generator=torch.Generator().manual_seed(turn)).backward()


def _prepared(way: str, batch: int, width: int, layers: int, *, is_trained: bool = True) -> _Asked:
    name, options = _WAYS[way]
    episodes = generate_episodes(60, action_dim=_ACTION_DIM, hz=_HZ)
    chunks = cut_chunks(episodes, _HORIZON, _HORIZON // 4).astype(np.float64)
    seed_weights(0)
    head = make_head(name, make_trunk(_CONDITION_DIM, width=width, layers=layers), chunks)
    if name == "fast" and is_trained:
        train(head, np.zeros((len(chunks), _CONDITION_DIM)), chunks, Training(60, batch=32), lambda done: None)
    condition = Condition(torch.randn(batch, _CONDITION_TOKENS, _CONDITION_DIM))
    shown = torch.tensor(chunks[:batch], dtype=torch.float32)
    return _Asked(head, condition, set_way(head, options), shown)


def _times(asked: _Asked, repeats: int) -> dict[str, float]:
    """In turns, so that what else the machine does falls on all."""
    trunk = asked.head.trunk
    one_each = torch.randn(len(asked.condition), _HORIZON, trunk.width)
    with torch.no_grad():
        memory = trunk.remember(asked.condition)

    def trunk_pass(turn: int) -> None:
        with torch.no_grad():
            trunk(one_each, memory)

    timed = {"sample_ms": asked.sample, "pass_ms": trunk_pass, "loss_ms": asked.loss_and_gradient}
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for turn in range(1 + repeats):
        for name, run in timed.items():
            begin = perf_counter()
            run(turn)
            seconds[name].append(perf_counter() - begin)
    return {name: 1e3 * median(found[1:]) for name, found in seconds.items()}  # the first of each is slower


def _memory(way: str, batch: int, width: int, layers: int) -> float | None:
    """How far a first sample takes the memory of a fresh process above what a pass takes, in MB.

    No head is trained there: memory that was freed would be used again. None where the system does not tell.
    """
    torch.set_num_threads(1)
    asked = _prepared(way, batch, width, layers, is_trained=False)
    trunk = asked.head.trunk
    with torch.no_grad():
        trunk(torch.zeros(batch, _HORIZON, width), trunk.remember(asked.condition))
    refs, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    try:
        refs.write_text("5")  # sets the peak to what is used now (man 5 proc)
        before = _status(status, "VmRSS")
        asked.sample(0)
        return (_status(status, "VmHWM") - before) / 1024
    except OSError:
        return None


def _status(path: Path, name: str) -> int:
    line = next(line for line in path.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])


def _summarize(outcomes: Sequence[Outcome]) -> Summary:
    tables, together, by_case = [], Rows(), dict[tuple[int, int], Rows]()
    for outcome in outcomes:
        case = (int(outcome.settings["batch"]), int(outcome.settings["threads"]))
        figures = outcome.figures
        ratio = figures["sample_ms"] / figures["pass_ms"]
        together.add(
            str(outcome.settings["way"]), **{_called(*case): ratio, f"MB of {case[0]}": figures["memory_mb"]}
        )
        by_case.setdefault(case, Rows()).add(
            str(outcome.settings["way"]),
            memory_mb=figures["memory_mb"],
            parameters=figures["parameters"],
            passes=figures["passes"],
            tokens=figures["tokens"],
            sample_ms=figures["sample_ms"],
            ratio=ratio,
            loss_ms=figures["loss_ms"],
            loss_ratio=figures["loss_ms"] / figures["pass_ms"],
            a_pass=figures["sample_ms"] / figures["passes"],
            a_pass_in_passes=ratio / figures["passes"],
        )
    columns = {
        "passes": Column("passes", 1),
        "tokens": Column("tokens in them", 0),
        "sample_ms": Column("sample, ms", 1),
        "ratio": Column("in passes over 16 tokens", 1),
        "a_pass": Column("ms a pass", 2),
        "loss_ms": Column("loss and gradient, ms", 1),
        "loss_ratio": Column("of these in such passes", 1),
        "memory_mb": Column("memory above a pass, MB", 0),
        "parameters": Column("parameters", 0),
    }
    for case, rows in sorted(by_case.items()):
        tables.append(rows.table(_called(*case), "head", columns))
    if len(by_case) > 1:
        in_passes = {_called(*case): Column(_called(*case), 1) for case in sorted(by_case)}
        in_mb = {
            f"MB of {batch}": Column(f"MB of {batch}", 0) for batch in sorted({batch for batch, _ in by_case})
        }
        title = "All in one: samples, in passes over 16 tokens of as many chunks, and memory above a pass"
        tables.append(together.table(title, "head", in_passes | in_mb))
    alone = by_case.get((1, 1), Rows())
    notes = [
        "Intervals are of rounds over all of these, minutes apart. "
        "Memory: how far a first sample takes a fresh process above what it had after a pass."
    ]
    return Summary(tables, _checks(alone), [Drawing("One chunk", lambda figure: _draw(figure, alone))], notes)


def _called(batch: int, threads: int) -> str:
    return f"{batch} chunk{'s' if batch > 1 else ''}, {threads} thread{'s' if threads > 1 else ''}"


def _checks(rows: Rows) -> list[Check]:
    checks = []
    times = {name: one.mean for name in rows.names() if (one := rows.get(name, "sample_ms"))}
    groups = [[(times[name], name) for name in group if name in times] for group in _ORDER]
    if all(groups):
        holds = all(max(cheap) < min(dear) for cheap, dear in pairwise(groups))
        got = ", ".join(f"{name} {ms:.1f}" for group in groups for ms, name in group)
        checks.append(
            Check("one pass < ten < FAST tokens < masked < bins one by one < DDPM 100", f"{got} ms", holds)
        )
    for kind in ("flow, Euler", "DDIM"):
        # By the passes that were timed in the same turns: between trials the machine may change its pace.
        passes = [
            one.mean for name in times if name.startswith(kind) and (one := rows.get(name, "a_pass_in_passes"))
        ]
        if len(passes) > 1:
            off = max(passes) / min(passes) - 1
            bar = f"{kind}: a sample is linear in passes, ± 20%, in units of a pass timed beside it"
            got = f"{min(passes):.2f} to {max(passes):.2f} a pass, {100 * off:.0f}% apart"
            checks.append(Check(bar, got, off <= 0.2))
    return checks


def _draw(figure: Figure, rows: Rows) -> None:
    axes = figure.subplots()
    times = sorted((one.mean, name) for name in rows.names() if (one := rows.get(name, "sample_ms")))
    axes.barh([name for _, name in times], [ms for ms, _ in times])
    axes.set(xlabel="milliseconds, one chunk, one thread", xscale="log")
    for at, (ms, _) in enumerate(times):
        axes.text(ms * 1.05, at, f"{ms:.1f}", va="center", fontsize=8)


COST = Experiment(
    "cost",
    "What does a chunk cost?",
    _trials,
    _run,
    _summarize,
    runs_alone=True,
    revision=3,
)
