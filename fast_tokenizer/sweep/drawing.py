"""A sweep drawn: tokens against error, and the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, groupby
from pathlib import Path
from typing import TYPE_CHECKING

from fast_tokenizer.datasets.libraries import import_library
from fast_tokenizer.errors import FormatError
from fast_tokenizer.report import ComparedTokenizer
from fast_tokenizer.staged_files import staged_file
from fast_tokenizer.sweep.grid import Sweep, SweepPoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def require_drawable(path: Path) -> None:
    """Raises the error that `save_drawing` would end in, as far as this is known beforehand.

    Raises:
        ImportError: If matplotlib is not installed.
        FormatError: If it cannot write such a file.
    """
    import_library("matplotlib", "plot", path)
    from matplotlib.figure import Figure

    known = Figure().canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".") not in known:
        raise FormatError(f"expected a name that ends in one of {', '.join(known)}", str(path))


def save_drawing(path: Path, found: Sweep) -> None:
    """Draws a sweep; needs the extra `plot`. On failure the file is as it was.

    Raises:
        ImportError: If matplotlib is not installed.
        FormatError: If it cannot write such a file.
    """
    require_drawable(path)
    figure = _draw(found)
    with staged_file(path) as stage:
        figure.savefig(stage, format=path.suffix.removeprefix("."), dpi=150)


def _draw(found: Sweep) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    points = [one for one in found.points if one.figures.longest]  # those that could encode something
    for vocab_size, group in groupby(sorted(points, key=_by_vocabulary), key=lambda one: one.vocab_size):
        axes.plot(*_places([one.figures for one in group]), "o-", linewidth=1, label=f"vocabulary {vocab_size}")
    front = _places([one.figures for one in points if one.is_on_front])
    axes.scatter(*front, s=120, facecolors="none", edgecolors="black", label="Pareto front")
    shortest = {one.scale: one.figures for one in sorted(points, key=lambda one: -one.figures.mean_tokens)}
    for scale, one in shortest.items():
        axes.annotate(
            f"scale {scale:g}", (one.mean_tokens, one.rmse), (-10, -4), textcoords="offset points", ha="right"
        )
    for marker, reference in zip(cycle("x+*1234"), found.references, strict=False):
        axes.scatter(*_places([reference]), marker=marker, color="black", label=reference.name)
    axes.set_xscale("log")
    if any(one.figures.rmse > 0 for one in points):  # of constant actions all are exact
        axes.set_yscale("log")
    axes.margins(x=0.2)
    axes.set_xlabel("mean tokens a chunk")
    axes.set_ylabel("RMSE, normalised")
    axes.set_title(f"{len(found.tried.chunks)} chunks, {found.tried.label}")
    axes.legend()
    return figure


def _places(compared: Sequence[ComparedTokenizer]) -> tuple[list[float], list[float]]:
    return [one.mean_tokens for one in compared], [one.rmse for one in compared]


def _by_vocabulary(point: SweepPoint) -> tuple[int, float]:
    return point.vocab_size, point.scale
