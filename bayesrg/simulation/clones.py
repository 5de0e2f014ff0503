"""Clones of a tumour and their genomes: a random tree of descent, along which daughters inherit what their mother has.

The first clone is the trunk: what it has, every cell of the tumour has. Each later clone descends from one of the
clones before it, drawn with equal probability (a random recursive tree), and adds alterations on its own branch. A
mutation is gained once and never lost (infinite sites), and a gene that is gone does not return.

A specimen mixes tumour cells, a share p of its cells, with normal cells. A gene of which a tumour cell has 2^level as
much as a normal cell, be it copies or transcripts, then shows ::

    log2(p 2^level + 1 - p) + noise

(for copies, of a tumour whose mean over the genome is two: `bayesrg.genomics.expect_log2_ratio`).

Sources
-------
Random recursive trees: Smythe and Mahmoud 1995, A survey of recursive trees. Mixtures: Van Loo et al. 2010,
doi:10.1073/pnas.1009843107. Trunk and branches in regions of one tumour: Gerlinger et al. 2012,
doi:10.1056/NEJMoa1113205; in glioblastomas: Sottoriva et al. 2013, doi:10.1073/pnas.1219747110.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bayesrg.errors import SettingsError, list_some
from bayesrg.settings import check_that, check_types

_NORMAL_COPIES = 2


@dataclass(frozen=True)
class MutatedGene:
    """A gene that is mutated (1) or not (0) in a specimen.

    Attributes
    ----------
    prevalence
        Probability that a tumour with subclones has the mutation somewhere. (A tumour that is one clone has it only if
        it is truncal.)
    truncal
        Probability that a mutation which a tumour has is in the trunk; else it is gained on one branch, any with the
        same probability.
    """

    prevalence: float = 0.3
    truncal: float = 0.6

    def __post_init__(self) -> None:
        _check(self, shares=("prevalence", "truncal"))

    def draw_trunk(self, rng: np.random.Generator) -> float:
        """Return what the founder of a tumour has: 1 or 0."""
        return float(rng.random() < self.prevalence * self.truncal)

    def evolve(self, trunk: float, parents: NDArray[np.int_], rng: np.random.Generator) -> NDArray[np.float64]:
        """Return what each clone has [clone]: 1 or 0."""
        genomes = np.full(len(parents), trunk)
        origin = 0 if trunk else _draw_origin(self.prevalence, self.truncal, len(parents), rng)
        for clone in range(1, len(parents)):
            genomes[clone] = 1.0 if clone == origin else genomes[parents[clone]]
        return genomes

    def measure(
        self, genomes: NDArray[np.float64], trend: NDArray[np.float64], purity: NDArray, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return the mutation as it is called in each specimen [region]: that of its clone, without error."""
        return genomes


@dataclass(frozen=True)
class CopyNumberGene:
    """A gene whose copies change; a specimen shows the log2 ratio of its mean copies to normal.

    Attributes
    ----------
    prevalence, truncal
        As for `MutatedGene`, of the event that changes two copies to others.
    copies
        Lowest and highest number of copies after that event, each whole number between them with the same probability:
        both below 2 (a loss) or both above (a gain).
    step
        Probability that a later clone has a copy more or less than its mother, if hers are altered and not gone.
    trend_sd
        Standard deviation, in log2 units, of a smooth trend in space that multiplies the copies beyond two within a
        tumour, as unequal shares of extrachromosomal DNA do; it does nothing to losses.
    noise_sd
        Standard deviation of the measurement's error, in log2 units.
    """

    prevalence: float = 0.4
    truncal: float = 0.6
    copies: tuple[int, int] = (3, 6)
    step: float = 0.3
    trend_sd: float = 0.0
    noise_sd: float = 0.1

    def __post_init__(self) -> None:
        _check(self, shares=("prevalence", "truncal", "step"), sds=("trend_sd", "noise_sd"))
        low, high = self.copies
        altered = 0 <= low <= high and not low <= _NORMAL_COPIES <= high
        check_that(altered, self, "copies", "two whole numbers in rising order, both 0 or 1, or both above 2")

    def draw_trunk(self, rng: np.random.Generator) -> float:
        """Return the copies of the founder of a tumour."""
        altered = rng.random() < self.prevalence * self.truncal
        return self._draw_copies(rng) if altered else float(_NORMAL_COPIES)

    def evolve(self, trunk: float, parents: NDArray[np.int_], rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the copies in each clone [clone]."""
        copies = np.full(len(parents), trunk)
        normal = trunk == _NORMAL_COPIES
        origin = _draw_origin(self.prevalence, self.truncal, len(parents), rng) if normal else 0
        for clone in range(1, len(parents)):
            inherited = copies[parents[clone]]
            if clone == origin:
                inherited = self._draw_copies(rng)
            elif inherited not in (0, _NORMAL_COPIES) and rng.random() < self.step:
                inherited += rng.choice([-1, 1])
            copies[clone] = inherited
        return copies

    def measure(
        self, genomes: NDArray[np.float64], trend: NDArray[np.float64], purity: NDArray, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return the log2 ratio of each specimen [region], from its clone's copies, its trend and its purity."""
        beyond = np.maximum(genomes - _NORMAL_COPIES, 0.0)
        copies = genomes + beyond * (np.exp2(self.trend_sd * trend) - 1.0)
        return _mix(copies / _NORMAL_COPIES, purity) + rng.normal(0.0, self.noise_sd, len(genomes))

    def _draw_copies(self, rng: np.random.Generator) -> float:
        return float(rng.integers(self.copies[0], self.copies[1], endpoint=True))


@dataclass(frozen=True)
class ExpressedGene:
    """A gene whose expression varies; a specimen shows log2 expression relative to that of normal cells.

    Attributes
    ----------
    mean
        Mean over trunks of the tumour cells' log2 expression relative to normal cells.
    tumor_sd, branch_sd, trend_sd, noise_sd
        Standard deviations, in log2 units: of the trunks about the mean, of what each branch adds to its mother's
        level, of a smooth trend in space within a tumour, and of the measurement's error.
    """

    mean: float = 0.0
    tumor_sd: float = 1.0
    branch_sd: float = 0.5
    trend_sd: float = 0.7
    noise_sd: float = 0.2

    def __post_init__(self) -> None:
        _check(self, sds=("tumor_sd", "branch_sd", "trend_sd", "noise_sd"))
        check_that(np.isfinite(self.mean).item(), self, "mean", "finite")

    def draw_trunk(self, rng: np.random.Generator) -> float:
        """Return the level of the founder of a tumour, in log2 units."""
        return float(rng.normal(self.mean, self.tumor_sd))

    def evolve(self, trunk: float, parents: NDArray[np.int_], rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the level of each clone [clone], in log2 units."""
        levels = np.full(len(parents), trunk)
        for clone in range(1, len(parents)):
            levels[clone] = levels[parents[clone]] + rng.normal(0.0, self.branch_sd)
        return levels

    def measure(
        self, genomes: NDArray[np.float64], trend: NDArray[np.float64], purity: NDArray, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return the log2 expression of each specimen [region], from its clone's level, its trend and its purity."""
        relative = np.exp2(genomes + self.trend_sd * trend)
        return _mix(relative, purity) + rng.normal(0.0, self.noise_sd, len(genomes))


SimulatedGene = MutatedGene | CopyNumberGene | ExpressedGene
"""What `bayesrg.simulation.simulate_regions` can give a tumour."""

KINDS: Mapping[str, type[SimulatedGene]] = MappingProxyType(
    {"mutation": MutatedGene, "log2_ratio": CopyNumberGene, "expression": ExpressedGene}
)
"""Kinds of gene by the word that asks for one with its defaults."""


def read_genes(
    genes: Mapping[str, SimulatedGene | str], other_columns: Collection[str] = ()
) -> dict[str, SimulatedGene]:
    """Return the kind of each gene, a word for a kind replaced by that kind with its defaults.

    Raises
    ------
    SettingsError
        If there is no gene, one is of no known kind, or one has the name of another column.

    Examples
    --------
    >>> read_genes({"TP53": "mutation"})
    {'TP53': MutatedGene(prevalence=0.3, truncal=0.6)}
    """
    if not isinstance(genes, Mapping) or not genes:
        raise SettingsError(f"genes is {genes!r}; expected a kind for each gene, such as {{'TP53': 'mutation'}}")
    taken = [name for name in genes if not isinstance(name, str) or not name or name in other_columns]
    if taken:
        raise SettingsError(f"genes has {list_some(taken, show=repr)}; expected names that no other column has")
    kinds: dict[str, SimulatedGene] = {}
    for name, given in genes.items():
        kind = KINDS[given]() if isinstance(given, str) and given in KINDS else given
        if isinstance(kind, str) or not isinstance(kind, tuple(KINDS.values())):
            classes = " or ".join(known.__name__ for known in KINDS.values())
            raise SettingsError(f"genes: {name} is {kind!r}; expected {', '.join(map(repr, KINDS))}, or {classes}")
        kinds[name] = kind
    return kinds


def grow_tree(n_subclones: int, rng: np.random.Generator) -> NDArray[np.int_]:
    """Return the mother of each clone [clone] by its number; the trunk, number 0, has −1."""
    mothers = [int(rng.integers(clone)) for clone in range(1, n_subclones + 1)]
    return np.array([-1, *mothers], dtype=np.int_)


def name_clones(parents: NDArray[np.int_]) -> list[str]:
    """Return a name for each clone that tells its descent: the trunk is A, its daughters are A.1 and A.2, and so on.

    Examples
    --------
    >>> name_clones(np.array([-1, 0, 0, 1]))
    ['A', 'A.1', 'A.2', 'A.1.1']
    """
    names, daughters = ["A"], [0] * len(parents)
    for parent in parents[1:]:
        daughters[parent] += 1
        names.append(f"{names[parent]}.{daughters[parent]}")
    return names


def _draw_origin(prevalence: float, truncal: float, n_clones: int, rng: np.random.Generator) -> int:
    """Return the clone that gains an alteration which the trunk lacks; 0 if none does."""
    in_trunk = prevalence * truncal
    # Among tumours whose trunk lacks it, so many have it that of all tumours the share `prevalence` does.
    later = (prevalence - in_trunk) / (1.0 - in_trunk) if in_trunk < 1.0 else 0.0
    return int(rng.integers(1, n_clones)) if n_clones > 1 and rng.random() < later else 0


def _mix(relative: NDArray[np.float64], purity: NDArray) -> NDArray[np.float64]:
    return np.log2(purity * relative + 1.0 - purity)


def _check(gene: SimulatedGene, *, shares: tuple[str, ...] = (), sds: tuple[str, ...] = ()) -> None:
    check_types(gene)
    for name in shares:
        check_that(0.0 <= getattr(gene, name) <= 1.0, gene, name, "a probability from 0 to 1")
    for name in sds:
        check_that(0.0 <= getattr(gene, name) < np.inf, gene, name, "zero or a positive number")


GENES: Mapping[str, SimulatedGene] = MappingProxyType(
    {
        "TP53": MutatedGene(prevalence=0.3, truncal=0.8),
        "PTEN": MutatedGene(prevalence=0.3, truncal=0.6),
        "NF1": MutatedGene(prevalence=0.15, truncal=0.4),
        "EGFR": CopyNumberGene(prevalence=0.45, truncal=0.9, copies=(6, 30), trend_sd=0.5),
        "CDKN2A": CopyNumberGene(prevalence=0.6, truncal=0.8, copies=(0, 1)),
        "PDGFRA": CopyNumberGene(prevalence=0.15, truncal=0.3, copies=(6, 20), trend_sd=0.5),
        "VEGFA": ExpressedGene(mean=1.5, trend_sd=1.0),
        "MKI67": ExpressedGene(mean=2.0),
    }
)
"""Genes of glioblastomas, about as often altered as Brennan et al. 2013 (doi:10.1016/j.cell.2013.09.034) found; the
shares in the trunk and all standard deviations are chosen, not estimated."""
