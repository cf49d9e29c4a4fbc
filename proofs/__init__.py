"""The proofs that the board keeps its promises, and what runs them."""
