"""Fréchet inception distance. Biased upwards for few images: read it beside the real-versus-real value at that N."""

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.floating]
IMAGES_PER_FEATURE = 4
"""Fewer images than this per feature do not show how FID falls with their number."""
_SIZES = 4


def fid(first: Features, second: Features) -> float:
    """Squared Fréchet distance of Gaussians fitted to features ``(n, F)`` and ``(m, F)`` (Heusel et al. 2017, eq. 6).

    ``|mu1 - mu2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))`` in float64. The last trace is the sum of the singular values of
    ``R1 R2^T``, where ``R^T R`` is a covariance: no matrix square root, and singular covariances do no harm.

    Raises
    ------
    ValueError
        A set has fewer than two images.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError(f"FID needs two images in each set, got {len(first)} and {len(second)}")
    (mean1, root1), (mean2, root2) = _moments(first), _moments(second)
    cross = np.linalg.svd(root1 @ root2.T, compute_uv=False).sum()
    value = np.square(mean1 - mean2).sum() + np.square(root1).sum() + np.square(root2).sum() - 2 * cross
    return max(float(value), 0.0)


def fid_infinity(first: Features, second: Features) -> float:
    """FID of endlessly many images from ``n`` on each side, features ``(n, F)`` (Chong and Forsyth 2020, section 4).

    FID falls linearly in 1 / n once images outnumber features: a line through the FID of the first n/4 (no fewer than
    2 F) to n images of both sides is read at 1 / n = 0. The rows must be in random order, patient after patient, so
    that their first ones are a smaller study. About 0, and sometimes below it, for two samples of one distribution.

    Raises
    ------
    ValueError
        The sides differ in size, or have fewer than `IMAGES_PER_FEATURE` images per feature.
    """
    count, features = first.shape
    if len(second) != count or count < IMAGES_PER_FEATURE * features:
        raise ValueError(
            f"FID-infinity needs equally many images on both sides, {IMAGES_PER_FEATURE * features} for {features} "
            f"features, got {count} and {len(second)}"
        )
    sizes = np.linspace(max(2 * features, count // 4), count, _SIZES).astype(int)
    values = [fid(first[:size], second[:size]) for size in sizes]
    return float(np.polyfit(1 / sizes, values, 1)[1])


def _moments(features: Features) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean ``(F,)`` and a root ``(min(n, F), F)`` of the covariance: ``root.T @ root`` equals it."""
    values = features.astype(np.float64)
    mean = values.mean(0)
    return mean, np.asarray(np.linalg.qr((values - mean) / np.sqrt(len(values) - 1), mode="r"))
