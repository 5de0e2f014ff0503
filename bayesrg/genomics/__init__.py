"""Genomes: mutations, copy number, expression and methylation, encoded as Datasets over patients and genes."""
