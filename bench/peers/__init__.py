"""Our own tiny programs around the peers' published packages, and what builds them."""
