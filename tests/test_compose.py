"""An experiment is composed, typed, and refused with the key's name where it does not fit."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from synthgain import config
from synthgain.arms.arm import candidates
from synthgain.compose import compose, write_params
from synthgain.errors import SynthgainError
from synthgain.generators import contract, store
from synthgain.paths import Paths

ROOT = Path(__file__).parents[1]
EXPERIMENTS = sorted((ROOT / "conf" / "experiment").glob("*.yaml"))
ON_OWN_IMAGES = [
    command.strip()
    for page in ("README.md", "docs/own-data.md", "docs/quickstart.md")
    for command in re.findall(r"synthgain run ([^`#\n]*dataset=[^`#\n]*)", (ROOT / page).read_text())
]
"""What the documentation says after ``synthgain run`` for the user's images."""


@pytest.fixture
def paths(root: Path) -> Paths:
    return Paths(root)


@pytest.fixture
def elsewhere(root: Path, tmp_path: Path) -> Paths:
    """A workspace with some outputs."""
    (tmp_path / "conf").symlink_to(root / "conf")
    for name in ("ingest", "raw/mine"):
        (tmp_path / "data" / name).mkdir(parents=True)
    return Paths(tmp_path)


def test_the_default_experiment_is_the_phantom_with_two_generators_and_controls(paths: Paths) -> None:
    cfg = compose(paths, [])
    assert cfg.dataset.name == "phantom"
    assert list(cfg.generators) == ["dcgan", "edm", "copies", "oracle"]
    assert cfg.seeds == 8
    assert cfg.dataset.raw == "src/synthgain/sources/phantom.py"


def test_overrides_choose_generators_classifier_and_seeds(paths: Paths) -> None:
    cfg = compose(paths, ["generator=edm", "classifier=densenet", "seeds=3", "claim.margin=1e-2"])
    assert list(cfg.generators) == ["edm", "copies", "oracle"]
    assert (cfg.classifier.kind, cfg.seeds, cfg.claim.margin) == ("densenet", 3, 0.01)


def test_what_is_written_is_read_back_equal(paths: Paths, tmp_path: Path) -> None:
    cfg = compose(paths, ["seed=7"])
    there = Paths(tmp_path)
    assert write_params(there, cfg)
    assert not write_params(there, cfg), "an unchanged experiment must not touch the file"
    assert config.read(there.params) == cfg


def test_the_committed_parameters_are_the_default_experiment(paths: Paths) -> None:
    assert config.read(paths.params) == compose(paths, [])


def test_an_extractor_is_one_key_and_its_place_is_shown_nowhere(paths: Paths) -> None:
    words = [
        f"fidelity.extractors.dino.{word}" for word in ("file=/nets/secret/d.onnx", f"sha256={'a' * 64}", "size=64")
    ]
    cfg = compose(paths, words)
    assert cfg.fidelity.extractors["dino"].file == "/nets/secret/d.onnx"
    shown = cfg.fidelity.shown()["extractors"]["dino"]
    assert (shown["sha256"], shown["size"]) == ("a" * 64, 64)
    assert "secret" not in str(shown)


@pytest.mark.parametrize("words, message", [
    ({"sha256": "abc"}, r"fidelity\.extractors\.own\.sha256: String should match pattern"),
    ({"channels": "1"}, r"fidelity\.extractors\.own: .*mean and std need 1 values each"),
    ({"std": "[1,1,0]"}, r"fidelity\.extractors\.own\.std\.2: Input should be greater than 0"),
    ({"shape": "3"}, r"fidelity\.extractors\.own\.shape: unknown key"),
])  # fmt: skip
def test_a_faulty_extractor_is_refused(paths: Paths, words: dict[str, str], message: str) -> None:
    given = {"file": "net.onnx", "sha256": "a" * 64} | words
    with pytest.raises(SynthgainError, match=message):
        compose(paths, [f"fidelity.extractors.own.{key}={value}" for key, value in given.items()])


def test_the_name_of_the_projects_own_encoder_is_taken(paths: Paths) -> None:
    words = [f"fidelity.extractors.encoder.{word}" for word in ("file=net.onnx", f"sha256={'a' * 64}")]
    with pytest.raises(SynthgainError, match="'encoder' is the project's own; choose another name"):
        compose(paths, words)


@pytest.mark.parametrize("override, message", [
    ("seedz=3", r"seedz: unknown key; did you mean 'seed'\?"),
    ("+seedz=3", r"seedz: unknown key; did you mean 'seed'\?"),
    ("dataset.imagee.size=3", r"dataset\.imagee: unknown key; did you mean 'image'\?"),
    ("+dataset.image.sise=3", r"dataset\.image\.sise: unknown key; did you mean 'size'\?"),
    ("generator=edn", r"generator: no choice 'edn'; did you mean 'edm'\?"),
    ("experiment=brain_tumour_mri", r"experiment: no choice .*did you mean 'brain_tumor_mri'\?"),
    ("seeds=-1", r"seeds: Input should be greater than 0 \(given: -1\)"),
    ("+claim.margin=nan", r"claim\.margin: .*\(given: nan\)"),
    ("seeds=eight", r"seeds: .*\(given: 'eight'\)"),
    ("dataset.source.kind=phantm", r"unknown kind 'phantm'; did you mean 'phantom'\?"),
    ("+generators.edm.training.stepz=1", r"generators\.edm\.training\.stepz: unknown key; did you mean 'steps'\?"),
])  # fmt: skip
def test_a_mistake_names_the_key_and_the_nearest_valid_one(paths: Paths, override: str, message: str) -> None:
    with pytest.raises(SynthgainError, match=message):
        compose(paths, [override])


@pytest.mark.parametrize("override", ["generators=3", "generators.edm=3", "generators.edm=null", "dataset=3"])
def test_something_else_in_the_place_of_a_section_is_refused(paths: Paths, override: str) -> None:
    with pytest.raises(SynthgainError, match=override.partition("=")[0]):
        compose(paths, [override])


def test_a_missing_path_is_named(paths: Paths) -> None:
    with pytest.raises(SynthgainError, match=r"dataset\.path: /nowhere/at/all: no such file or folder"):
        compose(paths, ["dataset=folder", "dataset.path=/nowhere/at/all"])
    for words in (["dataset=folder"], ["dataset=folder", "dataset.path=null"]):
        with pytest.raises(SynthgainError, match=r"dataset\.path: a value is needed"):
            compose(paths, words)


def test_a_path_for_a_source_that_reads_none_is_refused(paths: Paths, tmp_path: Path) -> None:
    with pytest.raises(SynthgainError, match=r"'phantom' draws.*dataset=folder, dataset=npz, dataset=table"):
        compose(paths, [f"dataset.path={tmp_path}"])


@pytest.mark.parametrize("name", [".", "..", "data", "data/ingest", "link", "scans.csv"])
def test_raw_data_among_the_outputs_of_the_workspace_are_refused(elsewhere: Paths, name: str) -> None:
    (elsewhere.root / "link").symlink_to(elsewhere.data)
    (elsewhere.root / "scans.csv").touch()
    with pytest.raises(SynthgainError, match=r"dataset\.path: .*holds this workspace or its outputs"):
        compose(elsewhere, [f"dataset={'table' if name.endswith('csv') else 'folder'}", f"dataset.path={name}"])


def test_raw_data_have_a_place_in_the_workspace(elsewhere: Paths) -> None:
    assert compose(elsewhere, ["dataset=folder", "dataset.path=data/raw/mine"]).dataset.raw == "data/raw/mine"


@pytest.mark.parametrize("command", ON_OWN_IMAGES)
def test_the_documented_commands_for_own_images_have_controls_that_the_source_can_serve(
    paths: Paths, tmp_path: Path, command: str
) -> None:
    there = tmp_path / Path(re.findall(r"dataset\.path=(\S+)", command)[0]).name.strip(".")
    there.touch() if there.suffix else there.mkdir(exist_ok=True)
    cfg = compose(paths, re.sub(r"dataset\.path=\S+", f"dataset.path={there}", command).split())
    assert [name for name, each in cfg.generators.items() if each.training is None] == ["copies"]
    assert {"classic", "duplicate-r1"} <= {arm.name for arm in candidates(cfg)}


def test_the_documentation_has_a_command_for_every_layout() -> None:
    assert {re.findall(r"dataset=(\w+)", command)[0] for command in ON_OWN_IMAGES} == {"folder", "table", "npz"}


def test_an_oracle_of_images_that_cannot_be_drawn_is_refused(paths: Paths, tmp_path: Path) -> None:
    words = ["dataset=folder", f"dataset.path={tmp_path}", "control=[copies,oracle]"]
    with pytest.raises(SynthgainError, match=r"generators\.oracle: .*'folder' cannot; leave it out: control=copies"):
        compose(paths, words)


def test_an_experiment_without_its_data_sets_names_the_variable(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SYNTHGAIN_DATASETS", raising=False)
    words = ["experiment=pneumonia"]
    with pytest.raises(SynthgainError, match=r"dataset\.path: .* SYNTHGAIN_DATASETS is not set.*docs/datasets\.md"):
        compose(paths, words)
    (tmp_path / "pneumoniamnist.npz").touch()
    assert compose(paths, [*words, f"dataset.path={tmp_path}/pneumoniamnist.npz"]).dataset.name == "pneumonia"


@pytest.mark.parametrize("name", ["a (1)", "b, c", "it's", "k=v", "[x]", "täglich", "{y}"])
def test_a_path_may_hold_what_has_a_meaning_elsewhere(paths: Paths, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert compose(paths, ["dataset=folder", f"dataset.path={tmp_path / name}"]).dataset.path == str(tmp_path / name)


def test_the_whole_protocol_has_more_arms_and_a_tenth_of_the_labels(paths: Paths) -> None:
    default, whole = (compose(paths, words) for words in ([], ["protocol=full"]))
    assert whole.dataset == default.dataset.model_copy(update={"labels": (1.0, 0.1)})
    assert len(candidates(whole)) > len(candidates(default))
    assert compose(paths, ["protocol=null"]) == default


@pytest.mark.parametrize("text, message", [
    ("seed: 1\nseed: 2\n", "key 'seed' stands twice"),
    ("a: &x [1]\nb: *x\n", "aliases are not allowed"),
    ("a: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
])  # fmt: skip
def test_treacherous_yaml_is_refused_with_its_file(tmp_path: Path, root: Path, text: str, message: str) -> None:
    import shutil

    shutil.copytree(root / "conf", tmp_path / "conf")
    (tmp_path / "conf" / "classifier" / "bad.yaml").write_text(text)
    with pytest.raises(SynthgainError, match=rf"(?s)bad\.yaml.*{message}"):
        compose(Paths(tmp_path), [])


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_composes_at_every_size(paths: Paths, path: Path, datasets: Path) -> None:
    small = compose(paths, [f"experiment={path.stem}", "+size=smoke"])
    full = compose(paths, [f"experiment={path.stem}", "+size=gpu"])
    assert small.classifier.training.steps < full.classifier.training.steps
    assert small.classifier.training.steps == 4, "a size has the last word over an experiment"
    assert "Command:" in path.read_text()


def test_the_command_line_has_the_last_word_over_a_size(paths: Paths, datasets: Path) -> None:
    cfg = compose(
        paths,
        ["experiment=brain_tumor_mri", "+size=gpu", "dataset.image.size=48", "generators.edm.training.steps=5"],
    )
    assert cfg.dataset.image.size == 48
    assert cfg.generators["edm"].training is not None
    assert cfg.generators["edm"].training.steps == 5


@pytest.mark.parametrize("size", [(), ("+size=gpu",), ("+size=smoke",)])
def test_a_word_for_each_generator_is_for_those_that_learn_and_one_for_a_generator_after_it_wins(
    paths: Paths, size: tuple[str, ...]
) -> None:
    words = ("generator=[dcgan,edm]", "each_generator.training.steps=7", "generators.edm.training.steps=5")
    generators = compose(paths, [*words, *size]).generators
    assert {name: each.training.steps for name, each in generators.items() if each.training} == {"dcgan": 7, "edm": 5}


@pytest.mark.parametrize("size", ["gpu", "smoke"])
def test_a_size_is_chosen_with_or_without_a_plus(paths: Paths, size: str) -> None:
    chosen = [compose(paths, [word]) for word in (f"+size={size}", f"size={size}", f"size=[{size}]")]
    assert chosen[0] == chosen[1] == chosen[2] != compose(paths, [])


def test_an_unknown_size_is_named(paths: Paths) -> None:
    with pytest.raises(SynthgainError, match=r"size: no choice 'gpuu'; did you mean 'gpu'\?"):
        compose(paths, ["size=gpuu"])


def test_generators_grow_at_full_size(paths: Paths) -> None:
    default, full = (compose(paths, ["generator=[dcgan,vae,edm]", *words]).generators for words in ([], ["+size=gpu"]))
    assert full["edm"].sampling.solver == "heun"
    assert full["dcgan"].model.learning_rate == 2e-4
    for name in ("dcgan", "vae", "edm"):
        assert full[name].training.steps > default[name].training.steps
        facts = contract.Facts(1, 64, ("a", "b"), None)
        small, large = (sum(p.numel() for p in store.build(g[name], facts).parameters()) for g in (default, full))
        assert large > 2 * small


def test_a_csv_stands_for_its_folder(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "scans.csv").write_text("file,label\n")
    cfg = compose(paths, ["dataset=table", f"dataset.path={tmp_path}/scans.csv"])
    assert cfg.dataset.path == str(tmp_path)
    assert cfg.dataset.raw == "data/raw/table"
    assert yaml.safe_load(cfg.dataset.source.model_dump_json())["manifests"][0]["file"] == "scans.csv"


@pytest.mark.parametrize("arguments, forbidden", [
    (["--help"], ["torch", "pandas", "pydantic", "hydra"]),
    (["power", "--help"], ["numpy", "scipy", "torch", "pandas", "pydantic", "hydra"]),
    (["calibrate", "--help"], ["numpy", "scipy", "torch", "pandas", "pydantic", "hydra"]),
    (["power", "--discordant", "0.1", "--seeds", "8", "--patients", "99"], ["torch", "pandas", "hydra", "mlflow"]),
    (["compose"], ["torch", "pytorch_lightning", "monai", "mlflow", "prefect", "great_expectations"]),
    (["run", "--dry-run"], ["torch", "pytorch_lightning", "monai", "mlflow", "prefect", "great_expectations"]),
])  # fmt: skip
def test_quick_commands_import_nothing_heavy(root: Path, arguments: list[str], forbidden: list[str]) -> None:
    code = (
        "import sys, atexit\n"
        f"atexit.register(lambda: sys.exit(print('LOADED', sorted(set({forbidden}) & set(sys.modules)))))\n"
        f"from synthgain.cli import main\nmain({arguments})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "LOADED []" in done.stdout
