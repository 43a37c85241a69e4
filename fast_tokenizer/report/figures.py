"""The pictures of a report as figures of matplotlib, for papers and notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fast_tokenizer.report.content import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TRUTH, _HERE, _OTHER = "#98a2b3", "#1f6feb", "#d9730d"


def draw_figures(report: Report) -> dict[str, Figure]:
    """Draws them; needs the extra `plot`. They are not shown, and belong to no window.

    Returns:
        By name: `reconstruction`, `errors`, `lengths`, `spectrum`, `usage`, and `wrong_tokens` if there are any.
    """
    figures = {
        "reconstruction": _reconstruction(report),
        "errors": _heat_map(
            report,
            np.sqrt(np.square(report.measured[0].errors).mean(axis=0)),
            "root mean square error, in the robot's units",
            "step",
        ),
        "lengths": _lengths(report),
        "spectrum": _heat_map(
            report,
            np.log10(np.maximum(report.spectrum, 1e-6)),
            "log10 of the root mean square of each coefficient",
            "frequency",
        ),
        "usage": _usage(report),
    }
    if report.wrong is not None:
        figures["wrong_tokens"] = _wrong_tokens(report)
    return figures


def _figure(**settings: Any) -> Figure:
    from matplotlib.figure import Figure

    return Figure(layout="constrained", **settings)


def _reconstruction(report: Report) -> Figure:
    """A typical chunk and the worst one, every dimension."""
    measured = report.measured[0]
    by_error = np.argsort(measured.relative_error, kind="stable")
    chosen = {"typical": by_error[len(by_error) // 2], "worst": by_error[-1]}
    count = len(report.dimensions)
    figure = _figure(figsize=(8, 1.3 * count))
    axes = figure.subplots(count, len(chosen), squeeze=False, sharex=True)
    for column, (label, place) in enumerate(chosen.items()):
        axes[0, column].set_title(f"{label}: {measured.lengths[place]} tokens")
        for row, name in enumerate(report.dimensions):
            axes[row, column].plot(measured.chunks[place, :, row], color=_TRUTH, linewidth=3, label="truth")
            axes[row, column].plot(measured.decoded[place, :, row], color=_HERE, linewidth=1.5, label="decoded")
            axes[row, 0].set_ylabel(name)
    axes[0, 0].legend(fontsize="small")
    axes[-1, 0].set_xlabel("step")
    return figure


def _heat_map(report: Report, values: Any, title: str, across: str) -> Figure:
    figure = _figure(figsize=(8, 1 + 0.3 * len(report.dimensions)))
    axes = figure.subplots()
    image = axes.imshow(values.T, aspect="auto", cmap="viridis", interpolation="nearest")
    axes.set_yticks(range(len(report.dimensions)), report.dimensions)
    axes.set_xlabel(across)
    axes.set_title(title)
    figure.colorbar(image)
    return figure


def _lengths(report: Report) -> Figure:
    figure = _figure(figsize=(7, 3))
    axes = figure.subplots()
    for one, measured in zip(report.sets, report.measured, strict=True):
        if len(measured.lengths):
            axes.hist(measured.lengths, bins=40, density=True, alpha=0.6, label=one.label)
    p99 = np.percentile(report.measured[0].lengths, 99)
    axes.axvline(p99, color=_OTHER, linestyle="--", label=f"p99, {report.sets[0].label}")
    axes.set_xlabel("tokens a chunk")
    axes.set_ylabel("density")
    axes.legend()
    return figure


def _usage(report: Report) -> Figure:
    figure = _figure(figsize=(7, 3))
    axes = figure.subplots()
    used = np.sort(report.usage[report.usage > 0])[::-1]
    axes.loglog(np.arange(1, len(used) + 1), used, color=_HERE)
    axes.set_xlabel("rank of the token")
    axes.set_ylabel("times written")
    axes.set_title(f"{len(report.usage) - len(used)} of {len(report.usage)} tokens were never written")
    return figure


def _wrong_tokens(report: Report) -> Figure:
    assert report.wrong is not None
    figure = _figure(figsize=(7, 3))
    axes = figure.subplots()
    axes.plot(report.wrong.place, report.wrong.typical, color=_HERE, label="median error")
    axes.plot(report.wrong.place, report.wrong.bad, color=_OTHER, label="worst tenth")
    axes.plot(report.wrong.place, report.wrong.noticed, color=_TRUTH, linestyle="--", label="share refused")
    axes.set_xlabel("where the wrong token stands, from first to last")
    axes.set_ylabel("RMSE, normalised")
    axes.legend()
    return figure
