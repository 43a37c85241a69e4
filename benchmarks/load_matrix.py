"""Does every way of loading give the right class and the right ids, or an error that says what to do?

    python benchmarks/load_matrix.py                              # four versions of transformers: ten minutes
    python benchmarks/load_matrix.py --versions 4 5               # the newest of each
    python benchmarks/load_matrix.py --work DIR                   # keeps the virtual environments for the next run

Ways: AutoTokenizer, AutoProcessor and the published processor class itself; a directory that this package saved
and one with the published files; the package imported, installed but not imported, or absent; with and without
`trust_remote_code`. Each cell is a fresh process. Exits with 1 where a cell is not as `EXPECTED` says.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from chunks import generated_chunks
from contenders import add_fast_plus_argument
from environments import PUBLISHED_CLASS as PUBLISHED
from environments import make_environment, run_in, write_directories
from table import format_table

from fast_tokenizer.progress import ProgressBar

VERSIONS = ("4.53.3", "4.57.6", "5.5.4", "5.23.0")
STATES = ("imported", "installed", "absent")

# Errors, each known by a part of its message.
NEEDS_TRUST = "trust_remote_code=True"
BROKEN_IN_5_5 = "protobuf"  # transformers 5.0 to 5.12 do not find the published vocabulary: transformers#46153

# Classes of this package: the compiled ones, and the plain ones of the file in the directory.
TOKENIZER, PLAIN_TOKENIZER = "FastActionTokenizer", "PlainActionTokenizer"
PROCESSOR, PLAIN_PROCESSOR = "FastActionProcessor", "PlainActionProcessor"
OURS_BY_PUBLISHED_NAME = "fast_tokenizer.hf.registration.UniversalActionProcessor"
TEXT_TOKENIZER = {"4": "PreTrainedTokenizerFast", "5": "TokenizersBackend"}
PUBLISHED_FILES = {"4": PUBLISHED, "5.5": BROKEN_IN_5_5, "5": PUBLISHED}

# (directory, way, state, trust_remote_code): a class or an error, in all versions or by their beginning.
EXPECTED: dict[tuple[str, str, str, bool], str | dict[str, str]] = {
    # Imported, our classes are known by their names, and no code of the directory is needed.
    ("ours", "AutoTokenizer", "imported", True): TOKENIZER,
    ("ours", "AutoTokenizer", "imported", False): TOKENIZER,
    ("ours", "AutoProcessor", "imported", True): PROCESSOR,
    ("ours", "AutoProcessor", "imported", False): PROCESSOR,
    # Otherwise its code is: it imports our classes, or stands in for them. Never a silent text tokenizer.
    ("ours", "AutoTokenizer", "installed", True): TOKENIZER,
    ("ours", "AutoTokenizer", "installed", False): NEEDS_TRUST,
    ("ours", "AutoProcessor", "installed", True): PROCESSOR,
    ("ours", "AutoProcessor", "installed", False): NEEDS_TRUST,
    ("ours", "AutoTokenizer", "absent", True): PLAIN_TOKENIZER,
    ("ours", "AutoTokenizer", "absent", False): NEEDS_TRUST,
    ("ours", "AutoProcessor", "absent", True): PLAIN_PROCESSOR,
    ("ours", "AutoProcessor", "absent", False): NEEDS_TRUST,
    # The published class takes its text tokenizer from bpe_tokenizer/, in version 4 from what AutoTokenizer gives.
    ("ours", "reference class", "imported", True): PUBLISHED,
    ("ours", "reference class", "imported", False): PUBLISHED,
    ("ours", "reference class", "installed", True): PUBLISHED,
    ("ours", "reference class", "installed", False): {"4": NEEDS_TRUST, "5": PUBLISHED},
    ("ours", "reference class", "absent", True): PUBLISHED,
    ("ours", "reference class", "absent", False): {"4": NEEDS_TRUST, "5": PUBLISHED},
    # In the published directory nothing is ours, unless the published name was registered.
    **{
        ("published", "AutoTokenizer", state, trust): TEXT_TOKENIZER for state in STATES for trust in (True, False)
    },
    **{("published", "AutoProcessor", state, True): PUBLISHED_FILES for state in STATES},
    **{("published", "AutoProcessor", state, False): NEEDS_TRUST for state in STATES},
    **{
        ("published", "reference class", state, trust): PUBLISHED_FILES
        for state in STATES
        for trust in (True, False)
    },
    ("published", "AutoProcessor", "name taken", True): {"4": PUBLISHED, "5": OURS_BY_PUBLISHED_NAME},
    ("published", "AutoProcessor", "name taken", False): OURS_BY_PUBLISHED_NAME,
}


@dataclass(frozen=True)
class Cell:
    """A way to load, under a version of transformers."""

    version: str
    directory: str
    way: str
    state: str
    trust: bool

    @property
    def expected(self) -> str:
        """The class, or the part of an error's message."""
        wanted = EXPECTED[self.directory, self.way, self.state, self.trust]
        if isinstance(wanted, str):
            return wanted
        begins = [prefix for prefix in wanted if f"{self.version}.".startswith(f"{prefix}.")]
        return wanted[max(begins, key=len)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_fast_plus_argument(parser)
    parser.add_argument("--versions", nargs="+", default=VERSIONS, help="of transformers (%(default)s)")
    parser.add_argument("--work", type=Path, help="folder for the virtual environments (a temporary one)")
    options = parser.parse_args()
    if options.work is not None:
        return run(options.work, options.versions, options.fast_plus)
    with TemporaryDirectory() as work:
        return run(Path(work), options.versions, options.fast_plus)


def run(work: Path, versions: list[str], fast_plus: Path | None) -> int:
    material = work / "material"
    print(prepare(material, fast_plus), end="\n\n")
    for version in versions:
        make_environment(work / f"transformers-{version}", [f"transformers=={version}.*", "numpy", "scipy"])
    outcomes: dict[Cell, str] = {}
    cells = [Cell(version, *key) for key in EXPECTED for version in versions]
    with ProgressBar("cells", unit="cells") as bar:
        for cell in cells:
            outcomes[cell] = outcome_of(work, cell)
            bar.update(len(outcomes), len(cells))
    print(format_table(["directory, way, state, trust", *versions], list(rows(outcomes, versions))))
    wrong = [cell for cell, outcome in outcomes.items() if outcome.startswith("WRONG")]
    for cell in wrong:
        print(f"\n{cell}\n  expected {cell.expected}\n  got {outcomes[cell]}")
    print(f"\n{len(wrong)} of {len(cells)} cells are wrong")
    return int(bool(wrong))


def prepare(material: Path, fast_plus: Path | None) -> str:
    """Writes both directories, chunks, and the ids and texts that they must give; says what the vocabulary is."""
    contenders = write_directories(material, fast_plus)
    chunks = generated_chunks("smooth", 20, 16, 7)
    np.save(material / "chunks.npy", chunks)
    reference = contenders.peers[0]
    texts = reference.texts(chunks)
    expected = {"texts": texts, "ids": [reference.encode_text(text) for text in texts]}
    (material / "expected.json").write_text(json.dumps(expected), "utf-8")
    return contenders.vocabulary


def outcome_of(work: Path, cell: Cell) -> str:
    """What the cell gave, in a word; WRONG and why, where it is not as expected."""
    material = work / "material"
    done = run_in(
        work / f"transformers-{cell.version}",
        "load_cell.py",
        *(str(material), cell.directory, cell.way, cell.state, str(cell.trust)),
        material=material,
        with_package=cell.state != "absent",
    )
    if done.returncode != 0:
        return f"WRONG: the process failed: {done.stderr[-2000:]}"
    outcome = json.loads(done.stdout.splitlines()[-1])
    if "error" in outcome:
        known = {NEEDS_TRUST: "error: needs trust", BROKEN_IN_5_5: "error: transformers#46153"}
        is_expected = cell.expected in known and cell.expected in outcome["error"]
        return known[cell.expected] if is_expected else f"WRONG: {outcome['error']}"
    if "wrong" in outcome:
        return f"WRONG: {outcome['wrong']}"
    full = f"{outcome['module']}.{outcome['class']}"
    if cell.expected == OURS_BY_PUBLISHED_NAME == full:
        return "ours, by that name"
    # By its own name the published class must not be ours.
    is_expected = cell.expected == outcome["class"] and full != OURS_BY_PUBLISHED_NAME
    return outcome["class"] if is_expected else f"WRONG: {full}"


def rows(outcomes: dict[Cell, str], versions: list[str]) -> Iterator[list[str]]:
    for directory, way, state, trust in EXPECTED:
        cells = [Cell(version, directory, way, state, trust) for version in versions]
        label = f"{directory}, {way}, {state}, {'trust' if trust else 'no trust'}"
        yield [label, *("WRONG" if outcomes[cell].startswith("WRONG") else outcomes[cell] for cell in cells)]


if __name__ == "__main__":
    sys.exit(main())
