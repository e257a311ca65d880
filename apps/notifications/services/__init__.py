"""Writes: announce news, send what is due, keep webhooks."""
