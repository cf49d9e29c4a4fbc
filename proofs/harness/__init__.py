"""What drives a board, watches it and judges it."""
