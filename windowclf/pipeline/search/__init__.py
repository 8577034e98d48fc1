"""The search for a good config: what is tried, in which order, and what is kept of it."""
