"""The administration: Django's own, more careful with what it is sent."""
