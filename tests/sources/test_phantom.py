import hashlib
import math
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from synthgain.errors import SynthgainError
from synthgain.sources import mr_signal, phantom
from synthgain.sources.phantom import CLASSES, OEDEMA, TUMOUR, Config

LABELS = np.arange(160) % len(CLASSES)


@pytest.fixture(scope="module")
def drawn():
    return phantom.draw_with_masks(Config(), LABELS, seed=5, size=64)


@pytest.fixture(scope="module")
def records():
    return list(phantom.scan(Config(patients=50, slices=3), None))


def test_images_fill_the_grey_scale_without_saturating(drawn):
    images = drawn[0]
    assert images.shape == (160, 1, 64, 64)
    assert images.dtype == np.uint8
    assert np.all(images.max((1, 2, 3)) > 180)
    assert np.all((images == 255).mean((1, 2, 3)) < 0.2)


def test_same_seed_same_images_in_another_process():
    code = (
        "import hashlib; from synthgain.sources.phantom import Config, draw;"
        "print(hashlib.sha256(draw(Config(), [0, 1, 2, 3], seed=9, size=32).tobytes()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == hashlib.sha256(phantom.draw(Config(), [0, 1, 2, 3], seed=9, size=32).tobytes()).hexdigest()


def test_an_image_does_not_depend_on_how_many_follow():
    many = phantom.draw(Config(), [0, 1, 2, 3, 0, 1], seed=1, size=32)
    assert np.array_equal(many[:3], phantom.draw(Config(), [0, 1, 2], seed=1, size=32))


def test_seeds_give_other_patients():
    first, second = (phantom.draw(Config(), [0, 1, 2, 3], seed=seed, size=32).astype(float) for seed in (1, 2))
    assert np.all(np.sqrt(((first - second) ** 2).mean((1, 2, 3))) > 10)


def test_drawn_patients_are_none_of_those_scanned():
    cfg = Config(patients=2, slices=1)
    scanned = np.stack([record.load() for record in phantom.scan(cfg, None)])[:, None].astype(float)
    fresh = phantom.draw(cfg, np.arange(8) % 4, seed=0, size=64).astype(float)
    assert np.sqrt(((scanned[:, None] - fresh[None]) ** 2).mean((2, 3, 4))).min() > 10


def test_classes_are_in_the_order_of_every_data_set():
    assert list(CLASSES) == sorted(CLASSES)


def test_masks_mark_tumours_inside_the_head_and_only_where_there_is_one(drawn):
    images, masks = drawn
    healthy = CLASSES.index("no_tumor") == LABELS
    assert not masks[healthy].any()
    assert np.all((masks[~healthy] == TUMOUR).sum((1, 2, 3)) >= 8)
    rows, columns = np.nonzero((masks[:, 0] > 0).any(0))
    assert 4 < rows.min() < rows.max() < 60
    assert 8 < columns.min() < columns.max() < 56
    # The head is brighter than the air around it wherever a mask lies.
    assert np.all([image[mask > 0].mean() > 60 for image, mask in zip(images[~healthy], masks[~healthy], strict=True)])


def test_oedema_belongs_to_gliomas_and_some_meningiomas(drawn):
    share = [(drawn[1][label == LABELS] == OEDEMA).any((1, 2, 3)).mean() for label in range(len(CLASSES))]
    by_class = dict(zip(CLASSES, share, strict=True))
    assert by_class["glioma"] > 0.8
    assert 0.1 < by_class["meningioma"] < 0.8
    assert by_class["pituitary"] == by_class["no_tumor"] == 0


def test_tumours_enhance_more_with_more_contrast_agent():
    labels = [CLASSES.index("meningioma")] * 8
    without, masks = phantom.draw_with_masks(Config(enhancement=0), labels, seed=2, size=64)
    usual, _ = phantom.draw_with_masks(Config(), labels, seed=2, size=64)
    assert usual[masks == TUMOUR].mean() > without[masks == TUMOUR].mean() + 40


def test_each_class_sits_where_it_grows(drawn):
    def distance_from_centre(label):
        found = [np.argwhere(mask[0] == TUMOUR).mean(0) for mask in drawn[1][CLASSES.index(label) == LABELS]]
        return np.hypot(*(np.array(found) - 31.5).T)

    assert distance_from_centre("pituitary").max() < 10
    assert np.median(distance_from_centre("meningioma")) > np.median(distance_from_centre("glioma")) > 8


def test_every_slice_of_a_patient_shows_its_tumour(records):
    cfg = Config(patients=50, slices=3)
    for record in records[:90]:
        assert (phantom.mask(cfg, record.origin) == TUMOUR).any() == (record.label != "no_tumor")


@pytest.mark.parametrize("origin", ["phantom/p9999/s0", "phantom/p0000/s9", "glioma/1.png"])
def test_a_mask_is_had_only_for_images_of_this_phantom(origin):
    with pytest.raises(SynthgainError, match="no image of this phantom"):
        phantom.mask(Config(), origin)


def test_slices_of_a_patient_share_label_head_and_attributes(records):
    patients = {}
    for record in records:
        patients.setdefault(record.patient_id, []).append(record)
    assert len(patients) == 200
    for slices in patients.values():
        assert len({record.origin for record in slices}) == 3
        assert len({(record.label, tuple(record.attributes.items())) for record in slices}) == 1
    images = np.stack([record.load() for record in records[:24]]).astype(float)
    correlation = np.corrcoef(images.reshape(24, -1))
    same = np.equal.outer(np.arange(24) // 3, np.arange(24) // 3) & ~np.eye(24, dtype=bool)
    assert correlation[same].mean() > correlation[~same & ~np.eye(24, dtype=bool)].mean() + 0.1


def test_records_are_lazy_and_cross_processes(records):
    copy = pickle.loads(pickle.dumps(records[1]))
    assert np.array_equal(copy.load(), records[1].load())
    assert next(iter(phantom.scan(Config(patients=100_000), None))).origin == "phantom/p0000/s0"


def test_the_label_changes_nothing_but_disease():
    patients = [phantom._patient(Config(), kind, "scan", 7) for kind in CLASSES]
    assert len({(p.scanner.name, p.head.age, p.head.sex, p.head.axes, p.tilt) for p in patients}) == 1


def test_site_sex_and_age_do_not_tell_the_class(records):
    people = records[::3]
    label = np.array([record.label for record in people])
    site = np.array([record.attributes["site"] == "north" for record in people])
    woman = np.array([record.attributes["sex"] == "female" for record in people])
    age = np.array([int(record.attributes["age"]) for record in people])
    for kind in CLASSES:
        mine = label == kind
        # Four standard errors of 50 against 150 patients.
        assert abs(site[mine].mean() - site[~mine].mean()) < 4 * 0.5 * math.sqrt(1 / 50 + 1 / 150)
        assert abs(woman[mine].mean() - woman[~mine].mean()) < 4 * 0.5 * math.sqrt(1 / 50 + 1 / 150)
        assert abs(age[mine].mean() - age[~mine].mean()) < 4 * 16 * math.sqrt(1 / 50 + 1 / 150)


def test_ventricles_grow_with_age():
    heads = [phantom.draw_head(np.random.default_rng(seed)) for seed in range(300)]
    assert np.corrcoef([head.age for head in heads], [head.ventricles for head in heads])[0, 1] > 0.5


def test_spin_echo_agrees_with_a_value_worked_out_by_hand():
    # T1 = TR - TE/2 = 500 ms, TE = T2 ln 2, TR = 500 + TE/2: recovery 1 - 2/e + exp(-TR/500), echo decay one half.
    echo = 100 * math.log(2)
    expected = 0.8 * (1 - 2 / math.e + math.exp(-(500 + echo / 2) / 500)) / 2
    assert mr_signal.spin_echo(500.0, 100.0, 0.8, 500 + echo / 2, echo) == pytest.approx(expected, rel=1e-6)


def test_contrast_agent_shortens_t1_by_its_relaxivity():
    t1, t2 = mr_signal.with_contrast(1000.0, 100.0, 0.5, 1.5)
    assert float(t1) == pytest.approx(1 / (1 / 1000 + 4.78 * 0.5 / 1000), rel=1e-6)
    assert float(t2) == pytest.approx(1 / (1 / 100 + 6.1 * 0.5 / 1000), rel=1e-6)


@pytest.mark.parametrize(
    "tissue, field, t1",
    [("white", 1.5, 646), ("grey", 1.5, 1197), ("white", 3.0, 838), ("grey", 3.0, 1607), ("deep_grey", 1.5, 1084),
     ("deep_grey", 3.0, 1332), ("tumour", 3.0, 1863), ("tumour", 3.0, 1355), ("oedema", 3.0, 1261), ("gland", 1.5, 830),
     ("csf", 3.0, 4300), ("fat", 1.5, 343), ("fat", 3.0, 382), ("muscle", 1.5, 1008), ("muscle", 3.0, 1412)],
)  # fmt: skip
def test_ranges_hold_the_published_t1(tissue, field, t1):
    low, high = mr_signal.TISSUES[tissue].t1(field)
    assert low <= t1 <= high


def test_patients_values_lie_within_the_ranges():
    for scanner in mr_signal.SCANNERS:
        values = mr_signal.sample(scanner, np.random.default_rng(0)).values
        for name, (t1, t2, density) in values.items():
            tissue = mr_signal.TISSUES[name]
            for value, (low, high) in ((t1, tissue.t1(scanner.field)), (t2, tissue.t2), (density, tissue.density)):
                assert low <= value <= high


@pytest.mark.parametrize("scanner", mr_signal.SCANNERS, ids=lambda scanner: scanner.name)
def test_tissues_are_ordered_as_on_enhanced_t1_weighted_images(scanner):
    tissue = mr_signal.sample(scanner, np.random.default_rng(1))
    signals = [float(tissue.signal(name)) for name in ("bone", "csf", "oedema", "white", "fat")]
    assert signals == sorted(signals)
    assert tissue.signal("white") > tissue.signal("grey")
    assert tissue.signal("tumour") < tissue.signal("white") < tissue.signal("tumour", 0.3)


def test_noise_is_rician():
    noise = mr_signal.rician(np.zeros((200, 200), np.float32), 2.0, np.random.default_rng(0))
    assert noise.mean() == pytest.approx(2.0 * math.sqrt(math.pi / 2), rel=0.02)
    bright = mr_signal.rician(np.full((200, 200), 100, np.float32), 2.0, np.random.default_rng(0))
    assert bright.std() == pytest.approx(2.0, rel=0.03)


def test_sites_differ_in_noise_but_not_in_brightness():
    noise = {scanner.name: scanner.noise for scanner in mr_signal.SCANNERS}
    assert noise["north"] > noise["south"]
    images = {name: [] for name in noise}
    for record in phantom.scan(Config(patients=20, slices=1), None):
        images[record.attributes["site"]].append(record.load())
    assert np.mean(images["north"]) == pytest.approx(np.mean(images["south"]), rel=0.15)


def test_images_are_the_same_whatever_instructions_the_processor_has():
    """NumPy's functions differ in the last bit from one instruction set to another; no grey level may."""
    program = "import hashlib; from synthgain.sources import phantom as p; from synthgain.sources.phantom import Config"
    program += "; print(hashlib.sha256(p.draw(Config(), [0, 1, 2, 3] * 4, size=32, seed=0).tobytes()).hexdigest())"
    digests = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True,
            env={**os.environ, "NPY_DISABLE_CPU_FEATURES": features},
        ).stdout
        for features in ("", "X86_V3 X86_V4 AVX512_ICL")
    ]  # fmt: skip
    assert digests[0] == digests[1] != ""
