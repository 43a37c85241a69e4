"""From a dataset to a tokenizer: its normaliser inside, a record of its making, and figures of what it does."""

from fast_tokenizer.dataset_training.pipeline import train
from fast_tokenizer.dataset_training.result import TrainedTokenizer
from fast_tokenizer.dataset_training.settings import Resampling, TrainingSettings
from fast_tokenizer.dataset_training.training_record import TrainingRecord, read_training_record

__all__ = [
    "Resampling",
    "TrainedTokenizer",
    "TrainingRecord",
    "TrainingSettings",
    "read_training_record",
    "train",
]
