"""The features that a figure shows, and what its caption says where there are more."""

from bayesrg.reporting.multi_region.study import MOST_LINKS, Study


def features_shown(study: Study, most: int = MOST_LINKS) -> tuple[list[str], str]:
    """The first features, at most so many, and a sentence for the end of a caption: none where all are shown."""
    features = study.features[:most]
    if len(features) == len(study.features):
        return features, ""
    return features, f" The first {len(features)} of {len(study.features)} features."
