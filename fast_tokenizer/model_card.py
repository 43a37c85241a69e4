"""The README of a tokenizer on the Hugging Face hub."""

from __future__ import annotations

from fast_tokenizer.codecs import FastCodec
from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer.normalizer_set import NormalizerSet
from fast_tokenizer.serialization import SavedTokenizer

_CARD = """---
library_name: fast_tokenizer
tags:
- robotics
- action-tokenizer
- vision-language-action
---

# {repository}

An action tokenizer for vision-language-action models: chunks of robot actions to tokens and back, by
[FAST](https://arxiv.org/abs/2501.09747) (DCT over time, rounding, byte-pair encoding). Written by the Python
package `fast_tokenizer`.

| | |
|---|---|
| scheme | `{scheme}` |
| action ids | {size} (pad {pad}, eos {eos}, mask {mask}) |
| merges | {merges} |
| scale | {scale} |
| coefficients | {low}..{high}: others are clipped |
| chunk | {horizon} steps of {dim} dimensions |

{units}

With the package, `pip install fast_tokenizer` (add `[hf]` for the classes of transformers):

```python
from fast_tokenizer import FastTokenizer

tokenizer = FastTokenizer.from_pretrained("{repository}")
tokens = tokenizer(actions{embodiment})  # [horizon, action_dim] or [batch, horizon, action_dim]
actions = tokenizer.decode(tokens{embodiment})
```

With transformers alone, slower:

```python
from transformers import AutoProcessor

processor = AutoProcessor.from_pretrained("{repository}", trust_remote_code=True)
tokens = processor({normalize})
actions = processor.decode(tokens, time_horizon={horizon_example}, action_dim={dim_example}){unnormalize}
```

Ids that are no action of the wanted shape raise an error; they never become zeros.
"""

_NORMALISED = """\
**The input must be normalised** to about [-1, 1] in each dimension (the paper maps the 1st and 99th percentile of
the training data there), and what is decoded is normalised too. Statistics of a robot are not part of this
repository."""

_ROBOT_UNITS = """\
**With the package, actions are in the robot's units**: `normalizer.json` brings them to about [-1, 1] and back
(embodiments: {embodiments}). **Classes for transformers, the published processor too, do not read that file: they
take normalised actions, and give such.** For them, normalise as the file says:

```python
from fast_tokenizer.normalizer_set import NormalizerSet

normalizer = NormalizerSet.load("normalizer.json").select({select})  # the file of this repository
```"""


def model_card(tokenizer: SavedTokenizer, repository: str) -> str:
    """Writes the card: provenance, figures, how to use it.

    Args:
        tokenizer: What the repository holds.
        repository: Its id.

    Raises:
        FastTokenizerError: If it is no FAST tokenizer: the published layout, which the card explains, holds no
            other.
    """
    codec, vocabulary = tokenizer.codec, tokenizer.codec.vocabulary
    if not isinstance(codec, FastCodec):
        raise FastTokenizerError(
            f"{repository} would hold a {type(codec).__name__}, which only this package reads: save it with "
            "save_pretrained, and upload the folder with a card of your own"
        )
    return _CARD.format(
        repository=repository,
        scheme=codec.scheme,
        size=vocabulary.size,
        pad=vocabulary.pad_id,
        eos=vocabulary.eos_id,
        mask=vocabulary.mask_id,
        merges=len(codec.merges),
        scale=codec.scale,
        low=codec.min_coefficient,
        high=codec.max_coefficient,
        horizon=tokenizer.time_horizon or "any number of",
        dim=tokenizer.action_dim or "any number of",
        horizon_example=tokenizer.time_horizon or 50,
        dim_example=tokenizer.action_dim or 14,
        **_how_to_normalise(tokenizer.normalizer),
    )


def _how_to_normalise(normalizers: NormalizerSet | None) -> dict[str, str]:
    """What the card says of units, and the code that is different with a normaliser."""
    if normalizers is None:
        return {"units": _NORMALISED, "embodiment": "", "normalize": "actions", "unnormalize": ""}
    needed = "" if normalizers.default is not None else repr(next(iter(normalizers)))
    names = ", ".join(f"`{name}`" + " (default)" * (name == normalizers.default) for name in normalizers)
    return {
        "units": _ROBOT_UNITS.format(embodiments=names, select=needed),
        "embodiment": needed and f", embodiment={needed}",
        "normalize": "normalizer.normalize(actions)",
        "unnormalize": "\nactions = normalizer.unnormalize(actions)",
    }
