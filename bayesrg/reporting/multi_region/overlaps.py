"""How much of each posterior is its prior: what links share, lengths, and each link's sds."""

import numpy as np
import pandas as pd

from bayesrg.reporting.blocks import count
from bayesrg.reporting.multi_region.study import SEED, Link, Study

UNMOVED = 0.85  # overlap from which on a posterior is said to be its prior
BINS = 10  # independent draws of one distribution, some hundreds, overlap by 0.95: more bins would count their noise
PRIOR_DRAWS = 4000
NAMES = {"link_tumor_sd": "sd between tumours", "link_space_sd": "sd in space", "local_share": "share within tumours"}


def overlap(before: np.ndarray, after: np.ndarray) -> float:
    """Area that the densities of two samples have in common, the same on any scale: 1 if they are one distribution.

    Bins hold equal parts of both samples taken together, each sample with half the weight.
    """
    weight = np.concatenate([np.full(before.size, 0.5 / before.size), np.full(after.size, 0.5 / after.size)])
    both = np.concatenate([before, after])
    order = np.argsort(both, kind="stable")
    place = np.searchsorted(np.cumsum(weight[order]), np.linspace(0, 1, BINS + 1)[1:-1])
    edges = both[order][np.minimum(place, both.size - 1)]
    shares = [
        np.bincount(np.searchsorted(edges, own, side="right"), minlength=BINS) / own.size for own in (before, after)
    ]
    return float(np.minimum(*shares).sum())


def shared_quantities(study: Study) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Prior and posterior draws of what all links, or a process, share, by name."""
    priors, rng = study.model.priors, np.random.default_rng(SEED)
    names = {
        "heterogeneity_sd": "size h of links’ variation",
        "within_share": "share w within tumours",
        "mixing": "share φ that the graph structures",
    }
    found = {
        shown: (getattr(priors, name).draw(rng, PRIOR_DRAWS), study.posterior[name].values.ravel())
        for name, shown in names.items()
        if name in study.posterior
    }
    if study.matern:
        before = study.model.length_scale_prior(study.data)
        for process in ("a", "B"):
            after = study.posterior["length_scale"].sel(process=process).values.ravel()
            found[f"length-scale of {process} (mm)"] = before.draw(rng, PRIOR_DRAWS), after
    return found


def learned_links(study: Study) -> list[Link]:
    """Links with sds of their own: a link a gene where residuals are correlated, whose features share them."""
    if study.model.residual != "correlated":
        return study.links
    return [Link(study.features[0], gene) for gene in study.genes]


def overlaps(study: Study) -> pd.DataFrame:
    """Prior and posterior quantiles and their overlap, a row a quantity."""
    drawn = dict(shared_quantities(study))
    for link in learned_links(study):
        which = link.gene if study.model.residual == "correlated" else f"{link.gene}, {link.feature}"
        for name, shown in NAMES.items():
            before = study.fit.prior(name, feature=link.feature, gene=link.gene)
            drawn[f"{shown}: {which}"] = before, study.draws(name, link)
    rows = {}
    for name, (before, after) in drawn.items():
        row: dict[str, object] = {"kind": name.partition(": ")[0], "overlap": overlap(before, after)}
        for when, own in (("prior", before), ("posterior", after)):
            row |= dict(
                zip(
                    (f"{when}_lower", f"{when}_median", f"{when}_upper"),
                    np.quantile(own, [0.025, 0.5, 0.975]),
                    strict=True,
                )
            )
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("quantity")


def name_unmoved(study: Study, table: pd.DataFrame) -> list[str]:
    """The quantities of `overlaps` that the data hardly moved, those of links (or of genes) counted."""
    named, noun = [], "gene" if study.model.residual == "correlated" else "link"
    for kind, own in table.groupby("kind", sort=False):
        n = np.count_nonzero(own["overlap"].to_numpy() >= UNMOVED)
        if n:
            several = kind in NAMES.values()
            named.append(f"the {kind}" + (f" of {n} of {count(len(own), noun)}" if several else ""))
    return named
