"""Stage outputs appear whole or not at all, are the same bytes every time, and are verified before use."""

import json
import os
import signal
from pathlib import Path

import pytest

from synthgain import artifact
from synthgain.artifact import ArtifactError


def write(target: Path, text: str = "hello") -> artifact.Artifact:
    with artifact.writing(target, stage="toy", config={"a": 1}, inputs={"raw": "0" * 64}) as draft:
        (draft.path / "sub").mkdir()
        (draft.path / "sub" / "payload.txt").write_text(text)
        draft.counts["lines"] = 1
    return artifact.read(target)


def test_the_same_content_has_the_same_identity_wherever_it_lies(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one"), write(tmp_path / "elsewhere" / "two")
    assert one.sha256 == two.sha256
    assert write(tmp_path / "three", "other").sha256 != one.sha256


def test_the_manifest_has_no_path_time_or_host(tmp_path: Path) -> None:
    manifest = json.loads((write(tmp_path / "out").path / "manifest.json").read_text())
    assert set(manifest) == {"stage", "config", "inputs", "seeds", "counts", "facts", "files"}
    assert str(tmp_path) not in json.dumps(manifest)


def test_an_altered_payload_is_refused_by_name(tmp_path: Path) -> None:
    found = write(tmp_path / "out")
    assert found.file("sub/payload.txt").read_text() == "hello"
    (found.path / "sub" / "payload.txt").write_text("hellp")
    with pytest.raises(ArtifactError, match=r"payload\.txt: content does not match"):
        artifact.read(tmp_path / "out").file("sub/payload.txt")


def test_a_missing_artifact_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no finished stage output here"):
        artifact.read(tmp_path / "nothing")


def test_a_failure_while_writing_keeps_the_old_output_and_leaves_no_other(tmp_path: Path) -> None:
    before = write(tmp_path / "out").sha256

    def fail() -> None:
        with artifact.writing(tmp_path / "out", stage="toy", config={}, inputs={}) as draft:
            (draft.path / "half.txt").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert artifact.read(tmp_path / "out").sha256 == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("place", ["artifact.before_manifest", "artifact.before_rename", "artifact.after_rename"])
def test_a_kill_at_any_place_leaves_a_whole_output_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    expected = write(tmp_path / "reference").sha256
    monkeypatch.setenv("SYNTHGAIN_FAILPOINT", place)
    child = os.fork()
    if child == 0:
        write(tmp_path / "out")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    if (tmp_path / "out").exists():
        assert artifact.read(tmp_path / "out").sha256 == expected
    monkeypatch.delenv("SYNTHGAIN_FAILPOINT")
    assert write(tmp_path / "out").sha256 == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "reference"]


def test_nan_never_enters_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        artifact.digest({"value": float("nan")})
