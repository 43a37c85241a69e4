"""The published processor, under the transformers that is installed. Import it after `import_or_skip`."""

import numpy as np
import scipy.fft
from transformers.processing_utils import ProcessorMixin


class UniversalActionProcessor(ProcessorMixin):
    """The contract of physical-intelligence/fast, `processing_action_tokenizer.py`: its calls in its order."""

    attributes = ["bpe_tokenizer"]  # noqa: RUF012
    bpe_tokenizer_class = "AutoTokenizer"

    def __init__(
        self, bpe_tokenizer, scale=10, vocab_size=1024, min_token=0, *, action_dim=None, time_horizon=None
    ):
        self.scale = scale
        self.vocab_size = vocab_size
        self.min_token = min_token
        self.time_horizon = time_horizon
        self.action_dim = action_dim
        super().__init__(bpe_tokenizer)

    def __call__(self, action_chunk):
        if action_chunk.ndim == 2:
            action_chunk = action_chunk[None, ...]
        rounded = np.around(scipy.fft.dct(action_chunk, axis=1, norm="ortho") * self.scale)
        texts = ["".join(map(chr, np.maximum(one.flatten() - self.min_token, 0).astype(int))) for one in rounded]
        return [self.bpe_tokenizer(text)["input_ids"] for text in texts]

    def decode(self, tokens, *, time_horizon, action_dim):
        actions = []
        for token in tokens:
            text = self.bpe_tokenizer.decode(token)
            coefficients = (np.array(list(map(ord, text))) + self.min_token).reshape(-1, action_dim)
            assert coefficients.shape == (time_horizon, action_dim)
            actions.append(scipy.fft.idct(coefficients / self.scale, axis=0, norm="ortho"))
        return np.stack(actions)
