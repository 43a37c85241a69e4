"""How long `import fast_tokenizer` takes beyond numpy, and what it loads.

    python benchmarks/import_time.py

Each import runs in a fresh interpreter that has numpy already, by turns with what the reference pipeline needs.
The bytecode is there, as pip leaves it: a round that is not counted writes what is missing.
Exits with 1 if the bar is missed or a module is loaded that should wait.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from statistics import median

from table import format_table, verdict

from fast_tokenizer.progress import ProgressBar

BAR = 0.2
NOT_YET = ("torch", "transformers", "scipy", "tokenizers")
OURS = "import fast_tokenizer"
PEERS = (
    "import scipy.fft, tokenizers",
    "import scipy.fft; from transformers import PreTrainedTokenizerFast",
)
CHILD = """
import json, sys, time
import numpy
before, begin = set(sys.modules), time.perf_counter()
{}
seconds = time.perf_counter() - begin
print(json.dumps([seconds, sorted(set(sys.modules) - before)]))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="interpreters for each (%(default)s)")
    rounds = parser.parse_args().rounds
    statements = [OURS, PEERS[0]]
    if importlib.util.find_spec("transformers") is not None:
        statements.append(PEERS[1])
    seconds: dict[str, list[float]] = {statement: [] for statement in statements}
    loaded: dict[str, list[str]] = {}
    with ProgressBar("interpreters", unit="interpreters") as bar:
        for turn in range(rounds + 1):
            for place, statement in enumerate(statements):
                time, loaded[statement] = _import(statement)
                if turn:
                    seconds[statement].append(time)
                bar.update(turn * len(statements) + place + 1, (rounds + 1) * len(statements))
    medians = {statement: median(times) for statement, times in seconds.items()}
    word = verdict(medians[OURS], BAR, None, at_most=True)
    rows = [
        [
            statement,
            f"{medians[statement] * 1000:.1f}",
            f"{medians[statement] / medians[OURS]:.1f}x",
            str(len(loaded[statement])),
            *((f"{BAR * 1000:.0f} ms", word) if statement == OURS else ("", "")),
        ]
        for statement in statements
    ]
    print(format_table(["after numpy", "ms", "ratio", "modules", "bar", ""], rows))
    early = sorted({_top(module) for module in loaded[OURS]} & set(NOT_YET))
    print(f"\nmodules of fast_tokenizer: {', '.join(m for m in loaded[OURS] if _top(m) == 'fast_tokenizer')}")
    print(f"other modules: {', '.join(m for m in loaded[OURS] if _top(m) != 'fast_tokenizer') or 'none'}")
    print(f"loaded too early: {', '.join(early) or 'none'} of {', '.join(NOT_YET)}")
    return int(bool(early) or word == "MISSED")


def _import(statement: str) -> tuple[float, list[str]]:
    command = [sys.executable, "-c", CHILD.format(statement)]
    # A working directory without packages in it: that of a repository would hide the installed one.
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        text=True,
        cwd=sys.prefix,
        env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    )
    seconds, modules = json.loads(done.stdout)
    return seconds, modules


def _top(module: str) -> str:
    return module.partition(".")[0]


if __name__ == "__main__":
    sys.exit(main())
