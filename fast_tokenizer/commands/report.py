"""`fast-tokenizer report`: what a tokenizer does to a dataset, on one page."""

from __future__ import annotations

import argparse
from pathlib import Path

from fast_tokenizer import FastTokenizer, FastTokenizerError
from fast_tokenizer.chunking import Chunking
from fast_tokenizer.commands.arguments import Commands, positive_int, seed
from fast_tokenizer.commands.tokenizers import tokenizer_directory
from fast_tokenizer.dataset_training import read_training_record
from fast_tokenizer.datasets import open_episodes
from fast_tokenizer.report import make_report, read_chunk_sets, save_page
from fast_tokenizer.text_table import labelled

_STEPS = 50  # of a chunk, where neither tokenizer nor dataset tells
_STRIDES_A_CHUNK = 4


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
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="as for train")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the page, such as report.html")
    parser.add_argument("--key", help="what to read as actions; the format's usual name unless given")
    parser.add_argument("--state-key", help="what to read as states, for a tokenizer of relative actions")
    parser.add_argument("--embodiment", metavar="NAME", help="whose normaliser to take, of several")
    parser.add_argument(
        "--baseline",
        action="append",
        default=[],
        metavar="DIR",
        help="another tokenizer to compare with, such as FAST+; may be given more than once",
    )
    parser.add_argument(
        "--horizon", type=positive_int, metavar="H", help="steps of a chunk, where no training tells"
    )
    parser.add_argument("--stride", type=positive_int, metavar="N", help="steps from chunk to chunk, likewise")
    parser.add_argument(
        "--chunks", type=positive_int, default=2000, metavar="N", help="the most chunks of a kind (%(default)s)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of the chunks drawn (%(default)s)")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> None:
    if not options.out.parent.is_dir():
        raise FastTokenizerError(f"--out is {options.out}: its folder does not exist; make it first")
    directory = tokenizer_directory(options.tokenizer)
    tokenizer = FastTokenizer.from_pretrained(directory)
    baselines = {
        Path(name).name: FastTokenizer.from_pretrained(tokenizer_directory(name)) for name in options.baseline
    }
    record = read_training_record(directory)
    dims = None if record is None else record.dims
    episodes = open_episodes(options.dataset, key=options.key, state_key=options.state_key, dims=dims)
    horizon = options.horizon or tokenizer.time_horizon or episodes.horizon or round(episodes.hz or _STEPS)
    chunking = Chunking(horizon, options.stride or max(1, horizon // _STRIDES_A_CHUNK))
    sets = read_chunk_sets(episodes, chunking, record, limit=options.chunks, seed=options.seed)
    report = make_report(
        tokenizer,
        sets,
        name=Path(options.tokenizer).resolve().name,
        dimensions=episodes.names,
        baselines=baselines,
        record=record,
        embodiment=options.embodiment,
        seed=options.seed,
    )
    save_page(report, options.out)
    tokens = report.measured[0].lengths
    rows = [("shown", f"{len(tokens)} chunks: {sets[0].label}"), ("tokens a chunk", f"mean {tokens.mean():.1f}")]
    print(labelled([*rows, ("page", str(options.out))]))
