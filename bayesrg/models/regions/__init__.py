"""Regions of tumours: how they are laid out, how their coefficients vary in space, and what follows given the data."""
