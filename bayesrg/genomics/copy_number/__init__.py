"""Copy number: depth, segments and genes, corrected for purity and put into classes."""
