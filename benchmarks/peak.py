"""How much memory a piece of work adds to this process at most."""

from __future__ import annotations

import ctypes
import resource
import sys
from contextlib import suppress
from pathlib import Path


def start_looking() -> int:
    """Memory held now, from which on the peak counts.

    On Linux, memory that was freed but not given back is given back first, as it would hide what is added; and
    an earlier peak is forgotten.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS") or _highest()


def peak_bytes() -> int:
    """The most memory held, since `start_looking` where the system allows that.

    Linux counts what the parent process held in `ru_maxrss` of a new one, but not in `VmHWM`.
    """
    return _status("VmHWM") or _highest()


def _status(key: str) -> int:
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
    return 0


def _highest() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
