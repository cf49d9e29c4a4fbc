"""Power loss: what was written when, and what of it may be there when the machine is on again."""
