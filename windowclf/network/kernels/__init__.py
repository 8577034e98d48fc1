"""Pure functions on arrays, a forward/backward pair per file; the letters are GRADIENTS.md's."""
