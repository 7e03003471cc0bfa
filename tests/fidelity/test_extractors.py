"""ONNX files as feature extractors: loaded only after their hash was checked, and fed as configured."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from synthgain.errors import SynthgainError
from synthgain.fidelity.extractors import check, load, preprocess
from synthgain.schema import Extractor

GREY = {"size": 16, "channels": 1, "mean": (0.0,), "std": (1.0,)}


def model(folder: Path, nodes: list[Any], output: list[Any], shape: list[Any] = ["N", 1, 16, 16], **more: Any) -> Path:  # noqa: B006
    """An ONNX file whose graph turns ``x`` into ``y``."""
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in (("x", shape), ("y", output))
    ]
    graph = helper.make_graph(nodes, "toy", ends[:1], ends[1:], **more)
    path = folder / "toy.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def flat(folder: Path, shape: list[Any] = ["N", 1, 16, 16]) -> Path:  # noqa: B006
    """The pixels as features."""
    return model(folder, [helper.make_node("Flatten", ["x"], ["y"])], [shape[0], "F"], shape)


def described(path: Path, **changes: Any) -> Extractor:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Extractor(**{"file": str(path), "sha256": digest, **GREY, **changes})


def images(count: int, side: int = 16, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, channels, side, side), dtype=np.uint8)


@pytest.mark.parametrize("batch", ["N", 1, 4])
def test_features_are_the_first_output_for_each_image_whatever_the_batch(tmp_path: Path, batch: Any) -> None:
    path = flat(tmp_path, [batch, 1, 16, 16])
    extractor = load("toy", described(path), tmp_path, threads=1)
    pixels = images(70)
    assert extractor.features(pixels) == pytest.approx(pixels.reshape(70, -1) / 255, abs=1e-6)
    assert extractor.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_map_is_averaged_over_its_places_and_tokens_over_themselves(tmp_path: Path) -> None:
    pixels = images(5)
    path = model(tmp_path, [helper.make_node("Identity", ["x"], ["y"])], ["N", 1, 16, 16])
    found = load("toy", described(path), tmp_path, threads=1).features(pixels)
    assert found == pytest.approx(pixels.mean((2, 3)) / 255, abs=1e-6)
    squeeze = helper.make_node("Squeeze", ["x", "axes"], ["y"])
    path = model(tmp_path, [squeeze], ["N", 16, 16], initializer=[numpy_helper.from_array(np.array([1]), "axes")])
    found = load("toy", described(path), tmp_path, threads=1).features(pixels)
    assert found == pytest.approx(pixels[:, 0].mean(1) / 255, abs=1e-6)


def test_images_are_resized_with_antialiasing_as_pillow_does(tmp_path: Path) -> None:
    cfg = described(flat(tmp_path))
    pixels = images(3, side=50)
    expected = [
        Image.fromarray(each[0].astype(np.float32)).resize((16, 16), Image.Resampling.BICUBIC) for each in pixels
    ]
    found = preprocess(pixels, cfg)
    assert found[:, 0] == pytest.approx(
        np.clip(np.stack([np.asarray(each) for each in expected]) / 255, 0, 1), abs=0.01
    )


def test_channels_are_repeated_or_become_luminance_and_mean_and_std_are_taken_off(tmp_path: Path) -> None:
    path = flat(tmp_path)
    grey = images(2)
    rgb = preprocess(grey, described(path, channels=3, mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 4.0)))
    for channel, (mean, std) in enumerate(((0.1, 1), (0.2, 2), (0.3, 4))):
        assert rgb[:, channel] == pytest.approx((grey[:, 0] / 255 - mean) / std, abs=1e-5)
    colour = images(2, channels=3)
    luminance = np.array([np.asarray(Image.fromarray(each.transpose(1, 2, 0)).convert("L")) for each in colour])
    assert preprocess(colour, described(path))[:, 0] * 255 == pytest.approx(luminance, abs=1.01)


def test_a_path_may_be_relative_to_the_workspace(tmp_path: Path) -> None:
    cfg = described(flat(tmp_path)).model_copy(update={"file": "toy.onnx"})
    assert load("toy", cfg, tmp_path, threads=1).features(images(1)).shape == (1, 256)


def test_a_wrong_checksum_is_refused_before_the_file_is_loaded(tmp_path: Path) -> None:
    path = flat(tmp_path)
    cfg = described(path)
    path.write_bytes(path.read_bytes() + b"\0")
    for step in (lambda: load("toy", cfg, tmp_path, threads=1), lambda: check({"toy": cfg}, tmp_path)):
        with pytest.raises(SynthgainError, match=r"fidelity.extractors.toy.sha256: toy.onnx has [0-9a-f]{64}, not"):
            step()


def test_a_missing_file_is_named_without_the_folder_that_it_was_sought_in(tmp_path: Path) -> None:
    cfg = described(flat(tmp_path)).model_copy(update={"file": str(tmp_path / "elsewhere" / "net.onnx")})
    with pytest.raises(SynthgainError, match=r"toy.file: net.onnx: no such file there; .* nothing is ever downloaded"):
        check({"toy": cfg}, tmp_path)


@pytest.mark.parametrize("change, said", [
    ({"size": 32}, r"takes tensor\(float\) \['N', 1, 16, 16\], expected .* \[N, 1, 32, 32\]"),
    ({"channels": 3, "mean": (0, 0, 0), "std": (1, 1, 1)}, r"expected .* \[N, 3, 16, 16\]"),
])  # fmt: skip
def test_a_network_for_other_shapes_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(SynthgainError, match=said):
        load("toy", described(flat(tmp_path), **change), tmp_path, threads=1)


def test_a_network_that_refuses_the_images_at_run_time_is_a_sentence(tmp_path: Path) -> None:
    shape = helper.make_node("Reshape", ["x", "shape"], ["y"])
    numbers = numpy_helper.from_array(np.array([-1, 7]), "shape")
    path = model(tmp_path, [shape], ["M", 7], ["N", 1, "H", "W"], initializer=[numbers])
    with pytest.raises(SynthgainError, match=r"toy: the network refuses images of shape \(32, 1, 16, 16\)"):
        load("toy", described(path), tmp_path, threads=1).features(images(2))


def test_an_output_without_a_vector_per_image_is_refused(tmp_path: Path) -> None:
    path = model(tmp_path, [helper.make_node("ReduceMean", ["x"], ["y"], keepdims=0)], [])
    with pytest.raises(SynthgainError, match="first output is float32"):
        load("toy", described(path), tmp_path, threads=1).features(images(2))


def test_features_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path = model(
        tmp_path, [helper.make_node("Flatten", ["x"], ["z"]), helper.make_node("Log", ["z"], ["y"])], ["N", "F"]
    )
    with pytest.raises(SynthgainError, match="NaN or infinite"):
        load("toy", described(path), tmp_path, threads=1).features(np.zeros((2, 1, 16, 16), np.uint8))


@pytest.mark.parametrize("inside_a_node", [False, True])
def test_weights_in_other_files_are_refused_wherever_they_stand(tmp_path: Path, inside_a_node: bool) -> None:
    tensor = numpy_helper.from_array(np.zeros(256, np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    (tmp_path / "weights.bin").write_bytes(np.zeros(256, np.float32).tobytes())
    constant = [helper.make_node("Constant", [], ["w"], value=tensor)] if inside_a_node else []
    nodes = [*constant, helper.make_node("Flatten", ["x"], ["z"]), helper.make_node("Add", ["z", "w"], ["y"])]
    path = model(tmp_path, nodes, ["N", 256], initializer=[] if inside_a_node else [tensor])
    with pytest.raises(SynthgainError, match="keeps weights in other files, which its SHA-256 does not cover"):
        load("toy", described(path), tmp_path, threads=1)


@pytest.mark.parametrize("content", [b"", b"\x80\x04no model", b"\x08\x09"])
def test_what_is_no_onnx_model_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(SynthgainError, match=r"not an ONNX file|cannot run"):
        load("toy", described(path), tmp_path, threads=1)
