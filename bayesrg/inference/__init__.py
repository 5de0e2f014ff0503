"""Inference: fit, diagnose, summarise, save and load any model; the collapsed Gaussian densities that make it fast."""

from bayesrg.inference.diagnosis import Check, Diagnosis, diagnose
from bayesrg.inference.fitting import Sampler, data_of, fit
from bayesrg.inference.storage import load, save
from bayesrg.inference.summarising import summary

__all__ = ["Check", "Diagnosis", "Sampler", "data_of", "diagnose", "fit", "load", "save", "summary"]
