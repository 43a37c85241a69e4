"""What the random numbers of masked decoding are for.

They depend on nothing but their key: a row's seed, the purpose, the round and the position. A generator with a
state would hand a row other numbers in another batch, or on another device. The compiled core makes them for every
device: there are few of them, one for each position and purpose.
"""

from __future__ import annotations

from enum import IntEnum


class Purpose(IntEnum):
    """What a number is for: numbers of different purposes have nothing in common."""

    TOKEN = 0
    ORDER = 1
    ORDER_NOISE = 2
    REMASK = 3
