"""Measurements that the documentation quotes; `./bench` lists and runs them, each a module with a `main()` of its own."""
