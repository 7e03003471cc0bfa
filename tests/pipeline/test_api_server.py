"""Prefect's API for a run: a configured one or an own one; where there is none in the end, one message says so."""

import os
import subprocess
import sys
from pathlib import Path

RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from api_server import api
with api() as wait:
    wait()
"""


def words(root: Path, home: Path, **environment: str) -> str:
    """The last line of what the program says that finds no API."""
    inherited = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(root / "flows")], env={**inherited, "PREFECT_HOME": str(home), **environment},
        text=True, capture_output=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


NOBODY = "http://127.0.0.1:9/api"
SILENT = f"synthgain.errors.SynthgainError: Prefect's server at {NOBODY}/ does not answer"


def test_a_configured_server_that_is_down_is_one_message(root: Path, tmp_path: Path) -> None:
    assert words(root, tmp_path, PREFECT_API_URL=NOBODY).startswith(SILENT)


def test_a_server_in_the_users_profile_is_asked_and_no_other_started(root: Path, tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text(f'active = "ward"\n[profiles.ward]\nPREFECT_API_URL = "{NOBODY}"\n')
    assert words(root, tmp_path).startswith(SILENT)
    assert not list(tmp_path.glob("*.db"))


def test_a_server_of_its_own_that_cannot_start_is_one_message(root: Path, tmp_path: Path) -> None:
    (tmp_path / "prefect.db").write_text("no database")
    said = words(root, tmp_path)
    assert said.startswith("synthgain.errors.SynthgainError: Prefect's own server did not start")
    assert str(tmp_path) in said
