# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From published tables to one cohort: 188 lower-grade gliomas
#
# Every radiogenomic study begins with tables that other people made. These three were published with Zhou et al. 2017
# (doi:10.1093/neuonc/now256): clinical and molecular data of 188 patients of The Cancer Genome Atlas, 26 VASARI
# features that readers scored in their MR images, and four measures of shape. A join by patient looks like one line of
# code, and loses 42 patients in silence: their identifiers differ between the tables in case, one by a letter at the
# end.
#
# **What this can teach.** How to get from such tables to one Dataset in which everybody is accounted for, and what to
# look at before anything is modelled. **What it cannot.** Nothing here is an association between images and genes; that
# is asked of the cohort afterwards.
#
# As a script: `python case_studies/cohort_glioma.py` (`--small` does the same; it takes seconds). It writes figures,
# tables, the cohort and its page to `output/cohort_glioma`.

# %%
import sys
import time
import warnings
from pathlib import Path

import pandas as pd

from bayesrg import cohort, datasets, genomics
from bayesrg.errors import TableError
from bayesrg.reporting import combinations_plot, flow_diagram, missingness_map, oncoplot, report_cohort
from bayesrg.storage import read_dataset, write_dataset
from bayesrg.tables import read_table

STARTED = time.perf_counter()
SMALL = "--small" in sys.argv
OUTPUT = Path("output/cohort_glioma_small" if SMALL else "output/cohort_glioma")
OUTPUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## The tables as they were published
#
# Columns without a name and names that stand there twice are refused, unless they are to be mended; then a warning says
# how.

# %%
about = datasets.about("lgg")
print(f"{about.title}\n{about.licence}\n{about.citation}\n")
tables = {}
for name in ("clinical", "vasari", "shape_features"):
    path = datasets.path(f"lgg/{name}.csv")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        tables[name] = read_table(path, names="mend")
    print(f"{name}: {tables[name].shape[0]} rows, {tables[name].shape[1]} columns")
    for warning in told:
        print(f"  {str(warning.message).removeprefix(str(path.parent))}")
clinical = tables["clinical"].rename(columns={"Tumor": "patient"})
vasari = tables["vasari"].rename(columns={"column_1": "patient"})
shape = tables["shape_features"]

# %% [markdown]
# ## Look before joining
#
# Some things in these tables nobody should model without a word. Solidity is a share of a convex hull, so it cannot
# exceed 1; in the published table it does. Some sizes are longer than a head. And the two columns of grade contradict
# each other.

# %%
grades = clinical[["neoplasm_histologic_grade", "neoplasm_histologic_grade_2"]].replace("NA", pd.NA).dropna()
contradict = grades.iloc[:, 0] != grades.iloc[:, 1]
impossible = shape["solidity"] > 1
print(f"solidity above 1: {impossible.sum()} of {shape['solidity'].notna().sum()} tumours")
print(f"size above 250 mm: {(shape['size_mm'] > 250).sum()}, volume below 100 mm3: {(shape['volume_mm3'] < 100).sum()}")
print(f"grades that contradict each other: {contradict.sum()} of {len(grades)} patients")
words = vasari.loc[pd.to_numeric(vasari["f1"], errors="coerce").isna(), "f1"]
print(f"words in the place of the first VASARI feature: {words.dropna().unique().tolist()}")

# %% [markdown]
# The grades are not alone. The table says the subtype twice, as a number and in words, and 1p/19q once more. All
# contradictions lie in eleven patients, nine of them in one run of rows. In that run 1p/19q, the first grade, the words
# and the clusters stand in the order of sorted identifiers (A614 … A619, A61A …), everything else in the table's own
# (A61A …, A614 …): pasted in sorted order, no contradiction is left there.

# %%
SUBTYPES = {0: "IDHwt", 1: "IDHmut-codel", 2: "IDHmut-non-codel"}


def contradicting(table: pd.DataFrame) -> list[str]:
    """Return the patients of whom columns that say the same thing twice do not agree, or know it in one place only."""
    table = table.set_index("patient").replace("NA", pd.NA)
    number, words = table["IDH/1p19q Subtype"].map(SUBTYPES), table["IDH/1p19q Subtype_2"]
    grade, second = table["neoplasm_histologic_grade"], table["neoplasm_histologic_grade_2"]
    wrong = (number.isna() != words.isna()) | (number.fillna("") != words.fillna(""))
    wrong |= (grade.isna() != second.isna()) | (grade.fillna("") != second.fillna(""))
    codeleted = table["1p_19q_co_del_status"]
    wrong |= codeleted.notna() & number.notna() & ((codeleted == 1) != (number == "IDHmut-codel"))
    return wrong.index[wrong].tolist()


pasted = ["1p_19q_co_del_status", "neoplasm_histologic_grade", "IDH/1p19q Subtype_2"]
pasted += [name for name in clinical.columns if name.endswith("Cluster")]
run = clinical.index[clinical["patient"].str.startswith("TCGA-HT-A61")]
reordered = clinical.copy()
reordered.loc[clinical.loc[run, "patient"].sort_values().index, pasted] = clinical.loc[run, pasted].to_numpy()
before, after = contradicting(clinical), contradicting(reordered)
print(f"{len(before)} patients contradict themselves: {', '.join(before)}")
print(f"with the nine rows in sorted order {len(after)} do: {', '.join(after)}")

# %% [markdown]
# This study shows the join, so it goes on with the table as it was published. Whoever asks of it what goes with what
# should not: `association_glioma.py` tests the claim, puts the nine rows right, leaves the other two out and says what
# that moves.

# %% [markdown]
# The words in the place of the first feature (the tumour's location) are notes of why images could not be read: few
# pictures, after surgery, T2 alone. They are reasons, so they are kept beside the feature and not turned into numbers.

# %%
notes = words.str.strip().replace({"?": "location not certain", "只有T2": "only T2"})
vasari["image_note"] = notes.reindex(vasari.index)
vasari["f1"] = pd.to_numeric(vasari["f1"], errors="coerce")
vasari["f4"] = pd.to_numeric(vasari["f4"], errors="coerce")  # "only T2" once more
shape.loc[impossible, "solidity"] = float("nan")

# %% [markdown]
# ## The genome, from words to indicators
#
# Mutant and wt become 1 and 0. What was not assayed stays missing: the TERT promoter was looked at in 11 patients, and
# its 5 mutants are 5 of 11, not of 188.

# %%
genes = ["IDH1", "ATRX", "CIC", "EGFR", "PDGFRA", "TP53"]
statuses = clinical.rename(columns={"TERT-Promoter": "TERT promoter", "1p_19q_co_del_status": "1p/19q codeletion"})
mutations = genomics.encode_statuses(statuses, genes=[*genes, "TERT promoter", "1p/19q codeletion"])
recurrence = genomics.recurrence(mutations)
print(recurrence.round(3).to_string())
recurrence.to_csv(OUTPUT / "recurrence.csv")

# %% [markdown]
# ## A join that loses nobody
#
# Each table says what its columns are. Identifiers that look alike and differ are refused, with the list and the mend.

# %%
outcomes = ["ProgFreeSurvEvent01", "ProgFreeSurvTime_days", "death01", "daystolastordeath"]
clusters = [
    "RNASeqCluster",
    "MethylationCluster",
    "miRNACluster",
    "CNCluster",
    "RPPACluster",
    "OncosignCluster",
    "COCCluster",
]
encoded = ["column_10", "1p_19q_co_del_status", "TERT-Promoter", *genes]
sources = {
    "clinical": cohort.Source(
        clinical,
        "clinical",
        roles={**dict.fromkeys(outcomes, "outcome"), **dict.fromkeys([*clusters, "idh_codel_subtype"], "genome")},
        rename={"IDH/1p19q Subtype_2": "idh_codel_subtype"},
        exclude=[*encoded, "IDH/1p19q Subtype", "neoplasm_histologic_grade_2"],
    ),
    "mutations": cohort.Source(mutations, "genome"),
    "vasari": cohort.Source(vasari, "imaging", roles={"image_note": "clinical"}),
    "shape": cohort.Source(
        shape, "imaging", units={"size_mm": "mm", "volume_mm3": "mm^3", "eccentricity": "1", "solidity": "1"}
    ),
}
try:
    cohort.join(sources)
except TableError as refusal:
    print(refusal)

# %% [markdown]
# The suggestion is a table to check, not a mend to apply unseen: here TCGA's own identifiers, in capital letters and
# without the last letter, are those of the clinical table.

# %%
suggested = cohort.suggest_identifiers(sources)
print(suggested.groupby("reason").size().to_string())
print(suggested.head().to_string(index=False))
suggested.to_csv(OUTPUT / "identifiers.csv", index=False)
joined = cohort.join(sources, identifiers=suggested)
print(joined.sizes)

# %% [markdown]
# ## Who is where, and what is missing

# %%
membership = cohort.membership(joined)
print(membership.drop(columns="why").value_counts().to_string())
by_variable = cohort.missing_by_variable(joined)
print(by_variable.sort_values("share", ascending=False).head(12).to_string())
by_variable.to_csv(OUTPUT / "missing_by_variable.csv")
incomplete = cohort.missing_by_patient(joined)
print(f"patients with nothing missing: {(incomplete['total'] == 0).sum()} of {len(incomplete)}")
print(f"patients without a single VASARI feature: {(incomplete['vasari'] >= 24).sum()}")

# %% [markdown]
# A study restricts its cohort step by step, and a flow diagram tells the steps.

# %%
imaged = cohort.restrict(joined, variables=["f2", "f5"], reason="images could be read")
known = cohort.restrict(imaged, variables=["neoplasm_histologic_grade"], reason="grade is known")
genotyped = known["mutated"].sel(gene="IDH1").notnull() & known["mutated"].sel(gene="1p/19q codeletion").notnull()
ready = cohort.restrict(known, where=genotyped.reset_coords(drop=True), reason="IDH1 and 1p/19q are known")
for number, step in enumerate(cohort.read_flow(ready)):
    print(number, step.title, dict(step.counts), step.left_out)

# %% [markdown]
# ## Figures

# %%
for name, figure in {
    "flow": flow_diagram(ready),
    "presence": combinations_plot(joined),
    "missing": missingness_map(joined),
    "oncoplot": oncoplot(joined, variables=["histological_type", "neoplasm_histologic_grade", "MethylationCluster"]),
}.items():
    figure.savefig(OUTPUT / f"{name}.svg")

# %% [markdown]
# ## The page, and the cohort in one file
#
# The page has no identifiers unless it is asked to. The file holds the Dataset with its roles, units and history;
# nothing in it is executable, and it reads back identical.

# %%
page = report_cohort(ready, OUTPUT / "cohort.html")
saved = write_dataset(ready, OUTPUT / "cohort.zarr.zip")
assert read_dataset(saved).identical(ready)
flat = cohort.to_table(ready)
print(f"{page}: {page.stat().st_size // 1024} kB; {saved}: {saved.stat().st_size // 1024} kB; flat table {flat.shape}")
print(ready.attrs["history"])

# %% [markdown]
# ## What a join by hand loses
#
# The same tables joined on the identifiers as they are. A left join keeps all patients and loses 42 patients' images
# instead; a table of this study that was joined before (`lgg/tidy.csv`) did just that. Those lost are not like the
# others: their identifiers come from other hospitals.

# %%
by_hand = clinical.merge(vasari, on="patient").merge(shape, on="patient")
idh1 = mutations["mutated"].sel(gene="IDH1").to_series()
lost = idh1.drop(index=by_hand["patient"])
print(
    f"an inner join on the raw identifiers keeps {len(by_hand)} of {len(idh1)} patients; {len(lost)} vanish in silence"
)
print(f"IDH1 is mutated in {lost.mean():.0%} of those lost, in {idh1.loc[by_hand['patient']].mean():.0%} of those kept")
tidy = pd.read_csv(datasets.path("lgg/tidy.csv")).set_index("patient").loc[joined["patient"].values]
for column, feature in {
    "vasari_f5": "f5",
    "vasari_f29": "f29",
    "img_size": "size_mm",
    "img_volume": "volume_mm3",
}.items():
    before, now = pd.to_numeric(tidy[column], errors="coerce"), joined["imaging"].sel(feature=feature).to_series()
    assert (before.dropna() == now[before.notna()]).all()
    print(f"{feature}: {before.notna().sum()} values before, all the same now, when there are {now.notna().sum()}")
print(f"finished in {time.perf_counter() - STARTED:.0f} s")
