"""Linked issues played in a team's runs: when each is done, and in which week each rising amount of work is."""
