"""What each stage of a piece of work took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Notes the seconds that pass under the name of the stage, unless it fails."""
    begin = perf_counter()
    yield
    seconds[stage] = perf_counter() - begin
