"""The command line: `fast-tokenizer`, or `python -m fast_tokenizer`."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from fast_tokenizer.demo import generated_recording, load_recording, run_demo
from fast_tokenizer.errors import FastTokenizerError

_USER_ERROR = 2
_INTERRUPTED = 130  # 128 + SIGINT, as shells say it


class _UsageError(Exception):
    """The command line does not make sense."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Leaves the one line on stderr to `main`, without the usage before it."""
        raise _UsageError(f"{message}; see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: Arguments without the program's name; None for those of the process.

    Returns:
        The exit status: 0, 2 for an error of the user's (one line on stderr says which), 130 after Ctrl-C.

    Examples:
        >>> main(["demo", "--horizon", "0"])
        2
    """
    try:
        options = _parser().parse_args(argv)
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
    except (_UsageError, FastTokenizerError) as error:
        return _complain(str(error), _USER_ERROR)
    except OSError as error:
        return _complain(f"{error.filename or 'error'}: {error.strerror or error}", _USER_ERROR)
    except KeyboardInterrupt:
        return _complain("interrupted", _INTERRUPTED)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="fast-tokenizer", description="Robot actions as tokens.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    demo = commands.add_parser(
        "demo",
        help="fit, encode and decode trajectories, and show the figures",
        description="Fits a tokenizer on 80%% of the episodes, encodes and decodes the rest, and tells how.",
    )
    demo.add_argument(
        "--input",
        type=Path,
        metavar="FILE",
        help=".npy of chunks [B, H, D] or one episode [T, D], or .npz of `actions` [T, D] with "
        "`episode_ends` or of `chunks`, in any units; without it trajectories are generated",
    )
    demo.add_argument("--horizon", type=_positive_int, help="steps of a chunk (50; chunks in FILE have theirs)")
    demo.add_argument(
        "--scale", type=_positive_float, default=10.0, help="multiplier before rounding (%(default)g)"
    )
    demo.add_argument("--vocab-size", type=_positive_int, default=1024, help="tokens to fit (%(default)s)")
    demo.add_argument(
        "--scheme",
        choices=("symbols", "bytes"),
        default="symbols",
        help="how coefficients are written; bytes is the published format (%(default)s)",
    )
    demo.add_argument(
        "--seed", type=_seed, default=0, help="of the trajectories and of what is held out (%(default)s)"
    )
    return parser


def _positive_int(text: str) -> int:
    return _at_least(1, text)


def _seed(text: str) -> int:
    return _at_least(0, text)


def _at_least(lowest: int, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = lowest - 1
    if number < lowest:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number from {lowest}")
    return number


def _positive_float(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a number above 0")
    return number


def _complain(message: str, status: int) -> int:
    # A message may quote another one of several lines (numpy's do that).
    print("fast-tokenizer:", " ".join(message.split()), file=sys.stderr)
    return status
