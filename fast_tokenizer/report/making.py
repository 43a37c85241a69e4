"""Measuring what a report tells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fast_tokenizer import FastTokenizer, FastTokenizerError
from fast_tokenizer.dataset_training import TrainingRecord
from fast_tokenizer.normalizer_set import NormalizerSet
from fast_tokenizer.progress import ProgressBar
from fast_tokenizer.report.chunk_sets import ChunkSet
from fast_tokenizer.report.comparison import compare, compared_line
from fast_tokenizer.report.content import Report
from fast_tokenizer.report.measurement import chunk_normalizer, measure_chunks, spectrum
from fast_tokenizer.report.wrong_tokens import wrong_tokens


def make_report(
    tokenizer: FastTokenizer,
    sets: Sequence[ChunkSet],
    *,
    name: str = "tokenizer",
    dimensions: Sequence[str] | None = None,
    baselines: Sequence[tuple[str, FastTokenizer]] = (),
    record: TrainingRecord | None = None,
    embodiment: str | None = None,
    seed: int = 0,
) -> Report:
    """Measures a tokenizer on chunks.

    Args:
        tokenizer: With a normaliser or without one; then one is fitted to the first set, as `"quantile"`.
        sets: Chunks in the robot's units, those first that the report is mainly about.
        name: Of the tokenizer, for people.
        dimensions: What the D dimensions are called.
        baselines: Other tokenizers to compare with, such as FAST+, with what they are called.
        record: How it was trained, if that is known.
        embodiment: Whose normaliser to take, of a tokenizer for several robots.
        seed: Of the tokens that are made wrong.

    Raises:
        FastTokenizerError: If there is no chunk that can be encoded, or names and dimensions do not match.
    """
    if not sets:
        raise FastTokenizerError("got no chunks: expected one ChunkSet at least")
    action_dim = sets[0].chunks.shape[2]
    names = [str(place) for place in range(action_dim)] if dimensions is None else list(dimensions)
    if len(names) != action_dim:
        raise FastTokenizerError(f"dimensions has {len(names)} names: expected one for each of {action_dim}")
    normalizer, is_fitted = chunk_normalizer(tokenizer, sets[0].chunks, embodiment)
    in_units = FastTokenizer(tokenizer.codec, normalizer=NormalizerSet({"robot": normalizer}))
    measured = []
    with ProgressBar("measuring", unit="parts") as bar:
        parts = len(sets) + 2
        for done, one in enumerate(sets):
            measured.append(measure_chunks(in_units, one.chunks, normalizer))
            bar.update(done + 1, parts)
        if not len(measured[0].chunks):
            raise FastTokenizerError(
                f"{name} can encode none of {len(sets[0].chunks)} chunks: they need tokens that it lacks; train a "
                "tokenizer on this dataset"
            )
        wrong = wrong_tokens(in_units, measured[0], normalizer, seed=seed)
        bar.update(parts - 1, parts)
        compared = [
            compared_line(name, measured[0], normalizer),
            *compare(baselines, sets[0].chunks, normalizer),
        ]
        bar.update(parts, parts)
    usage = sum(np.bincount(one.ids, minlength=in_units.vocab_size) for one in measured)
    return Report(
        name=name,
        tokenizer=in_units,
        normalizer=normalizer,
        is_fitted=is_fitted,
        dimensions=names,
        sets=sets,
        measured=measured,
        spectrum=spectrum(measured[0].chunks, normalizer),
        usage=np.asarray(usage),
        wrong=wrong,
        compared=compared,
        record=record,
    )
