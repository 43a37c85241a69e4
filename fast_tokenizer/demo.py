"""What the tokenizer does to trajectories: a fit, a round trip, and a table of figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fast_tokenizer import FastTokenizer
from fast_tokenizer.chunking import count_chunks, cut_chunks
from fast_tokenizer.datasets.arrays import open_array_file
from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer.motions import generate_episodes
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.progress import ProgressBar
from fast_tokenizer.text_table import labelled
from fast_tokenizer.training import VocabularySettings

_HZ = 50  # of the generated episodes
_GENERATED_EPISODES = 60
_HORIZON = 50
_FIT_PART = 0.8
_TIMED_RUNS = 3
_BINNING_BITS = 8  # of one value in 256 uniform bins, as RT-1, RT-2 and OpenVLA write actions


@dataclass(frozen=True)
class Recording:
    """Episodes to make chunks of.

    Attributes:
        name: Where they come from, for people.
        episodes: Arrays `[T, D]` in the robot's units. Chunks given as such are episodes of H steps.
        horizon: Steps H of a chunk where the file fixes it, else None.
    """

    name: str
    episodes: list[npt.NDArray[Any]]
    horizon: int | None = None


def generated_recording(seed: int) -> Recording:
    """Generates the trajectories of the demo: two arms with grippers, 14 dimensions at 50 Hz.

    Examples:
        >>> generated_recording(seed=0).episodes[0].shape
        (500, 14)
    """
    episodes = generate_episodes(_GENERATED_EPISODES, action_dim=14, hz=_HZ, seconds=10.0, seed=seed)
    return Recording(f"{len(episodes)} generated episodes at {_HZ} Hz", episodes)


def load_recording(path: Path) -> Recording:
    """Reads episodes or chunks from a .npy or .npz file.

    Raises:
        OSError: The file cannot be opened.
        FastTokenizerError: It is no such file, or does not hold finite numbers of a shape that is understood.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(Path(folder) / "episode.npy", np.zeros((100, 7)))
        ...     load_recording(Path(folder) / "episode.npy").episodes[0].shape
        (100, 7)
    """
    episodes = open_array_file(path)
    return Recording(path.name, [episode.actions for episode in episodes], episodes.horizon)


def run_demo(
    recording: Recording,
    *,
    horizon: int | None = None,
    scale: float = VocabularySettings.scale,
    vocab_size: int = VocabularySettings.vocab_size,
    scheme: Literal["symbols", "bytes"] = "symbols",
    seed: int = 0,
) -> str:
    """Fits a tokenizer on 80% of the episodes, encodes and decodes the rest, and tells how it went.

    Args:
        recording: Episodes in the robot's units; they are normalised here.
        horizon: Steps H of a chunk; None for that of the file, or 50.
        scale: Multiplier of the coefficients before rounding.
        vocab_size: Number of tokens to fit.
        scheme: How coefficients are written, see `FastTokenizer.fit`.
        seed: Which episodes are held out.

    Returns:
        A table of a dozen lines.

    Raises:
        FastTokenizerError: Too few steps, or the fit is impossible with these settings.

    Examples:
        >>> table = run_demo(generated_recording(seed=0), horizon=10, vocab_size=400)
        >>> "tokens a chunk" in table
        True
    """
    if horizon is not None and recording.horizon not in (None, horizon):
        raise FastTokenizerError(
            f"{recording.name} holds chunks of {recording.horizon} steps: leave the horizon of {horizon} out"
        )
    steps = horizon or recording.horizon or _HORIZON
    stride = max(1, steps // 5)
    to_fit, held_out = _split(recording.episodes, steps, stride, seed)
    # Of all chunks: a dimension that moves in the held-out ones alone would be lost as a constant otherwise.
    normalizer = Normalizer.fit(np.concatenate([to_fit, held_out]))
    with ProgressBar("merges", unit="merges") as bar:
        tokenizer = FastTokenizer.fit(
            normalizer.normalize(to_fit),
            scale=scale,
            vocab_size=vocab_size,
            time_horizon=steps,
            action_dim=to_fit.shape[2],
            scheme=scheme,
            progress=bar.update,
        )
    cut = f", one every {stride} step(s)" if recording.horizon is None else ""
    rows = [
        ("data", f"{recording.name}, normalised by the 1st and 99th percentile"),
        ("chunks", f"{len(to_fit)} to fit, {len(held_out)} held out{cut}"),
        ("shape", f"{steps} steps x {to_fit.shape[2]} dimensions"),
        ("vocabulary", f"{tokenizer.vocab_size} tokens ({vocab_size} asked for), {scheme}, scale {scale:g}"),
        *_measure(tokenizer, held_out, normalizer),
        ("next", "tokens = tok(chunks); actions = tok.decode(tokens)  # tok = FastTokenizer.fit(chunks)"),
    ]
    return labelled(rows)


def _split(
    episodes: list[npt.NDArray[Any]], horizon: int, stride: int, seed: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Gives the chunks to fit on and those held out; chunks overlap, so whole episodes are held out."""
    chunks = cut_chunks(episodes, horizon, stride)
    owners = np.repeat(np.arange(len(episodes)), [count_chunks(len(e), horizon, stride) for e in episodes])
    groups = np.random.default_rng(seed).permutation(np.unique(owners))
    if len(groups) == 1:  # one episode: its end is held out
        owners = groups = np.arange(len(chunks))
    if len(groups) < 2:
        raise FastTokenizerError(
            f"one chunk of {horizon} steps is not enough: one is needed for the fit and another to hold out"
        )
    kept = min(len(groups) - 1, max(1, round(_FIT_PART * len(groups))))
    fitted = np.isin(owners, groups[:kept])
    return chunks[fitted], chunks[~fitted]


def _measure(
    tokenizer: FastTokenizer, held_out: npt.NDArray[Any], normalizer: Normalizer
) -> list[tuple[str, str]]:
    count, horizon, dimensions = held_out.shape
    chunks = normalizer.normalize(held_out)
    batch = tokenizer.encode(chunks)
    tokens = tokenizer(chunks)
    lengths = np.diff(batch.offsets)
    bits = float(lengths.mean()) * math.log2(max(2, tokenizer.vocab_size))
    binned = horizon * dimensions * _BINNING_BITS

    error = np.abs(normalizer.unnormalize(tokenizer.decode(tokens)) - held_out)
    worst = int(error.max(axis=(0, 1)).argmax())
    # A coefficient is wrong by half a rounding step at most, and the orthonormal DCT keeps the sum of
    # squares.
    rmse_bound = 0.5 / tokenizer.scale * normalizer.gain
    clipped = int(batch.clipped.sum())
    return [
        (
            "tokens a chunk",
            f"mean {lengths.mean():.1f}, p99 {np.percentile(lengths, 99):.0f}, max {lengths.max()}",
        ),
        ("compression", f"{horizon * dimensions / lengths.mean():.1f} values a token"),
        (
            "bits a chunk",
            f"{bits:.0f}, against {binned} in 256 uniform bins ({_BINNING_BITS} bits a value): "
            f"{binned / bits:.1f} times fewer",
        ),
        (
            "error, RMSE",
            f"{_rms(error):.4g} (bound {_rms(rmse_bound):.4g}), in the units of the data",
        ),
        (
            "error, max",
            f"{error.max():.4g} in dimension {worst} (bound {math.sqrt(horizon) * rmse_bound[worst]:.4g})",
        ),
        ("encode", f"{_microseconds(lambda: tokenizer(chunks), count):.1f} us a chunk, {count} at once"),
        (
            "decode",
            f"{_microseconds(lambda: tokenizer.decode(tokens), count):.1f} us a chunk, {count} at once",
        ),
        (
            "clipped",
            f"{clipped} of {count} chunks" + (" (the bounds hold for the others)" if clipped else ""),
        ),
    ]


def _rms(values: npt.NDArray[np.float64]) -> float:
    return math.sqrt(np.square(values).mean())


def _microseconds(work: Callable[[], object], count: int) -> float:
    """Times `work` on `count` chunks: the best of a few runs, a chunk; the others were disturbed."""
    best = math.inf
    for _ in range(_TIMED_RUNS):
        begin = perf_counter()
        work()
        best = min(best, perf_counter() - begin)
    return best / count * 1e6
