"""Regions as arrays: blocks, pairs, the columns of the mean, and the values with a mask of those that are known."""

from functools import cached_property

import numpy as np
import xarray as xr


class RegionLayout:
    """What a multi-region model computes with, from the Dataset of `lay_out_regions`.

    Parameters
    ----------
    data : Dataset of `MultiRegion.prepare`
    contextual : whether the tumours' means of the genes have slopes of their own

    Attributes
    ----------
    columns : ndarray (region, column), the mean's design: a constant, genes, their tumour means, covariates, batches
    parts : name of the mean's part -> its columns, as slices
    start, first : where each patient's block begins among regions and among pairs, and the ends
    """

    def __init__(self, data: xr.Dataset, contextual: bool) -> None:
        self.data = data
        self.genome = data["genome"].values
        n = self.genome.shape[0]
        columns = {"mu": np.ones((n, 1)), "B_0": self.genome}
        if contextual:
            columns["contextual"] = data["context"].values
        if data.sizes["covariate"]:
            columns["gamma"] = data["covariates"].values
        if data.sizes["level"]:
            columns["batch_effect"] = np.eye(data.sizes["level"])[data["batch_index"].values]
        self.columns = np.concatenate(list(columns.values()), axis=1)
        ends = np.cumsum([own.shape[1] for own in columns.values()])
        self.parts = {
            name: slice(int(end) - own.shape[1], int(end))
            for (name, own), end in zip(columns.items(), ends, strict=True)
        }
        sizes = np.bincount(data["patient_index"].values, minlength=data.sizes["patient"])
        self.start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.first = np.concatenate([[0], np.cumsum(sizes * (sizes + 1) // 2)]).astype(np.int64)
        self.row, self.column = data["pair_row"].values, data["pair_column"].values
        self.in_tumor = data["pair_in_tumor"].values
        self.tumor = data["tumor_index"].values
        self.n_tumors = data.sizes["tumor"]

    @property
    def several_tumors(self) -> bool:
        """Whether any patient has several tumours: only then a patient's own variance can be told from a tumour's."""
        return self.data.sizes["patient"] < self.n_tumors

    @cached_property
    def diagonal(self) -> np.ndarray:
        """1 where a pair is a region with itself, shape (region_pair,)."""
        return (self.row == self.column).astype(float)

    @cached_property
    def products(self) -> np.ndarray:
        """Products of both regions' genes, shape (region_pair, gene)."""
        return self.genome[self.row] * self.genome[self.column]

    @cached_property
    def value(self) -> np.ndarray:
        """Features (…, region, feature), zero where they are missing."""
        return np.nan_to_num(self.data["value"].transpose(..., "region", "feature").values)

    @cached_property
    def mask(self) -> np.ndarray:
        """1 where a feature is known, else 0, shape (region, feature)."""
        known = ~np.isnan(self.data["value"].transpose(..., "region", "feature").values)
        return known.reshape(-1, *known.shape[-2:])[0].astype(float)

    @cached_property
    def known_covariance(self) -> np.ndarray | None:
        """Covariance of measurement errors that is known beforehand, (region_pair, feature); None without any."""
        if "measurement_covariance" not in self.data:
            return None
        return self.data["measurement_covariance"].transpose("region_pair", "feature").values

    @property
    def blocks(self) -> list[slice]:
        """Regions of each patient."""
        return [slice(int(a), int(b)) for a, b in zip(self.start[:-1], self.start[1:], strict=True)]

    def tumors(self) -> list[tuple[int, np.ndarray]]:
        """Of each tumour, its block and the places of its regions within the block."""
        found = []
        for tumor in range(self.n_tumors):
            rows = np.flatnonzero(self.tumor == tumor)
            block = int(np.searchsorted(self.start, rows[0], side="right")) - 1
            found.append((block, rows - self.start[block]))
        return found

    def square(self, pairs: np.ndarray, block: int) -> np.ndarray:
        """A block's symmetric matrices (…, n, n) from an array over all pairs (…, region_pair)."""
        own = pairs[..., self.first[block] : self.first[block + 1]]
        size = int(self.start[block + 1] - self.start[block])
        row, column = np.tril_indices(size)
        matrix = np.empty((*own.shape[:-1], size, size))
        matrix[..., row, column] = own
        matrix[..., column, row] = own
        return matrix

    def compare_pairs(self, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean variance of regions and mean covariance of two regions of a tumour, of a process (…, region_pair).

        Both are averaged over tumours with two regions or more. Their difference is the expected variance among a
        tumour's regions, with n - 1 as divisor. Of a process that adds up to zero in each tumour, as a graph's does,
        the covariance is negative.
        """
        several = np.bincount(self.tumor, minlength=self.n_tumors) > 1
        if not several.any():
            return covariance[..., self.diagonal > 0].mean(axis=-1), np.zeros(covariance.shape[:-1])
        means = []
        for kind in (self.diagonal > 0, (self.in_tumor > 0) & (self.diagonal == 0)):
            chosen = kind & several[self.tumor[self.row]]
            tumor = self.tumor[self.row[chosen]]
            weight = 1.0 / (np.bincount(tumor, minlength=self.n_tumors)[tumor] * several.sum())
            means.append(covariance[..., chosen] @ weight)
        return means[0], means[1]
