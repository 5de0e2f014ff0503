"""What the families are computed with: counts and matrices, zones, meshes, hulls, and sums over pairs of voxels."""
