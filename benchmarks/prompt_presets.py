"""Are the prompts those of openpi, LeRobot and OpenVLA? Random instructions, states and actions, all four arrays.

    python benchmarks/prompt_presets.py             # against the projects as tests/prompt_oracles.py restates them
    python benchmarks/prompt_presets.py --lerobot   # and against LeRobot's own code

Rows that say `cut` have lengths at which most samples are too long. `--lerobot` wants an environment of its own,
with this package and:

    pip install torch "transformers<5" scipy sentencepiece draccus einops
    pip install --no-deps lerobot==0.4.4

Exits with 1 if an array differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from table import format_table

from fast_tokenizer import FastTokenizer, VocabularyMap
from fast_tokenizer.chunking import cut_chunks
from fast_tokenizer.codecs.fast import Scheme
from fast_tokenizer.motions import generate_episodes
from fast_tokenizer.progress import ProgressBar
from fast_tokenizer.prompting import LEROBOT_PI0_FAST, OPENVLA, PI0_FAST, PI05, PromptBuilder

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import prompt_oracles as oracles
from text_tokenizers import hugging_face, like_llama, like_paligemma

ARRAYS = ("tokens", "padding_mask", "ar_mask", "loss_mask")
WORDS = (
    *("pick", "up", "The", "RED", "cup_on", "table", "_", "\n", "  ", "\t", "Öffne die Tür", "拿起杯子", "コップ"),
    *("🌅", "İ", "ẞ", "поставь", "Action: ", "|", "State: 7;", "{state}", "{instruction}", "<image>", "\x1f"),
)
HORIZON, BATCH = 20, 4

Arrays = Sequence[npt.NDArray[Any]]


@dataclass(frozen=True)
class Samples:
    """A batch of what prompts are made of."""

    instructions: list[str]
    states: npt.NDArray[Any]
    actions: npt.NDArray[Any]

    def __iter__(self) -> Iterator[tuple[str, npt.NDArray[Any], npt.NDArray[Any]]]:
        return zip(self.instructions, self.states, self.actions, strict=True)


@dataclass(frozen=True)
class Cell:
    """A format with certain lengths, and who says what its arrays are."""

    name: str
    builder: PromptBuilder
    peer: Callable[[Samples], Arrays]
    horizon: int = HORIZON
    attends: bool = False  # the peer gives who attends to whom, not the mask that it follows from


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="samples a row (%(default)s)")
    parser.add_argument("--lerobot", action="store_true", help="compare with LeRobot's own code too")
    options = parser.parse_args()
    chunks = cut_chunks(generate_episodes(10, action_dim=7, hz=20.0, seconds=15.0, seed=7), HORIZON, HORIZON)
    cells = list(_cells(chunks, options.lerobot))
    rows, differing = [], 0
    with ProgressBar("formats", unit="rows") as bar:
        for cell in cells:
            different, too_long = _compare(cell, chunks[:, : cell.horizon], options.count)
            differing += sum(different)
            rows.append([cell.name, str(options.count), str(too_long), *map(str, different)])
            bar.update(len(rows), len(cells))
    print(format_table(["samples that differ", "samples", "cut", *ARRAYS], rows))
    print(f"\n{differing} arrays differ")
    return int(differing > 0)


def _cells(chunks: npt.NDArray[Any], with_lerobot: bool) -> Iterator[Cell]:
    paligemma, llama = like_paligemma(), like_llama()
    gemma = hugging_face(), hugging_face(begins=False, ends=True)
    for cut in ("", ", cut"):
        for scheme in get_args(Scheme):
            tokenizer = FastTokenizer.fit(chunks, vocab_size=700, scheme=scheme)
            name = f"{scheme}{cut}"
            yield _pi0_fast(f"pi0-FAST of openpi, {name}", paligemma, tokenizer, 60 if cut else 250)
            lengths = (40, 30) if cut else (200, 256)
            yield _lerobot(f"pi0_fast of LeRobot, {name}", gemma, tokenizer, *lengths)
            if with_lerobot:
                yield _lerobot_itself(f"pi0_fast of LeRobot, its own code, {name}", gemma[0], tokenizer, *lengths)
        yield _pi05(f"pi0.5 of openpi{cut}", paligemma, 40 if cut else 200)
        yield _openvla(f"OpenVLA{cut}", llama, 30 if cut else 2048)


def _pi0_fast(name: str, text: Any, tokenizer: FastTokenizer, max_length: int) -> Cell:
    def peer(samples: Samples) -> Arrays:
        return _stacked(
            oracles.openpi_pi0_fast(text, lambda one: tokenizer(one)[0], *row, max_length) for row in samples
        )

    places = VocabularyMap.from_tokenizer(text, "tail", size=len(tokenizer))
    return Cell(name, PromptBuilder(replace(PI0_FAST, max_length=max_length), text, tokenizer, places), peer)


def _pi05(name: str, text: Any, max_length: int) -> Cell:
    def peer(samples: Samples) -> Arrays:
        return _stacked(oracles.openpi_pi05(text, *row[:2], max_length) for row in samples)

    return Cell(name, PromptBuilder(replace(PI05, max_length=max_length), text), peer)


def _lerobot(
    name: str, texts: tuple[Any, Any], tokenizer: FastTokenizer, max_length: int, max_answer_length: int
) -> Cell:
    def peer(samples: Samples) -> Arrays:
        return _stacked(
            oracles.lerobot_pi0_fast(*texts, lambda one: tokenizer(one)[0], *row, max_length, max_answer_length)
            for row in samples
        )

    return Cell(name, _lerobot_builder(texts[0], tokenizer, max_length, max_answer_length), peer)


def _lerobot_itself(
    name: str, text: Any, tokenizer: FastTokenizer, max_length: int, max_answer_length: int
) -> Cell:
    from lerobot_prompts import LeRobotPrompts

    prompts = LeRobotPrompts(text, tokenizer, max_length, max_answer_length)

    def peer(samples: Samples) -> Arrays:
        return prompts.arrays(samples.instructions, samples.states, samples.actions)

    builder = _lerobot_builder(prompts.text_tokenizer, tokenizer, max_length, max_answer_length)
    return Cell(name, builder, peer, attends=True)


def _lerobot_builder(
    text: Any, tokenizer: FastTokenizer, max_length: int, max_answer_length: int
) -> PromptBuilder:
    lengths = replace(LEROBOT_PI0_FAST, max_length=max_length, max_answer_length=max_answer_length)
    places = VocabularyMap.from_tokenizer(text, "tail", size=len(tokenizer))
    return PromptBuilder(lengths, text, tokenizer, places)


def _openvla(name: str, text: Any, max_length: int) -> Cell:
    pad_id = text.vocab_size()  # a token that it adds

    def peer(samples: Samples) -> Arrays:
        rows = [oracles.openvla(text, instruction, chunk[0]) for instruction, _, chunk in samples]
        arrays: Arrays = oracles.openvla_batch(rows, max_length, pad_id)
        return arrays

    places = VocabularyMap.from_tokenizer(text, "tail", size=256, skip=0)
    own = replace(OPENVLA, max_length=max_length, pad_id=pad_id)
    return Cell(name, PromptBuilder(own, text, oracles.OpenVLABins(), places), peer, horizon=1)


def _stacked(rows: Iterable[Arrays]) -> Arrays:
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _compare(cell: Cell, chunks: npt.NDArray[Any], count: int) -> tuple[list[int], int]:
    """Samples that differ in each array, and samples that were cut."""
    rng = np.random.default_rng(0)
    different, cut = np.zeros(len(ARRAYS), int), 0
    for begin in range(0, count, BATCH):
        samples = _random_samples(chunks, min(BATCH, count - begin), rng)
        batch = cell.builder.build(samples.instructions, samples.states, samples.actions, on_overflow="cut")
        ours = [getattr(batch, name) for name in ARRAYS]
        if cell.attends:
            pairs = zip(batch.padding_mask, batch.ar_mask, strict=True)
            ours[2] = np.stack([oracles.openpi_attention(*pair) for pair in pairs])
        for place, (one, other) in enumerate(zip(ours, cell.peer(samples), strict=True)):
            same = one.shape == other.shape
            different[place] += int((one != other).reshape(len(one), -1).any(axis=1).sum()) if same else len(one)
        cut += int((batch.dropped > 0).sum())
    return different.tolist(), cut


def _random_samples(chunks: npt.NDArray[Any], count: int, rng: np.random.Generator) -> Samples:
    instructions = [
        rng.choice(["", " "]).join(rng.choice(WORDS, rng.integers(0, 13)).tolist()) for _ in range(count)
    ]
    states = rng.uniform(-1.3, 1.3, (count, rng.integers(1, 33)))
    on_edge = rng.random(states.shape) < 0.3
    states[on_edge] = rng.integers(-130, 131, on_edge.sum()) / 128
    actions = chunks[rng.integers(0, len(chunks), count)]
    dtype = rng.choice(["f4", "f8"])
    return Samples(instructions, states.astype(dtype), actions.astype(dtype))


if __name__ == "__main__":
    sys.exit(main())
