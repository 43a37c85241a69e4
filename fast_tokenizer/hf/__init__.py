"""What needs transformers; the extra `hf` brings it."""
