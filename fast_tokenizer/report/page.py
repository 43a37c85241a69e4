"""The page of a report: its figures as JSON, inside one file with the script that draws them."""

from __future__ import annotations

import html
import json
import math
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.json_files import write_text
from fast_tokenizer.report.content import Report
from fast_tokenizer.report.measurement import Measurement, recommended_length

_DIGITS = 5
_SAMPLES = {"typical": 0.5, "worse than 9 in 10": 0.9, "worse than 99 in 100": 0.99, "worst": 1.0}


def as_page(report: Report) -> str:
    """One HTML file that asks for nothing else."""
    parts = files("fast_tokenizer.report") / "page"
    data = json.dumps(page_data(report), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    page = (parts / "page.html").read_text("utf-8")
    inserts = {
        "title": html.escape(report.name),
        "style": (parts / "page.css").read_text("utf-8"),
        "script": (parts / "page.js").read_text("utf-8"),
        "data": data.replace("<", "\\u003c"),  # so that no text of it ends the element that it stands in
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: inserts[found[1]], page)


def save_page(report: Report, path: str | os.PathLike[str]) -> None:
    """Writes the page; on failure the file is as it was."""
    write_text(Path(path), as_page(report))


def page_data(report: Report) -> dict[str, Any]:
    """What the page draws, as plain JSON."""
    main = report.measured[0]
    squares = np.square(main.errors).mean(axis=0)
    return {
        "name": report.name,
        "codec": repr(report.tokenizer.codec),
        "isFitted": report.is_fitted,
        "dimensions": list(report.dimensions),
        "horizon": main.chunks.shape[1],
        "sets": [
            {"label": one.label, "of": one.of, **_set_data(measured)}
            for one, measured in zip(report.sets, report.measured, strict=True)
        ],
        "recommendedLength": recommended_length(np.concatenate([one.lengths for one in report.measured])),
        "samples": _samples(report, main),
        "errorByStep": _rounded(np.sqrt(squares)),
        "errorByDimension": _rounded(np.sqrt(squares.mean(axis=0))),
        "largestByDimension": _rounded(main.errors.max(axis=(0, 1))),
        "gain": _rounded(report.normalizer.gain),
        "spectrum": _rounded(report.spectrum),
        "threshold": _number(0.5 / getattr(report.tokenizer.codec, "scale", math.nan)),
        "usage": np.sort(report.usage)[::-1].tolist(),
        "wrong": None
        if report.wrong is None
        else {
            "place": _rounded(report.wrong.place),
            "noticed": _rounded(report.wrong.noticed),
            "typical": _rounded(report.wrong.typical),
            "bad": _rounded(report.wrong.bad),
        },
        "compared": [
            {
                "name": one.name,
                "tokens": _number(one.mean_tokens),
                "longest": one.longest,
                "rmse": _number(one.rmse),
                "largest": _number(one.largest_error),
                "clipped": one.clipped,
                "refused": one.refused,
            }
            for one in report.compared
        ],
        "record": None if report.record is None else report.record.content,
    }


def _set_data(measured: Measurement) -> dict[str, Any]:
    lengths = measured.lengths
    if not len(lengths):
        return {"chunks": 0, "refused": measured.refused}
    return {
        "chunks": len(lengths),
        "refused": measured.refused,
        "clipped": int(measured.clipped.sum()),
        "lengths": np.bincount(lengths).tolist(),
        "mean": _number(lengths.mean()),
        "p50": _number(np.percentile(lengths, 50)),
        "p99": _number(np.percentile(lengths, 99)),
        "max": int(lengths.max()),
        "rmse": _number(math.sqrt(np.square(measured.relative_error).mean())),
        "worst": _number(measured.relative_error.max()),
    }


def _samples(report: Report, measured: Measurement) -> list[dict[str, Any]]:
    """A few chunks: by their error, and the longest and the shortest one."""
    by_error = np.argsort(measured.relative_error, kind="stable")
    chosen = {label: by_error[round(share * (len(by_error) - 1))] for label, share in _SAMPLES.items()}
    chosen["most tokens"] = measured.lengths.argmax()
    chosen["fewest tokens"] = measured.lengths.argmin()
    codec = report.tokenizer.codec
    values_of = [len(text) for text in codec.tokens] if getattr(codec, "scheme", None) == "symbols" else None
    samples = []
    for label, place in chosen.items():
        ids = measured.ids[measured.offsets[place] : measured.offsets[place + 1]].tolist()
        samples.append(
            {
                "label": label,
                "error": _number(measured.relative_error[place]),
                "truth": _rounded(measured.chunks[place].T),
                "decoded": _rounded(measured.decoded[place].T),
                "ids": ids,
                "values": None if values_of is None else [values_of[one] for one in ids],
            }
        )
    return samples


def _number(value: float) -> float | None:
    """What JSON can say: None for what is no number."""
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def _rounded(values: npt.NDArray[Any]) -> Any:
    if values.ndim > 1:
        return [_rounded(row) for row in values]
    return [_number(value) for value in values.tolist()]
