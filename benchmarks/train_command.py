"""From a dataset of a million frames to a tokenizer: seconds by stage, and memory.

    python benchmarks/train_command.py             # 1,000,000 frames x 14 at 50 Hz

Generates a LeRobotDataset v3 of smooth motions, from a seed, and runs `fast-tokenizer train` on all of it in a
process of its own: chunks of 1 s, one every 12 steps. Needs the extra `lerobot`. Exits with 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from peak import peak_bytes
from table import format_table, verdict

from fast_tokenizer.cli import main as run_command
from fast_tokenizer.motions import generate_episodes
from fast_tokenizer.progress import ProgressBar

HZ, DIM, STEPS = 50, 14, 1000  # of an episode
EPISODES_A_FILE = 125
SECONDS_BAR, GIB_BAR, RATE_BAR = 120.0, 2.0, 150_000.0
PREPARATION = ("reading", "statistics", "DCT")


def main() -> int:
    if sys.argv[1:2] == ["train"]:  # the process that is measured
        status = run_command()
        print(f"peak {peak_bytes()}")
        return status
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000, help="in episodes of 1000 (%(default)s)")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        dataset = Path(folder, "dataset")
        write_dataset(dataset, options.frames // STEPS)
        command = ["train", str(dataset), "--out", str(Path(folder, "tokenizer")), "--stride", "12"]
        begin = perf_counter()
        result = subprocess.run(
            [sys.executable, __file__, *command, "--hold-out", "0"], stdout=subprocess.PIPE, check=True, text=True
        )
        seconds = perf_counter() - begin
    print(result.stdout)
    return report(result.stdout, seconds, options.frames)


def write_dataset(folder: Path, episodes: int) -> None:
    """A LeRobotDataset v3 of two arms in a robot's units, several episodes a file."""
    template = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
    rows = []
    with ProgressBar("generating", unit="files") as bar:
        files = range(0, episodes, EPISODES_A_FILE)
        for file, first in enumerate(files):
            count = min(EPISODES_A_FILE, episodes - first)
            motions = generate_episodes(count, action_dim=DIM, hz=HZ, seconds=STEPS / HZ, seed=file)
            place = {"chunk_index": 0, "file_index": file}
            _write(folder / template.format(**place), _frames(np.concatenate(motions), first, count))
            rows += [
                {"episode_index": index, "length": STEPS, **{f"data/{name}": at for name, at in place.items()}}
                for index in range(first, first + count)
            ]
            bar.update(file + 1, len(files))
    _write(folder / "meta/episodes/chunk-000/file-000.parquet", pa.Table.from_pylist(rows))
    names = [f"{side}_{part}" for side in ("left", "right") for part in (*"123456", "gripper")]
    action = {"dtype": "float32", "shape": [DIM], "names": names}
    info = {"codebase_version": "v3.0", "fps": HZ, "data_path": template, "features": {"action": action}}
    (folder / "meta/info.json").write_text(json.dumps(info))


def _frames(steps: npt.NDArray[np.float32], first: int, count: int) -> pa.Table:
    actions = (0.4 + 1.2 * steps).astype(np.float32)
    return pa.table(
        {
            "action": pa.FixedSizeListArray.from_arrays(pa.array(actions.ravel()), DIM),
            "timestamp": np.tile(np.arange(STEPS, dtype=np.float32) / HZ, count),
            "episode_index": np.repeat(np.arange(first, first + count), STEPS),
        }
    )


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def report(output: str, seconds: float, frames: int) -> int:
    stages = {name: float(time) for name, time in re.findall(r"(\w+) ([\d.]+) s\b", output)}
    found = re.search(r"^peak (\d+)$", output, re.MULTILINE)
    if found is None:
        raise RuntimeError("the command did not tell its peak of memory")
    gib, rate = int(found[1]) / 2**30, frames / sum(stages[stage] for stage in PREPARATION)
    rows = [
        [
            "start to finish, s",
            f"{seconds:.1f}",
            f"<= {SECONDS_BAR:g}",
            verdict(seconds, SECONDS_BAR, None, at_most=True),
        ],
        *([f"  {stage}", f"{time:.1f}", "", ""] for stage, time in stages.items()),
        [
            "reading + statistics + DCT, frames/s",
            f"{rate:,.0f}",
            f">= {RATE_BAR:,.0f}",
            verdict(rate, RATE_BAR, None),
        ],
        ["peak of memory, GiB", f"{gib:.2f}", f"<= {GIB_BAR:g}", verdict(gib, GIB_BAR, None, at_most=True)],
    ]
    print(format_table(["", "measured", "bar", ""], rows))
    return int(any(row[-1] == "MISSED" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
