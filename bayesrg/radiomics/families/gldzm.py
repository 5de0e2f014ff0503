"""Grey level distance zone matrix (IBSI 3.9, VMDZ): how many zones of each grey level lie how deep.

Zones are those of the size zone matrix, in the intensity mask. The distance of a voxel is the number of steps by faces
(6 neighbours, within a slice 4) to the nearest voxel outside the morphological mask, 1 at its border; beyond the image
everything is outside, and voxels that re-segmentation excluded are inside. The distance of a zone is that of its
nearest voxel. With d_ij zones of grey level i at distance j, N_s = sum d_ij, N_v voxels in the intensity mask and
p_ij = d_ij / N_s. Aggregation as for the size zone matrix; by slice, distances too are those within the slice.

No feature is ever undefined. One voxel is one zone, and so is a constant region in one part: both at the distance of
their nearest voxel, which is 1 unless re-segmentation took the border away.
"""

from bayesrg.radiomics.kernels.zones import describe_zones
from bayesrg.radiomics.region import Region
from bayesrg.radiomics.settings import Settings

NAMES = (
    "small_distance_emphasis",
    "large_distance_emphasis",
    "low_grey_level_zone_emphasis",
    "high_grey_level_zone_emphasis",
    "small_distance_low_grey_level_emphasis",
    "small_distance_high_grey_level_emphasis",
    "large_distance_low_grey_level_emphasis",
    "large_distance_high_grey_level_emphasis",
    "grey_level_non_uniformity",
    "normalised_grey_level_non_uniformity",
    "zone_distance_non_uniformity",
    "normalised_zone_distance_non_uniformity",
    "zone_percentage",
    "grey_level_variance",
    "zone_distance_variance",
    "zone_distance_entropy",
)
"""The 16 features, in the order of `bayesrg.radiomics.kernels.counts.CountFeatures`; energy is not among them."""


def describe(region: Region, settings: Settings) -> dict[str, dict[str, float]]:
    """Return the features of a region by name, under each aggregation that was asked for."""
    described = {}
    for aggregation in settings.gldzm.aggregation:
        zones = region.zones if aggregation == "3d" else region.zones_by_slice
        counted = describe_zones(zones, zones.depth, region.packed.levels, averaged=aggregation == "2d")
        described[aggregation] = dict(zip(NAMES, counted, strict=False))
    return described
