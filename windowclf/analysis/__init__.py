"""A Tagger and sentences in, figures out; never a path."""
