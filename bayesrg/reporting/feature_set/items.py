"""The items of CLEAR and METRICS about reproducibility, answered from the fit: as a table, as CSV and as JSON."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from bayesrg.inference.provenance import read_json
from bayesrg.reporting.blocks import Column, Section, Table, count, enumerate_words, fill, prose
from bayesrg.reporting.feature_set.checklists import ITEMS, TOOLS
from bayesrg.reporting.feature_set.redundancy import GROUP
from bayesrg.reporting.feature_set.study import FeatureSet, count_features
from bayesrg.reporting.stability.study import display

ANSWERED, PARTLY, NOT_HERE = "answered", "in part", "not from this fit"


@dataclass(frozen=True)
class Answer:
    """What the fit says to an item, how fully, and in which section of the page."""

    status: str
    text: str
    section: str


def items(study: FeatureSet) -> Section:
    """The section on reporting items."""
    answers = {item: ANSWERS[item.guideline, item.number](study) for item in ITEMS}
    frame = pd.DataFrame(
        [
            {
                "guideline": item.guideline,
                "item": item.number,
                "topic": item.topic,
                "asks": item.asks,
                "status": answer.status,
                "answer": answer.text,
                "section": answer.section,
            }
            for item, answer in answers.items()
        ],
        index=pd.Index([f"{item.guideline} {item.number}" for item in ITEMS], name="id"),
    )
    statuses = list(frame["status"])
    where = [Markup('<a href="#{}">{}</a>').format(name, name) if name else Markup("–") for name in frame["section"]]
    links = enumerate_words([work.link(f"{name} {version}") for name, (work, version, _) in TOOLS.items()])
    return Section(
        "items",
        "Reporting items of CLEAR and METRICS",
        [
            prose(
                "What {links} ask about reproducibility and robustness of features, answered as far as this fit can. "
                "Numbers are those of the guidelines’ online tools; questions are in our words. Items about patients, "
                "images, prediction models and sharing are not listed: a stability fit knows nothing of them.",
                links=links,
            ),
            Table(
                "items",
                fill(
                    "Reporting items: {answered} answered, {partly} in part, {rest} not from this fit.",
                    answered=statuses.count(ANSWERED),
                    partly=statuses.count(PARTLY),
                    rest=statuses.count(NOT_HERE),
                ),
                [
                    Column("Item", list(frame.index), numeric=False),
                    Column("It asks", list(frame["asks"]), numeric=False),
                    Column("Status", list(frame["status"]), numeric=False),
                    Column("Answer", list(frame["answer"]), numeric=False),
                    Column("Section", where, numeric=False),
                ],
                frame,
                json=_as_json(study, frame),
            ),
        ],
    )


def _as_json(study: FeatureSet, frame: pd.DataFrame) -> str:
    attributes = study.fit.tree["provenance"].attrs
    described = {
        "fit": {
            "bayesrg": study.fit.versions["bayesrg"],
            "created": attributes["created"],
            "data_sha256": attributes["data_sha256"],
            "verdict": study.fit.diagnosis.verdict,
        },
        "guidelines": {
            name: {"reference": work.text, "doi": work.doi, "version": version, "tool": tool}
            for name, (work, version, tool) in TOOLS.items()
        },
        "items": frame.to_dict("records"),
    }
    return json.dumps(described, ensure_ascii=False, indent=1) + "\n"


def _sample_size(study: FeatureSet) -> Answer:
    found = study.estimates["icc"].sel(condition="overall")
    width = float((found["upper"] - found["lower"]).median())
    return Answer(
        PARTLY,
        f"There were {study.measured_by}. The 95 % interval of a feature’s overall ICC is {width:.2f} wide at the "
        "median. How the number was settled the fit does not know.",
        "data",
    )


def _protocol(study: FeatureSet) -> Answer:
    if "scanner" not in study.components:
        return Answer(NOT_HERE, "No scanner was named.", "")
    counts = np.bincount(study.layout.levels("scanner"))
    names = study.fit.data["scanner"].values.astype(str)
    told = ", ".join(f"{name} ({number} measurements)" for name, number in zip(names, counts, strict=True))
    return Answer(PARTLY, f"Scanners: {told}. Acquisition parameters are not in the fit.", "data")


def _classes(study: FeatureSet) -> Answer:
    sizes = pd.Series(study.families).value_counts()
    told = ", ".join(f"{name} {number}" for name, number in sizes.items())
    return Answer(ANSWERED, f"Features by family: {told}.", "data")


def _number(study: FeatureSet) -> Answer:
    out = len(study.left_out)
    rest = f"; {out} more could not be modelled" if out else ""
    return Answer(ANSWERED, f"{count_features(study.n_features)} were fitted{rest}.", "data")


def _missing(study: FeatureSet) -> Answer:
    dropped = sum(read_json(study.fit.data.attrs, "dropped").values())
    lacking = int((study.missing > 0).sum())
    return Answer(
        ANSWERED,
        f"{count(dropped, 'row')} left out; {lacking} of {count_features(study.n_features)} lack values in some rows "
        f"({int(study.missing.sum())} values in all). The likelihood uses what was measured; nothing is imputed.",
        "data",
    )


def _segmentation(study: FeatureSet) -> Answer:
    if "preprocessing" not in study.components:
        return Answer(NOT_HERE, "No facet of this design can be a segmentation.", "")
    return Answer(
        PARTLY,
        "If the levels named as preprocessing are segmentations or readers, the robustness ICC is the coefficient "
        "asked for; the agreement indices have the forms of Shrout and Fleiss. The fit does not know what they are.",
        "agreement",
    )


def _scaling(study: FeatureSet) -> Answer:
    text = study.described_scale
    return Answer(ANSWERED, f"{text[:1].upper()}{text[1:]}, over all rows of the fit.", "model")


def _reduction(study: FeatureSet) -> Answer:
    return Answer(
        ANSWERED,
        f"One step: a feature is kept if {study.rule_in_words}. {int(study.kept.sum()):,} of "
        f"{study.n_features:,} are kept. Whether the subjects were those of a training set the fit does not know.",
        "selection",
    )


def _confounders(study: FeatureSet) -> Answer:
    own = [name for name in ("scanner", "preprocessing") if name in study.components]
    if not own:
        return Answer(NOT_HERE, "No scanner or preprocessing was named.", "")
    shares = study.estimates["share"]["mean"]
    told = ", ".join(f"{name} {100 * float(shares.sel(component=name).median()):.0f} %" for name in own)
    return Answer(
        PARTLY,
        f"Variance from the {enumerate_words(own)} is a component of its own; its share at the median feature: {told}. "
        "Confounding with patients’ characteristics is not examined.",
        "shares",
    )


def _uncertainty(study: FeatureSet) -> Answer:
    return Answer(
        ANSWERED,
        "Posterior means with 95 % equal-tailed credible intervals, posterior probabilities of exceeding thresholds, "
        f"posteriors of ranks; Monte Carlo diagnostics: {study.fit.diagnosis.verdict.partition(':')[0]}.",
        "icc",
    )


def _software(study: FeatureSet) -> Answer:
    versions = study.fit.versions
    return Answer(
        PARTLY,
        f"bayesrg {versions['bayesrg']}, PyMC {versions['pymc']}, nutpie {versions['nutpie']}, Python "
        f"{versions['python']}. Threshold {study.target:g} at a posterior probability of {study.rule.probability:g}; "
        "no prediction models are compared here.",
        "record",
    )


def _statistics(study: FeatureSet) -> Answer:
    return Answer(
        ANSWERED,
        f"{int(study.kept.sum()):,} features kept, by name with their probabilities, family, ICCs and coefficients.",
        "selection",
    )


def _limitations(study: FeatureSet) -> Answer:
    said = [f"{name}: {why}" for name, why in study.unavailable.items()]
    absent = [display(name) for name in read_json(study.fit.data.attrs, "not_identified")]
    if absent:
        said.append(f"not in the model: {', '.join(absent)}")
    said += study.cautions
    if study.fit.failed:
        said.append(study.fit.verdict)
    text = "; ".join(said) if said else "The design has every condition and component of the model"
    return Answer(
        PARTLY, f"{text[:1].upper()}{text[1:]}. Limitations beyond the design are the authors’ to name.", "data"
    )


def _code(study: FeatureSet) -> Answer:
    return Answer(
        PARTLY,
        f"The model as JSON, seed {study.fit.sampler['seed']}, versions and the hash of the data are recorded; the "
        "script and the data are the authors’ to share.",
        "record",
    )


def _robust(study: FeatureSet) -> Answer:
    repeated = [name for name in ("session", "scanner", "preprocessing") if name in study.components]
    removed = study.n_features - int(study.kept.sum())
    weakest = study.selection.loc[~study.selection["kept"], "weakest"].value_counts()
    causes = ", ".join(f"{name} {number}" for name, number in weakest.items())
    return Answer(
        ANSWERED,
        f"Measurements were repeated over {enumerate_words(repeated) or 'replicates'}; {removed:,} features are removed"
        + (f" (by their weakest condition: {causes})." if causes else "."),
        "selection",
    )


def _redundant(study: FeatureSet) -> Answer:
    if GROUP in study.fit.tree.children:
        return Answer(ANSWERED, "Groups of features that measure the same are listed.", "redundancy")
    return Answer(NOT_HERE, "Redundancy was not examined in this fit.", "")


def _dimensionality(study: FeatureSet) -> Answer:
    subjects = study.n_levels("subject")
    return Answer(
        PARTLY,
        f"{int(study.kept.sum()):,} features are kept and {subjects} subjects were measured here; the data of a "
        "prediction model are another matter.",
        "selection",
    )


def _deep_learning(study: FeatureSet) -> Answer:
    return Answer(NOT_HERE, "Does not apply to tabulated features.", "")


ANSWERS: Mapping[tuple[str, int], Callable[[FeatureSet], Answer]] = {
    ("CLEAR", 9): _sample_size,
    ("CLEAR", 16): _protocol,
    ("CLEAR", 26): _classes,
    ("CLEAR", 27): _number,
    ("CLEAR", 29): _missing,
    ("CLEAR", 31): _segmentation,
    ("CLEAR", 32): _scaling,
    ("CLEAR", 33): _reduction,
    ("CLEAR", 36): _confounders,
    ("CLEAR", 40): _uncertainty,
    ("CLEAR", 41): _software,
    ("CLEAR", 46): _statistics,
    ("CLEAR", 52): _limitations,
    ("CLEAR", 56): _code,
    ("METRICS", 14): _robust,
    ("METRICS", 15): _redundant,
    ("METRICS", 16): _dimensionality,
    ("METRICS", 17): _deep_learning,
    ("METRICS", 19): _confounders,
    ("METRICS", 21): _uncertainty,
}
