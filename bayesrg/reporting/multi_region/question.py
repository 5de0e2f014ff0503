"""What was asked: how features follow genes on average, and whether that differs within or between tumours."""

from bayesrg.reporting.blocks import Section, fill, listed, prose
from bayesrg.reporting.multi_region.study import Study


def question(study: Study) -> Section:
    """The section on the question."""
    between = (
        "varies between tumours and between places of a tumour"
        if study.model.spatial == "exchangeable"
        else "varies between tumours, and in space within a tumour"
    )
    return Section(
        "question",
        "The question",
        [
            prose(
                "Regions of a tumour differ in their images and in their genomes. Do the rules that link the two "
                "differ as well? Three things are kept apart:"
            ),
            listed(
                [
                    fill("<b>Links on average</b>: the coefficient B<sub>0</sub> of each feature and gene."),
                    fill(
                        "<b>Radiogenomic heterogeneity</b>: the coefficient itself {between}. Only this has that name.",
                        between=between,
                    ),
                    fill(
                        "<b>Imaging heterogeneity</b>: the feature varies whatever the genes are. It is often smooth "
                        "in space too, and without a term of its own it would be taken for the former."
                    ),
                ]
            ),
            prose(
                "All of this is association. It says nothing of what would change if a genome were changed; what "
                "regions share otherwise (cell density, blood supply, treatment, how and where a biopsy was taken) may "
                "make or hide a link, and a place that was registered wrongly weakens all of them."
            ),
        ],
    )
