"""What every app does with a text."""
