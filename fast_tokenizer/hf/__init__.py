"""The tokenizer for transformers: importing this module teaches AutoTokenizer and AutoProcessor to load it.

Needs the extra `hf`. Directories that the package saves load without this import too, with
`trust_remote_code=True`.

Examples:
    >>> import numpy as np, tempfile
    >>> import fast_tokenizer.hf
    >>> from transformers import AutoProcessor
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fast_tokenizer.FastTokenizer.fit(np.zeros((3, 4, 2))).save_pretrained(folder)
    ...     type(AutoProcessor.from_pretrained(folder)).__name__
    'FastActionProcessor'
"""

from fast_tokenizer.hf.action_processor import FastActionProcessor
from fast_tokenizer.hf.action_tokenizer import FastActionTokenizer
from fast_tokenizer.hf.registration import register, register_published_name

__all__ = ["FastActionProcessor", "FastActionTokenizer", "register_published_name"]

register()
