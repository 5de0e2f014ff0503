"""The overlap of genes with segments, sample by sample: the kernel under `genes_of_segments`."""

import numpy as np
from numba import njit

MEAN, MAXIMUM, MINIMUM, MIDDLE = range(4)


@njit(cache=True, nogil=True, error_model="numpy")
def summarise_overlap(bounds, segment_start, segment_end, values, gene_start, gene_end, how, least_covered, result):
    """Fill the value of each sample and gene on one chromosome; NaN where too little of the gene is covered.

    Parameters
    ----------
    bounds
        The first segment of each sample, and behind the last, shape (sample + 1,).
    segment_start, segment_end, values
        Segments of the chromosome, sorted by place within samples and without overlap, shape (segment,).
    gene_start, gene_end
        Shape (gene,); positions are 1-based and inclusive, as are those of segments.
    how
        `MEAN` (weighted by the length of the overlap), `MAXIMUM`, `MINIMUM`, or `MIDDLE` (the segment under the
        middle).
    least_covered
        The share of a gene that segments must cover; some of it in any case.
    result
        Shape (sample, gene), to be filled.
    """
    for sample in range(bounds.size - 1):
        begin, end = bounds[sample], bounds[sample + 1]
        for gene in range(gene_start.size):
            result[sample, gene] = np.nan
            left, right = begin, end
            while left < right:
                middle = (left + right) // 2
                if segment_end[middle] < gene_start[gene]:
                    left = middle + 1
                else:
                    right = middle
            length = gene_end[gene] - gene_start[gene] + 1
            centre = gene_start[gene] + (length - 1) // 2
            covered = 0
            total = 0.0
            largest = -np.inf
            smallest = np.inf
            at_centre = np.nan
            while left < end and segment_start[left] <= gene_end[gene]:
                first = max(segment_start[left], gene_start[gene])
                last = min(segment_end[left], gene_end[gene])
                covered += last - first + 1
                total += (last - first + 1) * values[left]
                largest = max(largest, values[left])
                smallest = min(smallest, values[left])
                if first <= centre <= last:
                    at_centre = values[left]
                left += 1
            if covered == 0 or covered < least_covered * length:
                continue
            if how == MEAN:
                result[sample, gene] = total / covered
            elif how == MAXIMUM:
                result[sample, gene] = largest
            elif how == MINIMUM:
                result[sample, gene] = smallest
            else:
                result[sample, gene] = at_centre
