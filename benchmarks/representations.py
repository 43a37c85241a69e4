"""The README's tables of action representations, from what the lab measured.

    fast-tokenizer lab all --profile full --out lab   # hours; can be stopped and gone on with
    python benchmarks/representations.py lab

Prints Markdown: all representations side by side, the claims that were judged, and the tables behind them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from fast_tokenizer.lab import Choice, Laboratory
from fast_tokenizer.lab.claims import judge_all
from fast_tokenizer.lab.overview import overview
from fast_tokenizer.lab.quoting import Figures
from fast_tokenizer.lab.summary import Table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="that the lab wrote")
    summaries = Laboratory(parser.parse_args().folder, Choice("full")).summaries()
    figures = Figures({one.name: summary for one, summary in summaries.items()})
    print(_table(overview(figures)))
    judged = [[one.claim, f"**{one.verdict}**", one.because] for one in judge_all(figures)]
    print(_markdown(["claim", "", "measured"], judged))
    for experiment, summary in summaries.items():
        print(f"## {experiment.name}\n")
        for table in summary.tables:
            print(_table(table))
        for check in summary.checks:
            print(f"- {'met' if check.holds else 'NOT MET'}: {check.bar}: {check.got}")
        print(*summary.notes, "", sep="\n")


def _table(table: Table) -> str:
    return f"{table.title}\n\n" + _markdown([column.name for column in table.columns], table.texts())


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
