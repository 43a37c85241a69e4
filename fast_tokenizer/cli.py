"""The command line: `fast-tokenizer`, or `python -m fast_tokenizer`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from fast_tokenizer.commands import compare, decode, demo, encode, inspect, lab, report, sweep, train
from fast_tokenizer.errors import FastTokenizerError

_COMMANDS = (demo, train, sweep, inspect, compare, report, encode, decode, lab)
_PROGRAM = "fast-tokenizer"
_USER_ERROR = 2
_INTERRUPTED = 130  # 128 + SIGINT, as shells say it
_PIPE_CLOSED = 141  # 128 + SIGPIPE, likewise


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
        The exit status: 0, 2 for an error of the user's (one line on stderr says which), 130 after Ctrl-C, 141
        where nobody reads the output any more. With `--debug` the traceback stands before that line.

    Examples:
        >>> main(["demo", "--horizon", "0"])
        2
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        options = _parser().parse_args(arguments)
    except _UsageError as error:
        return _complain(str(error), _USER_ERROR)
    options.command_line = shlex.join([_PROGRAM, *arguments])  # for commands that record it
    try:
        options.run(options)
        sys.stdout.flush()  # a pipe that was closed is told here, not at the end of the process
    except BrokenPipeError:  # `| head` has read enough
        # Python would try once more at its end, and complain. Source: Python's documentation of SIGPIPE.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except (FastTokenizerError, ImportError, OSError, MemoryError, KeyboardInterrupt) as error:
        if options.debug:
            traceback.print_exc()
        complaint = _as_message(error)
    else:
        return 0
    # Only here is the error let go, and with it the generators that it stopped: their bars end their lines first.
    return _complain(*complaint)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=_PROGRAM, description="Robot actions as tokens.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        added = command.add_to(commands)
        added.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _as_message(error: BaseException) -> tuple[str, int]:
    """What to say of an error, and the exit status."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", _INTERRUPTED
    if isinstance(error, MemoryError):
        return ": ".join(filter(None, ("not enough memory", str(error)))), _USER_ERROR
    if isinstance(error, OSError):
        return f"{error.filename or 'error'}: {error.strerror or error}", _USER_ERROR
    return str(error), _USER_ERROR


def _complain(message: str, status: int) -> int:
    # A message may quote another one of several lines (numpy's do that).
    print(f"{_PROGRAM}:", " ".join(message.split()), file=sys.stderr)
    return status
