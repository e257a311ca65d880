"""The applications; the version is that of the code, as every trained model records it."""

__version__ = "0.1.0"
