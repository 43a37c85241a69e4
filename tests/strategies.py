"""What the other tests draw: chunks of actions, small vocabularies, sequences of ids; and arrays of others."""

import json
from dataclasses import dataclass

import numpy as np
import tokenizers
from hypothesis import strategies as st
from tokenizers import decoders, models, pre_tokenizers

from fast_tokenizer import FastCodec

KINDS = ("smooth", "grid", "heavy-tailed", "constant", "extreme")
LAYOUTS = ("C", "F", "strided", "reversed")
_EDGE_SIZES = (1, 2, 3, 7, 13, 16, 31)

seeds = st.integers(0, 2**32 - 1)


def sizes(largest):
    """A horizon or a number of dimensions; 1, powers of two and primes come often."""
    return st.sampled_from([n for n in _EDGE_SIZES if n <= largest]) | st.integers(1, largest)


@st.composite
def chunk_batches(draw, max_batch=4, max_horizon=64, max_dim=14, kinds=KINDS, dtypes=("f4", "f8")):
    """Arrays [B, H, D] of one kind of values, in float32 or float64 and in any memory layout.

    `extreme` reaches from subnormal numbers to 1e30: only for tests of what is out of range.
    """
    shape = draw(st.integers(1, max_batch)), draw(sizes(max_horizon)), draw(sizes(max_dim))
    rng = np.random.default_rng(draw(seeds))
    values = values_of_kind(draw(st.sampled_from(kinds)), shape, rng)
    return laid_out(values.astype(draw(st.sampled_from(dtypes))), draw(st.sampled_from(LAYOUTS)))


def chunks(**limits):
    """One chunk [H, D]; the limits are those of `chunk_batches`."""
    return chunk_batches(max_batch=1, **limits).map(lambda batch: batch[0])


def values_of_kind(kind, shape, rng):
    if kind == "smooth":
        steps = rng.normal(size=shape) / np.sqrt(shape[1])
        return np.clip(np.cumsum(steps, axis=1) + rng.uniform(-1, 1, (shape[0], 1, shape[2])), -1, 1)
    if kind == "grid":
        return rng.integers(-20, 21, shape) * 0.05
    if kind == "heavy-tailed":
        return 0.1 * rng.standard_t(2, shape)
    if kind == "constant":
        return np.broadcast_to(rng.choice([-1.0, 0.0, 0.05, 1 / 3, 1.0], (shape[0], 1, shape[2])), shape)
    return rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.choice([-40.0, -8.0, 0.0, 4.0, 30.0], shape)


def laid_out(array, layout):
    """The same values in another memory layout."""
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "strided":
        wide = np.full([2 * n for n in array.shape], np.nan, array.dtype)
        view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
    elif layout == "reversed":
        view = np.empty_like(array)[tuple(slice(None, None, -1) for _ in array.shape)]
    else:
        return np.ascontiguousarray(array)
    view[...] = array
    return view


def codec_of(tokenizer, scheme, scale=10, min_coefficient=0):
    """The codec of a BPE model of the tokenizers library."""
    model = json.loads(tokenizer.to_str())["model"]
    vocabulary = model["vocab"]
    merges = [(vocabulary[left], vocabulary[right], vocabulary[left + right]) for left, right in model["merges"]]
    return FastCodec(
        sorted(vocabulary, key=vocabulary.get),
        np.array(merges, np.int32).reshape(-1, 3),
        scheme=scheme,
        scale=scale,
        min_coefficient=min_coefficient,
    )


@dataclass(frozen=True)
class SmallVocabulary:
    """Tokens of one letter and merges over them: symbols `chr(0)`, `chr(1)`, ..., or the 256 bytes.

    `tokens[id]` is the text of a token. A merge is (left, right, result). Two merges may have the same
    result, by different splits of its text: then it is one id. `points` are symbols that it can spell.
    """

    tokens: tuple[str, ...]
    alphabet_size: int
    merges: tuple[tuple[int, int, int], ...]
    points: tuple[int, ...]
    byte_level: bool = False

    def ranked_merges(self):
        """The merges as the oracle takes them."""
        return {(left, right): (rank, result) for rank, (left, right, result) in enumerate(self.merges)}

    def tokenizer(self):
        """The vocabulary in the tokenizers library, in the format of its scheme."""
        vocabulary = {text: token for token, text in enumerate(self.tokens)}
        merges = [(self.tokens[left], self.tokens[right]) for left, right, _ in self.merges]
        tokenizer = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
        tokenizer.decoder = decoders.ByteLevel() if self.byte_level else decoders.Fuse()
        if self.byte_level:
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        return tokenizer

    def codec(self, scale=1, min_coefficient=0):
        """The vocabulary in this package."""
        return FastCodec(
            self.tokens,
            np.array(self.merges, np.int32).reshape(-1, 3),
            scheme="bytes" if self.byte_level else "symbols",
            scale=scale,
            min_coefficient=min_coefficient,
        )


@st.composite
def small_vocabularies(draw, max_alphabet=6, max_merges=24):
    """Vocabularies of scheme "symbols"."""
    size = draw(st.integers(1, max_alphabet))
    tokens, merges = draw(_merged([chr(symbol) for symbol in range(size)], range(size), max_merges))
    return SmallVocabulary(tokens, size, merges, tuple(range(size)))


# One to four bytes each; letters, numbers, white space and others; what a contraction is made of.
_POINTS = tuple(
    map(ord, " \t'strea1\x1c\x1f\xb2\xe9\xa0\u0162\u0163\u01a2\u2167\u3000\ud7ff\ue000\uffff\U0010ffff")
)


@st.composite
def byte_vocabularies(draw, max_merges=24):
    """Vocabularies of scheme "bytes": all bytes, and merges over those of a few characters."""
    points = draw(st.lists(st.sampled_from(_POINTS), min_size=1, max_size=5, unique=True))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    encoder = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    used = {letter for point in points for letter in encoder.pre_tokenize_str(chr(point))[0][0]}
    tokens, merges = draw(_merged(letters, sorted(map(letters.index, used)), max_merges))
    return SmallVocabulary(tokens, len(letters), merges, tuple(points), byte_level=True)


@st.composite
def _merged(draw, letters, used, max_merges):
    tokens, merges = list(letters), {}
    for _ in range(draw(st.integers(0, max_merges))):
        # Half of the draws take the newest token, so that long tokens and second splits of a text come up.
        newest = len(tokens) - 1
        usable = [*used, *range(len(letters), len(tokens))]
        side = st.sampled_from(usable) | st.just(newest if newest in usable else usable[-1])
        pair = draw(side), draw(side)
        if pair in merges:
            continue
        text = tokens[pair[0]] + tokens[pair[1]]
        if text not in tokens:
            tokens.append(text)
        merges[pair] = tokens.index(text)
    return tuple(tokens), tuple((*pair, token) for pair, token in merges.items())


def id_sequences(vocab_size, max_length=60):
    """Random ids that exist."""
    return st.lists(st.integers(0, vocab_size - 1), max_size=max_length)


@st.composite
def damaged(draw, ids, vocab_size, padding=0):
    """A list of ids as a model gets it wrong: (damage, the damaged list).

    The damage is "truncated", "substituted" (one id is another one that exists), "over-long", "out of range"
    or "padded" (with the id `padding` at either end, a few times).
    """
    ids = list(ids)
    existing = st.integers(0, vocab_size - 1)
    damages = ["over-long", "out of range", "padded"] + ["truncated"] * bool(ids)
    damages += ["substituted"] * bool(ids and vocab_size > 1)
    damage = draw(st.sampled_from(damages))
    if damage == "truncated":
        return damage, ids[: draw(st.integers(0, len(ids) - 1))]
    if damage == "over-long":
        return damage, ids + draw(st.lists(existing, min_size=1, max_size=20))
    if damage == "padded":
        return damage, [padding] * draw(st.integers(0, 5)) + ids + [padding] * draw(st.integers(1, 5))
    if damage == "substituted":
        place = draw(st.integers(0, len(ids) - 1))
        ids[place] = draw(existing.filter(lambda token: token != ids[place]))
        return damage, ids
    strange = st.sampled_from([-1, -(2**31), vocab_size, vocab_size + 3, 2**31 - 1])
    ids.insert(draw(st.integers(0, len(ids))), draw(strange))
    return damage, ids


class Tensor:
    """As much of a torch tensor as is used: one that wants a gradient does not become an array by itself."""

    def __init__(self, values, wants_gradient=True):
        self.values = np.asarray(values)
        self.wants_gradient = wants_gradient
        self.dtype = f"torch.{self.values.dtype}"
        self.shape = self.values.shape
        self.ndim = self.values.ndim

    def detach(self):
        return Tensor(self.values, wants_gradient=False)

    def cpu(self):
        return self

    def __array__(self, dtype=None, copy=None):
        if self.wants_gradient:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self.values if dtype is None else self.values.astype(dtype)

    def __len__(self):
        return len(self.values)

    def __getitem__(self, index):
        return Tensor(self.values[index], self.wants_gradient)


class BrainFloat(Tensor):
    """bfloat16, which numpy has not."""

    def __init__(self, values, wants_gradient=True):
        super().__init__(values, wants_gradient)
        self.dtype = "torch.bfloat16"

    def detach(self):
        return BrainFloat(self.values, wants_gradient=False)

    def float(self):
        return Tensor(self.values.astype(np.float32), self.wants_gradient)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Got unsupported ScalarType BFloat16")


class DlpackOnly:
    """An array of another library: no `__array__`, and numpy reads it without a copy."""

    def __init__(self, values):
        self.values = values

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()
