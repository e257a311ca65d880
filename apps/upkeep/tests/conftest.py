"""Fixtures of upkeep: the subsystem's own."""

from apps.ml.tests.conftest import empty_process, nobody_switches_the_machine_off, team, trained

__all__ = ["empty_process", "nobody_switches_the_machine_off", "team", "trained"]
