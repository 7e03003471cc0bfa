"""CSV manifests: what they mean, and faults named by file, line and value."""

from pathlib import Path
from typing import Any

import pytest

from synthgain.errors import SynthgainError
from synthgain.sources import table
from synthgain.sources.record import Record, Unusable


def scan(root: Path, *manifests: dict[str, Any]) -> list[Record]:
    return list(table.scan(table.Config(manifests=[table.Manifest(**one) for one in manifests]), root))


def written(root: Path, text: str | bytes, name: str = "m.csv") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return root


def test_columns_and_attributes(tmp_path: Path) -> None:
    written(tmp_path, "file,label,patient_id,split,site,fold\nx/1.png, glioma ,p1,test,A,5\n")
    (found,) = scan(tmp_path)
    assert (found.origin, found.label, found.patient_id, found.split) == ("x/1.png", "glioma", "p1", "test")
    assert found.attributes == {"site": "A", "fold": "5"}


@pytest.mark.parametrize(
    "text", ["\ufefffile;label\r\n1.png;a\r\n", "file\tlabel\n1.png\ta\n", 'file,label\n"1.png","a"']
)
def test_marks_separators_and_line_ends_are_understood(tmp_path: Path, text: str) -> None:
    (found,) = scan(written(tmp_path, text))
    assert (found.origin, found.label) == ("1.png", "a")


def test_paths_are_relative_to_their_csv(tmp_path: Path) -> None:
    written(tmp_path, "file,label\n1.png,a\n", "deep/m.csv")
    (tmp_path / "deep/1.png").write_bytes(b"here")
    (found,) = scan(tmp_path, {"file": "deep/m.csv"})
    assert found.origin == "deep/1.png"
    assert found.load() == b"here"


def test_several_manifests_with_chosen_rows_and_renamed_columns(tmp_path: Path) -> None:
    written(tmp_path, "file,label,dup\n1.png,a,7\n2.png,b,8\n3.png,c,9\n", "one.csv")
    written(tmp_path, "file,label,run\n4.png,a,r1\n", "two.csv")
    found = scan(
        tmp_path, {"file": "one.csv", "where": {"label": ("a", "c")}, "columns": {"dup": "group"}}, {"file": "two.csv"}
    )
    assert [(one.origin, dict(one.attributes)) for one in found] == [
        ("1.png", {"group": "7"}), ("3.png", {"group": "9"}), ("4.png", {"run": "r1"}),
    ]  # fmt: skip


@pytest.mark.parametrize(("said", "usable"), [("", True), ("real", True), ("Real", True), ("dcgan", False)])
def test_a_row_marked_synthetic_is_not_offered_as_real(tmp_path: Path, said: str, usable: bool) -> None:
    (tmp_path / "1.png").write_bytes(b"x")
    (found,) = scan(written(tmp_path, f"file,label,source\n1.png,a,{said}\n"))
    if usable:
        assert found.load() == b"x"
        return
    with pytest.raises(Unusable) as caught:
        found.load()
    assert (caught.value.reason, caught.value.detail) == ("marked as synthetic", "m.csv line 2: source is 'dcgan'")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n1.png,a\n", r"m\.csv:1: no column 'file'"),
        ("file,lable\n1.png,a\n", r"m\.csv:1: no column 'label'; did you mean 'lable'\?"),
        ("file,label,label\n1.png,a,b\n", r"m\.csv:1: column name 'label' is empty or stands twice"),
        ("file,label\n1.png,a\n2.png\n", r"m\.csv:3: 1 cells, but the header has 2"),
        ("file,label\n1.png,a\n2.png,a,b\n", r"m\.csv:3: 3 cells, but the header has 2"),
        ("file,label\n1.png,\n", r"m\.csv:2: label is empty"),
        ("file,label\n,a\n", r"m\.csv:2: file is empty"),
        ("file,label\n1.png,a\n2.png,a\n1.png,b\n", r"m\.csv:4: file '1\.png' is listed already in .*m\.csv:2"),
        ("file,label\nx/1.png,a\nx/./1.png,b\n", r"m\.csv:3: file 'x/\./1\.png' is listed already in .*m\.csv:2"),
        ("file,label,image_id\n1.png,a,7\n2.png,a,7\n", r"m\.csv:3: image_id '7' stands already in line 2"),
        ("file,label\n../1.png,a\n", r"m\.csv:2: file '\.\./1\.png' must be a path relative"),
        ("file,label\n/etc/passwd,a\n", r"m\.csv:2: file '/etc/passwd' must be a path relative"),
        ("file,label\nC:/1.png,a\n", r"m\.csv:2: file 'C:/1\.png' must be a path relative"),
        ("file,label\nx\\1.png,a\n", r"m\.csv:2: file 'x\\\\1\.png' must be a path relative"),
        ("file,label,age\n1.png,a,=1+1\n", r"m\.csv:2: age holds a formula; save"),
        ("file,label\n1.png,a\x07b\n", r"m\.csv:2: label holds characters that cannot be printed"),
        ('file,label\n1.png,"a\n', r"m\.csv:2: unexpected end of data"),
        (b"file,label\n1.png,a\n2.png,m\xfcller\n", r"m\.csv:3: not UTF-8"),
        (b"", r"m\.csv:1: no column 'file'"),
        ("file,label,Patient Name\n1.png,a,x\n", r"m\.csv:1: column 'Patient Name' identifies a person"),
        ("file,label,date_of_birth\n1.png,a,x\n", r"m\.csv:1: column 'date_of_birth' identifies a person"),
        ("file,label,patient_id\n1.png,a,roe^jane\n", r"m\.csv:2: patient_id holds parts of a name"),
        ("file,label\nROE^JANE.png,a\nROE^JANE.png,a\n", r"m\.csv:3: file '\(withheld\)' is listed already"),
        ("file,label\n../name=roe/1.png,a\n", r"m\.csv:2: file '\.\./\(withheld\)/1\.png' must be a path"),
    ],
)
def test_a_fault_is_named_by_line_and_value(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(SynthgainError, match=message) as caught:
        scan(written(tmp_path, text))
    assert "roe" not in str(caught.value).casefold()


def test_manifests_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    written(tmp_path, "file,label\n1.png,a\n")
    with pytest.raises(SynthgainError, match="outside of the data set's folder"):
        scan(tmp_path / "deeper", {"file": "../m.csv"})
    with pytest.raises(SynthgainError, match=r"n\.csv: no such file"):
        scan(tmp_path, {"file": "n.csv"})
    with pytest.raises(SynthgainError, match="no column 'grade' to rename"):
        scan(tmp_path, {"file": "m.csv", "columns": {"grade": "x"}})
    with pytest.raises(SynthgainError, match="no column 'grade'"):
        scan(tmp_path, {"file": "m.csv", "where": {"grade": ("1",)}})
    written(tmp_path, "file,label\n", "n.csv")
    with pytest.raises(SynthgainError, match=r"2 CSV files \['m\.csv', 'n\.csv'\]"):
        scan(tmp_path)
