"""Tumours whose regions were measured apart, as tables: compartments of glioblastomas, places in renal tumours."""

from collections import Counter

import numpy as np
import pandas as pd

from bayesrg.datasets.reading import read_table


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
        table = read_table(f"ivygap/frame_pw_{number}.csv", rows=50)
        table = table.set_index(["patient_id", "subcompartment"]).sort_index()
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
        table = read_table(f"ivygap/coef_pw_{number}.csv", columns=9)
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
    known = read_table(f"ivygap/{table}.csv")
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
    places = read_table("tracerx_renal/Source_data_fig1d.csv", rows=1027, columns=6)
    sizes = read_table("tracerx_renal/Source_data_fig1c.csv", rows=79, columns=3)
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
    proliferation = read_table("tracerx_renal/Source_data_fig2c.csv", rows=454, columns=6)
    necrosis = read_table("tracerx_renal/Source_data_fig2d.csv", rows=843, columns=4)
    grade = read_table("tracerx_renal/Source_data_fig2e.csv", rows=495, columns=4)
    clone = read_table("tracerx_renal/Source_data_fig2f.csv", rows=259, columns=4)
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
    pairs = read_table("tracerx_renal/Source_data_fig_5b.csv", rows=6122, columns=9)
    places = read_table("tracerx_renal/Source_data_fig1d.csv", rows=1027, columns=6)
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
