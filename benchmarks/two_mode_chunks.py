"""Masked diffusion over the ids of three codecs, decoded in every order: which of them keeps two modes apart?

    python benchmarks/two_mode_chunks.py
    python benchmarks/two_mode_chunks.py --steps 200   # quicker, and worse

Generated chunks pass an obstacle on its left or its right. A small bidirectional transformer learns to fill masks
in them, as bins, as frequencies, and as FAST tokens on canvases; another one of the same size learns to write bins
from left to right. Then all decode chunks for goals that they have not seen, and a judge says which pass on either
side. Needs the extras `torch` and `plot`; the pictures are written to the work folder.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import numpy.typing as npt
import torch
from table import format_table
from timing import Work, take_turns
from two_modes.codecs import Representation, represent
from two_modes.decoding import SETTINGS, TEMPERATURE, decode
from two_modes.picture import print_rounds, save_picture
from two_modes.task import ACTION_DIM, HORIZON, draw, draw_goals, judge
from two_modes.training import train
from two_modes.transformer import ChunkTransformer

from fast_tokenizer.progress import ProgressBar

CHUNKS = 20_000
BEST = {"bins": "low frequency first", "frequencies": "left to right", "FAST": "random, re-mask below"}
SHOWN = ("low frequency first", "random", "max probability", "random, re-mask below", "all at once")
BATCHES = (1, 32, 256)  # at which times are taken

Floats = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("two-modes"), metavar="DIR", help="folder (%(default)s)")
    parser.add_argument("--steps", type=int, default=1500, help="of each training (%(default)s)")
    parser.add_argument("--count", type=int, default=1000, help="chunks of each judgement (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of data, parameters and batches (%(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch (%(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)

    goals, chunks = draw(CHUNKS, np.random.default_rng(options.seed))
    test_goals = draw_goals(options.count, np.random.default_rng(options.seed + 1))
    representations = represent(chunks)
    begin = perf_counter()
    models = {
        name: _train(name, one, goals, chunks, options.steps, options.seed)
        for name, one in representations.items()
    }
    print(f"trained on the three codecs in {perf_counter() - begin:.0f} s")
    bins = representations["bins"]
    causal = _train("bins, causal", bins, goals, chunks, options.steps, options.seed, causal=True)
    print()

    rows = []
    for name, one in representations.items():
        with ProgressBar(f"decoding {name}", unit="settings") as bar:
            for done, setting in enumerate(SETTINGS):
                rows.append(_judged(f"{name}, {setting}", models[name], one, test_goals, setting))
                bar.update(done + 1, len(SETTINGS))
    header = ["", "valid", "left of these", "canvases that decode", "NFE"]
    print(format_table(header, rows), "\n")

    _compare_with_autoregression(models, causal, representations, test_goals)
    for name, one in representations.items():
        some = {
            setting: decode(models[name], one, test_goals[:200], setting, trace=True)
            for setting in ({BEST[name]: None} | dict.fromkeys(SHOWN))
        }
        file = options.work / f"{name.lower()}.png"
        save_picture(file, some, ACTION_DIM if name != "FAST" else 1)
        print(f"wrote {file}")
        if name == "bins":
            print_rounds(some["max probability"], HORIZON // 2 - 1)


def _train(
    label: str,
    representation: Representation,
    goals: Floats,
    chunks: Floats,
    steps: int,
    seed: int,
    *,
    causal: bool = False,
) -> ChunkTransformer:
    return train(
        label,
        torch.tensor(representation.canvases(chunks)),
        torch.tensor(goals, dtype=torch.float32),
        representation.codec.vocabulary,
        outputs=representation.outputs,
        causal=causal,
        steps=steps,
        seed=seed,
    )


def _judged(
    label: str, model: ChunkTransformer, representation: Representation, goals: Floats, setting: str
) -> list[str]:
    outcome = decode(model, representation, goals, setting)
    verdict = outcome.verdict
    return [
        label,
        f"{verdict.valid:.1%}",
        f"{verdict.balance:.1%}",
        f"{outcome.decoded:.1%}",
        f"{outcome.nfe:.1f}",
    ]


def _compare_with_autoregression(
    models: dict[str, ChunkTransformer],
    causal: ChunkTransformer,
    representations: dict[str, Representation],
    goals: Floats,
) -> None:
    """Success, calls and time side by side."""
    codec = representations["bins"].codec
    generator = torch.Generator().manual_seed(0)

    def write(some: Floats) -> Floats:
        ids = causal.generate(torch.tensor(some, dtype=torch.float32), generator, TEMPERATURE)
        return np.asarray(codec.decode(ids, horizon=HORIZON, action_dim=ACTION_DIM))

    verdict = judge(write(goals), goals)
    rows = [["bins, autoregressive", f"{verdict.valid:.1%}", f"{verdict.balance:.1%}", f"{HORIZON * ACTION_DIM}"]]
    outcomes = {
        f"{name}, {BEST[name]}": partial(decode, models[name], representations[name], setting=BEST[name])
        for name in models
    }
    for label, run in outcomes.items():
        outcome = run(goals)
        rows.append(
            [label, f"{outcome.verdict.valid:.1%}", f"{outcome.verdict.balance:.1%}", f"{outcome.nfe:.1f}"]
        )
    for batch in BATCHES:
        works: dict[str, Work] = {"bins, autoregressive": partial(write, goals[:batch])}
        works |= {label: partial(run, goals[:batch]) for label, run in outcomes.items()}
        turns = take_turns(f"batches of {batch}", works, 9)
        for row in rows:
            row.append(f"{median(turns[row[0]]) * 1e3:.1f}")
    rows[0] += [""] * len(BATCHES)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as many as decoding uses
    for row, run in zip(rows[1:], outcomes.values(), strict=True):
        row += [f"{median(run(goals[:batch]).overhead for _ in range(21)):.1%}" for batch in BATCHES]
    torch.set_num_threads(threads)
    header = ["", "valid", "left of these", "NFE", *(f"ms, {batch} at once" for batch in BATCHES)]
    print(format_table([*header, *(f"overhead on one thread, {batch}" for batch in BATCHES)], rows), "\n")


if __name__ == "__main__":
    main()
