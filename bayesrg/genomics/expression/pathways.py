"""Scores of gene sets in each patient: the mean of z-scores over the cohort, and single-sample GSEA."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr
from scipy import sparse

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.expression.gene_sets import GeneSets
from bayesrg.genomics.matrix import Across, as_matrix
from bayesrg.genomics.offenders import name_some
from bayesrg.history import step, with_step

Method = Literal["mean_z", "ssgsea"]

_LOGARITHMS = ("log2_tpm", "log2_fpkm", "log2_cpm")


def score_pathways(
    expression: pd.DataFrame | xr.DataArray | xr.Dataset,
    gene_sets: Mapping[str, Sequence[str]],
    *,
    method: Method = "mean_z",
    minimum_genes: int = 5,
    alpha: float = 0.25,
    normalise: bool = False,
    across: Across = "rows",
) -> xr.Dataset:
    r"""Return how active each gene set is in each patient, dims (unit, pathway).

    Parameters
    ----------
    expression
        Logarithms of expression, such as log2(1 + TPM): a DataFrame with a gene a row, a DataArray with dims (unit,
        gene), or a Dataset with one of the variables ``log2_tpm``, ``log2_fpkm``, ``log2_cpm``.
    gene_sets
        Genes by name of the set, as `bayesrg.genomics.expression.gene_sets.read_gmt` returns them.
    method
        ``"mean_z"``: each gene is standardised over the units of this cohort (mean 0, standard deviation 1 with n - 1),
        and the score is the mean over the genes of the set. Genes that are constant, or measured in fewer than two
        units, have no z-score and take no part. A score is relative to the cohort, and changes with it.
        ``"ssgsea"``: the single-sample enrichment score of Barbie et al., which uses one unit's ranks only: with genes
        in falling order of expression, and :math:`r_j` the rank of a gene from the lowest (mean ranks for ties),

        .. math:: \sum_i \Big( \frac{\sum_{j \le i, j \in G} r_j^\alpha}{\sum_{j \in G} r_j^\alpha}
                  - \frac{\#\{j \le i, j \notin G\}}{\#\{j \notin G\}} \Big).

        It is computed by gseapy, which comes with ``pip install "bayesrg[ssgsea]"``, from all genes of the
        matrix. Among genes of equal expression, such as all that are 0, the alphabet decides: they are taken in the
        order of their names, so that the score is the same for every order of the table, but no less arbitrary.
    minimum_genes
        Sets with fewer genes in the matrix are left out with a warning. Where missing values leave a unit fewer, its
        score is missing.
    alpha
        Weight of the ranks in ssGSEA; 0.25 is the published choice, 0 gives all genes the same weight.
    normalise
        Whether ssGSEA scores are divided by the range of all scores of all units, as Barbie et al. did for comparing
        cohorts. A unit's score then depends on the others.
    across
        Where the genes of a DataFrame run.

    Returns
    -------
    xr.Dataset
        ``pathway_score`` (unit, pathway) with the coordinates ``n_genes`` (genes in the set), ``n_measured`` (those
        that the score uses) and ``description`` along ``pathway``. Attributes: ``pathways_left_out``,
        ``n_pathways_left_out``, ``n_genes_constant`` (genes of the matrix without a z-score).

    Raises
    ------
    TableError
        Expression is damaged, or has missing values (ssGSEA only), no set has genes enough, or one unit only (mean_z).
    SettingsError
        An option is out of range, or gseapy is not installed.

    Notes
    -----
    Barbie et al. (2009), doi:10.1038/nature08460, supplement; mean z as in Lee et al. (2008),
    doi:10.1371/journal.pcbi.1000217, who divide the sum by the root of the number of genes and not by the number.

    Examples
    --------
    >>> expression = pd.DataFrame({"P1": [1.0, 5.0, 2.0], "P2": [3.0, 7.0, 2.0]}, index=["TP53", "MDM2", "ACTB"])
    >>> scores = score_pathways(expression, {"P53": ("TP53", "MDM2", "CDKN1A")}, minimum_genes=2)
    >>> scores.pathway_score.sel(pathway="P53").round(4).values
    array([-0.7071,  0.7071])
    >>> scores.n_genes.item(), scores.n_measured.item(), scores.attrs["n_genes_constant"]
    (3, 2, 1)
    """
    if method not in get_args(Method):
        raise SettingsError(f"method={method!r}: expected one of {', '.join(get_args(Method))}")
    if minimum_genes < 1:
        raise SettingsError(f"minimum_genes={minimum_genes}: expected at least 1")
    if not (np.isfinite(alpha) and alpha >= 0):
        raise SettingsError(f"alpha={alpha}: expected a number at least 0")
    if normalise and method != "ssgsea":
        raise SettingsError("normalise divides ssGSEA scores by their range; leave it out with method='mean_z'")
    values = as_matrix(_find_logarithms(expression), across=across, what="values of expression")
    if method == "mean_z":
        matrix, usable = _standardise(values)
    else:
        _refuse_missing(values)
        matrix, usable = values.values, np.ones(values.sizes["gene"], dtype=bool)
    members, names, left_out = _find_members(gene_sets, values["gene"].values, usable, minimum_genes, method)
    if method == "mean_z":
        scores = _mean_of_members(matrix, members, minimum_genes)
    else:
        scores = _enrichment(values, members, alpha, normalise)
    descriptions = gene_sets.descriptions if isinstance(gene_sets, GeneSets) else {}
    unit = str(values.dims[0])
    array = xr.DataArray(
        scores, {unit: values[unit], "pathway": names}, (unit, "pathway"), attrs=_attributes(method, normalise)
    )
    data = array.to_dataset(name="pathway_score").assign_coords(
        {name: coord for name, coord in values.coords.items() if coord.dims == (unit,)}
    )
    data = data.assign_coords(
        n_genes=("pathway", [len(set(gene_sets[name])) for name in names]),
        n_measured=("pathway", [len(places) for places in members]),
        description=("pathway", [str(descriptions.get(name, "")) for name in names]),
    ).assign_attrs(pathways_left_out=", ".join(left_out), n_pathways_left_out=len(left_out))
    if method == "mean_z":
        data.attrs["n_genes_constant"] = int((~usable).sum())
    source = gene_sets.source if isinstance(gene_sets, GeneSets) else None
    settings = {"alpha": alpha, "normalise": normalise} if method == "ssgsea" else {}
    line = step("score_pathways", source=source, method=method, minimum_genes=minimum_genes, **settings)
    return with_step(data, line, *([expression] if isinstance(expression, xr.Dataset | xr.DataArray) else []))


def _find_logarithms(expression: pd.DataFrame | xr.DataArray | xr.Dataset) -> pd.DataFrame | xr.DataArray:
    """Return the one variable of a Dataset that holds logarithms of expression; anything else as it is."""
    if not isinstance(expression, xr.Dataset):
        return expression
    found = [name for name in _LOGARITHMS if name in expression]
    if len(found) != 1:
        raise TableError(
            f"the dataset has {' and '.join(found) or 'none'} of {', '.join(_LOGARITHMS)}, expected one; hand over "
            "the variable to score, such as data['log2_tpm']"
        )
    return expression[found[0]]


def _standardise(values: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Return z-scores over units (NaN where missing), shape (unit, gene), and which genes have any."""
    if values.shape[0] < 2:
        raise TableError(
            f"expression of one {values.dims[0]} only: a z-score needs a cohort; give more, or use method='ssgsea'"
        )
    given = values.values
    n = np.count_nonzero(~np.isnan(given), axis=0)
    mean = np.nansum(given, axis=0) / np.maximum(n, 1)
    centred = given - mean
    sd = np.sqrt(np.nansum(centred**2, axis=0) / np.maximum(n - 1, 1))
    # A constant gene may keep a spread of rounding errors.
    usable = (n > 1) & (sd > 1e-12 * np.abs(mean))
    centred /= np.where(usable, sd, np.nan)
    return centred, usable


def _refuse_missing(values: xr.DataArray) -> None:
    missing = np.isnan(values.values)
    if missing.any():
        row, column = np.argwhere(missing)[0]
        unit = str(values.dims[0])
        raise TableError(
            f"expression of gene {str(values['gene'].values[column])!r} in {unit} {str(values[unit].values[row])!r} is "
            f"missing ({int(missing.sum())} such values); ssGSEA ranks all genes of a {unit}: leave out such genes, or "
            "use method='mean_z'"
        )


def _find_members(
    gene_sets: Mapping[str, Sequence[str]], genes: np.ndarray, usable: np.ndarray, minimum: int, method: str
) -> tuple[list[np.ndarray], list[str], list[str]]:
    """Return the places of each set's usable genes, the names of those sets, and of those left out."""
    if not gene_sets:
        raise TableError("there are no gene sets; expected a mapping from names to genes")
    place = {str(gene): number for number, gene in enumerate(genes) if usable[number]}
    names, rows, left_out = [], [], []
    for name, listed in gene_sets.items():
        if isinstance(listed, str):
            raise TableError(
                f"gene set {name!r} is the text {listed!r}, expected a sequence of genes; write [{listed!r}]"
            )
        found = np.array(sorted({place[gene] for gene in listed if gene in place}), dtype=np.int64)
        everything = method == "ssgsea" and len(found) == len(genes)
        if len(found) < minimum or everything:
            left_out.append(str(name))
        else:
            names.append(str(name))
            rows.append(found)
    if not names:
        example = next(iter(gene_sets.values()))
        raise TableError(
            f"none of {len(gene_sets)} gene sets has {minimum} genes or more in the expression, whose genes are like "
            f"{', '.join(map(str, genes[:3]))}, and those of the sets like {', '.join(map(str, list(example)[:3]))}; "
            "use the same identifiers in both, or lower minimum_genes"
        )
    if left_out:
        warnings.warn(
            f"{name_some(left_out, 'gene set')} left out of {len(gene_sets)}: fewer than {minimum} genes with a value"
            + (", or all genes there are" if method == "ssgsea" else ""),
            stacklevel=3,
        )
    return rows, names, left_out


def _mean_of_members(scores: np.ndarray, members: list[np.ndarray], minimum: int) -> np.ndarray:
    """Return the mean z-score of each set's genes, shape (unit, pathway)."""
    starts, genes = np.cumsum([0, *map(len, members)]), np.concatenate(members)
    belongs = sparse.csr_array((np.ones(len(genes)), genes, starts), shape=(len(members), scores.shape[1]))
    missing = np.isnan(scores)
    sums = (belongs @ np.where(missing, 0, scores).T).T
    n = (belongs @ (~missing).T.astype(float)).T
    return np.where(n >= minimum, sums / np.maximum(n, 1), np.nan)


def _enrichment(values: xr.DataArray, members: list[np.ndarray], alpha: float, normalise: bool) -> np.ndarray:
    """Return ssGSEA scores by gseapy, shape (unit, pathway)."""
    try:
        import gseapy
    except ImportError:
        raise SettingsError(
            "method='ssgsea' needs gseapy, which is not installed: pip install \"bayesrg[ssgsea]\" (or pip install "
            "gseapy), or use method='mean_z'"
        ) from None
    # Labels of our own, because gseapy changes the case of some genes and the types of some samples.
    labels = np.array([f"G{number}" for number in range(values.sizes["gene"])])
    units = [f"U{number}" for number in range(values.shape[0])]
    sets = {f"P{number}": labels[places].tolist() for number, places in enumerate(members)}
    # Of genes of equal expression gseapy takes the last first.
    order = np.argsort(values["gene"].values)[::-1]
    with warnings.catch_warnings():
        # gseapy 1.3 calls pandas in a way that pandas 3.1 announces to end, which is none of the user's doing.
        warnings.filterwarnings("ignore", "The inplace keyword", DeprecationWarning)
        result = gseapy.ssgsea(
            data=pd.DataFrame(values.values.T[order], index=labels[order], columns=units),
            gene_sets=sets,
            outdir=None,
            sample_norm_method="rank",
            correl_norm_type="rank",
            weight=alpha,
            min_size=1,
            max_size=len(labels),
            permutation_num=0,
            threads=1,
            no_plot=True,
        )
    table = pd.DataFrame(result.res2d).pivot(index="Name", columns="Term", values="ES")
    scores = table.loc[units, list(sets)].to_numpy(dtype=float)
    if not normalise:
        return scores
    extent = scores.max() - scores.min()
    if extent == 0:
        raise TableError(
            "all ssGSEA scores are equal, so that their range is 0; leave normalise out, or add sets or units"
        )
    return scores / extent


def _attributes(method: Method, normalise: bool) -> dict[str, str]:
    if method == "mean_z":
        return {"long_name": "mean of z-scores of the pathway's genes", "units": "1"}
    return {
        "long_name": "single-sample enrichment score" + (" over the range of all" if normalise else ""),
        "units": "1",
    }
