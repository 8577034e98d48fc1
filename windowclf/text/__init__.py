"""From files to sentences to feature ids, and back; no floating-point number here."""
