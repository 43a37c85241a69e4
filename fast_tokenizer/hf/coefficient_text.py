"""The text that a published tokenizer works on: a character for each coefficient, and back from ids.

The character is `chr(coefficient - min_coefficient)`. The published processor and its users meet this text (they
take `ord` of what the text tokenizer decodes), so the face for transformers reads and writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import accumulate

import numpy as np

from fast_tokenizer.codecs.fast import FastCodec
from fast_tokenizer.decoding import DecodeStatus, raise_decode_error
from fast_tokenizer.errors import EncodeError


def ids_of_text(codec: FastCodec, text: str) -> list[int]:
    """Encodes a text of coefficients.

    Raises:
        EncodeError: If the vocabulary cannot write one of them.

    Examples:
        >>> codec = FastCodec(["a", "b", "c"], np.empty((0, 3)), scheme="symbols", scale=1.0, min_coefficient=-98)
        >>> ids_of_text(codec, "cab")
        [2, 0, 1]
    """
    if not text:
        return []
    coefficients = np.array([ord(character) for character in text], np.int32) + np.int32(codec.min_coefficient)
    batch = codec.encode_coefficients(coefficients.reshape(1, -1, 1))
    if batch.clipped.any():
        raise EncodeError(
            f"the text holds a coefficient outside {codec.min_coefficient}..{codec.max_coefficient}: expected "
            "characters chr(coefficient - min_token) of coefficients that the tokenizer was fitted on"
        )
    return list(batch.to_lists()[0])


def text_of_ids(codec: FastCodec, ids: Sequence[int]) -> str:
    """Decodes ids to the text of their coefficients; special ids around them are passed over.

    Raises:
        DecodeError: If an id is no action id, or the bytes of the ids are not UTF-8.

    Examples:
        >>> codec = FastCodec(["a", "b", "c"], np.empty((0, 3)), scheme="symbols", scale=1.0, min_coefficient=-98)
        >>> text_of_ids(codec, [2, 0, 1, codec.vocabulary.eos_id])
        'cab'
    """
    size = codec.vocabulary.size
    inside = [place for place, one in enumerate(ids) if not size <= one <= codec.vocabulary.mask_id]
    first, end = (inside[0], inside[-1] + 1) if inside else (0, 0)
    for place in range(first, end):
        if not 0 <= ids[place] < size:
            is_special = size <= ids[place] <= codec.vocabulary.mask_id
            status = DecodeStatus.SPECIAL_TOKEN_INSIDE if is_special else DecodeStatus.ID_OUTSIDE_VOCABULARY
            raise_decode_error(0, status, place, ids, size, place, len(ids))
    tokens = [codec.tokens[one] for one in ids[first:end]]
    if codec.scheme == "symbols":
        return "".join(tokens)
    try:
        return bytes(map(_byte_alphabet().__getitem__, "".join(tokens))).decode("utf-8")
    except UnicodeDecodeError as error:
        ends = accumulate(map(len, tokens))
        place = first + next(index for index, stop in enumerate(ends) if error.start < stop)
        raise_decode_error(0, DecodeStatus.NOT_A_COEFFICIENT, place, ids, size, place, len(ids))


@cache
def _byte_alphabet() -> dict[str, int]:
    """The byte of each of GPT-2's 256 characters: printable ones stand for themselves, the rest follow U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = sorted(set(range(256)) - set(printable))
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}
