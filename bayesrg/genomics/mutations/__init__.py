"""Mutations: somatic variants read, and encoded as indicators over patients and genes."""
