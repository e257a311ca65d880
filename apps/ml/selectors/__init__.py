"""Reads: rows of the database become records of the core."""
