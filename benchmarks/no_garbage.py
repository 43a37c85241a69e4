"""Does strict decoding accept an action exactly where the bytes say one? On 100,000 damaged sequences of ids.

    python benchmarks/no_garbage.py
    python benchmarks/no_garbage.py --count 6000   # quicker

An independent rule judges: the bytes of the tokens, one after the other, must be valid UTF-8 of exactly H*D
characters. Every refusal must name a reason and the place where the sequence went wrong. Exits with 1 if not.
The peer is the reference pipeline on tokenizers: how many of the refused sequences it takes for actions, and the
largest action that comes out.
"""

from __future__ import annotations

import argparse
import codecs
import sys
from collections import Counter

import numpy as np
from chunks import generated_chunks
from contenders import Contenders, add_fast_plus_argument, load_contenders
from damage import KINDS, Ids, damaged_sequences
from table import format_table

from fast_tokenizer import DecodeError, DecodeStatus, FastTokenizer
from fast_tokenizer.progress import ProgressBar

SHAPES = ((4, 7), (16, 7), (50, 14))
REAL_CHUNKS = 300
BLOCK = 500


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_fast_plus_argument(parser)
    parser.add_argument("--count", type=int, default=100_000, help="sequences in all (%(default)s)")
    options = parser.parse_args()
    contenders = load_contenders(options.fast_plus)
    print(f"ids of {contenders.vocabulary}; shapes {', '.join(f'{h}x{d}' for h, d in SHAPES)}\n")
    each = -(-options.count // (len(SHAPES) * len(KINDS)))
    tallies: dict[str, Tally] = {}
    for kind in KINDS:
        tallies[kind] = Tally()
        for shape in SHAPES:
            sequences = damaged_sequences(kind, _real(contenders.ours, shape), len(contenders.ours), each)
            label = f"{kind}, {shape[0]}x{shape[1]}"
            _judge(label, contenders, sequences, shape, tallies[kind])
    total = Tally()
    for tally in tallies.values():
        total.add(tally)
    columns = [tally.column() for tally in [*tallies.values(), total]]
    rows = [[label, *(column[label] for column in columns)] for label in columns[0]]
    print(format_table(["", *KINDS, "all"], rows))
    for text in total.violations[:10]:
        print("violation:", text)
    return int(bool(total.violations))


class Tally:
    """What became of some sequences."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.violations: list[str] = []
        self.largest = 0.0  # of what was accepted
        self.taken_there = 0  # refused here, an action for the reference
        self.largest_there = 0.0

    def add(self, other: Tally) -> None:
        """Counts another tally in."""
        self.statuses += other.statuses
        self.violations += other.violations
        self.largest = max(self.largest, other.largest)
        self.taken_there += other.taken_there
        self.largest_there = max(self.largest_there, other.largest_there)

    def column(self) -> dict[str, str]:
        """The tally as a column of a table, by the labels of its lines."""
        return {
            "sequences": str(self.statuses.total()),
            **{reason.name.lower(): str(self.statuses[reason]) for reason in DecodeStatus},
            "largest action accepted": f"{self.largest:.1f}",
            "violations": str(len(self.violations)),
            "refused, but not by the reference": str(self.taken_there),
            "largest action of these": f"{self.largest_there:.1f}",
        }


def first_error(ids: Ids, spelling: list[bytes], wanted: int) -> int | None:
    """The place of the first id after which no valid sequence can come, the end, or None for an action.

    Padding (the id after the vocabulary) around the ids, and the end-of-sequence id after it, do not count.
    """
    pad, end = len(spelling), len(ids)
    while end and ids[end - 1] in (pad, pad + 1):
        end -= 1
    begin = 0
    while begin < end and ids[begin] == pad:
        begin += 1
    decoder, characters = codecs.getincrementaldecoder("utf-8")(), 0
    for place in range(begin, end):
        if not 0 <= ids[place] < len(spelling):
            return place
        try:
            characters += len(decoder.decode(spelling[ids[place]]))
        except UnicodeDecodeError:
            return place
        # A surrogate cannot be completed either; Python's incremental decoder sees it one byte later.
        if b"\xed\xa0" <= decoder.getstate()[0] < b"\xee" or characters > wanted:
            return place
    return end if characters < wanted or decoder.getstate()[0] else None


def is_action(ids: Ids, spelling: list[bytes], wanted: int) -> bool:
    """The law: without padding, the bytes are UTF-8 of exactly as many characters as the shape has numbers."""
    pad = len(spelling)
    text = [token for token in ids if token not in (pad, pad + 1)]
    if any(not 0 <= token < pad for token in text):
        return False
    try:
        return len(b"".join(spelling[token] for token in text).decode()) == wanted
    except UnicodeDecodeError:
        return False


def _judge(label: str, contenders: Contenders, sequences: list[Ids], shape: tuple[int, int], tally: Tally) -> None:
    spelling = token_bytes(contenders.ours)
    with ProgressBar(label, unit="sequences") as bar:
        for begin in range(0, len(sequences), BLOCK):
            block = sequences[begin : begin + BLOCK]
            _judge_block(contenders, block, spelling, shape, tally)
            bar.update(begin + len(block), len(sequences))


def _judge_block(
    contenders: Contenders, block: list[Ids], spelling: list[bytes], shape: tuple[int, int], tally: Tally
) -> None:
    horizon, dim = shape
    checked = contenders.ours.decode_checked(block, time_horizon=horizon, action_dim=dim, errors="zeros")
    peer = contenders.peers[0]
    known = [[token for token in ids if 0 <= token < 2**32] for ids in block]  # its ids are unsigned
    texts = peer.bpe.decode_batch(known, skip_special_tokens=False)
    for index, (ids, text) in enumerate(zip(block, texts, strict=True)):
        status, place = DecodeStatus(checked.status[index]), int(checked.position[index])
        tally.statuses[status] += 1
        accepted = status is DecodeStatus.OK
        wrong = _violations(ids, spelling, horizon * dim, accepted, place)
        wrong += _strict_violations(contenders.ours, ids, shape, checked.actions[index], status, place)
        theirs = peer.actions_of(text, horizon, dim) if len(text) == horizon * dim else None
        if accepted:
            tally.largest = max(tally.largest, float(np.abs(checked.actions[index]).max()))
            if theirs is None or not np.allclose(theirs, checked.actions[index], rtol=1e-12, atol=1e-12):
                wrong.append("accepted, but the reference decodes something else")
        elif theirs is not None:
            tally.taken_there += 1
            tally.largest_there = max(tally.largest_there, float(np.abs(theirs).max()))
        tally.violations += [f"{text}: {ids} as {horizon}x{dim}" for text in wrong]


def _violations(ids: Ids, spelling: list[bytes], wanted: int, accepted: bool, place: int) -> list[str]:
    """What is wrong with the verdict, by the independent rules."""
    found = []
    expected = first_error(ids, spelling, wanted)
    if accepted and not is_action(ids, spelling, wanted):
        found.append("accepted, but the bytes are not that many characters")
    if accepted != (expected is None):
        found.append(f"{'accepted' if accepted else 'refused'}, expected otherwise")
    if not accepted and place != expected:
        found.append(f"refused at {place}, expected at {expected}")
    return found


def _strict_violations(
    ours: FastTokenizer, ids: Ids, shape: tuple[int, int], actions: object, status: DecodeStatus, place: int
) -> list[str]:
    """Whether strict decoding of this sequence alone says what `decode_checked` said of it in a batch."""
    try:
        alone = ours.decode([ids], time_horizon=shape[0], action_dim=shape[1])
    except DecodeError as error:
        same = (error.reason, error.position) == (status, place)
        return [] if same else [f"{status.name} at {place}, but alone: {error}"]
    if status is not DecodeStatus.OK:
        return [f"{status.name}, but alone it is accepted"]
    return [] if np.array_equal(alone[0], np.asarray(actions)) else ["alone it decodes to something else"]


def token_bytes(ours: FastTokenizer) -> list[bytes]:
    """The bytes of each id, from GPT-2's alphabet: a printable byte is itself, the others follow from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = sorted(set(range(256)) - set(printable))
    alphabet = {chr(byte): byte for byte in printable}
    alphabet |= {chr(0x100 + place): byte for place, byte in enumerate(others)}
    return [bytes(alphabet[letter] for letter in token) for token in ours.codec.tokens]


def _real(ours: FastTokenizer, shape: tuple[int, int]) -> list[Ids]:
    return list(ours(generated_chunks("smooth", REAL_CHUNKS, *shape)))


if __name__ == "__main__":
    sys.exit(main())
