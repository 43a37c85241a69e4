"""Do LeRobot and openpi give the same tokens and actions with this package as with the published processor?

    python benchmarks/drop_in_lerobot.py              # 2,000 recorded chunks: some minutes
    python benchmarks/drop_in_lerobot.py --work DIR   # keeps the virtual environment for the next run

A virtual environment gets LeRobot 0.4.4 without its dependencies, and the few that its code for FAST needs.
`drop_in_outputs.py` runs there once for the published processor and once for ours, and says what is stubbed. Exits
with 1 if an output differs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from chunks import recorded_chunks
from contenders import add_data_argument, add_fast_plus_argument
from environments import make_environment, run_in, write_directories
from table import format_table

LEROBOT = "lerobot==0.4.4"
NEEDED = ("transformers<5", "numpy", "scipy", "torch", "draccus", "einops", "pillow", "safetensors", "tqdm")
TOLERANCE = 1e-6  # LeRobot gives actions in float32


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_fast_plus_argument(parser)
    add_data_argument(parser)
    parser.add_argument("--count", type=int, default=2000, help="chunks, spread over the files (%(default)s)")
    parser.add_argument("--work", type=Path, help="folder for the virtual environment (a temporary one)")
    options = parser.parse_args()
    if options.data is None:
        parser.error("--data is needed: a folder of recordings")
    if options.work is not None:
        return compare(options.work, options.fast_plus, options.data, options.count)
    with TemporaryDirectory() as work:
        return compare(Path(work), options.fast_plus, options.data, options.count)


def compare(work: Path, fast_plus: Path | None, data: Path, count: int) -> int:
    environment, material = work / "lerobot", work / "material"
    print(f"vocabulary: {write_directories(material, fast_plus).vocabulary}")
    recordings = pick(sorted(data.glob("*.npz")), count)
    np.savez(material / "chunks.npz", allow_pickle=False, **recordings)
    make_environment(environment, NEEDED, ["--no-deps", LEROBOT])
    for directory in ("published", "ours"):
        output = str(material / f"{directory}.npz")
        done = run_in(
            environment,
            "drop_in_outputs.py",
            *(str(material), directory, output),
            material=material,
            with_package=directory == "ours",
        )
        if done.returncode != 0:
            print(done.stderr[-4000:], file=sys.stderr)
            return 1
        print(f"{directory}: {done.stdout.splitlines()[-1]}")
    rows, differing = [], 0
    with np.load(material / "published.npz") as theirs, np.load(material / "ours.npz") as ours:
        for stack in ("LeRobot", "openpi"):
            for name, chunks in recordings.items():
                key = f"{stack}/{name}/"
                tokens = (theirs[key + "tokens"] != ours[key + "tokens"]).any(axis=1)
                actions = (abs(theirs[key + "actions"] - ours[key + "actions"]) > TOLERANCE).any(axis=(1, 2))
                zeros = ~theirs[key + "actions"].any(axis=(1, 2))
                differing += int(tokens.sum() + actions.sum())
                rows.append(
                    [f"{stack}, {name}", *map(str, (len(chunks), tokens.sum(), actions.sum(), zeros.sum()))]
                )
    print()
    print(
        format_table(["stack, recording", "chunks", "tokens differ", "actions differ", "all-zero actions"], rows)
    )
    total = sum(map(len, recordings.values()))
    print(f"\n{total} chunks through each stack; {differing} outputs differ")
    return int(differing > 0)


def pick(files: list[Path], count: int) -> dict[str, np.ndarray]:
    """float32 chunks `[B, H, D]` by file: together `count`, or all that there are of small files."""
    chosen: dict[str, np.ndarray] = {}
    every = {file.stem: recorded_chunks(file).astype(np.float32) for file in files}
    for done, (name, chunks) in enumerate(sorted(every.items(), key=lambda item: len(item[1]))):
        share = (count - sum(map(len, chosen.values()))) // (len(every) - done)
        chosen[name] = chunks[np.linspace(0, len(chunks) - 1, min(share, len(chunks)), dtype=int)]
    return chosen


if __name__ == "__main__":
    sys.exit(main())
