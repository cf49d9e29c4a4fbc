"""Scripts that print how boards compare, as ratios in one run; no test depends on their figures."""
