"""Fréchet inception distance. Biased upwards for few images: read it beside the real-versus-real value at that N."""

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.floating]


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


def _moments(features: Features) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean ``(F,)`` and a root ``(min(n, F), F)`` of the covariance: ``root.T @ root`` equals it."""
    values = features.astype(np.float64)
    mean = values.mean(0)
    return mean, np.asarray(np.linalg.qr((values - mean) / np.sqrt(len(values) - 1), mode="r"))
