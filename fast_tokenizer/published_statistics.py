"""Normalisers from the statistics that other projects publish with their data sets and models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from fast_tokenizer.action_statistics import ActionStatistics
from fast_tokenizer.errors import FormatError
from fast_tokenizer.json_files import errors_within, get_value, read_json, short
from fast_tokenizer.normalization import Mode, Normalizer
from fast_tokenizer.normalizer_set import NormalizerSet


def read_openpi(
    path: str | os.PathLike[str], key: str = "actions", mode: Literal["quantile", "mean_std"] = "quantile"
) -> Normalizer:
    """Reads the `norm_stats.json` of openpi; the normaliser computes what openpi does.

    Source: Physical-Intelligence/openpi, `src/openpi/shared/normalize.py`.

    Args:
        path: The file.
        key: Whose statistics: `actions`, `state`, or another name in the file.
        mode: `quantile` for pi0-FAST and pi0.5, `mean_std` for pi0.

    Raises:
        FormatError: If the file is missing or damaged, or has no such key; the message names it.
    """
    path = Path(path)
    groups = get_value(read_json(path), "norm_stats", path, dict)
    statistics = _statistics(_chosen(groups, key, path, "norm_stats."), f"norm_stats.{key}", path)
    with errors_within(f"norm_stats.{key}", path):
        return Normalizer(statistics, mode, convention="openpi")


def read_openvla(path: str | os.PathLike[str], mode: Literal["quantile", "min_max"] = "quantile") -> NormalizerSet:
    """Reads the `dataset_statistics.json` of OpenVLA: a normaliser for each data set, by its `unnorm_key`.

    Each computes what OpenVLA does: clipped, and the dimensions that its mask leaves out (grippers) as they are.
    Source: openvla/openvla, `prismatic/vla/datasets/rlds/utils/data_utils.py`.

    Args:
        path: The file.
        mode: `quantile` is `BOUNDS_Q99` there, which OpenVLA was trained with; `min_max` is `BOUNDS`.

    Raises:
        FormatError: If the file is missing or damaged; the message names it and the key.
    """
    path = Path(path)
    content = read_json(path)
    normalizers = {}
    for name in content:
        group = get_value(get_value(content, name, path, dict), "action", path, dict, within=f"{name}.")
        place = f"{name}.action"
        statistics = _statistics(group, place, path)
        mask = get_value(group, "mask", path, list, default=[True] * statistics.action_dim, within=f"{place}.")
        if len(mask) != statistics.action_dim or not all(isinstance(one, bool) for one in mask):
            expected = f"expected true or false for each of {statistics.action_dim} dimensions"
            raise FormatError(f"got {short(mask)}, {expected}", str(path), f"{place}.mask")
        modes: tuple[Mode, ...] = tuple(mode if is_scaled else "identity" for is_scaled in mask)
        with errors_within(place, path):
            normalizers[name] = Normalizer(statistics, modes, clip=True, convention="openvla")
    with errors_within("", path):
        return NormalizerSet(normalizers)


def read_lerobot(path: str | os.PathLike[str], key: str = "action", mode: Mode = "quantile") -> Normalizer:
    """Reads the `meta/stats.json` of a LeRobotDataset.

    The normaliser computes what LeRobot does but for its epsilons: nothing is added to a standard deviation, and a
    constant dimension becomes 0, not -1. Source: huggingface/lerobot,
    `src/lerobot/processor/normalize_processor.py`.

    Args:
        path: The file.
        key: Whose statistics: `action`, `observation.state`, or another name in the file.
        mode: Files before version 3 of the format may have no percentiles: take `min_max` or `mean_std` there.

    Raises:
        FormatError: If the file is missing or damaged, has no such key or lacks what the mode needs.
    """
    path = Path(path)
    group = dict(_chosen(read_json(path), key, path))
    count = group.get("count")
    if isinstance(count, list) and len(count) == 1:  # an array of one number there
        group["count"] = count[0]
    statistics = _statistics(group, key, path)
    with errors_within(key, path):
        return Normalizer(statistics, mode)


def read_normalizer(path: str | os.PathLike[str], embodiment: str | None = None) -> Normalizer:
    """Reads a file of any of these projects, or what `NormalizerSet.save` wrote; its content says which it is.

    Args:
        path: The file.
        embodiment: Whose normaliser, where the file has several; None for the default or only one, and in
            openpi's file for `actions`.

    Raises:
        FormatError: If the file is missing, damaged, or of no known kind.
        FastTokenizerError: If there is no such embodiment, or none was named.
    """
    path = Path(path)
    content = read_json(path)
    if "embodiments" in content:
        return NormalizerSet.load(path).select(embodiment)
    if "norm_stats" in content:
        named = embodiment is not None and embodiment in get_value(content, "norm_stats", path, dict)
        return read_openpi(path, str(embodiment) if named else "actions")
    if content and all(isinstance(group, dict) and "action" in group for group in content.values()):
        return read_openvla(path).select(embodiment)
    if "action" in content:
        return read_lerobot(path)
    raise FormatError(
        f"found {short(list(content))}: looked for statistics of openpi (norm_stats), of OpenVLA (data sets with "
        "action), of LeRobot (action), or a normalizer.json (embodiments)",
        str(path),
    )


def _chosen(groups: Mapping[str, Any], key: str, path: Path, within: str = "") -> dict[str, Any]:
    if key not in groups:
        raise FormatError(f"missing: there are {short(list(groups))}", str(path), within + key)
    chosen: dict[str, Any] = get_value(groups, key, path, dict, within=within)
    return chosen


def _statistics(group: Mapping[str, Any], place: str, path: Path) -> ActionStatistics:
    with errors_within(place, path):
        return ActionStatistics.from_config(group)
