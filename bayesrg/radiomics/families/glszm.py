"""Grey level size zone matrix (IBSI 3.8, 9SAK): how many zones of each grey level have each size.

A zone is a set of connected voxels of one grey level: 26 neighbours, within a slice 8. With s_ij zones of grey level i
and size j, N_s = sum s_ij, N_v voxels in the intensity mask and p_ij = s_ij / N_s. Aggregation ``3d`` has zones in
three dimensions; ``2p5d`` has zones by slice in one matrix; ``2d`` averages the features of the slices' own matrices,
slices without voxels left out.

No feature is ever undefined. One voxel is one zone of size 1; a constant region has one zone per connected part, so
that one in one part has normalised non-uniformities 1, variances and entropy 0 and zone percentage 1 / N_v.
"""

from bayesrg.radiomics.kernels.zones import describe_zones
from bayesrg.radiomics.region import Region
from bayesrg.radiomics.settings import Settings

NAMES = (
    "small_zone_emphasis",
    "large_zone_emphasis",
    "low_grey_level_zone_emphasis",
    "high_grey_level_zone_emphasis",
    "small_zone_low_grey_level_emphasis",
    "small_zone_high_grey_level_emphasis",
    "large_zone_low_grey_level_emphasis",
    "large_zone_high_grey_level_emphasis",
    "grey_level_non_uniformity",
    "normalised_grey_level_non_uniformity",
    "zone_size_non_uniformity",
    "normalised_zone_size_non_uniformity",
    "zone_percentage",
    "grey_level_variance",
    "zone_size_variance",
    "zone_size_entropy",
)
"""The 16 features, in the order of `bayesrg.radiomics.kernels.counts.CountFeatures`; energy is not among them."""


def describe(region: Region, settings: Settings) -> dict[str, dict[str, float]]:
    """Return the features of a region by name, under each aggregation that was asked for."""
    described = {}
    for aggregation in settings.glszm.aggregation:
        zones = region.zones if aggregation == "3d" else region.zones_by_slice
        counted = describe_zones(zones, zones.size, region.packed.levels, averaged=aggregation == "2d")
        described[aggregation] = dict(zip(NAMES, counted, strict=False))
    return described
