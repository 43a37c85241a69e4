"""Ids that are not an action are never taken for one.

The law: strict decoding accepts a sequence if, and only if, the bytes of its tokens are valid UTF-8 of exactly
H * D characters (scheme "symbols": if its tokens hold H * D symbols).
"""

import codecs

import numpy as np
import pytest
from reference import byte_alphabet

from fast_tokenizer import DecodeError, DecodeStatus, FastTokenizer

SEQUENCES = 20_000  # of each vocabulary
HORIZON, DIM = 20, 7


def token_bytes(tokenizer):
    """What each token adds to the text: its bytes, or a byte for each of its symbols."""
    if tokenizer.codec.scheme == "symbols":
        return [b"x" * len(text) for text in tokenizer.codec.tokens]
    byte_of = {character: byte for byte, character in enumerate(byte_alphabet())}
    return [
        # A token that is not written in the alphabet stands for its own text, as in the tokenizers library.
        bytes(byte_of[c] for c in text) if all(c in byte_of for c in text) else text.encode()
        for text in tokenizer.codec.tokens
    ]


def judged(ids, pieces, wanted):
    """(status, position) of a sequence, by the law and with Python's UTF-8."""
    pad = len(pieces)
    begin, end = 0, len(ids)
    while begin < end and ids[begin] == pad:
        begin += 1
    while begin < end and ids[end - 1] in (pad, pad + 1):
        end -= 1
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    count = 0
    for place in range(begin, end):
        token = ids[place]
        if not 0 <= token < pad:
            special = pad <= token < pad + 3
            return DecodeStatus.SPECIAL_TOKEN_INSIDE if special else DecodeStatus.ID_OUTSIDE_VOCABULARY, place
        for byte in pieces[token]:
            try:
                count += len(decoder.decode(bytes([byte])))
            except UnicodeDecodeError:
                return DecodeStatus.NOT_A_COEFFICIENT, place
            if b"\xed\xa0" <= decoder.getstate()[0] < b"\xee":
                return DecodeStatus.NOT_A_COEFFICIENT, place  # a surrogate, which Python sees one byte later
            if count > wanted:
                return DecodeStatus.TOO_LONG, place
    if count < wanted:
        return DecodeStatus.TOO_SHORT, end
    if decoder.getstate()[0]:
        return DecodeStatus.NOT_A_COEFFICIENT, end
    return DecodeStatus.OK, -1


class Damage:
    """Sequences as models get them wrong."""

    def __init__(self, lists, size, rng):
        self.lists, self.size, self.rng = lists, size, rng

    def any_good(self):
        return list(self.lists[self.rng.integers(len(self.lists))])

    def some_ids(self, longest):
        return self.rng.integers(0, self.size, self.rng.integers(0, longest + 1)).tolist()

    def uniform(self):
        return self.some_ids(150)

    def truncated(self):
        ids = self.any_good()
        return ids[: self.rng.integers(len(ids))]

    def substituted(self):
        ids = self.any_good()
        ids[self.rng.integers(len(ids))] = int(self.rng.integers(self.size))
        return ids

    def swapped(self):
        ids = self.any_good()
        one, other = self.rng.integers(len(ids), size=2)
        ids[one], ids[other] = ids[other], ids[one]
        return ids

    def over_long(self):
        return self.any_good() + self.some_ids(5)

    def out_of_range(self):
        ids = self.any_good()
        strange = [-1, -(2**31), 2**31 - 1, 2**31, 2**63, -(10**20), *range(self.size, self.size + 5)]
        ids.insert(self.rng.integers(len(ids) + 1), strange[self.rng.integers(len(strange))])
        return ids

    def padded(self):
        pad, eos = self.size, self.size + 1
        return [pad] * self.rng.integers(3) + self.any_good() + [eos] + [pad] * self.rng.integers(3)

    def prefixes(self):
        """Every prefix of a few sequences."""
        return [ids[:length] for ids in self.lists[:8] for length in range(len(ids) + 1)]


def assert_no_garbage(tokenizer, chunks):
    horizon, dim = chunks.shape[1:]
    shape = {"time_horizon": horizon, "action_dim": dim}
    pieces = token_bytes(tokenizer)
    damage = Damage(tokenizer(chunks), tokenizer.vocab_size, np.random.default_rng(0))
    kinds = [
        damage.uniform,
        damage.truncated,
        damage.substituted,
        damage.swapped,
        damage.over_long,
        damage.out_of_range,
        damage.padded,
    ]
    sequences = damage.prefixes()
    sequences += [kinds[number % len(kinds)]() for number in range(SEQUENCES - len(sequences))]
    expected = [judged(ids, pieces, horizon * dim) for ids in sequences]

    actions, status = checked = tokenizer.decode_checked(sequences, **shape)
    assert list(zip(status.tolist(), checked.position.tolist(), strict=True)) == expected
    assert np.isfinite(actions).all()
    assert set(status.tolist()) >= {0, 1, 2, 4, 5}

    accepted = [ids for ids, one in zip(sequences, status, strict=True) if one == DecodeStatus.OK]
    np.testing.assert_array_equal(tokenizer.decode(accepted, **shape), actions[status == DecodeStatus.OK])
    rejected = [place for place, one in enumerate(status) if one != DecodeStatus.OK]
    for place in rejected[::7]:
        with pytest.raises(DecodeError) as caught:
            tokenizer.decode([sequences[place]], **shape)
        error = caught.value
        assert (error.sequence, error.reason, error.position) == (0, *expected[place])
        assert f"position {error.position}" in str(error)


def test_a_fitted_vocabulary(tokenizer, motions):
    assert_no_garbage(tokenizer, motions)


def test_a_vocabulary_with_raw_characters(motions):
    """`fit` as published: most of the alphabet are characters that no encoding produces, but which decode."""
    assert_no_garbage(FastTokenizer.fit(motions, vocab_size=512, scheme="bytes"), motions)


@pytest.mark.parity
def test_the_published_vocabulary(shared, motions):
    assert_no_garbage(FastTokenizer.from_pretrained(shared / "fast_plus"), motions)


@pytest.mark.parity
def test_tokens_that_end_inside_a_character(shared):
    """The seven merges of FAST+ that do; each is rejected at its end and where something else follows."""
    tokenizer = FastTokenizer.from_pretrained(shared / "fast_plus")
    pieces = token_bytes(tokenizer)
    for token in (263, 268, 275, 336, 352, 368, 762):
        complete = len(pieces[token].decode(errors="ignore"))
        for ids in ([token], [token, token]):
            with pytest.raises(DecodeError) as caught:
                tokenizer.decode(ids, time_horizon=complete, action_dim=1)
            assert caught.value.reason == DecodeStatus.NOT_A_COEFFICIENT
            assert caught.value.position == 1


@pytest.mark.parity
def test_the_huge_actions_of_the_reference_are_rejected(shared, motions):
    """Substitutions after which the reference sees the right length and a replacement character."""
    tokenizer = FastTokenizer.from_pretrained(shared / "fast_plus")
    pieces = token_bytes(tokenizer)
    huge = []
    for ids in tokenizer(motions[:10]):
        for place in range(0, len(ids), 3):
            for token in range(0, 2048, 5):
                other = [*ids[:place], token, *ids[place + 1 :]]
                text = b"".join(pieces[one] for one in other).decode(errors="replace")
                if len(text) == motions[0].size and "\ufffd" in text:
                    huge.append(other)
    assert len(huge) > 100
    status = tokenizer.decode_checked(huge, time_horizon=20, action_dim=7).status
    assert set(status.tolist()) <= {DecodeStatus.NOT_A_COEFFICIENT, DecodeStatus.TOO_SHORT, DecodeStatus.TOO_LONG}
