"""`fast-tokenizer compare`: tokenizers side by side on the same chunks."""

from __future__ import annotations

import argparse

from fast_tokenizer.commands.arguments import Commands, positive_int, seed
from fast_tokenizer.commands.chunked_dataset import add_dataset, add_options_of_dataset, open_dataset
from fast_tokenizer.commands.comparison_table import comparison_table
from fast_tokenizer.commands.tokenizers import open_tokenizer
from fast_tokenizer.report import CHUNKS, chunk_normalizer, compare, read_chunk_sets
from fast_tokenizer.text_table import labelled


def add_to(commands: Commands) -> argparse.ArgumentParser:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "compare",
        help="try tokenizers on the same chunks of a dataset",
        description="Encodes and decodes the same chunks with each tokenizer, and with 256 uniform bins. All get "
        "them in the normalisation of the first one, by whose units errors are told. Chunks are cut as for its "
        "training, and of episodes that were held out, if it was trained on this dataset.",
    )
    parser.add_argument(
        "tokenizers", nargs="+", metavar="DIR", help="tokenizer directories, or repositories on the hub"
    )
    add_dataset(parser)
    add_options_of_dataset(parser)
    parser.add_argument(
        "--chunks", type=positive_int, default=CHUNKS, metavar="N", help="the most chunks to try (%(default)s)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of the chunks drawn (%(default)s)")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> None:
    name = options.tokenizers[0]
    first, record = open_tokenizer(name)
    tokenizers = [(name, first)] + [(other, open_tokenizer(other)[0]) for other in options.tokenizers[1:]]
    episodes, chunking = open_dataset(options, first, record)
    tried = read_chunk_sets(episodes, chunking, record, limit=options.chunks, seed=options.seed)[0]
    normalizer, is_fitted = chunk_normalizer(first, tried.chunks, options.embodiment)
    compared = compare(tokenizers, tried.chunks, normalizer)
    count, horizon, action_dim = tried.chunks.shape
    source = f"the 1st and 99th percentile of these chunks, as {name} has no normaliser" if is_fitted else name
    rows = [
        ("data", f"{episodes.origin}: {tried.label}"),
        ("chunks", f"{count} of {tried.of}: {horizon} steps x {action_dim} dimensions"),
        ("normalised", f"by {source}; errors are in such units"),
    ]
    print(f"{labelled(rows)}\n\n{comparison_table(compared, horizon * action_dim)}")
