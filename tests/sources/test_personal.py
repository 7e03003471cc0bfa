"""What names a person: columns, tags, files."""

import pytest

from synthgain.quality.decode import Refusal, Target, decode_all
from synthgain.sources.personal import identifies, without_name
from synthgain.sources.record import Record


@pytest.mark.parametrize("name", ["PatientName", "patient_name", "Surname", "DOB", "Birth-Date", "e-mail", "MRN"])
def test_a_column_or_tag_about_a_person_is_known(name: str) -> None:
    assert identifies(name)


@pytest.mark.parametrize("name", ["filename", "patient_id", "age", "sex", "class_name", "scanner", "Software"])
def test_what_is_about_the_image_is_not_one(name: str) -> None:
    assert not identifies(name)


def record(origin: str) -> Record:
    return Record(origin, bytes, "glioma")


@pytest.mark.parametrize("origin, key", [
    ("glioma/ROE^JANE_3.png", "'^'"), ("glioma/name-roe.png", "'name'"), ("glioma/dob_1970_roe.png", "'dob'"),
    ("glioma/PatientName=Roe_1.png", "'patientname'"), ("glioma/mrn 4711 roe.png", "'mrn'"),
    ("glioma/sur-name_roe/4.png", "'sur-name'"),
])  # fmt: skip
def test_a_file_whose_name_names_a_person_is_refused_and_its_name_is_not_told(origin: str, key: str) -> None:
    (refusal,) = decode_all([without_name(record(origin))], Target(16, 1, 1000))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "personal data in the name of the file"
    assert refusal.origin.startswith("glioma/(withheld)")
    assert key in refusal.detail
    assert "roe" not in "".join(refusal).casefold()


@pytest.mark.parametrize("origin", [
    "glioma/name.png", "glioma/no_name_01.png", "glioma/filename_roe.png", "glioma/adobe_1.png",
    "train/glioma/Te-gl_0010.jpg", "glioma/patient_12_slice-3.png", "glioma/1.2.840.113.dcm.png", "glioma/2^3.png",
])  # fmt: skip
def test_other_names_are_left_alone(origin: str) -> None:
    given = record(origin)
    assert without_name(given) is given
