"""Measurements that the documentation quotes: `./bench` lists and runs them, a module each."""
