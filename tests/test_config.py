"""Plain values become an experiment, or are refused with the key and the nearest valid one."""

from typing import Any

import pytest

from synthgain import config
from synthgain.errors import SynthgainError


def values(**more: Any) -> dict[str, Any]:
    """The least that an experiment says, and ``more``."""
    dataset = {"name": "d", "source": {"kind": "phantom"}}
    return {"dataset": dataset, "generators": {"copies": {"kind": "copies"}}, "classifier": {"kind": "cnn"}} | more


def refusal(given: dict[str, Any]) -> str:
    with pytest.raises(SynthgainError) as caught:
        config.load(given)
    return str(caught.value)


@pytest.mark.parametrize(("section", "said"), [
    ({"dataset": values()["dataset"] | {"budget": {"trian": 4, "val": 2}}}, "dataset.budget.trian: {}'train'?"),
    ({"generators": {"e": {"kind": "edm", "training": {"privacy": {"epsilonn": 3}}}}},
     "generators.e.training.privacy.epsilonn: {}'epsilon'?"),
    ({"fidelity": {"extractors": {"x": {"fiel": "net.onnx"}}}}, "fidelity.extractors.x.fiel: {}'file'?"),
    ({"dataset": {"name": "d", "source": {"kind": "table", "manifests": [{"file": "m.csv", "were": {}}]}}},
     "dataset.source.manifests.0.were: {}'where'?"),
    ({"screening": {"tuning": {"trails": 4}}}, "screening.tuning.trails: {}'trials'?"),
])  # fmt: skip
def test_an_unknown_key_in_any_section_is_told_the_nearest_one(section: dict[str, Any], said: str) -> None:
    assert said.format("unknown key; did you mean ") in refusal(values(**section))


def test_what_is_missing_is_named_without_all_that_is_there() -> None:
    assert refusal(values(dataset={"source": {"kind": "phantom"}, "path": "/p"})).endswith(
        "dataset.name: Field required"
    )


@pytest.mark.parametrize("control", ["copies", "noise", "oracle"])
def test_training_settings_of_a_control_are_refused(control: str) -> None:
    said = refusal(values(generators={"c": {"kind": control, "training": {"steps": 3}}}))
    assert said == f"generators.c.training: the control '{control}' is not trained; leave it out"
    assert config.load(values(generators={"c": {"kind": control, "training": None}})).generators["c"].training is None


def test_only_the_phantom_draws_its_images() -> None:
    assert [kind for kind in config.kinds("sources") if config.draws(kind)] == ["phantom"]
