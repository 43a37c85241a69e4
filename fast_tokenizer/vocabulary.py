"""The action ids that codecs share, and the special ids that follow them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ActionVocabulary:
    """A block of action ids `0 .. size - 1`, then pad, eos and mask.

    Attributes:
        size: How many action ids there are.

    Examples:
        >>> vocabulary = ActionVocabulary(2048)
        >>> vocabulary.pad_id, vocabulary.eos_id, vocabulary.mask_id
        (2048, 2049, 2050)
    """

    size: int

    @property
    def pad_id(self) -> int:
        """Fills sequences up to a common length."""
        return self.size

    @property
    def eos_id(self) -> int:
        """Ends a sequence."""
        return self.size + 1

    @property
    def mask_id(self) -> int:
        """Stands for an id that is not decided yet."""
        return self.size + 2
