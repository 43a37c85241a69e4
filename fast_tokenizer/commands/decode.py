"""`fast-tokenizer decode`: a file of tokens to a file of actions."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from fast_tokenizer import FastTokenizerError
from fast_tokenizer.commands.arguments import Commands
from fast_tokenizer.commands.tokenizers import open_tokenizer
from fast_tokenizer.decoding import ErrorPolicy
from fast_tokenizer.encoded_datasets import (
    DecodedChunks,
    count_encoded,
    decode_groups,
    read_encoded,
    require_known_format,
    write_decoded,
)
from fast_tokenizer.progress import ProgressBar
from fast_tokenizer.staged_files import require_writable_file
from fast_tokenizer.text_table import labelled


def add_to(commands: Commands) -> argparse.ArgumentParser:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "decode",
        help="write a file of tokens as a file of actions",
        description="Reads what encode wrote, and writes the actions [B, H, D] of the chunks in the robot's "
        "units, with the place of the episode and the step that each begins at. A tokenizer of relative actions "
        "gives relative ones: add the state that a chunk begins in.",
    )
    parser.add_argument("tokens", type=Path, metavar="FILE", help=".parquet or .npz, as encode writes them")
    parser.add_argument(
        "--tokenizer", required=True, metavar="DIR", help="the one that encoded: its directory, or its repository"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help=".parquet: a row a chunk, flat with its shape; or .npz: `chunks`, which are held in memory",
    )
    parser.add_argument("--embodiment", metavar="NAME", help="whose normaliser to take, of several")
    parser.add_argument(
        "--errors",
        choices=get_args(ErrorPolicy),
        default="strict",
        help="what to do with ids that are no action: stop and name the row, keep what is valid, or give "
        "normalised zeros; `status` in the file says which chunks these are (%(default)s)",
    )
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> None:
    require_known_format(options.out)
    require_writable_file(options.out)
    tokenizer, record = open_tokenizer(options.tokenizer)
    total = count_encoded(options.tokens)
    groups = decode_groups(
        tokenizer, read_encoded(options.tokens), errors=options.errors, embodiment=options.embodiment
    )
    count = failed = 0

    def decoded(bar: ProgressBar) -> Iterator[DecodedChunks]:
        nonlocal count, failed
        for group in groups:
            count += len(group.actions)
            failed += int((group.status != 0).sum())
            bar.update(count, total)
            yield group
        if not count:
            raise FastTokenizerError(f"{options.tokens} holds no chunk: encode a dataset with at least one")

    with ProgressBar("decoding", unit="chunks") as bar:
        write_decoded(options.out, decoded(bar))
    rows = [("decoded", f"{options.tokens}: {count} chunks")]
    if options.errors != "strict":
        rows.append(("no actions", f"{failed} of {count} chunks; they were decoded by {options.errors!r}"))
    if record is not None and record.relative is not None:
        rows.append(("relative", "to the state that a chunk begins in, in the dimensions that were trained so"))
    print(labelled([*rows, ("saved", str(options.out))]))
