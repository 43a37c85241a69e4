"""A progress bar for a terminal."""

from __future__ import annotations

import shutil
import sys
from time import monotonic
from types import TracebackType
from typing import TextIO

_SECONDS_BETWEEN_DRAWINGS = 0.1
_BAR_WIDTH = 24


class ProgressBar:
    """Shows on stderr how far a piece of work is, at which rate, and how long it will take.

    Nothing is written where stderr is not a terminal. `update` may be called for every small step: it draws
    at most ten times a second.

    Examples:
        >>> with ProgressBar("merges", unit="merges") as bar:
        ...     for done in range(1000):
        ...         bar.update(done + 1, 1000)
    """

    def __init__(self, label: str, unit: str = "steps") -> None:
        self._label = label
        self._unit = unit
        self._stream: TextIO | None = None
        self._begin: tuple[float, int] | None = None  # when, and what was done by then
        self._state = (0, 0, 0.0)  # done, total, when
        self._next_drawing = 0.0
        self._drawn = ""

    def __enter__(self) -> ProgressBar:
        # Looked up now, not at import: stderr may have been redirected since. It is None under pythonw.
        stream: TextIO | None = sys.stderr
        self._stream = stream if stream is not None and stream.isatty() else None
        self._begin, self._next_drawing, self._drawn = None, 0.0, ""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._stream is not None and self._drawn:
            self._draw()  # the last update may not have been drawn
            self._stream.write("\n")
            self._stream.flush()

    def update(self, done: int, total: int) -> None:
        """Notes that `done` of `total` units are done, and draws it when it is time to."""
        if self._stream is None:
            return
        now = monotonic()
        self._state = (done, total, now)
        if self._begin is None:
            self._begin = (now, done)
        if now >= self._next_drawing or done >= total:
            self._next_drawing = now + _SECONDS_BETWEEN_DRAWINGS
            self._draw()

    def _draw(self) -> None:
        if self._stream is None:
            return
        line = self._line()[: shutil.get_terminal_size().columns - 1]
        if line != self._drawn:
            # Blanks wipe what a longer line left behind; not every terminal knows an escape sequence for it.
            self._stream.write("\r" + line.ljust(len(self._drawn)))
            self._stream.flush()
            self._drawn = line

    def _line(self) -> str:
        done, total, now = self._state
        part = min(1.0, done / total) if total > 0 else 1.0
        bar = "#" * round(part * _BAR_WIDTH)
        line = f"{self._label} [{bar:<{_BAR_WIDTH}}] {part:4.0%} {done}/{total} {self._unit}"
        begin, done_before = self._begin if self._begin is not None else (now, done)
        if now <= begin or done <= done_before:
            return line
        rate = (done - done_before) / (now - begin)
        line += f", {rate:,.0f}/s" if rate >= 10 else f", {rate:.2g}/s"
        return line if done >= total else f"{line}, {_duration((total - done) / rate)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
