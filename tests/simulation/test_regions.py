"""Synthetic tumours are what they say: places, distances, territories of clones, descent, purity, trends and graphs."""

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.optimize import linprog
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import pdist, squareform

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics import expect_log2_ratio
from bayesrg.simulation.clones import CopyNumberGene, ExpressedGene, MutatedGene, grow_tree, name_clones
from bayesrg.simulation.regions import (
    COLUMNS,
    CORE_DEPTH,
    distance_to_ellipsoid,
    draw_seeds,
    find_clone,
    neighbours_of,
    simulate_regions,
)

AXES = ["x", "y", "z"]
HALF_AXES = ["half_axis_x", "half_axis_y", "half_axis_z"]
MUTATIONS = {f"M{number}": MutatedGene(prevalence=0.9, truncal=0.4) for number in range(6)}
COPIES = {f"C{number}": CopyNumberGene(prevalence=0.9, truncal=0.5, copies=(0, 1), noise_sd=0.0) for number in range(4)}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Forty tumours of up to five clones, several a patient, with genes measured without error."""
    genes = {**MUTATIONS, **COPIES, "E": "expression"}
    return simulate_regions(40, (1, 20), genes=genes, seed=3, tumors_per_patient=(1, 3))


@pytest.fixture(scope="module")
def one_clone() -> pd.DataFrame:
    """Tumours of one clone, in whose pure expression only the trunk and the trend are left."""
    genes = {"E": ExpressedGene(mean=1.0, tumor_sd=0.8, trend_sd=0.6, noise_sd=0.0)}
    return simulate_regions(80, 12, genes=genes, seed=4, subclones=0, trend_length=8.0)


def mothers_of(clone: str) -> list[str]:
    parts = clone.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def separable(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether a plane has all points of the first on one side and all of the second on the other."""
    rows = np.vstack([np.c_[first, np.ones(len(first))], -np.c_[second, np.ones(len(second))]])
    return linprog(np.zeros(4), A_ub=rows, b_ub=-np.ones(len(rows)), bounds=(None, None)).status == 0


def test_rows_are_regions_of_tumours_of_patients(table):
    assert tuple(table.columns[: len(COLUMNS)]) == COLUMNS
    assert table["tumor"].nunique() == 40
    assert (table.groupby("tumor")["patient"].nunique() == 1).all()
    assert set(table.groupby("patient")["tumor"].nunique()) == {1, 2, 3}
    sizes = table.groupby("tumor").size()
    assert sizes.min() >= 1
    assert sizes.max() <= 20
    # A uniform number has mean 10.5 and variance (20² − 1) / 12.
    assert abs(sizes.mean() - 10.5) < 4 * math.sqrt(399 / 12 / 40)
    assert not table.duplicated(["tumor", "region"]).any()
    assert not table.isna().any(axis=None)


def test_regions_lie_apart_inside_their_ellipsoid(table):
    assert ((table[AXES].to_numpy() / table[HALF_AXES].to_numpy()) ** 2).sum(axis=1).max() < 1
    half_axes = table.groupby("tumor")[HALF_AXES]
    assert (half_axes.nunique() == 1).all(axis=None)
    assert table[HALF_AXES].to_numpy().min() >= 10
    assert table[HALF_AXES].to_numpy().max() <= 35
    assert half_axes.first()["half_axis_x"].nunique() == 40
    assert min(pdist(rows[AXES]).min() for _, rows in table.groupby("tumor") if len(rows) > 1) >= 4.0


def test_places_have_uniform_density():
    # Of points uniform in an ellipsoid, those within half of each half-axis are an eighth.
    places = simulate_regions(40, 20, genes={"M": "mutation"}, seed=9, spacing=1e-3)
    within = ((places[AXES].to_numpy() / places[HALF_AXES].to_numpy()) ** 2).sum(axis=1) < 0.25
    assert abs(within.mean() - 1 / 8) < 4 * math.sqrt(7 / 64 / 800)


def test_distance_is_that_to_the_nearest_point_of_the_surface(table):
    polar, azimuth = np.meshgrid(np.linspace(0, np.pi, 201), np.linspace(0, 2 * np.pi, 401))
    sphere = np.c_[
        (np.sin(polar) * np.cos(azimuth)).ravel(), (np.sin(polar) * np.sin(azimuth)).ravel(), np.cos(polar).ravel()
    ]
    for row in table.iloc[::20].to_dict("records"):
        half_axes = np.array([row[name] for name in HALF_AXES])
        nearest = np.linalg.norm(sphere * half_axes - [row[name] for name in AXES], axis=1).min()
        # The grid's steps are π/200 at most, so that a point of it lies within π/200/√2 of any on the unit sphere.
        assert 0 <= nearest - row["distance_to_boundary"] < half_axes.max() * np.pi / 200 / math.sqrt(2)


def test_distance_has_its_closed_forms():
    np.testing.assert_allclose(distance_to_ellipsoid([[3, 4, 0], [0, 0, -9]], [10, 10, 10]), [5, 1], atol=1e-8)
    # On the long axis of a prolate spheroid near the centre the nearest point is b √(1 − x²/(a² − b²)) away, beyond
    # (a² − b²)/a it is the pole; on a short axis it is that axis' end.
    points = [[0, 0, 0], [5, 0, 0], [-29.5, 0, 0], [0, 7, 0], [0, 0, 10], [30, 0, 0]]
    expected = [10, 10 * math.sqrt(1 - 25 / 800), 0.5, 3, 0, 0]
    np.testing.assert_allclose(distance_to_ellipsoid(points, [30, 10, 10]), expected, atol=1e-8)
    with pytest.raises(SettingsError, match=r"1 of 2 do not lie in their ellipsoid \(row 1: \[9.0, 9.0, 0.0\]\)"):
        distance_to_ellipsoid([[1, 1, 0], [9, 9, 0]], [10, 10, 10])


def test_core_is_deep_and_purer(table):
    core = table["compartment"] == "core"
    np.testing.assert_array_equal(core, table["distance_to_boundary"] >= CORE_DEPTH * table[HALF_AXES].min(axis=1))
    assert set(table["compartment"]) == {"core", "rim"}
    assert table["purity"].between(0.05, 0.95).all()
    purity = table.groupby(["tumor", "compartment"])["purity"].mean().unstack().dropna()
    gain = purity["core"] - purity["rim"]
    assert gain.mean() > 4 * gain.std() / math.sqrt(len(gain))


def test_clones_hold_separate_parts_of_the_tumour(table):
    compared = 0
    for _, rows in table.groupby("tumor"):
        territories = [part[AXES].to_numpy() for _, part in rows.groupby("clone")]
        assert all(separable(*pair) for pair in combinations(territories, 2))
        compared += math.comb(len(territories), 2)
    assert compared > 40


def test_daughters_begin_in_the_territory_of_their_mother():
    rng = np.random.default_rng(5)
    half_axes = np.array([12.0, 20.0, 15.0])
    for _ in range(20):
        parents = grow_tree(6, rng)
        seeds = draw_seeds(parents, half_axes, rng)
        assert (((seeds / half_axes) ** 2).sum(axis=1) < 1).all()
        for clone in range(1, 7):
            assert parents[clone] < clone
            assert find_clone(seeds[[clone]], seeds[:clone]) == parents[clone]


def test_names_of_clones_tell_their_descent():
    parents = grow_tree(10, np.random.default_rng(6))
    names = name_clones(parents)
    assert len(set(names)) == 11
    assert [mothers_of(name)[-1:] for name in names] == [[names[mother]] if mother >= 0 else [] for mother in parents]


def test_daughters_inherit(table):
    """A clone's genome is the same wherever it lies, and holds what its mothers hold; what is gone does not return."""
    pure = 2 * ((np.exp2(table[list(COPIES)]) - 1).div(table["purity"], axis=0) + 1)
    np.testing.assert_allclose(pure, pure.round(), atol=1e-9)
    genome = pd.concat([table[["tumor", "clone", *MUTATIONS]], pure.round()], axis=1)
    clones = genome.groupby(["tumor", "clone"])
    assert (clones.nunique() == 1).all(axis=None)
    held = clones.first()
    gained, stepped = 0, 0
    for (tumor, clone), own in zip(held.index.tolist(), held.to_dict("records"), strict=True):
        for mother in mothers_of(clone):
            if (tumor, mother) in held.index:
                hers = held.loc[(tumor, mother)].to_dict()
                assert all(own[gene] >= hers[gene] for gene in MUTATIONS)
                assert all(own[gene] == 0 for gene in COPIES if hers[gene] == 0)
                gained += sum(own[gene] > hers[gene] for gene in MUTATIONS)
                stepped += sum(own[gene] != hers[gene] for gene in COPIES)
    assert gained > 20
    assert stepped > 20


def test_truncal_alterations_are_in_all_regions_of_related_tumours():
    genes = {"M": MutatedGene(prevalence=0.5, truncal=1.0), "E": ExpressedGene(branch_sd=0, trend_sd=0, noise_sd=0)}
    for related, unit in [(True, "patient"), (False, "tumor")]:
        table = simulate_regions(40, 4, genes=genes, seed=7, tumors_per_patient=2, related=related)
        per_unit = table.assign(E=pure_level(table).round(9)).groupby(unit)[["M", "E"]]
        assert set(per_unit.nunique().to_numpy().ravel()) == {1}
        assert len(np.unique(per_unit.first()["E"])) == len(set(table[unit]))
        assert set(table["M"]) == {0, 1}


def pure_level(table: pd.DataFrame) -> pd.Series:
    """Return the tumour cells' own log2 expression of the gene E, where it was measured without error."""
    purity = table["purity"].to_numpy()
    return pd.Series(np.log2((np.exp2(table["E"].to_numpy()) - 1 + purity) / purity), table.index)


def test_alterations_are_as_prevalent_as_asked():
    rng = np.random.default_rng(8)
    parents = np.array([-1, 0, 1, 0])
    for gene in (MutatedGene(prevalence=0.6, truncal=0.5), CopyNumberGene(prevalence=0.6, truncal=0.5)):
        drawn = np.array([gene.evolve(gene.draw_trunk(rng), parents, rng) for _ in range(1500)])
        normal = 0 if isinstance(gene, MutatedGene) else 2
        shares = (drawn != normal).any(axis=1).mean(), (drawn[:, 0] != normal).mean()
        for share, expected in zip(shares, (0.6, 0.3), strict=True):
            assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / 1500)
    assert set(drawn[:, 0]) == {2, 3, 4, 5, 6}


def test_copies_are_diluted_as_genomics_expects():
    copies, purity = np.array([0.0, 1.0, 2.0, 7.0]), np.array([0.3, 0.5, 0.7, 0.9])
    measured = CopyNumberGene(noise_sd=0.0).measure(copies, np.zeros(4), purity, np.random.default_rng(1))
    units = [f"R{number}" for number in range(4)]
    data = xr.Dataset({"copy_number": (("region", "gene"), copies[:, None])}, {"region": units})
    expected = expect_log2_ratio(data, dict(zip(units, purity, strict=True)))["log2_ratio"].to_numpy()[:, 0]
    np.testing.assert_allclose(measured, expected, atol=1e-12)
    doubled = CopyNumberGene(trend_sd=1.0, noise_sd=0.0)
    trended = doubled.measure(copies, np.ones(4), np.full(4, 0.5), np.random.default_rng(1))
    np.testing.assert_allclose(2 * (2 * np.exp2(trended) - 1), [0, 1, 2, 12], atol=1e-12)


def test_expression_varies_in_space_as_its_trend_says(one_clone):
    """The half squared difference of two regions has mean 0.6² (1 − ρ), with ρ the Matérn correlation 3/2 over 8 mm."""
    excess = []
    for _, rows in one_clone.assign(E=pure_level(one_clone)).groupby("tumor"):
        distances = pdist(rows[AXES])
        scaled = math.sqrt(3) * distances / 8.0
        expected = 0.6**2 * (1 - (1 + scaled) * np.exp(-scaled))
        found = pdist(rows[["E"]], "sqeuclidean") / 2
        # Within 10 mm, from 10 to 20 mm, and further apart.
        excess.append(np.bincount(np.digitize(distances, [10.0, 20.0]), found - expected, minlength=3))
    sds = np.std(excess, axis=0)
    assert (sds > 0).all()
    assert (np.abs(np.mean(excess, axis=0)) < 4 * sds / math.sqrt(len(excess))).all()


def test_near_regions_are_more_alike_than_far_ones(one_clone):
    level = pure_level(one_clone)
    alike = []
    for _, rows in one_clone.assign(E=level - level.mean()).groupby("tumor"):
        near = pdist(rows[AXES]) < 10
        differences = pdist(rows[["E"]], "sqeuclidean")
        alike.append(differences[~near].mean() - differences[near].mean() if 0 < near.sum() < len(near) else 0.0)
    assert np.mean(alike) > 4 * np.std(alike) / math.sqrt(len(alike))


def test_levels_and_errors_have_the_stated_sds():
    gene = ExpressedGene(mean=2.0, tumor_sd=0.5, branch_sd=0.7, trend_sd=0.0, noise_sd=0.3)
    rng = np.random.default_rng(10)
    trunks = np.array([gene.draw_trunk(rng) for _ in range(2000)])
    branches = np.array([np.diff(gene.evolve(0.0, np.array([-1, 0, 1]), rng)) for _ in range(1000)]).ravel()
    errors = gene.measure(np.zeros(2000), np.zeros(2000), np.full(2000, 0.6), rng)
    for drawn, mean, sd in [(trunks, 2.0, 0.5), (branches, 0.0, 0.7), (errors, 0.0, 0.3)]:
        assert abs(drawn.mean() - mean) < 4 * sd / math.sqrt(2000)
        assert abs(math.log(drawn.std() / sd)) < 4 / math.sqrt(2 * 2000)


def test_same_seed_gives_the_same_bytes_and_further_genes_change_nothing_before():
    few = simulate_regions(5, (1, 6), genes={"TP53": "mutation", "VEGFA": "expression"}, seed=1)
    many = simulate_regions(5, (1, 6), genes={"TP53": "mutation", "VEGFA": "expression", "EGFR": "log2_ratio"}, seed=1)
    again = simulate_regions(5, (1, 6), genes={"TP53": "mutation", "VEGFA": "expression"}, seed=1)
    assert few.to_csv().encode() == again.to_csv().encode()
    pd.testing.assert_frame_equal(few, many.drop(columns="EGFR"), check_exact=True)
    assert not few["VEGFA"].equals(simulate_regions(5, (1, 6), genes={"VEGFA": "expression"}, seed=2)["VEGFA"])
    # The length-scale may be so long that a trend is the same all over its tumour.
    flat = simulate_regions(1, 20, genes={"E": ExpressedGene(noise_sd=0)}, seed=1, subclones=0, trend_length=1e9)
    assert np.ptp(pure_level(flat).to_numpy()) < 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_tumors": 0}, "n_tumors is 0; expected a whole number of at least 1"),
        ({"n_tumors": (2, 3)}, "n_tumors is (2, 3); expected a whole number"),
        ({"n_regions": 21}, "n_regions is 21; expected a whole number from 1 to 20, or two, the lower first"),
        ({"n_regions": (5, 2)}, "n_regions is (5, 2)"),
        ({"n_regions": 2.5}, "n_regions is 2.5"),
        ({"tumors_per_patient": 0}, "tumors_per_patient is 0; expected a whole number of at least 1, or two"),
        ({"subclones": (0, 11)}, "subclones is (0, 11); expected a whole number from 0 to 10"),
        ({"half_axes": (20.0, 10.0)}, "half_axes is (20.0, 10.0); expected two lengths above 0 mm, the lower first"),
        ({"half_axes": 20.0}, "half_axes is 20.0"),
        ({"spacing": -1.0}, "spacing is -1.0; expected a length above 0 mm"),
        ({"trend_length": math.nan}, "trend_length is nan"),
        ({"n_regions": 20, "spacing": 15.0, "half_axes": (10, 10)}, "of 20 regions fit into a tumour with half-axes"),
        ({"genes": {}}, "genes is {}; expected a kind for each gene"),
        ({"genes": ["TP53"]}, "genes is ['TP53']"),
        ({"genes": {"purity": "mutation"}}, "genes has 'purity'; expected names that no other column has"),
        ({"genes": {"TP53": "mutant"}}, "genes: TP53 is 'mutant'; expected 'mutation', 'log2_ratio', 'expression'"),
        ({"genes": {"TP53": MutatedGene}}, "genes: TP53 is <class"),
    ],
)
def test_impossible_arguments_are_refused(arguments: dict, message: str):
    given = {"n_tumors": 2, "n_regions": 2, "genes": {"TP53": "mutation"}, "seed": 1, **arguments}
    with pytest.raises(SettingsError) as raised:
        simulate_regions(**given)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "settings", "field"),
    [
        (MutatedGene, {"prevalence": 1.2}, "prevalence"),
        (MutatedGene, {"truncal": math.nan}, "truncal"),
        (CopyNumberGene, {"copies": (1, 3)}, "copies"),
        (CopyNumberGene, {"copies": (-1, 1)}, "copies"),
        (CopyNumberGene, {"step": -0.1}, "step"),
        (ExpressedGene, {"noise_sd": -1.0}, "noise_sd"),
        (ExpressedGene, {"mean": math.inf}, "mean"),
    ],
)
def test_impossible_genes_are_refused(kind: type, settings: dict, field: str):
    with pytest.raises(SettingsError, match=field):
        kind(**settings)


@pytest.mark.parametrize("k", [1, 3, 30])
def test_neighbours_are_mutual_near_and_one_piece(table, k: int):
    pairs = neighbours_of(table, k)
    assert pairs.columns.tolist() == ["tumor", "region", "neighbour"]
    assert not pairs.duplicated().any()
    both = {(tumor, first, second) for tumor, first, second in pairs.itertuples(index=False)}
    assert both == {(tumor, second, first) for tumor, first, second in both}
    sizes = table.groupby("tumor").size()
    assert set(pairs["tumor"]) == set(sizes.index[sizes > 1])
    for tumor, rows in table.groupby("tumor"):
        names = rows["region"].tolist()
        joined = np.array([[(tumor, one, other) in both for other in names] for one in names])
        assert not joined.diagonal().any()
        assert connected_components(joined)[0] == 1
        nearest = squareform(pdist(rows[AXES])).argsort(axis=1)[:, 1 : k + 1]
        assert np.take_along_axis(joined, nearest, axis=1).all()


def test_neighbours_need_places():
    places = pd.DataFrame({"lesion": [1, 1, 1, 2], "biopsy": [1, 2, 3, 1], "x": [0.0, 0.0, 5.0, 2.0]})
    # Two specimens of one place are neighbours, and tied to the third.
    pairs = neighbours_of(places, 1, tumor="lesion", region="biopsy", coordinates=["x"])
    assert set(pairs.itertuples(index=False, name=None)) == {(1, 1, 2), (1, 2, 1), (1, 3, 1), (1, 1, 3)}
    table = simulate_regions(1, 3, genes={"TP53": "mutation"}, seed=1)
    for wrong, message in [
        (table.drop(columns="z"), "no column 'z'"),
        (table.assign(region="a"), "tumor_1:a stand in several rows"),
        (table.assign(x=[1.0, np.nan, 2.0]), "column 'x' is no place for tumor_1:region_02; expected a finite number"),
    ]:
        with pytest.raises(TableError, match=message):
            neighbours_of(wrong)
    with pytest.raises(SettingsError, match="k is 0"):
        neighbours_of(table, 0)
