"""Where the numbers are: the network, its hand-derived gradients, and how it learns."""
