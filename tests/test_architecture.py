"""A module uses only modules of the layers below its own."""

import ast
from pathlib import Path

import pytest

import fast_tokenizer

# From the bottom to the top. Modules of one layer do not know each other.
LAYERS = [
    ["_core", "errors", "staged_files"],
    [
        "actions",
        "chunking",
        "json_files",
        "motions",
        "progress",
        "relative_actions",
        "resampling",
        "streaming_quantiles",
        "text_table",
        "text_tokenizer",
        "threads",
        "token_batch",
    ],
    ["datasets.blocks", "datasets.episodes", "datasets.libraries"],
    ["datasets.arrays", "datasets.hdf5", "datasets.lerobot", "datasets.rlds", "datasets.zarr_store"],
    ["datasets.opening"],
    ["datasets"],
    ["action_statistics", "decoding", "quantization", "shape_agreement", "vocabulary", "vocabulary_map"],
    ["running_statistics"],
    ["normalization"],
    ["normalizer_set"],
    ["published_statistics"],
    ["canvas_constraint", "constraint"],
    ["codecs.bisection", "codecs.codec", "codecs.parameters"],
    ["codecs.bins", "codecs.fast", "codecs.frequency", "robot_units"],
    ["codecs.binning"],
    ["codecs"],
    [
        "diffusion.context",
        "diffusion.position_constraint",
        "diffusion.query",
        "diffusion.random_numbers",
        "diffusion.result",
        "diffusion.schedules",
    ],
    ["diffusion.acceptance", "diffusion.allowed_ids", "diffusion.remasking", "diffusion.torch_reduction"],
    ["diffusion.reduction"],
    ["diffusion.canvas", "diffusion.masking", "diffusion.orders"],
    ["diffusion.rounds"],
    ["diffusion.loop"],
    ["diffusion"],
    [
        "execution.counts",
        "execution.ensembling",
        "execution.in_place",
        "execution.prediction",
        "execution.presets",
    ],
    ["execution.action_queue"],
    ["execution.executor"],
    ["execution"],
    ["generation", "hub", "streaming", "training", "vocabulary_file"],
    ["serialization"],
    ["model_card", "prompting.action_tokens", "prompting.batch", "prompting.formats"],
    ["prompting.answer"],
    ["prompting.builder"],
    ["prompting"],
    ["tokenizer"],
    [""],  # fast_tokenizer itself: the public names
    [
        "heads.action_bins",
        "heads.action_tokens",
        "heads.condition",
        "heads.random_draws",
        "heads.real_time",
        "heads.spacing",
    ],
    ["heads.options", "heads.trunk"],
    ["heads.action_head"],
    [
        "heads.autoregressive",
        "heads.averaged_weights",
        "heads.binning",
        "heads.diffusion",
        "heads.flow_matching",
        "heads.masked_diffusion",
        "heads.mixture",
        "heads.regression",
    ],
    ["heads.checkpoints"],
    ["heads"],
    ["demo", "hf.batch_encoding", "hf.coefficient_text", "hf.embeddings", "hf.generation"],
    ["commands"],
    ["commands.arguments", "dataset_training.settings", "dataset_training.stage_times"],
    ["commands.quantities", "dataset_training.prepared_episodes"],
    ["dataset_training.recording"],
    ["dataset_training.chunk_groups", "dataset_training.figures", "dataset_training.provenance"],
    [
        "dataset_training.quantized_chunks",
        "dataset_training.result",
        "dataset_training.scale_search",
        "dataset_training.training_data",
        "dataset_training.training_record",
    ],
    ["dataset_training.pipeline"],
    ["dataset_training"],
    ["commands.chunked_dataset", "commands.tokenizers", "encoded_datasets.contents"],
    ["commands.training_options"],
    ["encoded_datasets.conversion", "encoded_datasets.npz", "encoded_datasets.parquet"],
    ["encoded_datasets.files"],
    ["encoded_datasets"],
    ["report.chunk_sets", "report.measurement"],
    ["report.comparison", "report.wrong_tokens"],
    ["report.content"],
    ["report.figures", "report.making", "report.page"],
    ["report"],
    ["commands.comparison_table", "sweep.front"],
    ["sweep.grid"],
    ["sweep.drawing"],
    ["sweep"],
    ["lab.closed_loop", "lab.summary"],
    ["lab.experiment"],
    [
        "lab.closed_loop.observation_scale",
        "lab.closed_loop.robots",
        "lab.contestants",
        "lab.experiments.obstacle_course",
        "lab.panels",
        "lab.quoting",
        "lab.records",
        "lab.training",
    ],
    [
        "lab.claims.judging",
        "lab.closed_loop.demonstrations",
        "lab.closed_loop.metaworld_robot",
        "lab.closed_loop.rollouts",
        "lab.closed_loop.state_policy",
        "lab.guide",
        "lab.overview",
    ],
    [
        "lab.claims.distributions",
        "lab.claims.motion",
        "lab.claims.precision",
        "lab.claims.speed",
        "lab.claims.ways",
        "lab.closed_loop.two_sided",
    ],
    ["lab.claims"],
    ["lab.page"],
    [
        "lab.experiments.chunk",
        "lab.experiments.cost",
        "lab.experiments.cup",
        "lab.experiments.gradients",
        "lab.experiments.joint",
        "lab.experiments.mixture",
        "lab.experiments.obstacle",
        "lab.experiments.precision",
        "lab.experiments.simulator",
        "lab.running",
    ],
    ["lab.experiments"],
    ["lab.laboratory"],
    ["lab"],
    [
        "commands.compare",
        "commands.decode",
        "commands.demo",
        "commands.encode",
        "commands.inspect",
        "commands.lab",
        "commands.report",
        "commands.sweep",
        "commands.train",
        "hf.action_tokenizer",
    ],
    ["cli", "hf.action_processor"],
    ["__main__"],
    ["hf.registration"],
    ["hf"],
    ["remote_code"],
]
FRAMEWORKS = {
    *("torch", "transformers", "scipy", "sentencepiece", "tokenizers", "huggingface_hub"),
    *("pyarrow", "h5py", "zarr", "tfrecord", "ddsketch", "matplotlib"),
    *("diffusers", "safetensors", "metaworld", "mujoco"),
}
# Modules that only a user of torch or transformers imports may load it, and what it brings.
OPTIONAL = {
    "heads": {"torch", "safetensors"},
    "hf": {"torch", "transformers"},
    "lab": {"torch", "scipy"},
    "remote_code": {"transformers", "tokenizers", "scipy"},
}

FOLDER = Path(fast_tokenizer.__file__).parent
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def name_of(path):
    parts = path.relative_to(FOLDER).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


SOURCES = {name_of(path): path for path in sorted(FOLDER.rglob("*.py"))}


def imports_of(name):
    """(imported name, whether the import runs when the module is loaded) of a module."""
    tree = ast.parse(SOURCES[name].read_text("utf-8"))
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(function, ast.If) and ast.unparse(function.test) == "TYPE_CHECKING")
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node not in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                is_module = full.removeprefix("fast_tokenizer.") in RANK
                yield (full if is_module else node.module, node not in inside)


def modules_used_by(name):
    for imported, _ in imports_of(name):
        if imported.partition(".")[0] == "fast_tokenizer":
            yield imported.removeprefix("fast_tokenizer").removeprefix(".")


def test_every_module_has_one_layer():
    listed = [name for layer in LAYERS for name in layer]
    assert sorted(listed) == sorted([*SOURCES, "_core"])


@pytest.mark.parametrize("name", SOURCES)
def test_a_module_uses_the_layers_below_it(name):
    used = set(modules_used_by(name))
    assert used <= RANK.keys()
    assert {other for other in used if RANK[other] >= RANK[name]} == set()


@pytest.mark.parametrize("name", SOURCES)
def test_frameworks_are_imported_where_they_are_needed(name):
    at_load = {imported.partition(".")[0] for imported, at_load in imports_of(name) if at_load}
    assert at_load & FRAMEWORKS <= OPTIONAL.get(name.partition(".")[0], set())


def test_the_check_sees_imports():
    assert set(modules_used_by("cli")) >= {"commands.demo", "errors"}
    assert "_core" in set(modules_used_by("quantization"))
    assert ("scipy.fft", False) in set(imports_of("quantization"))
