"""The program run as a user runs it, and its table read."""

import re
import subprocess
import sys


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
