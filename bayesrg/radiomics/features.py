"""The register of features: for each column name its family, IBSI code, unit, range, aggregation and definition.

A feature is called ``<family>_<IBSI's name>``, for textures with the aggregation behind it, such as
``glcm_contrast_3d_merged`` or ``glszm_zone_percentage_3d``. What each is stands in ``families/<family>.tsv``, beside
the code that computes it. Symbols: X the intensities, d the grey levels of the N voxels, mu and sigma their mean and
standard deviation (no bias correction), M their median, P_q the q-th percentile; n_i voxels have grey level i and
p_i = n_i / N; all others as in the module of their family. Codes are those of the IBSI reference manual
(arXiv:1612.07003); the two kurtosis features without 3 subtracted are the article's and have none.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from types import MappingProxyType

from bayesrg.errors import SettingsError

DIRECTIONAL = MappingProxyType(
    {
        "3d_merged": "IAZD",
        "3d_averaged": "ITBB",
        "2p5d_merged": "ZW7Z",
        "2p5d_direction_merged": "JJUI",
        "2d_slice_merged": "SUJT",
        "2d_averaged": "BTW3",
    }
)
"""How matrices of several directions combine, with IBSI's codes. Names without an aggregation mean the first."""

UNDIRECTED = MappingProxyType({"3d": "KOBO", "2p5d": "62GR", "2d": "8QNN"})
"""How matrices without directions combine, with IBSI's codes. Names without an aggregation mean the first."""

WHOLE = MappingProxyType({"": "DHQ4"})
"""Families that are computed over the whole volume."""


@dataclass(frozen=True)
class Family:
    """A feature family of IBSI.

    Attributes
    ----------
    title
        IBSI's name of the family.
    ibsi_code
        IBSI's code.
    section
        Section of the reference manual.
    aggregations
        IBSI's code of each aggregation.
    empty
        Why all features of an aggregation are NaN, where that can happen.
    """

    title: str
    ibsi_code: str
    section: str
    aggregations: Mapping[str, str]
    empty: str = ""


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "morphology": Family("Morphology", "HCUG", "3.1", WHOLE),
        "local_intensity": Family("Local intensity", "9ST6", "3.2", WHOLE),
        "statistics": Family("Intensity-based statistics", "UHIW", "3.3", WHOLE),
        "histogram": Family("Intensity histogram", "ZVCW", "3.4", WHOLE),
        "intensity_volume_histogram": Family("Intensity-volume histogram", "P88C", "3.5", WHOLE),
        "glcm": Family(
            "Grey level co-occurrence matrix",
            "LFYI",
            "3.6",
            DIRECTIONAL,
            "no two voxels of the region are neighbours along any of the offsets",
        ),
        "glrlm": Family("Grey level run length matrix", "TP0I", "3.7", DIRECTIONAL),
        "glszm": Family("Grey level size zone matrix", "9SAK", "3.8", UNDIRECTED),
        "gldzm": Family("Grey level distance zone matrix", "VMDZ", "3.9", UNDIRECTED),
        "ngtdm": Family(
            "Neighbourhood grey tone difference matrix",
            "IPET",
            "3.10",
            UNDIRECTED,
            "no voxel of the region has a neighbour",
        ),
        "ngldm": Family("Neighbouring grey level dependence matrix", "REK0", "3.11", UNDIRECTED),
    }
)
"""The families by name, in the order of IBSI's manual and of the columns."""


@dataclass(frozen=True)
class Feature:
    """What one column of a feature table holds.

    Attributes
    ----------
    name
        The column's name.
    family
        One of `FAMILIES`.
    short_name
        What its family calls it: the name without family and aggregation.
    ibsi_code
        IBSI's code; empty where IBSI does not define the feature.
    unit
        Unit of the value; empty for a plain number. ``"intensity"`` is the image's own unit.
    range
        Values that it can take, as an interval.
    aggregation
        One of the family's aggregations; empty where the family has none.
    definition
        The formula, in one line.
    undefined
        When the value is NaN; empty if never (but see `Family.empty`).
    aliases
        Other names by which `find_feature` knows the feature.
    """

    name: str
    family: str
    short_name: str
    ibsi_code: str
    unit: str
    range: str
    aggregation: str
    definition: str
    undefined: str = ""
    aliases: tuple[str, ...] = ()


# The article's first-order features are those of the histogram; its homogeneity is the inverse difference moment.
_ARTICLE = {
    "histogram": {"mean": (), "variance": (), "skewness": (), "kurtosis": ()},
    "glcm": {"contrast": (), "correlation": (), "inverse_difference_moment": ("homogeneity", "idm")},
}


def _read(family: str) -> list[dict[str, str]]:
    text = resources.files("bayesrg.radiomics.families").joinpath(f"{family}.tsv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def _name_otherwise(family: str, name: str, aggregation: str, first: bool) -> tuple[str, ...]:
    """Return the aliases of a feature: without its aggregation if that is the first, and the article's."""
    article = _ARTICLE.get(family, {})
    others = article.get(name, ())
    aliases = [f"{family}_{other}_{aggregation}" for other in others]
    if first:
        aliases += [f"{family}_{short}" for short in (name, *others)] if aggregation else []
        aliases += [name, *others] if name in article else []
    return tuple(aliases)


def _register() -> dict[str, Feature]:
    registered = []
    for family, described in FAMILIES.items():
        rows = _read(family)
        for place, aggregation in enumerate(described.aggregations):
            for row in rows:
                name = row["name"]
                full = "_".join(part for part in (family, name, aggregation) if part)
                aliases = _name_otherwise(family, name, aggregation, place == 0)
                fields = {key: text for key, text in row.items() if key != "name"}
                registered.append(Feature(full, family, name, aggregation=aggregation, aliases=aliases, **fields))
    return {feature.name: feature for feature in registered}


FEATURES: Mapping[str, Feature] = MappingProxyType(_register())
"""Every feature by its column name, in the order of the columns."""

ALIASES = {alias: feature for feature in FEATURES.values() for alias in feature.aliases}


def select_features(aggregations: Mapping[str, Iterable[str]]) -> list[Feature]:
    """Return the features of some families, of each only those with the given aggregations, in order.

    Parameters
    ----------
    aggregations
        For each family the aggregations wanted; ``("",)`` for a family that has none.
    """
    wanted = {(family, aggregation) for family, chosen in aggregations.items() for aggregation in chosen}
    return [feature for feature in FEATURES.values() if (feature.family, feature.aggregation) in wanted]


def find_feature(name: str) -> Feature:
    """Return the feature with this column name or alias.

    Aliases, in any case, are the article's names: ``mean``, ``variance``, ``skewness``, ``kurtosis`` (histogram),
    ``contrast``, ``correlation``, ``homogeneity``, ``idm`` and ``inverse_difference_moment`` (of the GLCM, 3D merged,
    which for a single offset is all there is). Textures without an aggregation mean 3D, of GLCM and GLRLM 3D merged.

    Raises
    ------
    SettingsError
        No feature has this name; the message names the nearest one.
    """
    found = FEATURES.get(name) or ALIASES.get(name.lower())
    if found is None:
        nearest = get_close_matches(name, [*FEATURES, *ALIASES], n=1, cutoff=0.0)[0]
        raise SettingsError(
            f"there is no feature {name!r}; did you mean {nearest!r}? bayesrg.radiomics.FEATURES lists all "
            f"{len(FEATURES)}"
        )
    return found
