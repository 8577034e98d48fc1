"""What the commands do, a module for each, and what a run keeps on disk."""
