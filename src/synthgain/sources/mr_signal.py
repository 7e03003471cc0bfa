"""Spin-echo signal of tissue with and without contrast agent, and what two scanners make of it.

Relaxation times are in milliseconds, proton densities relative to water, concentrations in mmol/L (mM), relaxivities
in L/(mmol s). Each tissue is a range, from which a patient's value is drawn. The ranges hold the values measured by

- white and cortical grey matter, T1: Wright et al., MAGMA 2008; 21:121 (646 and 1197 ms at 1.5 T, 838 and 1607 ms at
  3 T); putamen and caudate for the deep grey nuclei (1084 to 1109 and 1332 to 1395 ms), same paper; T2 of grey and
  white matter and T1, T2 of muscle: Stanisz et al., Magn Reson Med 2005; 54:507.
- proton density: Neeb et al., NeuroImage 2006; 31:1156, and Tofts, Quantitative MRI of the Brain, Wiley 2003.
- cerebrospinal fluid: Rooney et al., Magn Reson Med 2007; 57:308 (T1 4.3 s at every field); Spijkerman et al.,
  MAGMA 2018; 31:415 (T2 about 2 s).
- fat and marrow: de Bazelaire et al., Radiology 2004; 230:652.
- tumours and the oedema around them: de Blank et al., J Neurosurg Pediatr 2019; 23:479 (T1 of 1355 ms in low, 1863 ms
  in high grade tumours, 1261 (SD 359) ms around them, 3 T); Just and Thelen, Radiology 1988; 169:779, and Kjær et al.,
  Acta Radiol 1991; 32:498 (1.5 T): wide scatter and overlap, so one range serves all kinds, and contrast agent, shape
  and place tell them apart. Pituitary gland and adenoma: Pásztor et al., J Comput Assist Tomogr 1987; 11:378 (T1 830
  and 1170 ms, T2 76 and 123 ms).
- gadobutrol: r1 of Szomolányi et al., Invest Radiol 2019; 54:559 (4.78 at 1.5 T, 4.97 at 3 T, human plasma); r2 of
  Rohrer et al., Invest Radiol 2005; 40:715.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
Range = tuple[float, float]


@dataclass(frozen=True)
class Tissue:
    """Ranges of T1 (ms) at 1.5 T and at 3 T, of T2 (ms) and of proton density (water = 1)."""

    t1_15: Range
    t1_30: Range
    t2: Range
    density: Range

    def t1(self, field: float) -> Range:
        return self.t1_15 if field < 2 else self.t1_30


TISSUES: Mapping[str, Tissue] = MappingProxyType(
    {
        "white": Tissue((600, 700), (790, 900), (65, 79), (0.68, 0.72)),
        "grey": Tissue((1050, 1250), (1450, 1650), (88, 105), (0.80, 0.84)),
        "deep_grey": Tissue((1020, 1150), (1280, 1420), (75, 95), (0.78, 0.82)),
        "csf": Tissue((4000, 4400), (4000, 4400), (1700, 2200), (0.98, 1.0)),
        "muscle": Tissue((950, 1060), (1350, 1450), (40, 52), (0.76, 0.82)),
        "fat": Tissue((300, 370), (350, 400), (54, 72), (0.85, 0.95)),
        "bone": Tissue((300, 370), (350, 400), (54, 72), (0.03, 0.08)),
        "gland": Tissue((760, 1000), (900, 1200), (66, 90), (0.78, 0.84)),
        "blood": Tissue((1400, 1480), (1700, 1950), (250, 290), (0.84, 0.9)),
        "tumour": Tissue((1100, 1600), (1250, 1900), (80, 140), (0.80, 0.90)),
        "oedema": Tissue((1000, 1400), (1200, 1650), (100, 180), (0.80, 0.90)),
        "necrosis": Tissue((2000, 2900), (2300, 3200), (200, 600), (0.90, 0.96)),
    }
)
RELAXIVITY = {1.5: (4.78, 6.1), 3.0: (4.97, 7.1)}
"""Gadobutrol in plasma at 37 degrees, ``field in tesla: (r1, r2)`` in L/(mmol s)."""


@dataclass(frozen=True)
class Scanner:
    """One site's machine and protocol."""

    name: str
    field: float
    """Tesla."""
    repetition: float
    """TR in ms."""
    echo: float
    """TE in ms."""
    noise: float
    """Standard deviation per channel of the complex noise, as a share of normal white matter's signal."""
    bias: float
    """Standard deviation of the logarithm of the receive field over the head."""


SCANNERS = (
    Scanner("north", field=1.5, repetition=500.0, echo=14.0, noise=0.055, bias=0.06),
    Scanner("south", field=3.0, repetition=650.0, echo=9.0, noise=0.04, bias=0.10),
)


def spin_echo(t1: Array | float, t2: Array | float, density: Array | float, tr: float, te: float) -> Array:
    """Magnitude of a 90-180 spin echo, the longitudinal recovery interrupted by the refocusing pulse included.

    ``S = density (1 - 2 exp(-(TR - TE/2) / T1) + exp(-TR / T1)) exp(-TE / T2)``: Haacke et al., Magnetic Resonance
    Imaging, Wiley 1999, chapter 8. Times in ms; arguments broadcast.
    """
    recovery = 1 - 2 * np.exp(-(tr - te / 2) / t1) + np.exp(-tr / t1)
    return density * recovery * np.exp(-te / t2)


def with_contrast(t1: float, t2: float, concentration: Array | float, field: float) -> tuple[Array, Array]:
    """``(T1, T2)`` in ms of tissue that holds contrast agent (mM): ``1/T = 1/T0 + r c``, fast exchange."""
    r1, r2 = RELAXIVITY[field]
    dose = np.asarray(concentration) / 1000
    return 1 / (1 / t1 + r1 * dose), 1 / (1 / t2 + r2 * dose)


@dataclass(frozen=True)
class Sample:
    """One patient's relaxation times on one scanner: ``tissue: (T1, T2, density)``."""

    scanner: Scanner
    values: Mapping[str, tuple[float, float, float]]

    def signal(self, tissue: str, concentration: Array | float = 0.0) -> Array:
        """Signal of ``tissue`` at a concentration of contrast agent in mM, of the concentration's shape."""
        t1, t2, density = self.values[tissue]
        t1_after, t2_after = with_contrast(t1, t2, concentration, self.scanner.field)
        return spin_echo(t1_after, t2_after, density, self.scanner.repetition, self.scanner.echo)


def sample(scanner: Scanner, random: np.random.Generator) -> Sample:
    """Draw every tissue's values, uniform over its ranges."""
    values = {
        name: tuple(float(random.uniform(*span)) for span in (tissue.t1(scanner.field), tissue.t2, tissue.density))
        for name, tissue in TISSUES.items()
    }
    return Sample(scanner, values)  # type: ignore[arg-type]


def rician(signal: Array, sigma: float, random: np.random.Generator) -> Array:
    """Magnitude of ``signal`` plus complex Gaussian noise: Gudbjartsson and Patz, Magn Reson Med 1995; 34:910."""
    real, imaginary = random.standard_normal((2, *signal.shape)) * sigma
    return np.hypot(signal + real, imaginary)


def window(signal: Array, white: float) -> npt.NDArray[np.uint8]:
    """Grey levels 0 to 255 of a magnitude image, ``white`` and brighter at 255."""
    return np.round(np.clip(signal * (255 / white), 0, 255)).astype(np.uint8)
