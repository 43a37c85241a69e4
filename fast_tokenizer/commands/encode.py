"""`fast-tokenizer encode`: a dataset to a file of tokens."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from fast_tokenizer.commands.arguments import Commands
from fast_tokenizer.commands.chunked_dataset import add_dataset, add_options_of_dataset, open_dataset
from fast_tokenizer.commands.tokenizers import open_tokenizer
from fast_tokenizer.dataset_training.chunk_groups import ChunkGroups
from fast_tokenizer.dataset_training.prepared_episodes import PreparedEpisodes
from fast_tokenizer.encoded_datasets import EncodedChunks, encode_groups, require_known_format, write_encoded
from fast_tokenizer.staged_files import require_writable_file
from fast_tokenizer.text_table import labelled


def add_to(commands: Commands) -> argparse.ArgumentParser:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "encode",
        help="write a dataset as a file of tokens",
        description="Cuts a dataset into chunks as the training of the tokenizer did, and writes the tokens of "
        "every one, with the place of its episode in the dataset (from 0), the step that it begins at, its shape, "
        "and whether a value of it was clipped. Chunks are read and written some hundred at a time.",
    )
    add_dataset(parser)
    parser.add_argument(
        "--tokenizer", required=True, metavar="DIR", help="its directory, or its repository on the hub"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help=".parquet: a row a chunk; or .npz: flat ids with offsets, which are held in memory",
    )
    add_options_of_dataset(parser)
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> None:
    require_known_format(options.out)
    require_writable_file(options.out)
    tokenizer, record = open_tokenizer(options.tokenizer)
    episodes, chunking = open_dataset(options, tokenizer, record)
    chunking = replace(chunking, sample=1.0)  # of a training; here all are wanted
    relative, resampling = (None, None) if record is None else (record.relative, record.resampling)
    prepared = PreparedEpisodes(episodes, resampling)
    groups = ChunkGroups(prepared, chunking, relative).read_placed("encoding")
    lengths, clipped = [], 0

    def encoded() -> Iterator[EncodedChunks]:
        nonlocal clipped
        for group in encode_groups(tokenizer, groups, embodiment=options.embodiment):
            lengths.append(np.diff(group.offsets))
            clipped += int(group.clipped.sum())
            yield group
        if not lengths:
            raise chunking.no_chunks([len(placed.episode.actions) for placed in prepared])

    write_encoded(options.out, encoded())
    tokens = np.concatenate(lengths)
    shape = f"{chunking.horizon} steps x {episodes.action_dim} dimensions, one every {chunking.stride} step(s)"
    rows = [
        ("encoded", f"{episodes.origin}: {len(tokens)} chunks, {shape}"),
        ("tokens a chunk", f"mean {tokens.mean():.1f}, max {tokens.max()}"),
        ("clipped", f"{clipped} of {len(tokens)} chunks"),
        ("saved", str(options.out)),
    ]
    if tokenizer.normalizer is None:
        rows.insert(
            1, ("normalised", "not here: the tokenizer has no normaliser, and took the actions as they are")
        )
    print(labelled(rows))
