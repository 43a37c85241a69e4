"""How many threads a call may use."""

from __future__ import annotations

import operator

from fast_tokenizer.errors import FastTokenizerError

_MOST = 4096


def thread_count(num_threads: int | None) -> int:
    """What the core takes for `num_threads`: 0 where None leaves it to the size of the work.

    Raises:
        FastTokenizerError: If it is not in 1..4096.
        TypeError: If it is no integer.

    Examples:
        >>> thread_count(None), thread_count(2)
        (0, 2)
    """
    if num_threads is None:
        return 0
    count = operator.index(num_threads)
    if not 1 <= count <= _MOST:
        raise FastTokenizerError(f"num_threads is {num_threads}: expected 1..{_MOST}, or None")
    return count
