"""The rule that parity tests are not skipped where their data is said to be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

PROBE = """
import pytest

@pytest.mark.parity
def test_needs_the_folder(shared):
    assert (shared / "data").is_dir()

@pytest.mark.parity
def test_gives_up():
    pytest.skip("no reason")

def test_may_be_skipped():
    pytest.skip("any reason")
"""


def run(folder, shared):
    """(passed, failed, skipped, errors) of the probe, in another process."""
    for name in ("conftest.py", "frameworks.py", "strategies.py"):
        shutil.copy(TESTS / name, folder)
    (folder / "test_probe.py").write_text(PROBE)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = parity\n")
    environment = {name: value for name, value in os.environ.items() if name != "FAST_TOKENIZER_SHARED"}
    if shared is not None:
        environment["FAST_TOKENIZER_SHARED"] = str(shared)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_probe.py"]
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    last = result.stdout.strip().splitlines()[-1]
    counts = [
        last.split(f" {word}")[0].split()[-1] if f" {word}" in last else "0"
        for word in ("passed", "failed", "skipped", "error")
    ]
    return tuple(map(int, counts))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (None, (0, 0, 3, 0)),
        (["data/", "fast_plus/tokenizer.json"], (1, 1, 1, 0)),
        (["data/"], (0, 1, 1, 1)),
    ],
)
def test_a_skipped_parity_test_fails_where_the_folder_is_named(tmp_path, files, expected):
    shared = None
    if files is not None:
        shared = tmp_path / "shared"
        for name in files:
            (shared / name).parent.mkdir(parents=True, exist_ok=True)
            (shared / name).mkdir() if name.endswith("/") else (shared / name).touch()
    assert run(tmp_path, shared) == expected
