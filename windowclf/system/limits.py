"""Bounds on what one input may ask of the machine, where several layers share them."""

LONGEST_SENTENCE = 100_000  # tokens, for a network that takes a sentence as a whole
CACHE_MB = 96.0  # megabytes for rows of frequent tokens, for each thread that tags
TEMPERATURES = (0.05, 20.0)  # of a model: least and greatest
