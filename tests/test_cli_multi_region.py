"""`bayesrg fit multi-region`: who is in, its answer, what it refuses; draws of the prior stand in for the sampler."""

import json
import re
import shlex
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg import cohort
from bayesrg.cli import multi_region_arguments
from bayesrg.cli.arguments import build_parser
from bayesrg.simulation.regions import neighbours_of, simulate_regions
from bayesrg.storage import write_dataset

FIT = (
    "fit multi-region regions.csv --features 'glcm_*' --genes EGFR VEGFA --tumor tumor --region region "
    "--coordinates x y z --out fit.zarr.zip --seed 1"
)


def make_regions(*, seed: int = 1) -> pd.DataFrame:
    """Return 7 tumours of two to five regions, named by numbers with zeros, with two genes and three features."""
    genes = {"EGFR": "log2_ratio", "VEGFA": "expression"}
    table = simulate_regions(7, (2, 5), genes=genes, seed=seed, tumors_per_patient=2)
    rng = np.random.default_rng(seed)
    table["tumor"] = table["tumor"].str.replace("tumor_", "0")
    for name in ("glcm_contrast", "glcm_energy", "volume"):
        table[name] = rng.lognormal(size=len(table))
    table["glcm_name"] = "text"
    table["scanner"] = [f"0{number % 2}" for number in range(len(table))]
    table.loc[3, "EGFR"] = np.nan
    table.loc[5, "glcm_energy"] = np.nan
    return table


class DrawsFromPrior:
    """In the place of a compiled model: independent draws from the prior, so that nothing need be compiled."""

    def __init__(self, model, data):
        self.names = {variable.name for variable in model.build(data).unobserved_RVs}

    def sample(self, model, data, *, seed, draws, tune, chains, progress):
        prior = model.draw_prior(data, np.random.default_rng(seed), draws * chains)["parameters"].to_dataset()
        sampled = prior[[name for name in prior.data_vars if name in self.names]]
        chained = {
            name: (("chain", "draw", *own.dims[1:]), own.values.reshape(chains, draws, *own.shape[1:]))
            for name, own in sampled.data_vars.items()
        }
        coords = {dim: own for dim, own in sampled.coords.items() if dim != "draw"}
        shape = ("chain", "draw"), np.zeros((chains, draws))
        energy = np.random.default_rng(seed).standard_normal((chains, draws))
        statistics = {"diverging": (shape[0], shape[1] > 0), "energy": (shape[0], energy)}
        statistics["maxdepth_reached"] = statistics["diverging"]
        return xr.Dataset(chained, coords | {"chain": np.arange(chains)}), xr.Dataset(statistics)


@pytest.fixture(scope="module")
def fitted(run, tmp_path_factory):
    """A fit made on the command line: the folder, and what was told."""
    from bayesrg.inference import fitting

    folder = tmp_path_factory.mktemp("fitted")
    make_regions().to_csv(folder / "regions.csv", index=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setattr(fitting, "Sampler", DrawsFromPrior)
        patched.setattr(fitting, "PRIOR_DRAWS", 500)
        told = run(f"{FIT} --draws 800 --chains 2 --formula purity --unit glcm_energy=J")
    return SimpleNamespace(folder=folder, path=folder / "fit.zarr.zip", **vars(told))


@pytest.fixture
def place(place):
    """A working directory with the table of regions."""
    make_regions().to_csv("regions.csv", index=False)
    return place


# What it answers


def test_who_is_in_stands_before_the_answer(fitted):
    assert fitted.code in (0, 4), fitted.err
    told = fitted.err.splitlines()
    n = len(make_regions())
    assert f"bayesrg: warning: 1 of {n} regions are left out: EGFR is missing" in told
    assert "bayesrg: note: 1 columns match, but hold no numbers, and are left out: glcm_name" in told
    assert "1 single values of features are missing, and are left out on their own" in told
    question = "glcm_contrast, glcm_energy by EGFR, VEGFA given purity (matern32)"
    assert f"fitting {question}: {n - 1} regions of 7 tumours" in told
    assert fitted.out.startswith(f"{question}: ")


def test_cautions_are_told(fitted):
    from bayesrg.inference import load

    cautions = json.loads(load(fitted.path)["constant_data"].attrs["cautions"])
    assert any(caution.startswith("7 tumours in all") for caution in cautions)
    mark = "bayesrg: caution: "
    assert [line.removeprefix(mark) for line in fitted.err.splitlines() if line.startswith(mark)] == cautions


def test_the_answer_is_that_of_the_fit(fitted):
    from bayesrg.inference import load

    tree = load(fitted.path)
    estimands = tree["estimands"].to_dataset()
    rows = [re.split(r" {2,}", line) for line in fitted.out.splitlines()]
    for feature in ("glcm_contrast", "glcm_energy"):
        own = estimands.sel(feature=feature)
        for gene in ("EGFR", "VEGFA"):
            slope, link = [row for row in rows if row[:2] == [feature, gene]]
            one = own.sel(gene=gene)
            expected = [one["B_0"].mean(), *one["B_0"].quantile([0.025, 0.975]).values]
            np.testing.assert_allclose([float(cell) for cell in slope[2:5]], expected, rtol=1e-3)
            above = float(one["above_zero"].mean())
            assert slope[5] == ("positive" if above >= 0.5 else "negative")
            assert float(slope[6].strip("<> ")) == pytest.approx(max(above, 1 - above), abs=6e-3)
            np.testing.assert_allclose(
                [float(cell) for cell in link[2:8]],
                [
                    *(one[name].median() for name in ("link_tumor_sd", "link_space_sd", "local_share")),
                    one["heterogeneity"].mean(),
                    *one["heterogeneity"].quantile([0.025, 0.975]).values,
                ],
                rtol=1e-3,
            )
            called = [float(one[name].mean()) for name in ("heterogeneity_above", "universal", "local")]
            assert [float(cell.strip("<> ")) for cell in link[8:]] == pytest.approx(called, abs=6e-3)
        within = next(row for row in rows if row[0] == feature and len(row) == 7)
        assert float(within[4]) == pytest.approx(float(own["a_icc"].mean()), rel=1e-3)
    for process in ("a", "B"):
        length = next(row for row in rows if row[0] == process)
        drawn = [tree[group]["correlation_length"].sel(process=process) for group in ("estimands", "prior_estimands")]
        expected = [float(one.quantile(level)) for one in drawn for level in (0.5, 0.025, 0.975)]
        np.testing.assert_allclose([float(cell) for cell in length[1:]], expected, rtol=1e-3)


def test_summary(run, fitted, tmp_path):
    told = run(f"summary {fitted.path} --csv {tmp_path / 'summary.csv'}")
    assert told.code == 0
    assert told.out.startswith("glcm_contrast, glcm_energy by EGFR, VEGFA given purity (matern32): ")
    assert "\ncaution: " in told.out
    assert fitted.out[fitted.out.index("\nB_0:") : fitted.out.index("\nsaved to")] in told.out
    written = pd.read_csv(tmp_path / "summary.csv", index_col="estimand")
    assert {"B_0[glcm_energy, VEGFA]", "local_share[glcm_contrast, EGFR]", "correlation_length[B]"} <= set(
        written.index
    )


def test_report(run, fitted, tmp_path):
    told = run(f"report {fitted.path} --out {tmp_path / 'report.html'}")
    assert (told.code, told.out) == (0, f"written to {tmp_path / 'report.html'}\n")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "VEGFA" in page
    assert "glcm_energy" in page


# What reaches the model


def test_choices_are_those_of_the_model():
    from bayesrg.models.multi_region import Residual, Spatial
    from bayesrg.transformation import Scale

    for option, choices in {"SPATIAL": Spatial, "RESIDUALS": Residual, "SCALES": Scale}.items():
        assert getattr(multi_region_arguments, option) == get_args(choices)
    options = build_parser().parse_args(shlex.split(FIT))
    assert (options.spatial, options.residual, options.scale) == ("matern32", "independent", "z_score")


def test_options_reach_model_and_sampler(run, place, noted):
    from bayesrg.models import MultiRegion

    told = run(
        "fit multi-region regions.csv --features '*' --genes 'V*' --tumor tumor --region region --patient patient "
        "--coordinates x y --spatial matern52 --residual correlated --no-contextual --formula 'C(compartment)' "
        "--batch scanner --scale rank_normal --unit volume=mm^3 VEGFA=log2 --rope 0.2 --delta 0.1 "
        "--out fit.zarr.zip --seed 5 --draws 11 --tune 12 --chains 3"
    )
    assert (told.code, told.err.splitlines()[-1]) == (1, "bayesrg: error: noted")
    expected = MultiRegion(spatial="matern52", residual="correlated", contextual=False, rope=0.2, delta=0.1)
    assert noted.model == expected
    sampling = {name: noted.sampling[name] for name in ("seed", "draws", "tune", "chains")}
    assert sampling == {"seed": 5, "draws": 11, "tune": 12, "chains": 3}
    data = noted.data
    assert list(data["gene"].values) == ["VEGFA"]
    features = {"z", "purity", "EGFR", "volume", "glcm_contrast", "glcm_energy", "distance_to_boundary"}
    assert set(data["feature"].values) == features | {f"half_axis_{axis}" for axis in "xyz"}
    assert str(data["unit"].sel(feature="volume").item()) == "mm^3"
    assert data.attrs["transformation"] == "rank_normal"
    assert list(data["covariate"].values) == ["C(compartment)[T.rim]"]
    assert list(data["level"].values) == ["00", "01"]
    assert data["position"].shape[1] == 2
    assert data.sizes["patient"] == 4
    assert str(data["tumor"].values[0]) == "01"


def test_a_graph_is_read_from_a_table_of_pairs(run, place, noted):
    pairs = neighbours_of(make_regions(), 1)
    pairs.to_csv("neighbours.csv", index=False)
    told = run(FIT.replace("--coordinates x y z", "--spatial graph --neighbours neighbours.csv"))
    assert told.err.splitlines()[-1] == "bayesrg: error: noted"
    data = noted.data
    apart = data["pair_row"] != data["pair_column"]
    joined = int((data["pair_neighbourhood"].where(apart) != 0).where(apart).sum())
    assert noted.model.spatial == "graph"
    assert 0 < joined < int(data["pair_in_tumor"].where(apart).sum()) + 1


def test_a_cohort_of_regions_is_taken(run, place, noted):
    table = make_regions()
    keys = ["patient", "tumor", "region"]
    sources = {
        "genome": cohort.Source(table[[*keys, "EGFR", "VEGFA"]], "genome", tumor="tumor", region="region"),
        "features": cohort.Source(
            table[[*keys, "volume", "x", "y", "z"]], "imaging", tumor="tumor", region="region", units={"volume": "mm^3"}
        ),
    }
    write_dataset(cohort.join(sources), place / "cohort.zarr.zip")
    told = run(FIT.replace("regions.csv", "cohort.zarr.zip").replace("'glcm_*'", "volume"))
    assert told.err.splitlines()[-1] == "bayesrg: error: noted"
    assert noted.data.sizes["tumor"] == 7
    assert noted.data.sizes["region"] == len(table) - 1


# What it refuses

USAGE = {
    FIT.replace("--tumor tumor", ""): "required: --tumor",
    f"{FIT} --spatial gaussian": "--spatial: invalid choice: 'gaussian'",
    f"{FIT} --rope 0": "--rope: expected a number above zero, found '0'",
    FIT.replace("--seed 1", ""): "required: --seed",
}


@pytest.mark.parametrize("line", USAGE)
def test_what_is_not_understood_exits_2(run, place, line):
    told = run(line)
    assert (told.code, told.out) == (2, "")
    assert USAGE[line] in told.err


ERRORS = {
    FIT.replace("regions.csv", "absent.csv"): "absent.csv: there is no such table",
    FIT.replace("fit.zarr.zip", "regions.csv"): "regions.csv would be written over while it is read",
    FIT.replace("glcm_", "glrlm_"): r"no column of numbers matches 'glrlm_\*'",
    FIT.replace("VEGFA", "VEGF"): "no column of numbers matches 'VEGF'; did you mean VEGFA",
    FIT.replace("--tumor tumor", "--tumor lesion"): "no column 'lesion'",
    FIT.replace("--coordinates x y z", ""): "--spatial matern32 needs --coordinates.*--spatial exchangeable",
    FIT.replace("x y z", "x y z purity"): "coordinates are one to three columns in mm; got 4",
    f"{FIT} --spatial graph": "--spatial graph needs --neighbours",
    f"{FIT} --neighbours pairs.csv": "--neighbours does nothing with --spatial matern32: add --spatial graph",
    f"{FIT} --spatial graph --neighbours pairs.csv": "pairs.csv: there is no such table of neighbours",
    f"{FIT} --delta 1.5": "--delta is a share between 0 and 1, not 1.5",
    f"{FIT} --unit glcm_energy": "--unit 'glcm_energy' is not understood.*expected COL=UNIT",
    f"{FIT} --formula '__import__(1)'": "formula",
    f"{FIT} --batch patient_age": "no column 'patient_age'",
}


@pytest.mark.parametrize("line", ERRORS)
def test_errors_are_one_line_with_the_mend(run, place, noted, line):
    told = run(line)
    assert (told.code, told.out) == (1, "")
    assert re.search(f"^bayesrg: error: .*{ERRORS[line]}", told.err.splitlines()[-1])
    assert [path.name for path in place.iterdir()] == ["regions.csv"]


def test_what_is_wrong_with_files_is_told_by_file(run, place, noted):
    pairs = neighbours_of(make_regions(), 1)
    pairs.loc[len(pairs)] = ["01", "region_01", "region_99"]
    pairs.to_csv("pairs.csv", index=False)
    of_a_graph = FIT.replace("--coordinates x y z", "--spatial graph --neighbours pairs.csv")
    told = run(of_a_graph).err
    assert "pairs.csv has pairs of regions that regions.csv does not have, and they join nothing: 01:region_99." in told
    assert "regions.csv with pairs.csv: no column 'lesion'" in run(of_a_graph.replace("r tumor ", "r lesion ")).err
    pairs.rename(columns={"neighbour": "neighbor"}).to_csv("pairs.csv", index=False)
    assert "pairs.csv: no column 'neighbour'; expected the columns tumor, region, neighbour" in run(of_a_graph).err
    assert "'EGFR' stands under --features and under --genes" in run(FIT.replace("'glcm_*'", "EGFR")).err
    make_regions().iloc[:0].to_csv("regions.csv", index=False)
    assert "regions.csv: there is no row below the names of the columns" in run(FIT).err
