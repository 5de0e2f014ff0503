"""Methylation: beta and M values of CpG sites, genes and intervals."""
