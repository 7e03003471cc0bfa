"""What is simulated: studies of known truth, of several sizes and with several sources of noise."""

from dataclasses import dataclass, replace

from synthgain.schema import QUICK_LOOK


@dataclass(frozen=True)
class Noise:
    """Standard deviations of what adds up to the score by which an image is recognised; its mean sets the accuracy.

    With the usual ones a classifier recognises 75 % of the images, and 0.04 is about one percentage point.

    Attributes
    ----------
    patient: how easy a patient's images are, for every arm.
    image: how easy a single image is, for every arm.
    patient_arm: what an arm makes of a patient, whatever the seed.
    seed: how well a single training turns out.
    own: everything else, drawn for each image, arm and seed.
    generator: how well a single training of the generator turns out, for all classifiers trained on its images.
    """

    patient: float = 0.8
    image: float = 0.8
    patient_arm: float = 0.3
    seed: float = 0.06
    own: float = 0.5
    generator: float = 0.0


@dataclass(frozen=True)
class Screening:
    """How candidate and baseline were chosen, on validation patients of their own.

    Attributes
    ----------
    synthetic, baselines: arms that are screened, of which the best of either kind is confirmed.
    quality: standard deviation of the arms' true mean scores, which the confirmation inherits.
    patients, seeds: validation patients, and trainings of each arm.
    fresh: the confirmation trains with other seeds than the screening.
    """

    synthetic: int = 6
    baselines: int = 3
    quality: float = 0.04
    patients: int = 32
    seeds: int = 2
    fresh: bool = True


@dataclass(frozen=True)
class Scenario:
    """A study design and its noise.

    Attributes
    ----------
    name, about: for the page.
    patients, images, seeds: test patients, images of each, confirmation seeds.
    most: a patient's number of images is geometric with mean `images`, cut at this; None: all patients have `images`.
    shares: of the classes among the patients.
    mixed: share of the images whose class is drawn by `shares`, whatever their patient's; the others have his.
    metric: of the claim.
    generators: trained generators behind the candidate's seeds, in turn.
    bound: the rule must keep its promises here; otherwise the scenario shows what happens without its conditions.
    """

    name: str
    about: str
    patients: int = 250
    images: int = 4
    most: int | None = None
    seeds: int = 8
    shares: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)
    mixed: float = 0.0
    metric: str = "balanced_accuracy"
    noise: Noise = Noise()
    generators: int = 1
    screening: Screening | None = None
    bound: bool = True


def _sizes() -> tuple[Scenario, ...]:
    return tuple(
        Scenario(f"{patients} patients × {images}", f"{patients} patients, {images} image{'s' * (images > 1)} each"
                 + ("; of one split the rule calls so few a quick look, judged here is what it would say without that"
                    if patients < QUICK_LOOK else ""), patients=patients, images=images)
        for patients in (25, 60, 250) for images in (1, 4, 16)
    )  # fmt: skip


def _screened() -> tuple[Scenario, ...]:
    """The best of several arms of unequal quality, where it matters which seeds they were chosen with."""
    fresh = Scenario(
        "screened", "best of 6 synthetic arms against best of 3 others, whose true accuracies differ by about a point "
        "(SD), chosen on validation with 2 seeds of their own; training three times as unsteady as usual; 'without "
        "one' are the studies whose candidate is truly no better", noise=replace(Noise(), seed=0.18),
        screening=Screening(),
    )  # fmt: skip
    alike = replace(
        fresh, name="screened, arms alike", screening=Screening(quality=0.0),
        about="as before, but no arm is truly better than another: whoever is chosen was lucky on validation",
    )  # fmt: skip
    same = replace(
        fresh, name="screened on the same seeds", screening=Screening(seeds=8, fresh=False), bound=False,
        about="screened, but chosen and confirmed with the same 8 seeds: what fresh seeds exclude",
    )  # fmt: skip
    return fresh, alike, same


def _generators() -> tuple[Scenario, ...]:
    """Trained generators that differ by three points: one for each seed as the rule asks, or fewer."""
    uneven = replace(Noise(), generator=0.12)
    own = Scenario("a generator per seed", "8 trained generators, one behind each seed", noise=uneven, generators=8)
    return (own, *(
        replace(own, name=f"{count} generator{'s' * (count > 1)}", generators=count, bound=False,
                about=f"{count} trained generator{'s' * (count > 1)} behind 8 seeds, taken for all that could be "
                "trained: what 'conditional' excludes")
        for count in (4, 2, 1)
    ))  # fmt: skip


SCENARIOS: tuple[Scenario, ...] = (
    *_sizes(),
    Scenario("6 seeds", "250 patients, 4 images each, 6 seeds", seeds=6),
    Scenario("16 seeds", "60 patients, 4 images each, 16 seeds", patients=60, seeds=16),
    Scenario("unsteady training", "three times the usual noise of seeds", noise=replace(Noise(), seed=0.18)),
    Scenario("a rare class", "classes of 50, 30, 15 and 5 % of 250 patients", shares=(0.5, 0.3, 0.15, 0.05)),
    Scenario("uneven patients", "100 patients with 1 to 30 images, 6 on average, most with few; half of the images are "
             "of any class, whatever their patient's", patients=100, images=6, most=30, mixed=0.5),
    Scenario("arms alike on patients", "no noise of what an arm makes of a patient: all that differs is training and "
             "single images", noise=replace(Noise(), patient_arm=0.0)),
    Scenario("macro AUROC", "two classes, 60 patients, 2 images each", patients=60, images=2, shares=(0.5, 0.5),
             metric="macro_auroc"),
    *_screened(),
    *_generators(),
)  # fmt: skip
