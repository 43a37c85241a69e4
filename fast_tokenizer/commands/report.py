"""`fast-tokenizer report`: what a tokenizer does to a dataset, on one page."""

from __future__ import annotations

import argparse
from pathlib import Path

from fast_tokenizer.commands.arguments import Commands, positive_int, seed
from fast_tokenizer.commands.chunked_dataset import add_dataset, add_options_of_dataset, open_dataset
from fast_tokenizer.commands.tokenizers import open_tokenizer
from fast_tokenizer.report import CHUNKS, make_report, read_chunk_sets, save_page
from fast_tokenizer.staged_files import require_writable_file
from fast_tokenizer.text_table import labelled


def add_to(commands: Commands) -> argparse.ArgumentParser:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "report",
        help="show on one page what a tokenizer does to a dataset",
        description="Encodes and decodes chunks of a dataset and writes a page, one file that needs no network: "
        "truth and what comes back, errors, tokens a chunk, the spectrum, the use of the vocabulary, what a wrong "
        "token does, and other tokenizers on the same chunks. A tokenizer that `train` made is shown on the "
        "episodes that were held out, beside those it was trained on.",
    )
    parser.add_argument("tokenizer", metavar="DIR", help="the tokenizer's directory, or its repository on the hub")
    add_dataset(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the page, such as report.html")
    add_options_of_dataset(parser)
    parser.add_argument(
        "--baseline",
        action="append",
        default=[],
        metavar="DIR",
        help="another tokenizer to compare with, such as FAST+; may be given more than once",
    )
    parser.add_argument(
        "--chunks", type=positive_int, default=CHUNKS, metavar="N", help="the most chunks of a kind (%(default)s)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of the chunks drawn (%(default)s)")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> None:
    require_writable_file(options.out)
    tokenizer, record = open_tokenizer(options.tokenizer)
    baselines = [(name, open_tokenizer(name)[0]) for name in options.baseline]
    episodes, chunking = open_dataset(options, tokenizer, record)
    sets = read_chunk_sets(episodes, chunking, record, limit=options.chunks, seed=options.seed)
    report = make_report(
        tokenizer,
        sets,
        name=Path(options.tokenizer).resolve().name,
        dimensions=episodes.labels,
        baselines=baselines,
        record=record,
        embodiment=options.embodiment,
        seed=options.seed,
    )
    save_page(report, options.out)
    tokens = report.measured[0].lengths
    rows = [("shown", f"{len(tokens)} chunks: {sets[0].label}"), ("tokens a chunk", f"mean {tokens.mean():.1f}")]
    print(labelled([*rows, ("page", str(options.out))]))
