"""Gliomas sampled in several places of known coordinates: biopsies, their genomes, and masks of the tumours."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.datasets.fetching import path
from bayesrg.datasets.reading import read_table
from bayesrg.errors import DataNotFoundError


def glioma_biopsies() -> pd.DataFrame:
    """Return the 266 biopsies of 26 gliomas of the 3D Glioma Atlas, a row each, with their places in the tumour.

    Returns
    -------
    pandas.DataFrame
        Labels, all text: ``sample`` (such as ``P303v1``, by which `glioma_expression` and `glioma_copy_number` join),
        ``patient``, ``tumor`` (the same label: one operation each) and ``region`` (``v1``: the sample without its
        patient). Of the tumour: ``occurrence`` (``Primary``, ``Recurrence1``), ``histology`` (``Astro``, ``Oligo``,
        ``GBM``), ``idh_mutated`` and ``codeleted_1p19q`` (bool) and ``grade`` (2 to 4).

        Of the place, in mm, in 221 biopsies of 23 patients: ``x``, ``y`` and ``z``, named L, P and S at the origin, and
        taken to run towards the left, the back and the top of the head. In 203 of 20 patients, those who have a mask:
        ``distance_to_centroid`` and ``distance_to_periphery`` of the tumour in T2, and ``distance_vr``, whose meaning
        the origin does not tell. Four biopsies of P300 share one place (none has RNA), and so do two of P302.

        Of the tissue: ``idh1_vaf`` (share of reads with mutated IDH1, 263 biopsies), ``purity`` (share of tumour cells
        by FACETS from the exome, 211 biopsies) and ``purity_floored`` (bool: FACETS gave none, and the origin put 0.1),
        ``enhancing`` (1.0 where the place takes up contrast, 0.0 where not; 89 biopsies of 8 patients) and
        ``necrosis`` (percent of the area, 105 biopsies).

    Raises
    ------
    DataNotFoundError
        If the table is not on this machine, or is not the one described here.

    Notes
    -----
    RNA is there for 105 biopsies of 10 patients, 104 of them with coordinates; copy number for 149 of 14 patients, 144
    of them with coordinates. Only P260, P413 and P454 have both RNA and enhancement (40 biopsies with coordinates).
    """
    table = read_table("glioma3d/samples.csv", rows=266, columns=100)
    enhancing = {"yes": 1.0, "no": 0.0}
    floored = table["purity"].notna() & table["FACETS"].isna()
    return pd.DataFrame(
        {
            "sample": table["sample_id"],
            "patient": table["Patient"],
            "tumor": table["Patient"],
            "region": table["SampleName"],
            "occurrence": table["Tumor"],
            "histology": table["Histology"],
            "idh_mutated": table["IDH_Mut"] == 1,
            "codeleted_1p19q": table["X1p19q"] == 1,
            "grade": table["Grade"],
            "x": table["L.Coordinate"],
            "y": table["P.Coordinate"],
            "z": table["S.Coordinate"],
            "distance_to_centroid": table["DistCentroid"],
            "distance_to_periphery": table["DistPeriph"],
            "distance_vr": table["DistVR"],
            "idh1_vaf": table["IDH1_VAF"],
            "purity": table["purity"],
            "purity_floored": floored,
            "enhancing": [enhancing.get(answer, np.nan) for answer in table["MREnhancementWithContrast"]],
            "necrosis": table["per_nec"],
        }
    )


def glioma_expression() -> pd.DataFrame:
    """Return the expression of 105 glioma biopsies: rows ``sample`` as in `glioma_biopsies`, 15,847 genes, in CPM.

    CPM are counts per million reads, not logarithms, of protein-coding genes by symbol.

    Raises
    ------
    DataNotFoundError
        If the table is not on this machine, or is not the one described here.
    """
    return _read_genes("glioma3d/rna_cpm.csv.gz", rows=15847, columns=106)


def glioma_copy_number() -> pd.DataFrame:
    """Return the copy number of 149 glioma biopsies: rows ``sample`` as in `glioma_biopsies`, 17,911 genes, in copies.

    Raises
    ------
    DataNotFoundError
        If the table is not on this machine, or is not the one described here.

    Notes
    -----
    Copies are those of the mixed tissue, 2 being normal: they are not corrected for purity. Where all tumour cells have
    lost one copy, as of chromosome 10 in most glioblastomas, the value is near 2 minus the purity, so that
    log2(copies / 2) follows purity from place to place although the genome does not change. Twelve columns of the
    origin (ten of a recurrence, without a patient's name, and two samples of P260) match no biopsy and are left out.
    """
    table = _read_genes("glioma3d/copynumber_by_gene.csv.gz", rows=17911, columns=162)
    return table.loc[table.index.isin(glioma_biopsies()["sample"].tolist())]


def _read_genes(name: str, *, rows: int, columns: int) -> pd.DataFrame:
    """Return a table by sample and gene from a file that has a row for each gene."""
    table = read_table(name, rows=rows, columns=columns)
    return table.set_index(table.columns[0]).T.rename_axis(index="sample", columns="gene")


@dataclass(frozen=True)
class MaskPlace:
    """Where the first voxel of a mask lies, and how well the distances that were published come out with it.

    Attributes
    ----------
    corner
        L, P and S of the first voxel as stored, in mm.
    centroid_error, periphery_error
        Mean difference in mm between the published distance to the centroid (to the periphery) of the patient's
        biopsies and that measured in the mask.
    """

    corner: tuple[float, float, float]
    centroid_error: float
    periphery_error: float


_MASKS = {
    "P260": MaskPlace((118.7, 67.9, -86.5), 0.26, 0.46),
    "P276": MaskPlace((131.1, 97.3, -95.8), 0.29, 0.58),
    "P300": MaskPlace((128.7, 85.5, -87.7), 0.14, 0.48),
    "P303": MaskPlace((128.7, 88.9, -76.6), 0.16, 0.54),
    "P327": MaskPlace((130.1, 93.4, -90.7), 0.28, 0.60),
    "P340": MaskPlace((127.1, 80.4, -90.6), 0.20, 0.50),
    "P372": MaskPlace((130.3, 89.5, -79.6), 0.17, 0.44),
    "P373": MaskPlace((112.2, 81.5, -96.5), 0.18, 0.85),
    "P375": MaskPlace((128.0, 88.7, -108.6), 0.16, 0.35),
    "P413": MaskPlace((128.0, 75.3, -83.0), 0.28, 0.98),
    "P450": MaskPlace((138.7, 86.1, -75.4), 0.29, 1.79),
    "P452": MaskPlace((132.1, 94.4, -61.6), 0.20, 2.55),
    "P453": MaskPlace((134.1, 88.2, -73.2), 0.20, 0.55),
    "P454": MaskPlace((166.9, 76.4, -120.3), 0.15, 0.90),
    "P455": MaskPlace((132.1, 107.9, -84.6), 0.17, 1.47),
    "P457": MaskPlace((131.5, 95.6, -90.2), 0.28, 1.05),
    "P475": MaskPlace((129.7, 104.5, -68.9), 1.19, 1.48),
    "P481": MaskPlace((124.4, 99.7, -105.8), 0.13, 0.28),
    "P482": MaskPlace((117.3, 106.6, -99.4), 0.18, 0.60),
    "P485": MaskPlace((127.2, 76.7, -75.9), 1.95, 1.21),
}


def glioma_mask(patient: str) -> xr.DataArray:
    """Return the tumour of a patient of `glioma_biopsies` in T2, with the coordinates of the biopsies on its axes.

    Parameters
    ----------
    patient
        Such as ``"P303"``; 20 patients have a mask.

    Returns
    -------
    xarray.DataArray
        Booleans with dims ``z``, ``y``, ``x`` and these coordinates in mm, all ascending (1 x 1 x 1.5 mm; P340: 0.5 x
        0.5 x 0.6), so that ``mask.sel(z=biopsy.z, method="nearest")`` is the slice of a biopsy. Attributes
        ``centroid_error`` and ``periphery_error`` (mm): see `MaskPlace`.

    Raises
    ------
    DataNotFoundError
        If the patient has no mask, or it is not on this machine.

    Notes
    -----
    The origin does not say where its masks lie. Their axes run against L, against P and with S: of all eight choices
    this one alone gives the published distances in nearly all patients. The rest is a shift, found for each patient by
    least squares from the published distances of the biopsies to the centroid of the mask and to its edge (voxels that
    touch the outside by a face). In 15 patients both come out within about a voxel (means of at most 0.3 and 1.1 mm).
    In P450, P452 and P455 the distances to the centroid do, and those to the periphery do not (1.5 to 2.6 mm), as if
    they had been measured in another mask; in P475 and P485 some biopsies contradict any shift.
    """
    if patient not in _MASKS:
        raise DataNotFoundError(f"{patient!r} has no mask of its tumour; expected one of {', '.join(_MASKS)}.")
    place = _MASKS[patient]
    with np.load(path(f"glioma3d/mask_t2_{patient.replace('P', 'Patient')}.npz")) as stored:
        mask, spacing = stored["mask"].astype(bool), stored["adj"]
    steps = [np.arange(size) * step for size, step in zip(mask.shape, spacing, strict=True)]
    left, back, top = place.corner
    across = xr.DataArray(
        mask,
        dims=("x", "y", "z"),
        coords={"x": left - steps[0], "y": back - steps[1], "z": top + steps[2]},
        name=patient,
        attrs={"centroid_error": place.centroid_error, "periphery_error": place.periphery_error},
    )
    return across.sortby(["x", "y"]).transpose("z", "y", "x")
