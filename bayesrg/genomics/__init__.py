"""Genomes: mutations, copy number, expression and methylation, encoded as Datasets over patients and genes.

Begin with the function of the modality, from a file or a table to a Dataset:

- mutations: ``read_maf(path)``, or ``encode_statuses(table)`` where a table says Mutant and wt;
- copy number: ``encode_copy_number(read_segments(path), read_annotation(path))``, then ``discretise_copy_number``;
- expression: ``encode_expression(read_counts(path), lengths)``, then ``score_pathways``;
- methylation: ``encode_methylation(read_matrix(path, over="cpg"))``, then ``average_methylation``.

Samples become patients on the way: TCGA barcodes tell theirs, other names are the patient's own, and ``samples=`` takes
a table that says it; ``level="region"`` keeps several samples of a patient apart. `bayesrg.cohort.join` takes what
comes out.
"""

from bayesrg.genomics.annotation import read_annotation
from bayesrg.genomics.copy_number.altered_genome import measure_altered_genome
from bayesrg.genomics.copy_number.bin_noise import smooth_outliers
from bayesrg.genomics.copy_number.depth import log2_ratio_of_depth, pool_normals
from bayesrg.genomics.copy_number.encoding import (
    COPY_THRESHOLDS,
    RATIO_THRESHOLDS,
    discretise_copy_number,
    encode_copy_number,
)
from bayesrg.genomics.copy_number.gene_copy_number import genes_of_segments
from bayesrg.genomics.copy_number.gene_copy_table import read_gene_copy_number
from bayesrg.genomics.copy_number.purity import correct_purity, expect_log2_ratio
from bayesrg.genomics.copy_number.segment_table import check_segments
from bayesrg.genomics.copy_number.segmentation import segment
from bayesrg.genomics.copy_number.segments import read_segments
from bayesrg.genomics.expression.counts import keep_expressed, read_counts
from bayesrg.genomics.expression.encoding import encode_expression
from bayesrg.genomics.expression.gene_sets import read_gmt, write_gmt
from bayesrg.genomics.expression.pathways import score_pathways
from bayesrg.genomics.expression.values import (
    counts_per_million,
    fragments_per_kilobase,
    log2_plus_one,
    transcripts_per_million,
    undo_log2_plus_one,
)
from bayesrg.genomics.matrix import as_matrix, read_matrix
from bayesrg.genomics.methylation.encoding import encode_methylation
from bayesrg.genomics.methylation.means import average_methylation
from bayesrg.genomics.methylation.values import (
    beta_of_counts,
    beta_of_intensities,
    beta_value,
    m_of_intensities,
    m_value,
)
from bayesrg.genomics.mutations.encoding import encode_mutations
from bayesrg.genomics.mutations.maf import read_maf, read_variants
from bayesrg.genomics.mutations.recurrence import list_mutated, recurrence, select_genes, to_sparse
from bayesrg.genomics.mutations.statuses import encode_statuses
from bayesrg.genomics.mutations.variant_classes import CLASSES
from bayesrg.samples import identify_samples, place_samples

__all__ = [
    "CLASSES",
    "COPY_THRESHOLDS",
    "RATIO_THRESHOLDS",
    "as_matrix",
    "average_methylation",
    "beta_of_counts",
    "beta_of_intensities",
    "beta_value",
    "check_segments",
    "correct_purity",
    "counts_per_million",
    "discretise_copy_number",
    "encode_copy_number",
    "encode_expression",
    "encode_methylation",
    "encode_mutations",
    "encode_statuses",
    "expect_log2_ratio",
    "fragments_per_kilobase",
    "genes_of_segments",
    "identify_samples",
    "keep_expressed",
    "list_mutated",
    "log2_plus_one",
    "log2_ratio_of_depth",
    "m_of_intensities",
    "m_value",
    "measure_altered_genome",
    "place_samples",
    "pool_normals",
    "read_annotation",
    "read_counts",
    "read_gene_copy_number",
    "read_gmt",
    "read_maf",
    "read_matrix",
    "read_segments",
    "read_variants",
    "recurrence",
    "score_pathways",
    "segment",
    "select_genes",
    "smooth_outliers",
    "to_sparse",
    "transcripts_per_million",
    "undo_log2_plus_one",
    "write_gmt",
]
