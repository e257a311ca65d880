"""What answers each page: who asks, what is shown, the template around it."""
