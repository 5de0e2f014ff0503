"""Tumours sampled in several places, as tables: biopsies of gliomas, regions of glioblastomas and of renal tumours."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.datasets.fetching import path
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
    table = _read("glioma3d/samples.csv", rows=266, columns=100)
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
    table = _read("glioma3d/rna_cpm.csv.gz", rows=15847, columns=106, index=True).T
    return table.rename_axis(index="sample", columns="gene")


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
    table = _read("glioma3d/copynumber_by_gene.csv.gz", rows=17911, columns=162, index=True).T
    known = table.index.isin(glioma_biopsies()["sample"].tolist())
    return table.loc[known].rename_axis(index="sample", columns="gene")


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


def ivygap_regions() -> pd.DataFrame:
    """Return 50 regions of 28 glioblastomas with scores of pathways and features of the image, a row each.

    Returns
    -------
    pandas.DataFrame
        ``patient`` (text, such as ``W1``), ``compartment`` (text: ``ET`` enhancing tumour in all 28 patients, ``NET``
        non-enhancing core in 15, ``ED`` oedema in 7), then 11 columns ``z_pw_*`` (enrichment of a pathway, in standard
        deviations over all regions) and the columns ``z_rad_*`` (features of the image, in standard deviations over the
        regions of the same compartment, so that no feature differs in mean between compartments). Nothing is missing.
        Attributes of the table, by column: ``attrs["pathway"]`` and ``attrs["feature"]`` hold the names.

    Raises
    ------
    DataNotFoundError
        If the tables are not on this machine, or not those described here.

    Notes
    -----
    Features are of the whole compartment, from one set of images (IvyGAP-Radiomics). A pathway is scored in pieces of
    tissue by RNA sequencing, and averaged over the pieces of a patient whose histology the origin equates with the
    compartment (cellular tumour and microvascular proliferation: ET; cells around necrosis: NET; infiltrating tumour
    and leading edge: ED): nobody knows where in the compartment a piece came from, and there are no coordinates.

    The features were screened on these same regions: for each pathway those with a rank correlation of FDR below 0.1 in
    any compartment, at most five. The origin tested 12 of its 24 pathways and calls one significant, inflammatory
    response (``pw_4``); the tables on this machine hold the other 11.
    """
    columns: dict[str, pd.Series] = {}
    for number in _PATHWAYS:
        table = _read(f"ivygap/frame_pw_{number}.csv", rows=50).set_index(["patient_id", "subcompartment"]).sort_index()
        columns |= {str(name): column for name, column in table.items()}
    scores = [f"z_pw_{number}" for number in _PATHWAYS]
    features = sorted((name for name in columns if name.startswith("z_rad_")), key=lambda name: int(name[6:]))
    pathways = _names("all_24_pathways_status", "pw_col", "pathway_name")
    names = _names("feature_lookup", "rad_col", "feature_name")
    result = pd.DataFrame({name: columns[name] for name in [*scores, *features]}).reset_index(
        names=["patient", "compartment"]
    )
    result.attrs["pathway"] = {name: pathways[name.removeprefix("z_")] for name in scores}
    result.attrs["feature"] = {name: names[name.removeprefix("z_")] for name in features}
    return result


def ivygap_coefficients() -> pd.DataFrame:
    """Return the published fixed effects of 11 mixed models, pathway ~ features + compartment + (1 | patient).

    Returns
    -------
    pandas.DataFrame
        ``pathway`` (``z_pw_1`` ...), ``pathway_name``, ``term`` (``(Intercept)``, a column ``z_rad_*`` of
        `ivygap_regions`, ``subcompartmentNET``, ``subcompartmentED``; the reference is ET), ``estimate``,
        ``standard_error``, ``degrees_of_freedom`` (Satterthwaite), ``p_value``, ``lower`` and ``upper`` (95 %
        confidence interval). Estimates are in standard deviations of the pathway for one of the feature.

    Raises
    ------
    DataNotFoundError
        If the tables are not on this machine, or not those described here.
    """
    names = _names("all_24_pathways_status", "pw_col", "pathway_name")
    rows = []
    for number in _PATHWAYS:
        table = _read(f"ivygap/coef_pw_{number}.csv", columns=9)
        table = table[table["effect"] == "fixed"]
        rows.append(
            pd.DataFrame(
                {
                    "pathway": f"z_pw_{number}",
                    "pathway_name": names[f"pw_{number}"],
                    "term": table["term"],
                    "estimate": table["estimate"],
                    "standard_error": table["std.error"],
                    "degrees_of_freedom": table["df"],
                    "p_value": table["p.value"],
                    "lower": table["conf.low"],
                    "upper": table["conf.high"],
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


_PATHWAYS = (1, 2, 3, 5, 8, 12, 13, 14, 15, 16, 22)


def _names(table: str, code: str, name: str) -> dict[str, str]:
    """Return the names that a table of the IvyGAP folder gives to its codes."""
    known = _read(f"ivygap/{table}.csv")
    return dict(zip(known[code], known[name], strict=True))


def renal_regions() -> pd.DataFrame:
    """Return 1,027 regions of 79 renal tumours (66 patients) of TRACERx Renal with their places in one plane.

    Returns
    -------
    pandas.DataFrame
        Labels, all text: ``patient`` (``K386``), ``tumor`` (``K386_1``: several tumours or blocks of a patient have a
        suffix) and ``region`` (``R1``). Of the place, in mm: ``x`` and ``y`` (each tumour in its own photograph, whose
        axes are arbitrary), ``distance_to_boundary`` and ``max_diameter`` (of the tumour). Measured in some regions:
        ``ki67`` (0 to 17.5, it seems percent of nuclei; 454 regions), ``necrosis`` (1.0 or 0.0, 832 regions), ``grade``
        (1 to 4, 492 regions) and ``metastasising_clone`` (1.0 or 0.0, 259 regions).

    Raises
    ------
    DataNotFoundError
        If the tables are not on this machine, or not those described here.

    Notes
    -----
    Millimetres are inferred: the origin calls a region central exactly where ``distance_to_boundary`` exceeds 10, so a
    centimetre; and in 78 of 79 tumours the largest distance between regions is 0.34 to 0.94 of the tumour's diameter,
    which is 14 to 180. The other is K059, whose diameter of 17 cannot be right (its regions lie up to 149 apart).

    Region names differ between the origin's tables (``K059-R2``, ``K059.R2``, and ``K071-R1`` for a region of
    ``K071_1``). Those that leave out the tumour are joined where a patient has that region once; all 242 so joined
    agree in being central or marginal. Eleven rows of necrosis (K114, K334: the name stands for two regions; K097: it
    is not among the places) and one of grade (K334) cannot be joined. wGII is published without names (748 values),
    and is left out. Distances between regions are those of ``x`` and ``y``, see `renal_pairs` for the genomes'.
    """
    places = _read("tracerx_renal/Source_data_fig1d.csv", rows=1027, columns=6)
    sizes = _read("tracerx_renal/Source_data_fig1c.csv", rows=79, columns=3)
    diameter = dict(zip(sizes["ID"].str.upper(), sizes["max_diameter"], strict=True))
    table = pd.DataFrame(
        {
            "patient": places["Sample"].str.split("_").str[0],
            "tumor": places["Sample"],
            "region": places["Region"],
            "x": places["X"],
            "y": places["Y"],
            "distance_to_boundary": places["disto_boundary"],
            "max_diameter": [diameter[tumor] for tumor in places["Sample"]],
        }
    )
    proliferation = _read("tracerx_renal/Source_data_fig2c.csv", rows=454, columns=6)
    necrosis = _read("tracerx_renal/Source_data_fig2d.csv", rows=843, columns=4)
    grade = _read("tracerx_renal/Source_data_fig2e.csv", rows=495, columns=4)
    clone = _read("tracerx_renal/Source_data_fig2f.csv", rows=259, columns=4)
    proliferating = zip(proliferation["Patient"], proliferation["RegionID"], strict=True)
    seeding = [float(kind == "Metastasising clone") for kind in clone["meclone"]]
    measured = {
        "ki67": ([f"{patient}-{region}" for patient, region in proliferating], proliferation["Ki67"].tolist()),
        "necrosis": (necrosis["Code1"].tolist(), necrosis["necrosis"].astype(float).tolist()),
        "grade": (grade["Code"].tolist(), grade["Grade"].astype(float).tolist()),
        "metastasising_clone": ([label.replace(".", "-", 1) for label in clone["Code1"]], seeding),
    }
    for name, (labels, values) in measured.items():
        table[name] = _at_regions(table, labels, values)
    return table


def renal_pairs() -> pd.DataFrame:
    """Return 6,118 pairs of regions of the same renal tumour with the distances of their genomes and of their places.

    Returns
    -------
    pandas.DataFrame
        ``tumor``, ``region``, ``other`` (as in `renal_regions`), ``genomic_distance`` (Euclidean, of the presence of
        drivers and copy-number events: squares are whole numbers) and ``distance`` (mm). Four pairs of the origin, of
        K097 and K114, name regions that have no place, and are left out.

    Raises
    ------
    DataNotFoundError
        If the table is not on this machine, or is not the one described here.
    """
    pairs = _read("tracerx_renal/Source_data_fig_5b.csv", rows=6122, columns=9)
    places = _read("tracerx_renal/Source_data_fig1d.csv", rows=1027, columns=6)
    known = set(zip(places["Sample"], places["Region"], strict=True))
    ends = zip(pairs["ID"], pairs["Pair1"], pairs["Pair2"], strict=True)
    chosen = pairs[[(tumor, one) in known and (tumor, other) in known for tumor, one, other in ends]]
    return pd.DataFrame(
        {
            "tumor": chosen["ID"],
            "region": chosen["Pair1"],
            "other": chosen["Pair2"],
            "genomic_distance": chosen["Genomic_distance"],
            "distance": chosen["Spatial_disabs"],
        }
    ).reset_index(drop=True)


def _at_regions(table: pd.DataFrame, labels: list[str], values: list[float]) -> list[float]:
    """Return values at the regions that their labels name, with the tumour or, where that is enough, the patient."""
    known = dict(zip(labels, values, strict=True))
    shared = Counter(zip(table["patient"], table["region"], strict=True))
    found = []
    for patient, tumor, region in zip(table["patient"], table["tumor"], table["region"], strict=True):
        by_patient = known.get(f"{patient}-{region}", np.nan) if shared[patient, region] == 1 else np.nan
        found.append(known.get(f"{tumor}-{region}", by_patient))
    return found


def _read(name: str, *, rows: int | None = None, columns: int | None = None, index: bool = False) -> pd.DataFrame:
    """Return a table of a data set, refusing one of another size."""
    file = path(name)
    table = pd.read_csv(file)
    for found, expected, what in ((len(table), rows, "rows"), (table.shape[1], columns, "columns")):
        if expected is not None and found != expected:
            raise DataNotFoundError(
                f"{file} has {found} {what}; {name!r} has {expected}. Set BAYESRG_DATA to a folder that has it."
            )
    return table.set_index(table.columns[0]) if index else table
