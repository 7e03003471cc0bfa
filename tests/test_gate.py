"""The release gate: each condition shuts it alone, and nothing else does."""

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from synthgain import artifact, cli, config, gate, last_run
from synthgain.compose import write_params
from synthgain.errors import SynthgainError
from synthgain.gate import FAIL, PASS, UNKNOWN, WARNING, Records
from synthgain.paths import Paths
from synthgain.stages import report


def difference(word: str, value: float | None) -> dict[str, Any]:
    return {"value": value, "low": None, "high": None, "p": None, "p_holm": None, "word": word}


@pytest.fixture
def sound() -> Records:
    """Records that meet every condition."""
    check = {"name": "patients_disjoint", "severity": "critical", "success": True, "detail": ""}
    headline = {"candidate": "synthetic-edm-r1", "baseline": "classic", "difference": 0.03, "low": 0.01, "high": 0.05,
                "p": 0.008}  # fmt: skip
    found = {kind: {"share": 0.9} for kind in ("exact", "flipped", "noisy")}
    holds = [{"name": name, "difference": difference("holds", 0.01)} for name in ("F", "M")]
    return Records(
        {"headline": headline, "verdict": {"word": "gain"}, "seeds": 8, "n_groups": 100, "folds": []},
        {"margin": 0.05, "attributes": {"sex": {"subgroups": holds}}}, {"min_seeds": 6, "min_groups": 20},
        [{"success": True, "checks": [check], "leaks": "", "on_leak": "stop"}],
        {"edm": {"flagged_images": False, "flagged_weights": False, "sentence": "no memorisation detected",
                 "n_synthetic": 60, "nearer_to_train": {"pixels": {"p": 0.4, "left_out": []}},
                 "duplicates": {"power": found}, "copy_detector": {"p": 0.5, "power": found},
                 "membership": {"p": 0.6, "per_score": {"sigma 1": 0.5}}}},
        {"edm": {"classes": {"ill": {"kept": 30}, "well": {"kept": 28}}}}, 0.05,
    )  # fmt: skip


def states(decision: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["state"] for each in decision["conditions"]}


def why(decision: dict[str, Any], name: str) -> str:
    return next(each["why"] for each in decision["conditions"] if each["name"] == name)


def test_the_gate_opens_where_every_condition_is_met(sound: Records) -> None:
    decision = gate.decide(sound, strict=True)
    assert decision["open"]
    assert decision["sentence"] == "may be released: every condition is met"
    assert set(states(decision).values()) == {PASS}
    json.dumps(decision, allow_nan=False)


def _change(records: Records, path: str, value: Any) -> Records:
    name, *keys = path.split("/")
    content = deepcopy(getattr(records, name))
    place = content
    for key in keys[:-1]:
        place = place[int(key) if isinstance(place, list) else key]
    place[keys[-1]] = value
    return replace(records, **{name: content})


def subgroup(word: str, value: float | None) -> Callable[[Records], Records]:
    return lambda records: _change(records, "subgroups/attributes/sex/subgroups/0/difference", difference(word, value))


def missed(records: Records, kind: str) -> Records:
    """The same where neither test finds planted copies of a kind."""
    for test in ("duplicates", "copy_detector"):
        records = _change(records, f"privacy/edm/{test}/power/{kind}", {"share": 0.0})
    return records


FAILURES: list[tuple[str, Callable[[Records], Records], str]] = [
    ("data", lambda r: _change(r, "validation/0/checks/0/success", False), "critical checks failed: patients_disjoint"),
    ("data", lambda r: _change(r, "validation/0/leaks", "3 of 40 test images"), "the split leaks: 3 of 40"),
    ("data", lambda r: _change(r, "validation/0/on_leak", "allow"), "dataset.on_leak=allow"),
    ("verdict", lambda r: _change(r, "gains/verdict/word", "loss"), "gain is needed where the reason is utility"),
    ("verdict", lambda r: _change(r, "gains/verdict/word", "no difference"), "gain is needed"),
    ("verdict", lambda r: _change(r, "gains/verdict/word", "inconclusive"), "gain is needed"),
    ("size", lambda r: _change(r, "gains/seeds", 5), "5 seeds, 6 needed"),
    ("size", lambda r: _change(r, "gains/n_groups", 19), "19 test patients or groups, 20 needed"),
    ("size", lambda r: _change(r, "gains/n_groups", 49), "a quick look at 49 test patients or groups in one split"),
    ("subgroups", subgroup("loses", -0.1), "sex F loses more than 5.0 points"),
    ("subgroups", subgroup("probably loses", -0.06), "sex F probably loses more than 5.0 points"),
    ("privacy", lambda r: _change(r, "privacy/edm/flagged_images", True), "edm: no memorisation detected"),
    ("privacy", lambda r: _change(r, "privacy/edm/n_synthetic", 0), "there was no image to audit"),
    ("privacy", lambda r: replace(r, privacy={}), "no synthetic images that were audited"),
    (
        "privacy",
        lambda r: _change(r, "privacy/edm/nearer_to_train/pixels", {"p": None, "why": "few"}),
        "edm: not judged: nearer to training patients? few",
    ),
    (
        "privacy",
        lambda r: _change(r, "privacy/edm/nearer_to_train/pixels/left_out", ["ill"]),
        "edm: not judged: nearer to training patients? too few patients of ill",
    ),
    (
        "privacy",
        lambda r: _change(r, "privacy/edm/copy_detector", {"p": None, "power": {}, "why": "few"}),
        "edm: not judged: learned copies? few",
    ),
    ("privacy", lambda r: missed(r, "noisy"), "edm: not judged: finds only 0 % of noisy copies"),
    ("generator", lambda r: _change(r, "selection/edm/classes/well/kept", 0), "no image was kept of edm, class well"),
]


def test_numbers_mean_nothing_where_the_data_are_at_fault_and_only_there(sound: Records) -> None:
    leaking = gate.decide(_change(sound, "validation/0/leaks", "3 of 40 test images"))
    assert leaking["untrusted"] == "the split leaks: 3 of 40 test images"
    broken = gate.decide(_change(sound, "validation/0/checks/0/success", False))
    assert broken["untrusted"] == "critical checks failed: patients_disjoint"
    clean = gate.decide(_change(sound, "validation/0/on_leak", "allow"))
    assert not clean["open"]
    assert clean["untrusted"] is None, "a leak was allowed, but there is none"


@pytest.mark.parametrize("name, change, said", FAILURES)
def test_each_condition_shuts_the_gate_alone(
    sound: Records, name: str, change: Callable[[Records], Records], said: str
) -> None:
    decision = gate.decide(change(sound))
    assert not decision["open"]
    assert decision["word"] == "held back"
    assert [each for each, state in states(decision).items() if state != PASS] == [name]
    assert said in why(decision, name)
    assert decision["sentence"].startswith(f"held back: {name}: ")


UNKNOWNS: list[tuple[str, Callable[[Records], Records], str]] = [
    ("subgroups", subgroup("may lose", -0.01), "sex F may lose more than 5.0 points"),
    ("subgroups", subgroup("insufficient n", None), "sex F cannot be judged (insufficient n)"),
    ("subgroups", lambda r: _change(r, "subgroups/attributes", {}), "the data name no attribute"),
    ("generator", lambda r: replace(r, collapsed_below=0.0), "collapse was not looked for"),
]


@pytest.mark.parametrize("name, change, said", UNKNOWNS)
def test_what_is_not_known_counts_only_against_a_strict_gate(
    sound: Records, name: str, change: Callable[[Records], Records], said: str
) -> None:
    decision = gate.decide(change(sound))
    assert decision["open"]
    assert decision["sentence"] == f"may be released: every condition is met, but not known: {name}"
    assert states(decision)[name] == UNKNOWN
    assert said in why(decision, name)
    assert not gate.decide(change(sound), strict=True)["open"]


def test_in_a_cross_validation_fewer_patients_are_no_quick_look(sound: Records) -> None:
    few = _change(_change(sound, "gains/n_groups", 49), "gains/folds", [{}] * 5)
    assert states(gate.decide(few))["size"] == PASS


def test_no_difference_is_enough_where_the_reason_is_privacy(sound: Records) -> None:
    none = _change(sound, "gains/verdict/word", "no difference")
    assert gate.decide(none, "privacy")["open"]
    assert gate.decide(sound, "privacy")["open"]
    assert not gate.decide(_change(sound, "gains/verdict/word", "inconclusive"), "privacy")["open"]


def test_outdated_results_shut_the_gate_and_an_unclean_commit_only_warns(sound: Records) -> None:
    assert not gate.decide(sound, also=[gate.current("params.yaml has changed")])["open"]
    for commit in (None, "0123abc+changes", "unversioned"):
        decision = gate.decide(sound, strict=True, also=[gate.current(None), gate.commit(commit)])
        assert decision["open"]
        assert states(decision) == dict.fromkeys(states(decision), PASS) | {"commit": WARNING}
    assert gate.commit("0123abc").state == PASS


def test_one_fold_that_gives_patients_away_or_leaks_is_enough(sound: Records) -> None:
    audits = {f"edm, fold {k}": sound.privacy["edm"] | {"flagged_images": k == 2} for k in (1, 2, 3)}
    assert states(gate.decide(replace(sound, privacy=audits)))["privacy"] == FAIL


def test_weights_that_tell_members_are_a_warning_not_to_release_the_generator(sound: Records) -> None:
    decision = gate.decide(_change(sound, "privacy/edm/flagged_weights", True), strict=True)
    assert states(decision)["privacy"] == WARNING
    assert decision["open"]
    assert why(decision, "privacy") == "release the images, not the generator; edm: no memorisation detected"


UNTESTED = {"p": None, "why": "insufficient n: 4 patients among non-members, 10 needed", "per_score": {"sigma 1": 0.5}}


def test_weights_that_were_not_tested_are_a_warning_but_for_a_control_which_has_none(sound: Records) -> None:
    decision = gate.decide(_change(sound, "privacy/edm/membership", UNTESTED))
    assert states(decision)["privacy"] == WARNING
    assert why(decision, "privacy") == (
        "release the images, not the generator; edm: whether the weights tell training patients is not known "
        "(insufficient n: 4 patients among non-members, 10 needed)"
    )
    control = {"p": None, "why": "a control is not trained", "per_score": {}}
    assert states(gate.decide(_change(sound, "privacy/edm/membership", control)))["privacy"] == PASS


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("flagged_weights", True, "edm: no memorisation detected"),
        ("membership", UNTESTED, "edm: whether the weights tell training patients is not known"),
    ],
)
def test_what_is_known_of_the_weights_is_said_before_what_the_images_were_not_judged_for(
    sound: Records, path: str, value: Any, said: str
) -> None:
    decision = gate.decide(_change(missed(sound, "flipped"), f"privacy/edm/{path}", value))
    assert states(decision)["privacy"] == FAIL
    assert why(decision, "privacy").startswith(said)
    assert "; edm: not judged: finds only 0 % of flipped copies" in why(decision, "privacy")


def test_one_fold_that_leaks_is_enough(sound: Records) -> None:
    leaking = [*sound.validation, sound.validation[0] | {"leaks": "1 of 9"}]
    assert states(gate.decide(replace(sound, validation=leaking)))["data"] == FAIL


@pytest.fixture(scope="module")
def workspace(toy: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A finished toy workspace with its params.yaml and its report."""
    paths = toy.build(tmp_path_factory.mktemp("workspace"))
    (paths.root / "conf").mkdir()
    (paths.root / "dvc.yaml").write_text("stages: {}\n")
    write_params(paths, config.load({
        "dataset": {"name": "phantom", "source": {"kind": "phantom"}}, "classifier": {"kind": "cnn"},
        "generators": {name: {"kind": name} for name in toy.config().generators},
    }))  # fmt: skip
    report.run(config.read(paths.params), paths)
    return paths


def test_every_training_of_the_candidates_generator_is_looked_at(toy: ModuleType, tmp_path: Path) -> None:
    paths, cfg = toy.build(tmp_path), toy.config()
    again = cfg.generators["edm"].model_copy(update={"repeats": "edm"})
    cfg = cfg.model_copy(update={"generators": cfg.generators | {"edm-seed1": again}})
    with pytest.raises(artifact.ArtifactError, match="edm-seed1"):
        gate.read(cfg, paths)
    for stage in ("audit", "synthesize"):
        shutil.copytree(paths.out(stage, "edm"), paths.out(stage, "edm-seed1"))
    records = gate.read(cfg, paths)
    assert set(records.privacy) == set(records.selection) == {"edm", "edm-seed1"}


def called(paths: Paths, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.chdir(paths.root)
    with pytest.raises(SystemExit) as ended:
        cli.main(["gate", *options])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_the_command_prints_each_condition_and_exits_0_or_1(
    workspace: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(workspace, monkeypatch) == 0
    printed = capsys.readouterr().out
    assert "pass       verdict    gain at +3.1 points" in printed
    assert "not known  subgroups  sex F may lose more than 5.0 points" in printed
    assert "warning    commit     no finished run is noted" in printed
    assert printed.rstrip().endswith("synthetic-edm-r1: may be released (reason: utility)")
    assert called(workspace, monkeypatch, "--strict", "--json") == 1
    decision = json.loads(capsys.readouterr().out)
    assert (decision["open"], decision["strict"], decision["reason"]) == (False, True, "utility")


def test_the_report_keeps_the_same_decision(workspace: Paths) -> None:
    kept = artifact.read(workspace.out("report")).json("gate.json")
    cfg = config.read(workspace.params)
    assert kept == json.loads(json.dumps(gate.decide(gate.read(cfg, workspace))))


def test_changed_parameters_hold_the_release_back(
    workspace: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = workspace.params.read_bytes()
    workspace.params.write_bytes(kept.replace(b"margin: 0.05", b"margin: 0.09"))
    try:
        assert called(workspace, monkeypatch) == 1
    finally:
        workspace.params.write_bytes(kept)
    assert "fail       current    params.yaml has changed since the report was made" in capsys.readouterr().out


def test_an_altered_or_missing_output_is_an_error_and_no_decision(
    workspace: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated = workspace.out("evaluate") / "subgroups.json"
    kept = evaluated.read_bytes()
    evaluated.write_bytes(kept.replace(b"may lose", b"holds   "))
    try:
        assert called(workspace, monkeypatch) == 2
    finally:
        evaluated.write_bytes(kept)
    captured = capsys.readouterr()
    assert "content does not match its recorded SHA-256" in captured.err
    assert captured.out == ""


def test_the_noted_commit_is_read_where_there_is_one(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    assert last_run.noted_commit(paths) is None
    with pytest.raises(SynthgainError):
        last_run.read(paths)
    paths.state.mkdir()
    (paths.state / "last_run.json").write_text(json.dumps({"commit": "0123abc+changes"}))
    assert last_run.noted_commit(paths) == "0123abc+changes"
