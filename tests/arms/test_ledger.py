"""How often a test split was predicted."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np

from synthgain.arms import ledger
from synthgain.arms.ledger import CONFIRMATION, CURVE, LEDGER, record_test_use
from synthgain.paths import Paths


def test_a_use_counts_once_and_only_for_its_test_images(toy: ModuleType, tmp_path: Path) -> None:
    paths, images = Paths(tmp_path), toy.real()
    assert record_test_use(paths, images, "first") == 1
    assert record_test_use(paths, images, "first") == 1
    assert record_test_use(paths, images, "second") == 2
    assert record_test_use(paths, toy.real(seed=3), "first") == 1
    assert record_test_use(paths, images, "first", CURVE) == 1, "learning curves are counted apart"
    assert ledger.test_uses(paths, images, CONFIRMATION) == 2
    assert len((paths.state / LEDGER).read_text().splitlines()) == 4


def test_lines_without_a_kind_are_confirmations(toy: ModuleType, tmp_path: Path) -> None:
    paths, images = Paths(tmp_path), toy.real()
    record_test_use(paths, images, "first")
    ledger_file = paths.state / LEDGER
    ledger_file.write_text(ledger_file.read_text().replace('"kind": "confirmation", ', ""))
    assert record_test_use(paths, images, "second") == 2
    assert record_test_use(paths, images, "first", CURVE) == 1


def test_another_size_does_not_start_a_new_count(toy: ModuleType, tmp_path: Path) -> None:
    paths, images = Paths(tmp_path), toy.real()
    record_test_use(paths, images, "first")
    smaller = replace(images, images=images.images[:, :, ::2, ::2])
    assert record_test_use(paths, smaller, "second") == 2


def test_another_training_set_does_not_start_a_new_count(toy: ModuleType, tmp_path: Path) -> None:
    paths, images = Paths(tmp_path), toy.real()
    record_test_use(paths, images, "first")
    fewer = images.part(np.setdiff1d(np.arange(len(images)), images.rows("train")[:5]))
    assert record_test_use(paths, fewer, "second") == 2
