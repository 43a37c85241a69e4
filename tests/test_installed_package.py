"""What pip installed: the package as users have it, not the folder of its sources."""

import ast
import doctest
import importlib
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest
from frameworks import import_or_skip

import fast_tokenizer

FOLDER = Path(fast_tokenizer.__file__).parent
MODULES = [
    ".".join(part for part in path.relative_to(FOLDER.parent).with_suffix("").parts if part != "__init__")
    for path in sorted(FOLDER.rglob("*.py"))
]
OPTIONAL = {
    "fast_tokenizer.hf": "transformers",
    "fast_tokenizer.remote_code": "transformers",
    "fast_tokenizer.heads": "torch",
    "fast_tokenizer.heads.diffusion": "diffusers",
    "fast_tokenizer.lab": "torch",
}
"""Which module needs which framework."""


def load(name):
    for module, framework in OPTIONAL.items():
        if name.startswith(module):
            import_or_skip(framework)
    return importlib.import_module(name)


def test_it_is_what_pip_installed():
    files = {Path(str(file.locate())).resolve() for file in importlib.metadata.files("fast_tokenizer")}
    assert Path(__file__).parents[1] / "fast_tokenizer" != FOLDER
    assert (FOLDER / "__init__.py").resolve() in files
    assert Path(fast_tokenizer._core.__file__).resolve() in files
    assert importlib.metadata.version("fast_tokenizer") == fast_tokenizer.__version__


def test_it_is_typed():
    assert (FOLDER / "py.typed").is_file()
    assert (FOLDER / "_core.pyi").is_file()


def test_the_stub_names_what_the_core_has():
    stub = ast.parse((FOLDER / "_core.pyi").read_text("utf-8"))
    written = {node.name for node in stub.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    written |= {ast.unparse(node.target) for node in stub.body if isinstance(node, ast.AnnAssign)}
    assert written == {name for name in dir(fast_tokenizer._core) if not name.startswith("_")}


def test_the_source_folder_says_what_to_do(tmp_path):
    """Where Python finds the sources first, the error is about that and not about a missing `_core`."""
    sources = Path(__file__).parents[1]
    result = subprocess.run(
        [sys.executable, "-c", "import fast_tokenizer"], cwd=sources, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "pip install ." in result.stderr


def test_every_public_name_exists():
    assert fast_tokenizer.__all__ == sorted(fast_tokenizer.__all__)
    for name in fast_tokenizer.__all__:
        assert getattr(fast_tokenizer, name).__doc__, name


def test_import_loads_numpy_and_the_core_only(tmp_path):
    code = "import json, sys, fast_tokenizer; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(result.stdout)}
    assert {"fast_tokenizer", "numpy"} <= loaded
    assert not loaded & {"torch", "transformers", "scipy", "tokenizers", "huggingface_hub", "pandas", "pytest"}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name):
    module = load(name)
    assert doctest.testmod(module, optionflags=doctest.FAIL_FAST).failed == 0


def test_the_public_classes_have_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    names = [name for name in MODULES if not name.startswith(tuple(OPTIONAL))]
    shown = {test.name for name in names for test in finder.find(load(name))}
    for name in (
        "fast_tokenizer",
        "fast_tokenizer.tokenizer.FastTokenizer",
        "fast_tokenizer.codecs.fast.FastCodec",
        "fast_tokenizer.codecs.binning.BinningCodec",
        "fast_tokenizer.codecs.frequency.FrequencyCodec",
        "fast_tokenizer.datasets.episodes.Episodes",
        "fast_tokenizer.datasets.opening.open_episodes",
        "fast_tokenizer.dataset_training.pipeline.train",
        "fast_tokenizer.execution.executor.ChunkExecutor",
    ):
        assert name in shown
