"""People's names and addresses in texts: found however they are written, and told from others'."""
