"""`fast-tokenizer demo`: fit, encode and decode trajectories, and show the figures."""

from __future__ import annotations

import argparse
from pathlib import Path

from fast_tokenizer.commands.arguments import Commands, positive_float, positive_int, seed
from fast_tokenizer.demo import generated_recording, load_recording, run_demo
from fast_tokenizer.training import VocabularySettings


def add_to(commands: Commands) -> argparse.ArgumentParser:
    """Adds the command with its options."""
    parser = commands.add_parser(
        "demo",
        help="fit, encode and decode trajectories, and show the figures",
        description="Fits a tokenizer on 80%% of the episodes, encodes and decodes the rest, and tells how.",
    )
    parser.add_argument(
        "--input",
        type=Path,
        metavar="FILE",
        help=".npy of chunks [B, H, D] or one episode [T, D], or .npz of `actions` [T, D] with "
        "`episode_ends` or of `chunks`, in any units; without it trajectories are generated",
    )
    parser.add_argument("--horizon", type=positive_int, help="steps of a chunk (50; chunks in FILE have theirs)")
    parser.add_argument(
        "--scale",
        type=positive_float,
        default=VocabularySettings.scale,
        help="multiplier before rounding (%(default)g)",
    )
    parser.add_argument(
        "--vocab-size",
        type=positive_int,
        default=VocabularySettings.vocab_size,
        help="tokens to fit (%(default)s)",
    )
    parser.add_argument(
        "--scheme",
        choices=("symbols", "bytes"),
        default="symbols",
        help="how coefficients are written; bytes is the published format (%(default)s)",
    )
    parser.add_argument(
        "--seed", type=seed, default=0, help="of the trajectories and of what is held out (%(default)s)"
    )
    parser.set_defaults(run=_run)
    return parser


def _run(options: argparse.Namespace) -> None:
    recording = generated_recording(options.seed) if options.input is None else load_recording(options.input)
    print(
        run_demo(
            recording,
            horizon=options.horizon,
            scale=options.scale,
            vocab_size=options.vocab_size,
            scheme=options.scheme,
            seed=options.seed,
        )
    )
