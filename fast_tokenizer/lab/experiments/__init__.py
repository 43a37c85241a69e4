"""All experiments, by the names that the command has."""

from __future__ import annotations

from collections.abc import Mapping

from fast_tokenizer.lab.experiment import Experiment
from fast_tokenizer.lab.experiments.chunk import CHUNK
from fast_tokenizer.lab.experiments.cost import COST
from fast_tokenizer.lab.experiments.cup import CUP
from fast_tokenizer.lab.experiments.gradients import GRADIENTS
from fast_tokenizer.lab.experiments.joint import JOINT
from fast_tokenizer.lab.experiments.mixture import MIXTURE
from fast_tokenizer.lab.experiments.obstacle import OBSTACLE
from fast_tokenizer.lab.experiments.precision import PRECISION
from fast_tokenizer.lab.experiments.simulator import SIMULATOR

_ALL = (CUP, GRADIENTS, PRECISION, CHUNK, COST, MIXTURE, OBSTACLE, JOINT, SIMULATOR)

EXPERIMENTS: Mapping[str, Experiment] = {one.name: one for one in _ALL}
