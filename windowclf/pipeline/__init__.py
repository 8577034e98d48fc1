"""A verb a file, from a config or a path to the result, and what a run keeps on disk."""
