"""Virtual environments for peers, and the directories that are loaded in them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from contenders import Contenders, load_contenders

import fast_tokenizer

BENCHMARKS = Path(__file__).parent
PUBLISHED_CLASS = "UniversalActionProcessor"


def make_environment(folder: Path, *installations: Sequence[str]) -> None:
    """Makes a virtual environment, unless it is there from an earlier run.

    Args:
        folder: Where.
        *installations: The arguments of one `pip install` after the other.
    """
    done = folder / "done"
    if done.exists():
        return
    print(f"making {folder.name}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    for arguments in installations:
        subprocess.run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *arguments], check=True)
    done.touch()


def run_in(
    environment: Path, script: str, *arguments: str, material: Path, with_package: bool
) -> subprocess.CompletedProcess[str]:
    """Runs a script of this folder in a virtual environment, without network, in a fresh process.

    Args:
        environment: The virtual environment.
        script: The script's name.
        *arguments: Its arguments.
        material: What `write_directories` wrote.
        with_package: Whether this package can be imported there.
    """
    variables = {
        **os.environ,
        "HF_HOME": str(environment / "cache"),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(material / "package") if with_package else "",
    }
    return subprocess.run(
        [str(environment / "bin" / "python"), str(BENCHMARKS / script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=variables,
        cwd=material,
        stdin=subprocess.DEVNULL,
    )


def write_directories(material: Path, fast_plus: Path | None) -> Contenders:
    """Writes `ours`, `published` and `package`, and returns what the first two hold.

    `ours` is a directory as this package saves it. `published` has the published files with the published class,
    restated, as their remote code. `package` is a folder for PYTHONPATH with nothing but this package.
    """
    shutil.rmtree(material, ignore_errors=True)
    contenders = load_contenders(fast_plus)
    contenders.ours.save_pretrained(material / "ours")
    published = material / "published"
    published.mkdir()
    for name in ("tokenizer.json", "processor_config.json", "tokenizer_config.json"):
        shutil.copyfile((fast_plus or material / "ours") / name, published / name)
    shutil.copyfile(BENCHMARKS / "universal_action_processor.py", published / "processing_action_tokenizer.py")
    if fast_plus is None:
        _as_published(published / "processor_config.json", {"processor_class": PUBLISHED_CLASS})
        _as_published(published / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    (material / "package").mkdir()
    (material / "package" / "fast_tokenizer").symlink_to(Path(fast_tokenizer.__file__).parent)
    return contenders


def _as_published(file: Path, changes: dict[str, str]) -> None:
    """Turns a file of ours into one as the hub has it."""
    auto_map = {"AutoProcessor": f"processing_action_tokenizer.{PUBLISHED_CLASS}"}
    content = {**json.loads(file.read_text("utf-8")), "auto_map": auto_map, **changes}
    file.write_text(json.dumps(content), "utf-8")
