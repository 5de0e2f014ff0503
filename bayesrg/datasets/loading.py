"""Data sets as tables, their labels as text and their units as the origin meant them."""

import hashlib
import re
from io import StringIO

import pandas as pd

from bayesrg.datasets.fetching import PUBLISHED_VALUES, path, published_values, registered
from bayesrg.datasets.reading import read_table
from bayesrg.errors import DataNotFoundError


def ibsi_reference_values() -> pd.DataFrame:
    """Return IBSI-1's 1,804 consensus values, a row for each feature, aggregation and configuration.

    Returns
    -------
    pandas.DataFrame
        Columns ``tag`` (a short name of the feature, such as ``cm_contrast``, as MIRP has it), ``aggregation`` (such as
        ``none`` or ``3d_merged``), ``configuration`` (``digital_phantom`` or ``ct_phantom_A`` to ``ct_phantom_E``),
        ``value`` and ``tolerance`` (0 means equal to 3 significant digits), both in IBSI's units: millimetres and the
        image's own.

    Raises
    ------
    DataNotFoundError
        If the table is neither on this machine nor to be had from where it is published, or differs from the one that
        is registered.

    Notes
    -----
    One value, compactness 1 of configuration C, is left open in the reference manual and is MIRP's. Where the table is
    not on this machine, it is put together anew from the six tables of values that MIRP's tests read, and must then
    equal the registered one number by number.
    """
    columns = ["tag", "aggregation", "configuration", "value", "tolerance"]
    try:
        table = pd.read_csv(path("ibsi1/ibsi1_reference_values.csv"), keep_default_na=False).loc[:, columns]
    except DataNotFoundError:
        texts = {name: published_values(name).read_text(encoding="utf-8") for name in PUBLISHED_VALUES}
        table = pd.concat([_read_published(text, name) for name, text in texts.items()], ignore_index=True)
    found = _hash_values(table)
    if found != _IBSI_VALUES:
        raise DataNotFoundError(
            f"the table of IBSI-1 values differs from the registered one: {len(table)} rows with SHA-256 {found} "
            f"instead of 1804 rows with {_IBSI_VALUES}. Set BAYESRG_DATA to a folder that has "
            "ibsi1/ibsi1_reference_values.csv."
        )
    return table


_IBSI_VALUES = "89249703f1a36a4be494e9e50605da96ebd705b194134b1a157b17222d045be2"
_AGGREGATIONS = {
    "2_5D_avg": "2p5d_direction_merged",
    "2_5D_comb": "2p5d_merged",
    "2D_avg": "2d_averaged",
    "2D_comb": "2d_slice_merged",
    "3D_avg": "3d_averaged",
    "3D_comb": "3d_merged",
    "2_5D": "2p5d",
    "2D": "2d",
    "3D": "3d",
}
_NO_FEATURES = ("_img", "_roi")


def _read_published(text: str, configuration: str) -> pd.DataFrame:
    """Return the values of a published table, whose tags end in the aggregation; diagnostics and gaps are left out."""
    rows = pd.read_csv(StringIO(text), sep=";")
    rows = rows.loc[rows["reference value"].notna() & ~rows["tag"].str.endswith(_NO_FEATURES)]
    split = [_split_tag(tag) for tag in rows["tag"]]
    return pd.DataFrame(
        {
            "tag": [tag for tag, _ in split],
            "aggregation": [aggregation for _, aggregation in split],
            "configuration": configuration,
            "value": rows["reference value"].to_numpy(float),
            "tolerance": rows["tolerance"].to_numpy(float),
        }
    )


def _split_tag(tag: str) -> tuple[str, str]:
    for ending, aggregation in _AGGREGATIONS.items():
        if tag.endswith(f"_{ending}"):
            return tag.removesuffix(f"_{ending}"), aggregation
    return tag, "none"


def _hash_values(table: pd.DataFrame) -> str:
    lines = sorted(
        f"{tag},{aggregation},{configuration},{value:.9g},{tolerance:.9g}"
        for tag, aggregation, configuration, value, tolerance in table.itertuples(index=False)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def sarcomas() -> pd.DataFrame:
    """Return the manifest of the sarcoma images that are registered: 51 of PET (SUV), 25 of T1-weighted MR, 2 of CT.

    Returns
    -------
    pandas.DataFrame
        A row per image: ``subject`` (``STS_001`` to ``STS_051``), ``modality`` (``PET``, ``MR_T1``, ``CT``), ``image``
        and ``mask`` (paths of NIfTI files, the tumour has label 1), as `bayesrg.radiomics.extract_cohort` takes it.

    Raises
    ------
    DataNotFoundError
        If a file is neither on this machine nor to be had from its origin.
    """
    found = [re.fullmatch(r"sts/(STS_\d+)_(.+)_image\.nii\.gz", name) for name in registered("sts")]
    table = pd.DataFrame([match.groups() for match in found if match], columns=["subject", "modality"])
    order = pd.Categorical(table["modality"], ["PET", "MR_T1", "CT"], ordered=True)
    table = table.assign(order=order).sort_values(["order", "subject"], ignore_index=True)
    for name in ("image", "mask"):
        table[name] = [
            str(path(f"sts/{subject}_{modality}_{name}.nii.gz"))
            for subject, modality in zip(table["subject"], table["modality"], strict=True)
        ]
    return table.drop(columns="order")


def sarcoma_pet() -> pd.DataFrame:
    """Return the manifest of the 51 sarcoma PET images (SUV): ``subject``, ``image`` and ``mask`` as in `sarcomas`.

    Raises
    ------
    DataNotFoundError
        As `sarcomas` does.
    """
    table = sarcomas()
    return table.loc[table["modality"] == "PET"].drop(columns="modality").reset_index(drop=True)


def prostate_features() -> pd.DataFrame:
    """Return the test-retest features of T2-weighted prostate MR, a row per region, session and pipeline.

    Returns
    -------
    pandas.DataFrame
        4,024 rows. Labels, all text: ``patient`` (15), ``session`` (``1``, ``2``), ``structure`` (``WholeGland`` and
        ``PeripheralZone`` of all patients twice; ``TumorROI_PZ_1`` of 11 patients twice; ``NormalROI_PZ_1`` of 13
        patients in session 1 and of 7 in session 2), ``pipeline`` (36), and what it is made of: ``normalisation``
        (``none``, ``muscle``: to a muscle reference, ``image``: of the whole image to mean 0 and standard deviation
        100, ``muscle_image``: both), ``dimensions`` (``2D``: textures slice by slice, ``3D``) and ``bin_width``
        (``5`` to ``40``; ``5`` only without the muscle reference). ``registered`` (bool) marks the rows of a separate
        experiment, in which the images of the sessions were registered to each other: the tumour only, 16 pipelines of
        the same names. Then 83 features as pyradiomics names them (``original_…``), in units that change with the
        normalisation. With ``image`` and ``muscle_image`` the origin added 300 to intensities before Energy,
        TotalEnergy and RootMeanSquared.

    Raises
    ------
    DataNotFoundError
        If the table is not on this machine, or is not the one described here.

    Notes
    -----
    The two normalisations ``image`` and ``muscle_image`` give the same values up to rounding, because standardising the
    image undoes the scaling to muscle: 28 of the 36 pipelines are distinct. Shape does not depend on the pipeline at
    all, and first-order features only on the normalisation (Entropy and Uniformity on the bin width too).
    """
    text = ["patient", "session", "segmentedStructure", "texdim", "bin", "pipeline"]
    table = read_table("qin_prostate/qin_prostate_T2_long.csv.gz", text=text, rows=4024, columns=92)
    normalisations = {
        (False, False): "none",
        (True, False): "muscle",
        (False, True): "image",
        (True, True): "muscle_image",
    }
    chosen = zip(table["muscle_ref_norm"], table["wholeimage_norm"], strict=True)
    labels = pd.DataFrame(
        {
            "patient": table["patient"],
            "session": table["session"],
            "structure": table["segmentedStructure"],
            "registered": table["registered"],
            "pipeline": table["pipeline"],
            "normalisation": [normalisations[bool(muscle), bool(image)] for muscle, image in chosen],
            "dimensions": table["texdim"],
            "bin_width": table["bin"],
        }
    )
    return _beside(labels, table)


def ccr_phantom_features() -> pd.DataFrame:
    """Return the features of a phantom of ten materials on 13 CT scanners, a row per region and scanner.

    Returns
    -------
    pandas.DataFrame
        2,080 rows, each region once on each scanner, so that nothing tells repeatability. Labels, all text: ``region``
        (160, such as ``020_00``), ``material`` (10, the region's name without its number; 16 regions of each),
        ``scanner`` (13, such as ``CCR1_GE1``) and ``vendor`` (7 scanners of ``GE``, 5 of ``Philips``, 1 of
        ``Siemens``). Then 91 features as pyradiomics names them (``original_…``), intensities in Hounsfield units. The
        origin added 1,024 to them before Energy, TotalEnergy and RootMeanSquared.

    Raises
    ------
    DataNotFoundError
        If the table is not on this machine, or is not the one described here.

    Notes
    -----
    The phantom has ten cartridges of different materials (Mackin et al. 2015); this table names them only by its
    regions. Inferred from those names and from the mean CT numbers: ``020`` to ``050`` (-822, -748, -682 and -620 HU)
    are plastic printed with 20 to 50 % fill; ``dcork`` (-508 HU) is dense cork beside ``cork`` (-677 HU); ``rubber``
    (-70 HU) is crumbled, since its darkest voxels lie below -500 HU; ``wood`` (-497 HU), ``acrylic`` (121 HU) and
    ``resin`` (531 HU) say what they are. Voxel sizes differ between scanners.
    """
    text = ["Patient", "ROI", "Scanner", "Batch", "material", "sub"]
    table = read_table("ccr_phantom/ccr1_long.csv.gz", text=text, rows=2080, columns=97)
    labels = pd.DataFrame(
        {
            "region": table["ROI"],
            "material": table["material"],
            "scanner": table["Patient"],
            "vendor": table["Scanner"],
        }
    )
    return _beside(labels, table)


def ctp4r_features() -> pd.DataFrame:
    """Return the features of an abdominal CT phantom in 8 groups of 29 or 30 scans, a row per region and scan.

    Returns
    -------
    pandas.DataFrame
        1,394 rows (of 1,440: 46 are not in the origin's table). Labels, all text: ``region`` (``n1``, ``n2``, ``c1``,
        ``c2``, ``hem``, ``met``), ``tissue`` (``normal``, ``cyst``, ``haemangioma``, ``metastasis``: what the region
        imitates), ``group`` (``1`` to ``8``), ``scan`` (``101`` to ``830``: group and number in the group) and
        ``acquisition`` (``01`` to ``30``, inferred, see below). ``slice`` and ``voxels`` (int): the one slice that was
        measured, and how many voxels of it. Then 92 features as pyradiomics names them (``original_…``), of that slice,
        so that textures are two-dimensional. Intensities are stored values, not Hounsfield units. The origin divided
        Energy by the number of voxels, which is undone here.

    Raises
    ------
    DataNotFoundError
        If the table is not on this machine, or is not the one described here.

    Notes
    -----
    The origin does not say what the groups are. Groups 1 to 4 share their slice numbers, and so do 5 and 6 (about half
    of those numbers) and 7 and 8 (about 4/3 of them), as with other distances between slices; in each of the pairs 1
    and 2, 3 and 4, 5 and 6, 7 and 8 the second group is the noisier.

    The groups seem to be eight reconstructions of the same 30 acquisitions: what is left of the mean intensity after
    the mean of its group and region correlates between any two groups (0.67 to 0.99) once scans are matched as
    ``acquisition`` does, and the missing regions then match too. For groups 1 and 2 that is the next number, the first
    being absent; group 3 counts 11 to 25 in another order; in the others it is the scan's number. So scans of different
    groups are not independent. Stored values seem to lie about 1,000 above Hounsfield units, as is usual in CT.
    """
    table = read_table("ctp4r/ctp4r_long.csv.gz", text=["group", "scan_id", "class", "rep"], rows=1394, columns=98)
    tissues = {"n": "normal", "c": "cyst", "h": "haemangioma", "m": "metastasis"}
    scan = table["scan_id"].str[:3]
    labels = pd.DataFrame(
        {
            "region": table["class"],
            "tissue": [tissues[region[0]] for region in table["class"]],
            "group": table["group"],
            "scan": scan,
            "acquisition": [_ctp4r_acquisition(name[0], int(name[1:])) for name in scan],
            "slice": table["slice"],
            "voxels": table["mask size"],
        }
    )
    return _beside(
        labels,
        table.assign(original_firstorder_Energy=lambda own: own["original_firstorder_Energy"] * own["mask size"]),
    )


def _ctp4r_acquisition(group: str, number: int) -> str:
    """Return which acquisition a scan was reconstructed from, as inferred from its correlation with other groups."""
    if group in ("1", "2"):
        number += 1
    elif group == "3" and 11 <= number <= 15:
        number += 10
    elif group == "3" and 16 <= number <= 25:
        number = 36 - number
    return f"{number:02d}"


def _beside(labels: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the labels, and beside them the table's features."""
    return pd.concat([labels, table.filter(like="original_")], axis="columns")
