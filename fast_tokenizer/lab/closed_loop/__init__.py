"""Robots of a simulator: demonstrations of them, and heads that act on them."""
