"""Robot actions as tokens: a fast, exact FAST action tokenizer for vision-language-action models.

Examples:
    >>> import numpy as np
    >>> from fast_tokenizer import FastTokenizer
    >>> chunks = np.sin(np.linspace(0, 3, 20 * 16 * 7)).reshape(20, 16, 7)
    >>> tokenizer = FastTokenizer.fit(chunks, vocab_size=512)
    >>> tokens = tokenizer(chunks)
    >>> bool(abs(tokenizer.decode(tokens) - chunks).max() < 0.2)
    True
"""

__version__ = "0.1.0"

try:
    from fast_tokenizer import _core as _core
except ImportError as error:  # most often: Python took the source folder for the package
    raise ImportError(
        f"fast_tokenizer was imported from {__path__[0]}, which has no compiled part. If this is a checkout, "
        "install it with `pip install .` and run Python from another folder (or use the `fast-tokenizer` command)."
    ) from error

from fast_tokenizer.canvas_constraint import CanvasConstraint
from fast_tokenizer.codecs import BinningCodec, FastCodec, FrequencyCodec
from fast_tokenizer.constraint import ActionConstraint
from fast_tokenizer.decoding import DecodeStatus
from fast_tokenizer.diffusion import MaskedDecodeResult, decode_masked
from fast_tokenizer.errors import (
    DecodeError,
    EncodeError,
    FastTokenizerError,
    FormatError,
    LogitsError,
    TrainingError,
)
from fast_tokenizer.generation import ConstrainedGeneration
from fast_tokenizer.streaming import StreamingDecoder
from fast_tokenizer.token_batch import TokenBatch, TokenLists
from fast_tokenizer.tokenizer import FastTokenizer
from fast_tokenizer.vocabulary import ActionVocabulary
from fast_tokenizer.vocabulary_map import VocabularyMap

__all__ = [
    "ActionConstraint",
    "ActionVocabulary",
    "BinningCodec",
    "CanvasConstraint",
    "ConstrainedGeneration",
    "DecodeError",
    "DecodeStatus",
    "EncodeError",
    "FastCodec",
    "FastTokenizer",
    "FastTokenizerError",
    "FormatError",
    "FrequencyCodec",
    "LogitsError",
    "MaskedDecodeResult",
    "StreamingDecoder",
    "TokenBatch",
    "TokenLists",
    "TrainingError",
    "VocabularyMap",
    "decode_masked",
]
