"""One cell of load_matrix.py: loads a directory in a fresh process and says what came of it, as JSON.

    python load_cell.py MATERIAL DIRECTORY WAY STATE TRUST

It runs under the interpreter of a virtual environment that may lack fast_tokenizer, and so imports none of it.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any


def load(material: Path, directory: str, way: str, state: str, trust: bool) -> Any:
    """Loads as a user does whose environment is in that state."""
    if state in ("imported", "name taken"):
        hf = importlib.import_module("fast_tokenizer.hf")
        if state == "name taken":
            hf.register_published_name()
    if way == "reference class":
        sys.path.insert(0, str(material / "published"))
        cls = importlib.import_module("processing_action_tokenizer").UniversalActionProcessor
    else:
        cls = getattr(importlib.import_module("transformers"), way)
    return cls.from_pretrained(str(material / directory), trust_remote_code=trust)


def check(loaded: Any, chunks: Any, ids: list[list[int]], texts: list[str]) -> str:
    """What is wrong with what was loaded; nothing, if it gives the ids and the actions."""
    if "Action" not in type(loaded).__name__:  # a text tokenizer
        pairs = zip(texts, ids, strict=True)
        return "" if all(loaded(text)["input_ids"] == one for text, one in pairs) else "other ids of text"
    if loaded(chunks) != ids:
        return "other ids"
    decoded = loaded.decode(ids, time_horizon=chunks.shape[1], action_dim=chunks.shape[2])
    if not abs(decoded - chunks).max() < 0.5:
        return "other actions"
    if hasattr(loaded, "bpe_tokenizer") and loaded.bpe_tokenizer.decode(ids[0]) != texts[0]:
        return "other text"
    return ""


def main() -> None:
    material, directory, way, state, trust = sys.argv[1:]
    import numpy as np

    chunks = np.load(Path(material, "chunks.npy"))
    expected = json.loads(Path(material, "expected.json").read_text("utf-8"))
    try:
        loaded = load(Path(material), directory, way, state, trust == "True")
    except Exception as error:
        outcome = {"error": f"{type(error).__name__}: {error}"}
    else:
        outcome = {"class": type(loaded).__name__, "module": type(loaded).__module__}
        if wrong := check(loaded, chunks, expected["ids"], expected["texts"]):
            outcome = {"wrong": f"{outcome['class']}, {wrong}"}
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
