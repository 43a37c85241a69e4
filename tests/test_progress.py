import io
import re
from types import SimpleNamespace

import pytest

from fast_tokenizer import progress
from fast_tokenizer.progress import ProgressBar


class Terminal(io.StringIO):
    def __init__(self, tty=True):
        super().__init__()
        self.tty = tty
        self.writes = 0

    def isatty(self):
        return self.tty

    def write(self, text):
        self.writes += 1
        return super().write(text)

    def screen(self):
        """What is to be seen: every carriage return begins to write over the line."""
        line = ""
        for text in self.getvalue().split("\n")[-1 if not self.getvalue().endswith("\n") else -2].split("\r"):
            line = text + line[len(text) :]
        return line.rstrip()


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    terminal = Terminal()
    # The module's `sys`, not `sys.stderr`: pytest puts its own stderr in place when the test begins.
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=terminal))
    return terminal


@pytest.mark.parametrize("stream", [Terminal(tty=False), None])
def test_it_is_silent_where_stderr_is_no_terminal(monkeypatch, stream):
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream))
    with ProgressBar("merges") as bar:
        bar.update(1, 2)
        bar.update(2, 2)
    assert stream is None or stream.getvalue() == ""


def test_it_shows_part_rate_and_remaining_time(terminal, clock):
    with ProgressBar("merges", unit="merges") as bar:
        bar.update(0, 1000)
        clock[0] += 2.0
        bar.update(250, 1000)
        screen = terminal.screen()
    assert screen == "merges [######                  ]  25% 250/1000 merges, 125/s, 0:06 left"


def test_the_rate_counts_from_the_first_update(terminal, clock):
    with ProgressBar("merges") as bar:
        bar.update(900, 1000)  # done by someone before
        clock[0] += 10.0
        bar.update(950, 1000)
        assert terminal.screen().endswith("5/s, 0:10 left")


def test_it_draws_ten_times_a_second_at_most_and_always_the_end(terminal, clock):
    with ProgressBar("merges") as bar:
        for done in range(1, 100_001):
            clock[0] += 1e-5
            bar.update(done, 100_000)
    assert terminal.writes <= 13
    assert "100% 100000/100000 steps" in terminal.screen()
    assert terminal.getvalue().endswith("\n")
    assert terminal.getvalue().count("\n") == 1


def test_work_that_stops_early_leaves_its_last_state(terminal, clock):
    with ProgressBar("merges") as bar:
        bar.update(1, 1000)
        clock[0] += 0.01
        bar.update(417, 1000)
    assert "417/1000" in terminal.screen()


def test_an_error_ends_the_line_and_goes_on(terminal, clock):
    def interrupted():
        with ProgressBar("merges") as bar:
            bar.update(1, 1000)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert terminal.getvalue().endswith("\n")


def test_without_an_update_nothing_is_written(terminal):
    with ProgressBar("merges"):
        pass
    assert terminal.getvalue() == ""


def test_a_shorter_line_wipes_a_longer_one(terminal, clock):
    with ProgressBar("merges") as bar:
        bar.update(0, 10**6)
        clock[0] += 1000.0
        bar.update(1, 10**6)
        clock[0] += 1.0
        bar.update(10**6, 10**6)
    assert re.fullmatch(r"merges \[#{24}\] 100% 1000000/1000000 steps, [\d,]+/s", terminal.screen())


def test_a_line_fits_the_terminal(monkeypatch, terminal, clock):
    monkeypatch.setenv("COLUMNS", "20")
    with ProgressBar("merges") as bar:
        bar.update(1, 1000)
        assert len(terminal.screen()) <= 19


@pytest.mark.parametrize(
    ("done", "total", "percent"), [(0, 0, "100%"), (5, 0, "100%"), (12, 10, "100%"), (0, 3, "0%")]
)
def test_odd_totals_are_shown_without_complaint(terminal, clock, done, total, percent):
    with ProgressBar("merges") as bar:
        bar.update(done, total)
    assert percent in terminal.screen()


def test_a_bar_may_be_used_twice(terminal, clock):
    bar = ProgressBar("merges")
    for _ in range(2):
        with bar:
            bar.update(10, 10)
    assert terminal.getvalue().count("\n") == 2


def test_long_times_are_told_in_hours(terminal, clock):
    with ProgressBar("merges") as bar:
        bar.update(0, 5000)
        clock[0] += 2.0
        bar.update(1, 5000)
        assert terminal.screen().endswith("0.5/s, 2:46:38 left")
