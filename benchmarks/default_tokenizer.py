"""The tokenizer in the wheel: how it was fitted, and what it does to recordings beside FAST+.

    python benchmarks/default_tokenizer.py fit fast_tokenizer/default_tokenizer
    python benchmarks/default_tokenizer.py measure --data RECORDINGS --fast-plus DIR

`fit` generates motions of 33 robots (2 to 44 dimensions, 5 to 100 Hz), lets the scripted experts of Meta-World act
in its simulator (extra `vla`), normalises each robot by the 1st and 99th percentile, and fits a vocabulary on as
many chunks of one second of each. `measure` wants a folder of .npz recordings, cut into chunks of one second.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from chunks import recorded_chunks
from robots.generated import SECONDS, robots
from robots.simulated import HZ, expert_episodes, tasks
from table import format_table

from fast_tokenizer import FastTokenizer
from fast_tokenizer.chunking import cut_chunks
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.progress import ProgressBar

VOCAB_SIZE = 2048
CHUNKS = 1500  # of a robot
MARGIN = 2.5  # more than usual: whose normalisation it will meet is not known
TASKS, EPISODES_A_TASK = 12, 8
FILES = ("processor_config.json", "tokenizer.json")  # all that loading needs

Floats = npt.NDArray[np.float64]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    fit = commands.add_parser("fit")
    fit.add_argument("out", type=Path, help="folder that the files are written to")
    measure = commands.add_parser("measure")
    measure.add_argument("--data", type=Path, required=True, help="folder of recordings")
    measure.add_argument("--fast-plus", type=Path, required=True, help="directory of FAST+")
    measure.add_argument("--tokenizer", type=Path, help="another one than that in the wheel")
    options = parser.parse_args()
    if options.command == "fit":
        _fit(options.out)
    else:
        _measure(options.data, options.fast_plus, options.tokenizer)
    return 0


def _fit(out: Path) -> None:
    rng = np.random.default_rng(0)
    chunks: list[Floats] = []
    everyone = robots()
    with ProgressBar("generating", unit="robots") as bar:
        for seed, robot in enumerate(everyone):
            horizon = max(4, round(robot.hz))
            windows = round(SECONDS * robot.hz) - horizon + 1
            stride = max(1, horizon // 4)
            count = -(-CHUNKS // max(1, windows // stride))
            chunks += _some(robot.episodes(count, seed), horizon, stride, rng)
            bar.update(seed + 1, len(everyone))
    names = tasks(TASKS)
    with ProgressBar("simulating", unit="tasks") as bar:
        experts = []
        for done, task in enumerate(names):
            experts += expert_episodes(task, EPISODES_A_TASK)
            bar.update(done + 1, len(names))
    chunks += _some(experts, HZ, HZ // 8, rng)
    with ProgressBar("merges", unit="merges") as bar:
        tokenizer = FastTokenizer.fit(chunks, vocab_size=VOCAB_SIZE, margin=MARGIN, progress=bar.update)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        for name in FILES:
            shutil.copyfile(Path(folder) / name, out / name)
    print(f"{len(chunks)} chunks of {len(everyone) + 1} robots: {tokenizer!r}")


def _some(episodes: Sequence[Floats], horizon: int, stride: int, rng: np.random.Generator) -> list[Floats]:
    """Chunks of one robot, normalised."""
    normalizer = Normalizer.fit(np.concatenate(episodes))
    windows = cut_chunks([normalizer.normalize(episode) for episode in episodes], horizon, stride)
    return list(windows[np.sort(rng.permutation(len(windows))[:CHUNKS])])


def _measure(data: Path, fast_plus: Path, directory: Path | None) -> None:
    ours = FastTokenizer.default() if directory is None else FastTokenizer.from_pretrained(directory)
    theirs = FastTokenizer.from_pretrained(fast_plus)
    rows, ratios = [], []
    for file in sorted(data.glob("*.npz")):
        chunks = recorded_chunks(file)
        counts = [one.encode(chunks).lengths.mean() for one in (ours, theirs)]
        clipped = [int(one.encode(3 * chunks).clipped.sum()) for one in (ours, theirs)]
        ratios.append(counts[0] / counts[1])
        rows.append(
            [
                file.stem,
                f"{chunks.shape[1] * chunks.shape[2]}",
                *(f"{count:.1f}" for count in counts),
                f"{ratios[-1] - 1:+.1%}",
                *map(str, clipped),
            ]
        )
    rows.append(["geometric mean", "", "", "", f"{np.exp(np.mean(np.log(ratios))) - 1:+.1%}", "", ""])
    header = ["recording", "values", "default", "FAST+", "difference", "clipped at x3", "by FAST+"]
    print(format_table(header, rows))


if __name__ == "__main__":
    sys.exit(main())
