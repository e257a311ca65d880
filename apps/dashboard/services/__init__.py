"""What pages do and keep beyond what other applications offer."""
