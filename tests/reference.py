"""What the tokenizer must do, said twice: slowly and readably (the oracle), and with the reference's tools.

The oracle is plain Python on small inputs. It rounds the coefficients of a matrix DCT, so it may differ from
scipy where a scaled coefficient lies within one rounding error of a half: compare ids on coefficients, or
away from such ties.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import scipy.fft
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

# ---- DCT and rounding --------------------------------------------------------------------------------------


def dct_matrix(size):
    """Orthonormal DCT-II: row k is a cosine of k half periods over `size` samples. Transposed: DCT-III."""
    time, frequency = np.arange(size), np.arange(size)[:, None]
    matrix = np.sqrt(2.0 / size) * np.cos(np.pi * (2 * time + 1) * frequency / (2 * size))
    matrix[0] /= np.sqrt(2.0)
    return matrix


def dct(actions):
    """[H, D] actions to [H, D] coefficients, in float64."""
    return dct_matrix(len(actions)) @ np.asarray(actions, dtype=np.float64)


def idct(coefficients):
    """[H, D] coefficients to [H, D] actions, in float64."""
    return dct_matrix(len(coefficients)).T @ np.asarray(coefficients, dtype=np.float64)


def round_half_to_even(value):
    below = math.floor(value)
    rest = value - below
    return below + 1 if rest > 0.5 or (rest == 0.5 and below % 2 == 1) else below


def quantize(coefficients, scale):
    """Coefficients to whole numbers, as an int64 array of the same shape."""
    scaled = np.asarray(coefficients, dtype=np.float64) * scale
    return np.array([round_half_to_even(float(v)) for v in scaled.flat], dtype=np.int64).reshape(scaled.shape)


# ---- Bytes and words ---------------------------------------------------------------------------------------


@cache
def byte_alphabet():
    """GPT-2's 256 characters: a printable byte is its own character, the others are U+0100, U+0101, ..."""
    printable = {
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    }
    stand_ins = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(stand_ins)) for byte in range(256)]


def utf8_decode(data):
    """Bytes to code points. Raises ValueError with the place of the first byte that is not strict UTF-8."""
    points, place = [], 0
    while place < len(data):
        lead = data[place]
        if lead < 0x80:
            length, point, smallest = 1, lead, 0
        elif 0xC0 <= lead < 0xE0:
            length, point, smallest = 2, lead & 0x1F, 0x80
        elif 0xE0 <= lead < 0xF0:
            length, point, smallest = 3, lead & 0x0F, 0x800
        elif 0xF0 <= lead < 0xF8:
            length, point, smallest = 4, lead & 0x07, 0x10000
        else:
            raise ValueError(f"byte {place} is {lead:#x}, which begins no character")
        rest = data[place + 1 : place + length]
        if len(rest) != length - 1 or any(byte & 0xC0 != 0x80 for byte in rest):
            raise ValueError(f"the character that begins at byte {place} is not complete")
        for byte in rest:
            point = point << 6 | byte & 0x3F
        if point < smallest or 0xD800 <= point <= 0xDFFF or point > 0x10FFFF:
            raise ValueError(f"the character that begins at byte {place} is a forbidden form of {point:#x}")
        points.append(point)
        place += length
    return points


@cache
def character_class(character):
    """L (letter), N (number), S (white space) or O (other), as the tokenizers library sees it."""
    for name, pattern in (("L", r"\p{L}"), ("N", r"\p{N}"), ("S", r"\s")):
        if not normalizers.Replace(tokenizers.Regex(pattern), "").normalize_str(character):
            return name
    return "O"


def split_words(text):
    """GPT-2's split: runs of one class with at most one blank before them; `'s`, `'re`, ... stand alone.

    Of a run of white space before something else, the last character is left over: it joins the run that
    follows if it is a blank, and stands alone if not.
    """
    words, place = [], 0
    while place < len(text):
        end = _word_end(text, place)
        words.append(text[place:end])
        place = end
    return words


def _word_end(text, begin):
    for contraction in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"):
        if text.startswith(contraction, begin):
            return begin + len(contraction)
    run = begin + 1 if text[begin] == " " and begin + 1 < len(text) else begin
    kind = character_class(text[run])
    end = begin if kind == "S" else run
    while end < len(text) and character_class(text[end]) == kind:
        end += 1
    if kind == "S" and end < len(text) and end - begin > 1:
        end -= 1
    return end


# ---- Byte-pair encoding ------------------------------------------------------------------------------------


def bpe_encode(ids, merges):
    """Merges the leftmost pair of the lowest rank until there is none.

    `merges` maps a pair of ids to (rank, id of the result).
    """
    ids = list(ids)
    while True:
        found = [(merges[pair][0], place) for place, pair in enumerate(pairwise(ids)) if pair in merges]
        if not found:
            return ids
        _, place = min(found)
        ids[place : place + 2] = [merges[ids[place], ids[place + 1]][1]]


def bpe_train(words, alphabet_size, vocab_size, min_frequency=2):
    """Learns merges from words (lists of ids under `alphabet_size`), counting every pair anew each step.

    The most frequent pair is next, of equal ones the smaller. Pairs overlap: `aaa` holds `aa` twice. Returns
    (merges, complete), where a merge is (left, right, result). It stops, incomplete, before a merge that
    would spell a token that exists already: the tokenizers library counts stale pairs from there on.
    """
    words = Counter(map(tuple, words))
    spelling = {token: (token,) for token in range(alphabet_size)}
    merges = []
    while len(spelling) < vocab_size:
        counts = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                counts[pair] += count
        if not counts:
            break
        pair = min(counts, key=lambda pair: (-counts[pair], pair))
        if counts[pair] < min_frequency:
            break
        text = spelling[pair[0]] + spelling[pair[1]]
        if text in spelling.values():
            return merges, False
        result = len(spelling)
        spelling[result] = text
        merges.append((*pair, result))
        merged = Counter()
        for word, count in words.items():
            merged[tuple(bpe_encode(word, {pair: (0, result)}))] += count
        words = merged
    return merges, True


# ---- The processor, slowly ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class SlowProcessor:
    """A FAST tokenizer from the content of its `tokenizer.json`; byte-level ("bytes") or not ("symbols")."""

    vocabulary: dict[str, int]
    merges: dict[tuple[int, int], tuple[int, int]]
    scale: float
    min_token: int
    byte_level: bool

    @classmethod
    def from_json(cls, text, scale, min_token):
        content = json.loads(text)
        vocabulary, merges = content["model"]["vocab"], {}
        for rank, merge in enumerate(content["model"]["merges"]):
            left, right = merge.split(" ") if isinstance(merge, str) else merge
            merges[vocabulary[left], vocabulary[right]] = (rank, vocabulary[left + right])
        return cls(vocabulary, merges, scale, min_token, byte_level=content["pre_tokenizer"] is not None)

    def encode(self, chunk):
        """[H, D] actions to ids."""
        return self.encode_coefficients(quantize(dct(chunk), self.scale).ravel())

    def encode_coefficients(self, coefficients):
        """Whole numbers, frequency 0 of all dimensions first, to ids. What the vocabulary lacks is lost."""
        text = "".join(chr(max(int(c) - self.min_token, 0)) for c in coefficients)
        words = split_words(text) if self.byte_level else [text]
        ids = []
        for word in words:
            letters = [byte_alphabet()[byte] for byte in word.encode()] if self.byte_level else word
            ids += bpe_encode([self.vocabulary[c] for c in letters if c in self.vocabulary], self.merges)
        return ids

    def decode_coefficients(self, ids):
        """Ids to whole numbers. ValueError for bytes that are not UTF-8, KeyError for an unknown id."""
        spelling = {token: text for text, token in self.vocabulary.items()}
        text = "".join(spelling[token] for token in ids)
        points = utf8_decode(bytes(map(byte_alphabet().index, text))) if self.byte_level else map(ord, text)
        return [point + self.min_token for point in points]

    def decode(self, ids, horizon, action_dim):
        """Ids to [H, D] actions. Raises ValueError where the number of coefficients is another."""
        return idct(np.reshape(self.decode_coefficients(ids), (horizon, action_dim)) / self.scale)


# ---- The processor, with the libraries of the reference ----------------------------------------------------


def trained_by_tokenizers(texts, alphabet, vocab_size, *, byte_level=False):
    """A `tokenizers.Tokenizer` that the library trained as the published code asks it to."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    if byte_level:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        show_progress=False,
        special_tokens=[],
        initial_alphabet=alphabet,
        max_token_length=10000,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


class ReferencePipeline:
    """The published processor without transformers: the same calls of scipy and tokenizers, with defects."""

    def __init__(self, tokenizer, scale, min_token):
        self.tokenizer = tokenizer
        self.scale = scale
        self.min_token = min_token

    @classmethod
    def from_directory(cls, path):
        """Loads a published or saved directory, with its BPE files at the root or in `bpe_tokenizer/`."""
        path = Path(path)
        config = json.loads((path / "processor_config.json").read_text())
        nested = path / "bpe_tokenizer" / "tokenizer.json"
        file = nested if nested.exists() else path / "tokenizer.json"
        return cls(tokenizers.Tokenizer.from_file(str(file)), config["scale"], config["min_token"])

    @classmethod
    def fit(cls, chunks, scale=10, vocab_size=1024):
        """Fits on [H, D] chunks, which may differ in H."""
        coefficients = [scipy.fft.dct(chunk, axis=0, norm="ortho").ravel() for chunk in chunks]
        every = np.around(np.concatenate(coefficients) * scale)
        lowest, highest = int(every.min()), int(every.max())
        if highest - lowest > vocab_size:
            raise ValueError(f"{highest - lowest} differences of coefficients in a vocabulary of {vocab_size}")
        texts = ("".join(map(chr, (np.around(c * scale) - lowest).astype(int))) for c in coefficients)
        alphabet = [chr(symbol) for symbol in range(highest - lowest + 1)]
        tokenizer = trained_by_tokenizers(texts, alphabet, vocab_size, byte_level=True)
        return cls(tokenizer, scale, lowest)

    def encode(self, chunks):
        """[H, D] or [B, H, D] to lists of ids, in the precision of the input."""
        chunks = np.asarray(chunks)
        if chunks.ndim == 2:
            chunks = chunks[None]
        rounded = np.around(scipy.fft.dct(chunks, axis=1, norm="ortho") * self.scale)
        texts = ["".join(map(chr, np.maximum(chunk.ravel() - self.min_token, 0).astype(int))) for chunk in rounded]
        return [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]

    def decode(self, lists, horizon, dim):
        """Lists of ids to [B, H, D] in float64; a chunk is zero where anything at all goes wrong."""
        return np.stack([self._decode_one(ids, horizon, dim) for ids in lists])

    def _decode_one(self, ids, horizon, dim):
        try:
            text = self.tokenizer.decode(ids, skip_special_tokens=False)
            coefficients = np.array([ord(c) for c in text]) + self.min_token
            return scipy.fft.idct(coefficients.reshape(horizon, dim) / self.scale, axis=0, norm="ortho")
        except (ValueError, OverflowError, TypeError):
            return np.zeros((horizon, dim))


# ---- Rate-distortion optimisation --------------------------------------------------------------------------


def least_cost(scaled, alphabet, merges, rdo, reach):
    """The least `tokens + rdo * squared error` of all ways to round a few coefficients.

    Each becomes any of the whole numbers of `alphabet` (a range) that is no further than `reach` from it.
    """
    choices = [[q for q in alphabet if abs(c - q) <= reach] for c in scaled]
    return min(
        len(bpe_encode([q - alphabet.start for q in chosen], merges))
        + rdo * sum((c - q) ** 2 for c, q in zip(scaled, chosen, strict=True))
        for chosen in itertools.product(*choices)
    )
