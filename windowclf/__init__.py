"""windowclf: train and run window classifiers with hand-derived gradients."""
