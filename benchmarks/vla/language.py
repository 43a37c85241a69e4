"""Text and actions as one language: a tiny text tokenizer, a block of action ids, prompts like pi0-FAST's."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fast_tokenizer.codecs import Codec
from fast_tokenizer.prompting import PI0_FAST, PromptBuilder
from fast_tokenizer.text_tokenizer import ACTION_TOKEN
from fast_tokenizer.vocabulary_map import VocabularyMap
from vla.simulator import STATE_DIM

# The answer is the action ids and the end of the sequence, so that a constraint covers all that is generated.
FORMAT = replace(
    PI0_FAST,
    template="Task: {instruction}, State: {state};\nAction: ",
    answer_start="",
    answer_end="",
    pads_to_max_length=False,
)
_EXAMPLES = 4000  # prompts, in which every number of a state occurs
_PIECES = 370  # beside those of actions: enough for words and numbers to be whole


@dataclass(frozen=True, eq=False)
class Language:
    """The ids that the model reads and writes.

    Attributes:
        vocab_size: All of them.
        image_id: Stands for a patch of the image.
        builder: Writes prompts and answers.
        vocabulary_map: Where the action ids are.
    """

    vocab_size: int
    image_id: int
    builder: PromptBuilder
    vocabulary_map: VocabularyMap

    @classmethod
    def of(cls, instruction: str, codec: Codec) -> Language:
        """Trains a SentencePiece model on prompts of an instruction, and puts the action ids beside its pieces."""
        size = codec.vocabulary.size
        states = np.random.default_rng(0).uniform(-1.02, 1.02, (_EXAMPLES, STATE_DIM))
        prompts = (FORMAT.prompt(instruction, state) for state in states)
        text = _train_sentencepiece(prompts, ["<image>", *(ACTION_TOKEN.format(number) for number in range(size))])
        places = VocabularyMap.from_tokenizer(text, "added", size=size)
        builder = PromptBuilder(FORMAT, text, codec, places)
        return cls(text.vocab_size(), text.piece_to_id("<image>"), builder, places)


def _train_sentencepiece(texts: Iterable[str], symbols: list[str]) -> Any:
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="bpe",
        vocab_size=_PIECES + len(symbols),
        normalization_rule_name="identity",  # a prompt holds a line break
        user_defined_symbols=symbols,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
