"""Fixtures of upkeep: the subsystem's own."""

from apps.ml.tests.conftest import empty_process, team, trained

__all__ = ["empty_process", "team", "trained"]
