"""`fast-tokenizer sweep`: what scales and vocabularies cost in tokens and in error."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from fast_tokenizer.commands.arguments import Commands, positive_float, positive_int, seed
from fast_tokenizer.commands.chunked_dataset import add_dataset
from fast_tokenizer.commands.comparison_table import comparison_table
from fast_tokenizer.commands.tokenizers import open_tokenizer
from fast_tokenizer.commands.training_options import (
    add_options_of_chunks,
    add_options_of_data,
    add_options_of_scheme,
    training_settings,
)
from fast_tokenizer.datasets import open_episodes
from fast_tokenizer.report import CHUNKS, ComparedTokenizer
from fast_tokenizer.staged_files import require_writable_file
from fast_tokenizer.sweep import SCALES, VOCAB_SIZES, Sweep, require_drawable, save_drawing, sweep
from fast_tokenizer.text_table import labelled
from fast_tokenizer.training import VocabularySettings

_MARK = "* "


def add_to(commands: Commands) -> argparse.ArgumentParser:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "sweep",
        help="show what scales and vocabularies cost in tokens and in error",
        description="Trains a tokenizer for each scale and each vocabulary, tries all of them on the same chunks, "
        "of episodes held out, and marks those that no other one beats (the Pareto front of tokens and RMSE). "
        "No tokenizer is saved: choose a scale and a vocabulary here, then train.",
    )
    add_dataset(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="draw it too: .png, .pdf or .svg")
    add_options_of_data(parser)
    add_options_of_chunks(parser)
    group = parser.add_argument_group("tokens")
    group.add_argument(
        "--scales",
        type=_scales,
        default=SCALES,
        metavar="S,S",
        help=f"multipliers before rounding ({','.join(f'{one:g}' for one in SCALES)})",
    )
    group.add_argument(
        "--vocab-sizes",
        type=_vocab_sizes,
        default=VOCAB_SIZES,
        metavar="N,N",
        help=f"tokens wanted ({','.join(map(str, VOCAB_SIZES))})",
    )
    add_options_of_scheme(group)
    group.add_argument(
        "--baseline",
        action="append",
        default=[],
        metavar="DIR",
        help="another tokenizer to try, such as FAST+; may be given more than once",
    )
    parser.add_argument(
        "--chunks", type=positive_int, default=CHUNKS, metavar="N", help="the most chunks to try on (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=seed, default=0, help="of the episodes held out, of --sample and --chunks (%(default)s)"
    )
    parser.add_argument("--num-threads", type=positive_int, metavar="N", help="all cores unless given")
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> None:
    if options.out is not None:
        require_drawable(options.out)
        require_writable_file(options.out)
    baselines = [(name, open_tokenizer(name)[0]) for name in options.baseline]
    episodes = open_episodes(options.dataset, key=options.key, state_key=options.state_key, dims=options.dims)
    vocabulary = VocabularySettings(scheme=options.scheme, max_token_length=options.max_token_length)
    settings = training_settings(options, episodes, vocabulary)
    found = sweep(
        episodes,
        settings,
        scales=options.scales,
        vocab_sizes=options.vocab_sizes,
        baselines=baselines,
        limit=options.chunks,
        num_threads=options.num_threads,
    )
    if options.out is not None:
        save_drawing(options.out, found)
    print(_summary(found, episodes.origin))
    if options.out is not None:
        print(f"\n{labelled([('drawn', str(options.out))])}")


def _summary(found: Sweep, origin: str) -> str:
    count, horizon, action_dim = found.tried.chunks.shape
    rows = [
        ("data", f"{origin}: {found.tried.label}"),
        ("chunks", f"{count} of {found.tried.of}: {horizon} steps x {action_dim} dimensions"),
        ("errors", "in normalised units"),
    ]
    points = [_marked(one.figures, _MARK if one.is_on_front else "") for one in found.points]
    table = comparison_table([*points, *(_marked(one, "") for one in found.references)], horizon * action_dim)
    legend = (
        f"{_MARK}no other one takes fewer tokens at no larger error, or has a smaller error with no more tokens"
    )
    notes = [
        f"  scale {scale:g}, vocabulary {vocab_size}: {reason}"
        for (scale, vocab_size), reason in found.impossible.items()
    ]
    return "\n".join([labelled(rows), "", table, "", legend, *notes])


def _marked(one: ComparedTokenizer, mark: str) -> ComparedTokenizer:
    return replace(one, name=f"{mark:{len(_MARK)}}{one.name}")


def _scales(text: str) -> tuple[float, ...]:
    return tuple(dict.fromkeys(positive_float(part) for part in text.split(",")))


def _vocab_sizes(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(positive_int(part) for part in text.split(",")))
