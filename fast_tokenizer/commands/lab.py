"""`fast-tokenizer lab`: action representations compared on one footing."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fast_tokenizer.commands.arguments import Commands, positive_int
from fast_tokenizer.text_table import columns, labelled

if TYPE_CHECKING:
    from fast_tokenizer.lab.summary import Summary

_PROFILES = ("quick", "full")


def add_to(commands: Commands) -> argparse.ArgumentParser:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "lab",
        help="compare action heads and representations on the same trunk, data and steps",
        description="Runs experiments and writes their figures, and a page that shows all of them. What was run "
        "is kept: the same command goes on where it was stopped, and another one adds to it. Needs the extra lab, "
        "and for the simulator the extra simulator.",
    )
    parser.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="cup, gradients, precision, chunk, cost, mixture, obstacle, joint, simulator, or all",
    )
    parser.add_argument("--out", type=Path, default=Path("lab"), metavar="DIR", help="(%(default)s)")
    parser.add_argument(
        "--profile",
        choices=_PROFILES,
        default="quick",
        help="quick: minutes, to see it run; full: hours, for figures to quote (%(default)s)",
    )
    parser.add_argument("--heads", type=_names, metavar="A,B", help="only these; all for every one")
    parser.add_argument("--tasks", type=_names, metavar="A,B", help="only these; all for every one (simulator)")
    parser.add_argument(
        "--workers",
        type=positive_int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="trials at a time; those that measure time run alone (all cores)",
    )
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> None:
    try:
        from fast_tokenizer.lab import EXPERIMENTS, Choice, Laboratory
    except ImportError as error:
        raise ImportError(f"the lab needs more packages: pip install 'fast_tokenizer[lab]' ({error})") from error
    laboratory = Laboratory(options.out, Choice(options.profile, options.heads, options.tasks))
    names = laboratory.experiments(options.names)
    failures = []
    for name in names:
        try:
            print(_as_text(name, laboratory.run(name, workers=options.workers)), flush=True)
        except OSError:
            raise
        except Exception as error:  # the others take hours too
            failures.append(error)
            print(f"{name} failed: what was measured is kept, and the same command goes on\n", flush=True)
        laboratory.write_page()
    if failures:
        raise failures[0]
    left_out = [name for name in EXPERIMENTS if "all" in options.names and name not in names]
    rows = [("page", str(laboratory.page))]
    if left_out:
        rows.append(("left out", f"{', '.join(left_out)}: without such heads, or not installed"))
    print(labelled(rows))


def _as_text(name: str, summary: Summary) -> str:
    parts = [name, "=" * len(name)]
    for table in summary.tables:
        header = [column.name for column in table.columns]
        parts += ["", table.title, columns(header, table.texts())]
    parts += ["", *(f"{'met    ' if one.holds else 'NOT MET'}  {one.bar}: {one.got}" for one in summary.checks)]
    return "\n".join([*parts, *summary.notes, ""])


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
