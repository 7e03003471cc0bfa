"""Facts about the run behind a result."""

from pathlib import Path

import pytest

from synthgain import last_run
from synthgain.errors import SynthgainError
from synthgain.paths import Paths


def test_the_run_that_did_the_work_counts_not_one_that_found_its_result_in_the_cache(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.state.mkdir()
    last_run.record(paths, "synthgain run", 500.4, "first")
    last_run.record(paths, "synthgain run again", 12, "first")
    assert (last_run.read(paths)["command"], last_run.read(paths)["wall_seconds"]) == ("synthgain run", 500)
    last_run.record(paths, "synthgain run seeds=4", 30, "second")
    assert (last_run.read(paths)["command"], last_run.read(paths)["wall_seconds"]) == ("synthgain run seeds=4", 30)


def test_what_a_killed_run_took_is_part_of_the_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, clock = Paths(tmp_path), iter(range(0, 10_000, 100))
    paths.state.mkdir()
    paths.params.write_text("seeds: 8")
    monkeypatch.setattr(last_run.time, "monotonic", lambda: next(clock))
    with pytest.raises(KeyboardInterrupt), last_run.timed(paths):
        raise KeyboardInterrupt
    with last_run.timed(paths) as spent:
        assert spent() == 200
    paths.params.write_text("seeds: 9")
    with last_run.timed(paths) as spent:
        assert spent() == 100
    last_run.record(paths, "synthgain run seeds=9", spent(), "result")
    with last_run.timed(paths) as spent:
        assert spent() == 100


def test_a_workspace_without_a_finished_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(SynthgainError, match="no finished run here yet"):
        last_run.read(Paths(tmp_path))


def test_the_hardware_says_how_many_cores_and_what_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "model name\t: Some CPU\nflags\t\t: fpu avx2 avx512f\n"
    monkeypatch.setattr(last_run, "_text", lambda path: said)
    assert last_run.hardware().startswith("Some CPU (AVX-512), ")
    monkeypatch.setattr(last_run, "_text", lambda path: said.replace(" avx512f", ""))
    assert last_run.hardware().startswith("Some CPU (AVX2), ")
