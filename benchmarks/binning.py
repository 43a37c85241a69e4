"""Bins against the published formulas, value by value, and how fast they are against numpy.

    python benchmarks/binning.py                   # 1,000,000 values a convention
    python benchmarks/binning.py --values 10000    # quicker

Every convention is held against its formula as `tests/published_binning.py` restates it, on random values, every
threshold and its neighbours, in float32 and float64, and NaN and infinities must be errors. Exits with 1 where a
value differs. The peers of the times are `np.digitize` and a look-up of the centres, one thread each.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from chunks import generated_chunks
from table import format_table
from timing import median_ratio, take_turns

from fast_tokenizer import BinningCodec, EncodeError
from fast_tokenizer.codecs import bins

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # the restatement is the tests'
import published_binning as published

Answer = tuple[npt.NDArray[Any], npt.NDArray[Any]]
Formula = Callable[[npt.NDArray[Any]], Answer]

SPAN = (-0.1, 0.1)
HIGHEST_BIN = 255


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=int, default=1_000_000, help="values a convention (%(default)s)")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of measuring (%(default)s)")
    options = parser.parse_args()
    differing = _compare(options.values)
    _resolution(options.values)
    _times(options.rounds)
    return int(differing > 0)


def _compare(count: int) -> int:
    rows, total = [], 0
    for made, formula in CONVENTIONS:
        codec = BinningCodec(made)
        ids_differ = values_differ = checked = 0
        for dtype in (np.float32, np.float64):
            values = _probes(made, dtype, count * 11 // 20)  # some have no bin in the published formula
            batch = codec.encode(values[None, :, None])
            decoded = np.asarray(codec.decode(batch, horizon=len(values), action_dim=1))[0, :, 0]
            expected_ids, expected = formula(values)
            told = expected_ids >= 0
            ids_differ += int((batch.ids != expected_ids)[told].sum())
            values_differ += int((decoded != expected)[told].sum())
            checked += int(told.sum())
        refused = sum(_is_refused(codec, value) for value in (np.nan, np.inf, -np.inf))
        rows.append([made.name, f"{checked:,}", str(ids_differ), str(values_differ), f"{refused} of 3"])
        total += ids_differ + values_differ + (3 - refused)
    print("bins and decoded values against the published formulas\n")
    print(format_table(["", "values", "bins differ", "decoded differ", "not finite: refused"], rows))
    return total


def _probes(made: bins.Bins, dtype: type[np.floating[Any]], count: int) -> npt.NDArray[Any]:
    low, high = made.low[0], made.high[0]
    at = np.array([low, high, *made.thresholds[0]], dtype)
    beside = [np.nextafter(at, dtype(one)) for one in (-np.inf, np.inf)]
    reach = 0.05 * (high - low)
    near = np.concatenate([at, *beside])
    random = np.random.default_rng(0).uniform(low - reach, high + reach, count - len(near)).astype(dtype)
    return np.concatenate([near, random])


def _is_refused(codec: BinningCodec, value: float) -> bool:
    try:
        codec.encode([[0.0, value]])
    except EncodeError:
        return True
    return False


def _openvla(values: npt.NDArray[Any]) -> Answer:
    ids, decoded = published.openvla(values, -1, 1, 256, vocab_size=32_000)
    return 32_000 - 1 - ids, decoded  # `VocabularyMap.tail(32_000, size=256, skip=0)`


def _openpi(values: npt.NDArray[Any]) -> Answer:
    found = published.openpi(values)  # -1 where it has no bin; it decodes nothing
    return found, -1 + (np.clip(found, 0, None) + 0.5) / 128


def _octo_normal(values: npt.NDArray[Any]) -> Answer:
    edges = published.octo_edges_normal(256)
    found, decoded = published.octo(values, edges)
    return np.where(values.astype(np.float32) < edges[-1], found, -1), decoded  # above it has no bin


CONVENTIONS: list[tuple[bins.Bins, Formula]] = [
    (bins.rt_1(*SPAN), lambda values: published.rt_1(values, *SPAN, 256)),
    (bins.openvla(), _openvla),
    (bins.openpi(), _openpi),
    (
        bins.octo_uniform(*SPAN),
        lambda values: published.octo(values, published.octo_edges_uniform(*SPAN, 256), clip_to=SPAN),
    ),
    (bins.octo_normal(), _octo_normal),
]


def _resolution(count: int) -> None:
    values = np.random.default_rng(0).uniform(*SPAN, (1, count, 1))
    codec = BinningCodec(bins.uniform(*SPAN))
    error = (np.asarray(codec.decode(codec.encode(values), horizon=count, action_dim=1)) - values) * 1e3
    print(
        f"\n256 bins over {SPAN[0]}..{SPAN[1]} m: largest error {np.abs(error).max():.3f} mm, "
        f"rms {np.sqrt((error**2).mean()):.3f} mm\n"
    )


def _times(rounds: int) -> None:
    chunks = np.clip(generated_chunks("smooth", 256, 50, 14), -1, 1).astype(np.float32)
    codec = BinningCodec(bins.openvla())
    edges = np.linspace(-1, 1, 256)
    centres = (edges[:-1] + edges[1:]) / 2
    batch = codec.encode(chunks)
    digits = np.digitize(chunks, edges)
    works = {
        "encode": (
            lambda: codec.encode(chunks, num_threads=1),
            lambda: np.digitize(np.clip(chunks, -1.0, 1.0), edges) - 1,
        ),
        "decode": (
            lambda: codec.decode(batch, horizon=50, action_dim=14, num_threads=1),
            lambda: centres[np.clip(digits - 1, 0, HIGHEST_BIN - 1)],
        ),
    }
    rows = []
    for name, (ours, numpys) in works.items():
        turns = take_turns(name, {"ours": ours, "numpy": numpys}, rounds)
        fastest = {side: f"{min(seconds) / chunks.size * 1e9:.1f}" for side, seconds in turns.items()}
        ratio = median_ratio(turns["numpy"], turns["ours"])
        rows.append([name, fastest["ours"], fastest["numpy"], f"{ratio:.1f}x"])
    print("256 chunks of 50x14 float32, OpenVLA's bins, one thread, nanoseconds a value\n")
    print(format_table(["", "here", "numpy", "ratio"], rows))


if __name__ == "__main__":
    sys.exit(main())
