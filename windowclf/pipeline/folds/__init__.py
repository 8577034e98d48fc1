"""Cross-validation: which fold is trained when, and what is kept of it."""
