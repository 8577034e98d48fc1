"""What data/generate.py is made of: a template language and one module per corpus."""
