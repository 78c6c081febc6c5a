"""The trail: Merkle tree, signed heads, bill proofs, offline verifier."""
