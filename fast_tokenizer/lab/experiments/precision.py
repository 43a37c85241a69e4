"""Experiment (c): how far a bin is from a value.

The bins over ±0.1 m of the published systems, measured on a grid finer than any of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fast_tokenizer.codecs import BinningCodec
from fast_tokenizer.codecs.bins import Bins, openvla, uniform
from fast_tokenizer.lab.experiment import Choice, Experiment, Outcome, Progress, Settings, Trial
from fast_tokenizer.lab.summary import Cell, Check, Column, Summary, Table

_REACH = 0.1  # metres to both sides
_COUNTS = (64, 128, 200, 256, 512, 1000, 1024)
_PUBLISHED = "OpenVLA"
_VALUES_A_BIN = 2000
_EXAMPLE = 0.0237  # metres, of which the seeds tell the bin
_ENOUGH_MM = 0.5  # what the seeds say that a peg in a hole needs


def _trials(choice: Choice) -> list[Trial]:
    named = [Trial({"bins": _PUBLISHED, "count": 255})]
    return named + [Trial({"bins": "uniform", "count": count}) for count in _COUNTS]


def _bins(settings: Settings) -> Bins:
    if settings["bins"] == _PUBLISHED:
        return openvla(-_REACH, _REACH)
    return uniform(-_REACH, _REACH, count=int(settings["count"]))


def _run(settings: Settings, progress: Progress) -> Mapping[str, Any]:
    """Millimetres: the width of a bin, the largest error and its root mean square over the range."""
    codec = BinningCodec(_bins(settings))
    count = int(settings["count"])
    values = count * _VALUES_A_BIN
    # At the centres of equal cells, so that the mean over them is the integral, to (1 / values of a bin) squared.
    inside = (np.arange(values) + 0.5) / values * 2 * _REACH - _REACH
    decoded = np.ravel(codec.decode(codec.encode(inside[None, :, None]), horizon=values, action_dim=1))
    ends = np.array([-_REACH, _REACH])
    at_ends = np.ravel(codec.decode(codec.encode(ends[None, :, None]), horizon=2, action_dim=1))
    error = 1e3 * np.abs(np.concatenate([decoded, at_ends]) - np.concatenate([inside, ends]))
    example = codec.encode(np.full((1, 1, 1), _EXAMPLE))
    return {
        "bin_of_example": int(example.ids[0]),
        "width_mm": 1e3 * float(np.diff(np.unique(decoded)).mean()),
        "largest_mm": float(error.max()),
        "rms_mm": float(np.sqrt(np.square(error[:-2]).mean())),
    }


def _summarize(outcomes: Sequence[Outcome]) -> Summary:
    rows: list[list[Cell]] = []
    worst = 0.0
    for outcome in outcomes:
        count, figures = int(outcome.settings["count"]), outcome.figures
        width = 2e3 * _REACH / count
        expected = {"width_mm": width, "largest_mm": width / 2, "rms_mm": width / 12**0.5}
        worst = max(worst, *(abs(figures[name] / value - 1) for name, value in expected.items()))
        name = f"{count} bins" + (f" of {_PUBLISHED}" if outcome.settings["bins"] == _PUBLISHED else "")
        is_within = figures["largest_mm"] <= _ENOUGH_MM * (1 + 1e-9)
        numbers = [figures[key] for key in expected]
        rows.append([name, *numbers, "yes" if is_within else "no", int(figures["bin_of_example"])])
    columns = [
        Column("bins over ±0.1 m"),
        Column("width, mm", 5),
        Column("largest error, mm", 5),
        Column("RMS error, mm", 5),
        Column("within ±0.5 mm"),
        Column("bin of 0.0237 m"),
    ]
    checks = [Check("width, largest and RMS error are w, w/2 and w/√12 to 1e-6", f"{worst:.1e}", worst <= 1e-6)]
    return Summary([Table("Bins over ±0.1 m", columns, rows)], checks)


PRECISION = Experiment(
    "precision",
    "How exactly can a bin say where to go?",
    _trials,
    _run,
    _summarize,
)
