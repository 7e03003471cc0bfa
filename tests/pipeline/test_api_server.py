"""Prefect's API for a run: a configured one is left alone; where the own one fails, it says so."""

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
    from prefect.settings import PREFECT_API_URL
    print(PREFECT_API_URL.value())
"""


def run(root: Path, home: Path) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    return subprocess.run(
        [sys.executable, "-c", RUN, str(root / "flows")], env=environment | {"PREFECT_HOME": str(home)}, text=True,
        capture_output=True, timeout=300,
    )  # fmt: skip


def test_a_server_in_the_users_profile_is_used(root: Path, tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text(
        'active = "ward"\n[profiles.ward]\nPREFECT_API_URL = "http://prefect.invalid:4200/api"\n'
    )
    done = run(root, tmp_path)
    assert done.stdout == "http://prefect.invalid:4200/api\n", done.stderr
    assert not list(tmp_path.glob("*.db")), "a server of its own was started"


def test_a_server_that_cannot_start_is_one_message(root: Path, tmp_path: Path) -> None:
    (tmp_path / "prefect.db").write_text("no database")
    done = run(root, tmp_path)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("synthgain.errors.SynthgainError: Prefect's own server did not start")
    assert str(tmp_path) in last
