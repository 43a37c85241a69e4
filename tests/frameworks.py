"""Frameworks that a test needs: it is skipped where they are not installed."""

import warnings

import pytest


def import_or_skip(name):
    """The module; what it warns of while it loads is not the matter of any test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name} is not installed")
