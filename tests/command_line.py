"""The program run as a user runs it, and its table read."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress

import pytest


def run(folder, *arguments):
    """Runs the program in another interpreter, as a user does."""
    command = [sys.executable, "-m", "fast_tokenizer", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def table(text):
    """The rows of the table, by label; the texts begin in the same column."""
    rows = dict(re.match(r"(\w+(?:,? \w+)*)  +(.+)", line).groups() for line in text.splitlines())
    assert len({line.index(rows[label]) for label, line in zip(rows, text.splitlines(), strict=True)}) == 1
    return rows


def numbers(text):
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?(?:e-?\d+)?", text)]


def assert_one_line_error(result, message):
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert re.search(message, result.stderr), result.stderr


def rest_of(terminal):
    """What is written until the other side is closed, which Linux calls an error."""
    seen = b""
    with suppress(OSError):
        while part := os.read(terminal, 4096):
            seen += part
    return seen


def assert_interruptible(folder, *arguments, stage):
    """Presses Ctrl-C as soon as a terminal for stderr shows the bar of a stage: one line, and nothing changed."""
    pty = pytest.importorskip("pty", reason="a terminal is needed")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "fast_tokenizer", *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        seen = b""
        while f"{stage} [".encode() not in seen:
            seen += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        seen += rest_of(ours)
        assert process.wait(timeout=60) == 130, seen
        assert process.stdout.read() == ""
    os.close(ours)
    assert seen.endswith(b"fast-tokenizer: interrupted\r\n"), seen
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
