"""A sweep drawn: tokens against error, and the Pareto front."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from fast_tokenizer.datasets.libraries import import_library
from fast_tokenizer.errors import FormatError
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
    for vocab_size, points in groupby(sorted(found.points, key=_by_vocabulary), key=lambda one: one.vocab_size):
        line = [one.figures for one in points]
        axes.plot(
            [one.mean_tokens for one in line],
            [one.rmse for one in line],
            marker="o",
            linewidth=1,
            label=f"vocabulary {vocab_size}",
        )
    front = [one.figures for one in found.points if one.is_on_front]
    axes.scatter(
        [one.mean_tokens for one in front],
        [one.rmse for one in front],
        s=120,
        facecolors="none",
        edgecolors="black",
        label="Pareto front",
    )
    for one in found.points:
        axes.annotate(
            f"{one.scale:g}", (one.figures.mean_tokens, one.figures.rmse), (5, 5), textcoords="offset points"
        )
    for reference in found.references:
        axes.scatter([reference.mean_tokens], [reference.rmse], marker="x", label=reference.name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("mean tokens a chunk")
    axes.set_ylabel("RMSE, normalised")
    axes.set_title(f"{len(found.tried.chunks)} chunks, {found.tried.label}; numbers are scales")
    axes.legend()
    return figure


def _by_vocabulary(point: SweepPoint) -> tuple[int, float]:
    return point.vocab_size, point.scale
