"""Somatic variants as indicators: which genes of whom are mutated, and who was assayed for them at all."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, Literal, TypedDict, get_args

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.mutations.assay import Assay, Genes, Panels, list_patients, plan_assay
from bayesrg.genomics.mutations.burden import Burden, count_burden
from bayesrg.genomics.mutations.counted import Unassayed, check_variants, choose_counted, strip_genes, take_numbers
from bayesrg.genomics.mutations.sequenced import Sequenced, Unlisted, list_sequenced
from bayesrg.genomics.mutations.tally import Tally, find_unassayed, recognise_variants, tally_genes, tally_units
from bayesrg.genomics.mutations.variant_classes import FLAGS, MULTI_HIT, Variants, choose_classes, choose_types
from bayesrg.history import step, with_step

SeveralSamples = Literal["any", "all", "separate"]
Quantity = Literal["mutated", "variant_count", "variant_allele_fraction", "variant_class"]

QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
"""Variables over unit and gene; each takes 8 bytes a cell, or 4 as float32."""


class Encoding(TypedDict, total=False):
    """Options of `encode_mutations`, for functions that pass them on."""

    variants: Variants
    classes: Collection[str] | None
    assayed: Genes | None
    panels: Panels | None
    patients: Sequence[str] | None
    samples: pd.DataFrame | Mapping[str, str] | None
    several: SeveralSamples
    exome_size: float | Mapping[str, float] | None
    burden: Burden
    minimum_vaf: float | None
    minimum_depth: float | None
    unlisted: Unlisted
    unassayed: Unassayed
    quantities: Sequence[Quantity]
    dtype: Literal["float64", "float32"]


def encode_mutations(
    table: pd.DataFrame,
    *,
    variants: Variants = "snv",
    classes: Collection[str] | None = None,
    assayed: Genes | None = None,
    panels: Panels | None = None,
    patients: Sequence[str] | None = None,
    samples: pd.DataFrame | Mapping[str, str] | None = None,
    several: SeveralSamples = "any",
    exome_size: float | Mapping[str, float] | None = None,
    burden: Burden = "counted",
    minimum_vaf: float | None = None,
    minimum_depth: float | None = None,
    unlisted: Unlisted = "refuse",
    unassayed: Unassayed = "refuse",
    quantities: Sequence[Quantity] = QUANTITIES,
    dtype: Literal["float64", "float32"] = "float64",
) -> xr.Dataset:
    """Return which genes of whom are mutated: 1 with any counted variant, 0 without, NaN where nobody looked.

    Parameters
    ----------
    table
        A row a variant, with the columns ``gene``, ``sample``, ``classification`` and ``variant_type``, as
        `read_variants` returns it. ``variant_allele_fraction``, ``depth`` and the places and alleles are used where
        they are there.
    variants
        ``"snv"``: nonsynonymous substitutions, of one base or of a few adjacent ones. ``"snv+indel"``: small insertions
        and deletions too. `bayesrg.genomics.mutations.variant_classes` lists the classes and types and says why.
    classes
        Classes that count, in place of the nonsynonymous ones.
    assayed, panels
        What was looked for in whom, as `bayesrg.genomics.mutations.assay.plan_assay` takes it: a list of genes, genes
        by patient or sample, or genes by panel and everybody's panel. Without it every gene that has a row in the table
        is taken to have been assayed in everybody, and attributes and history call that an assumption.
    patients
        Everybody who was sequenced; those without variants become rows of zeros. Without it the rows are the patients
        whom ``samples``, ``assayed`` or ``panels`` name, or else those with a row in the table.
    samples
        Every sequenced sample's patient, and tumour and region where there are, as `bayesrg.samples.identify_samples`
        takes it. Without it TCGA barcodes tell their patients, and any other label is the patient.
    several
        Of several samples of a patient ``"any"`` suffices; or ``"all"`` that were assayed for the gene must have a
        variant in it, and ``variant_count``, ``variant_allele_fraction``, ``variants`` and the burden are of the
        variants that all have; or the samples stay ``"separate"``, over ``region`` (or ``tumor``).
    exome_size
        Megabases in which variants were looked for: one number, or a number for each panel, patient or sample. Without
        it there is no burden.
    burden
        ``"counted"`` variants over ``exome_size``, or all ``"coding"`` ones: see `bayesrg.genomics.mutations.burden`.
    minimum_vaf, minimum_depth
        Least allele fraction (0 to 1) and depth (reads) of a variant that counts. One without a value does not count,
        of which a warning tells.
    unlisted, unassayed
        ``"refuse"`` variants of patients who are not in ``patients``, or in genes that were not assayed, or
        ``"leave_out"``.
    quantities
        Which variables over unit and gene are wanted; 10,000 patients × 20,000 genes take 1.6 GB for each.
    dtype
        Of these variables; ``"float32"`` halves them and is exact for indicators and counts.

    Returns
    -------
    xarray.Dataset
        Over (unit, ``gene``), genes sorted or as ``assayed`` lists them: ``mutated``; ``variant_class``, a flag whose
        attributes name it (`bayesrg.genomics.mutations.variant_classes.name_classes` gives the words);
        ``variant_count``, different counted variants; ``variant_allele_fraction``, the largest of them, NaN without
        one. Over the unit: ``variants``, all different variants that the table has of it, whatever their class, type,
        gene and reads: silent ones, and others that do not count, are among them. With ``exome_size`` also
        ``tumor_mutational_burden`` (1/Mb), of what counts. Attributes say what counted, what was assumed, and how many
        rows did not count and why.

    Raises
    ------
    TableError
        A column is missing, a cell is no known word; a sample is normal tissue; names of patients nearly match;
        variants are of somebody not listed or in a gene not assayed.
    SettingsError
        An option is not one of its words, or out of range.

    Examples
    --------
    >>> table = pd.DataFrame({"gene": ["TP53", "NPM1"], "sample": ["P1", "P2"], "variant_type": ["SNP", "INS"],
    ...                       "classification": ["Missense_Mutation", "Frame_Shift_Ins"]})
    >>> encode_mutations(table)["mutated"].values.tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    >>> assayed = {"P1": ["TP53"], "P2": ["TP53", "NPM1"]}
    >>> encode_mutations(table, variants="snv+indel", assayed=assayed)["mutated"].values.tolist()
    [[nan, 1.0], [1.0, 0.0]]

    Notes
    -----
    A patient of several samples was assayed for a gene if any of the samples was.
    """
    wanted = _check_options(several, quantities, dtype)
    counted_classes, types = choose_classes(classes), choose_types(variants)
    check_variants(table)
    rows = table.reset_index(drop=True).assign(gene=strip_genes(table))
    labels = rows["sample"].astype(str)
    listed = patients if patients is not None or samples is not None else list_patients(assayed, panels)
    sequenced = list_sequenced(
        labels.unique().tolist(), patients=listed, samples=samples, separate=several == "separate", unlisted=unlisted
    )
    assay = plan_assay(
        sequenced.samples.tolist(),
        sequenced.patients.tolist(),
        rows["gene"].dropna().tolist(),
        assayed,
        panels,
    )
    if not len(assay.genes):
        raise TableError("column gene: no row names a gene; without genes there is nothing to encode")
    sample = pd.Index(sequenced.samples).get_indexer(pd.Index(labels, dtype=object))
    gene = pd.Index(assay.genes.astype(object)).get_indexer(pd.Index(rows["gene"], dtype=object))
    choice = choose_counted(
        table,
        sample,
        gene,
        assay,
        counted_classes,
        types,
        minimum_vaf=minimum_vaf,
        minimum_depth=minimum_depth,
        unassayed=unassayed,
    )
    variant = recognise_variants(rows)
    in_gene = choice.counted & (gene >= 0)
    fraction = take_numbers(rows, "variant_allele_fraction")[in_gene] if "variant_allele_fraction" in rows else None
    flag = np.array([FLAGS[word] for word in rows["classification"].to_numpy()[in_gene]], dtype=np.int64)
    shared = several == "all"
    if shared and "start" not in rows.columns and len(sequenced.samples) > sequenced.n_units:
        raise TableError(
            "several='all' needs the columns chromosome, start, end, reference and alternative, by which a variant is "
            "known again in another sample; add them"
        )
    tally = tally_genes(
        sample[in_gene], gene[in_gene], variant[in_gene], fraction, flag, sequenced, assay, shared=shared
    )
    data: dict[Hashable, Any] = {
        name: ((sequenced.level, "gene"), _spread(name, tally, sequenced, assay, dtype), _ATTRS[name])
        for name in wanted
    }
    kept = sample >= 0
    totals = tally_units(sample[kept], gene[kept], variant[kept], sequenced, assay, shared=shared)
    data["variants"] = (sequenced.level, totals.astype(float), _ATTRS["variants"])
    attrs: dict[str, Any] = {
        "variants": variants,
        "classes": ", ".join(sorted(counted_classes)),
        "several": several,
        "samples": len(sequenced.samples),
        "assayed": "assumed: every gene of the file in everybody"
        if assay.assumed
        else f"stated: {len(assay.panels)} panels",
        "patients": "stated"
        if listed is not None or samples is not None
        else "assumed: those with a variant in the file",
        **choice.told,
        "rows_of_unlisted_patients": int((~kept).sum()),
    }
    if exome_size is not None:
        rate, told = count_burden(
            rows, sample, gene, variant, choice, sequenced, assay, exome_size, burden, shared=shared
        )
        data["tumor_mutational_burden"] = (
            sequenced.level,
            rate,
            {**_ATTRS["tumor_mutational_burden"], "counted": told},
        )
    for key in ("build", "build_source", "allele_fraction", "depth"):
        if table.attrs.get(key):
            attrs[key] = str(table.attrs[key])
    result = xr.Dataset(data, {**sequenced.coords, "gene": assay.genes}, attrs)
    told_size = {} if exome_size is None else {"exome_size": exome_size, "burden": burden}
    minima = {"minimum_vaf": minimum_vaf, "minimum_depth": minimum_depth}
    options: dict[str, Any] = {
        "variants": variants,
        **({} if classes is None else {"classes": sorted(counted_classes)}),
        "several": several,
        "samples": len(sequenced.samples),
        "assayed": attrs["assayed"],
        "patients": attrs["patients"],
        **told_size,
        **{name: least for name, least in minima.items() if least is not None},
        "unlisted": unlisted,
        "unassayed": unassayed,
        "rows": len(rows),
        **choice.told,
        "rows_of_unlisted_patients": attrs["rows_of_unlisted_patients"],
        "units": sequenced.n_units,
        "genes": len(assay.genes),
    }
    return with_step(
        result, step("encode_mutations", **options), xr.Dataset(attrs={"history": table.attrs.get("history", "")})
    )


_ATTRS: Mapping[str, dict[str, Any]] = {
    "mutated": {"long_name": "gene has a counted somatic variant; NaN: not assayed", "units": "1"},
    "variant_count": {"long_name": "different counted somatic variants in the gene", "units": "1"},
    "variant_allele_fraction": {
        "long_name": "largest allele fraction of the counted variants in the gene",
        "units": "1",
        "only_where": "mutated",
    },
    "variant_class": {
        "long_name": "class of the counted variant in the gene",
        "units": "1",
        "flag_values": [0, *FLAGS.values(), MULTI_HIT],
        "flag_meanings": " ".join(["none", *FLAGS, "Multi_Hit"]),
    },
    "variants": {
        "long_name": "all different somatic variants of any class and type, silent ones too, counted or not",
        "units": "1",
    },
    "tumor_mutational_burden": {"long_name": "somatic variants per megabase", "units": "1/Mb"},
}


def _check_options(several: str, quantities: Sequence[str], dtype: str) -> tuple[str, ...]:
    if several not in get_args(SeveralSamples):
        raise SettingsError(f"several is {several!r}; expected one of {', '.join(get_args(SeveralSamples))}")
    if dtype not in ("float64", "float32"):
        raise SettingsError(f"dtype is {dtype!r}; expected 'float64' or 'float32'")
    wanted = (quantities,) if isinstance(quantities, str) else tuple(quantities)
    unknown = [name for name in wanted if name not in QUANTITIES]
    if unknown or not wanted:
        raise SettingsError(f"quantities holds {unknown or 'nothing'}; expected some of {', '.join(QUANTITIES)}")
    return wanted


def _spread(name: str, tally: Tally, sequenced: Sequenced, assay: Assay, dtype: str) -> np.ndarray:
    """Return the dense array of one variable: what was not assayed is NaN."""
    shape = (sequenced.n_units, len(assay.genes))
    if name == "variant_allele_fraction":
        dense = np.full(shape, np.nan, dtype=dtype)
        dense.reshape(-1)[tally.counted] = tally.fraction
        return dense
    dense = np.zeros(shape, dtype=dtype)
    if name == "mutated":
        dense.reshape(-1)[tally.mutated] = 1.0
    else:
        dense.reshape(-1)[tally.counted] = tally.count if name == "variant_count" else tally.flag
    for units, genes in find_unassayed(sequenced, assay):
        dense[np.ix_(units, genes)] = np.nan
    return dense
