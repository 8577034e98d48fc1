"""The machine: threads, memory, and files that a crash cannot tear."""
