"""Every error that the package raises on purpose, with fields a program can read.

Examples:
    >>> issubclass(DecodeError, FastTokenizerError) and issubclass(FastTokenizerError, ValueError)
    True
"""

from __future__ import annotations


class FastTokenizerError(ValueError):
    """The base of the package's errors: a value that it cannot work with."""


class EncodeError(FastTokenizerError):
    """Actions that cannot become tokens.

    Attributes:
        detail: What is wrong, without the chunk.
        chunk: Which chunk of the batch, if one is to blame.
    """

    def __init__(self, message: str, chunk: int | None = None) -> None:
        super().__init__(message if chunk is None else f"chunk {chunk}: {message}")
        self.detail = message
        self.chunk = chunk


class DecodeError(FastTokenizerError):
    """Token ids that are not an action of the wanted shape.

    Attributes:
        sequence: Which sequence of the batch.
        position: The place in it where decoding stopped.
        reason: Why, as a member of `fast_tokenizer.DecodeStatus`.
    """

    def __init__(self, message: str, sequence: int = 0, position: int = 0, reason: int = 0) -> None:
        super().__init__(message)
        self.sequence = sequence
        self.position = position
        self.reason = reason


class FormatError(FastTokenizerError):
    """A file, or a part of one, that is not what it should be.

    Attributes:
        detail: What is wrong, without the place.
        path: The file, if the error came from one.
        key: The key in it, such as `model.vocab`.
    """

    def __init__(self, message: str, path: str | None = None, key: str | None = None) -> None:
        where = " in ".join(part for part in (key and f"'{key}'", path) if part)
        super().__init__(f"{where}: {message}" if where else message)
        self.detail = message
        self.path = path
        self.key = key


class TrainingError(FastTokenizerError):
    """Data or settings from which no tokenizer can be trained."""


class ExecutionStopped(FastTokenizerError):
    """No action for the robot: none is planned, and as many were held as may be.

    Attributes:
        step: The step that there is no action for.
        held: How many before it were held in a row.
    """

    def __init__(self, message: str, step: int = 0, held: int = 0) -> None:
        super().__init__(message)
        self.step = step
        self.held = held


class HeadError(FastTokenizerError):
    """What an action head was given is not what it expects."""


class LogitsError(FastTokenizerError):
    """Logits from which no id can be chosen.

    Attributes:
        row: Which row of the batch, if one is to blame.
        position: Which position in it.
    """

    def __init__(self, message: str, row: int | None = None, position: int | None = None) -> None:
        super().__init__(message if row is None else f"row {row}, position {position}: {message}")
        self.detail = message
        self.row = row
        self.position = position

    def __reduce__(self) -> tuple[type[LogitsError], tuple[str, int | None, int | None]]:
        """What copies and pickles are made of: the message alone would not tell the place."""
        return type(self), (self.detail, self.row, self.position)
