"""How much memory this process holds, and held at most."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path


def resident_bytes() -> int:
    """Memory held now; the peak so far where the system does not tell."""
    return _status("VmRSS") or _highest()


def peak_bytes() -> int:
    """The most memory held so far, since `forget_peak` where the system allows that.

    Linux counts what the parent process held in `ru_maxrss` of a new one, but not in `VmHWM`.
    """
    return _status("VmHWM") or _highest()


def forget_peak() -> None:
    """Starts to look for the peak anew, on Linux."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _status(key: str) -> int:
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
    return 0


def _highest() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
