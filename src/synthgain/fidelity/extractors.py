"""Feature extractors that the user brings: ONNX files, which are data and not code, known by their SHA-256."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthgain.errors import SynthgainError
from synthgain.schema import Extractor

Images = npt.NDArray[np.uint8]
_BATCH = 32
_LUMINANCE = (0.299, 0.587, 0.114)
"""ITU-R BT.601, as at ingest."""


@dataclass(frozen=True)
class OnnxExtractor:
    """A loaded network as a measuring device; ``sha256`` names it in every result that rests on it."""

    name: str
    cfg: Extractor
    session: Any
    """``onnxruntime.InferenceSession``."""
    batch: int
    """Images per call."""

    @property
    def sha256(self) -> str:
        return self.cfg.sha256

    def features(self, images: Images) -> npt.NDArray[np.float32]:
        """What the network says of uint8 images ``(N, C, H, W)``: its first output, ``(N, F)``.

        Images are resized with antialiasing, real and synthetic alike. Of an output ``(N, F, h, w)`` the mean over
        places is taken, of ``(N, T, F)`` the mean over tokens.

        Raises
        ------
        SynthgainError
            The network refuses the input, or its output is no finite feature vector per image.
        """
        return np.concatenate([self._of_batch(part) for part in _batches(images, self.batch)])

    def _of_batch(self, images: Images) -> npt.NDArray[np.float32]:
        tensor = preprocess(images, self.cfg)
        missing = self.batch - len(tensor)
        tensor = np.concatenate([tensor, np.repeat(tensor[-1:], missing, axis=0)])
        try:
            output = self.session.run(None, {self.session.get_inputs()[0].name: tensor})[0]
        except Exception as error:  # the runtime raises classes of its own that share no base
            raise SynthgainError(
                f"fidelity.extractors.{self.name}: the network refuses images of shape {tensor.shape}: "
                f"{_first_line(error)}; check size and channels"
            ) from None
        return self._pooled(np.asarray(output))[: len(images)]

    def _pooled(self, output: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        if output.ndim < 2 or len(output) != self.batch or output.dtype.kind != "f":
            raise SynthgainError(
                f"fidelity.extractors.{self.name}: its first output is {output.dtype} {output.shape}, expected floats "
                f"({self.batch}, features, ...)"
            )
        if output.ndim > 2:
            output = output.mean(1) if output.ndim == 3 else output.reshape(*output.shape[:2], -1).mean(-1)
        if not np.isfinite(output).all():
            raise SynthgainError(f"fidelity.extractors.{self.name}: features are NaN or infinite; check mean and std")
        return output.astype(np.float32)


def read(name: str, cfg: Extractor, root: Path) -> bytes:
    """The file of extractor ``name``, relative to the workspace ``root`` or absolute, after its hash was checked.

    Raises
    ------
    SynthgainError
        There is no such file, or its SHA-256 is not the configured one.
    """
    path = root / Path(cfg.file).expanduser()
    if not path.is_file():
        raise SynthgainError(
            f"fidelity.extractors.{name}.file: {path.name}: no such file there; bring it, nothing is ever downloaded"
        )
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != cfg.sha256:
        raise SynthgainError(
            f"fidelity.extractors.{name}.sha256: {path.name} has {found}, not {cfg.sha256}; bring the file that was "
            "meant, or state the hash of this one if you trust it"
        )
    return content


def check(extractors: Mapping[str, Extractor], root: Path) -> None:
    """Read every file once, so that a wrong one stops the run before anything is trained; raises as `read` does."""
    for name, cfg in extractors.items():
        read(name, cfg, root)


def load(name: str, cfg: Extractor, root: Path, threads: int) -> OnnxExtractor:
    """The extractor ``name`` on the CPU.

    Raises
    ------
    SynthgainError
        As `read`; or the file is no ONNX model, keeps weights in other files, which the hash would not cover, or does
        not take one batch of images of the configured channels and size.
    """
    import onnxruntime

    content = read(name, cfg, root)
    _refuse_external_data(name, content)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises classes of its own that share no base
        raise SynthgainError(
            f"fidelity.extractors.{name}: {Path(cfg.file).name} cannot run: {_first_line(error)}"
        ) from None
    return OnnxExtractor(name, cfg, session, _batch(name, cfg, session.get_inputs()))


def preprocess(images: Images, cfg: Extractor) -> npt.NDArray[np.float32]:
    """Uint8 ``(N, C, H, W)`` -> float32 ``(N, channels, size, size)``, what the network expects.

    Grey levels become 0 to 1, channels are repeated or turned into luminance, the side is resampled bicubically with
    antialiasing and clipped (Parmar et al. 2022), mean and standard deviation are taken off.
    """
    import torch
    from torch.nn.functional import interpolate

    pixels = torch.from_numpy(np.array(images)).float() / 255
    if pixels.shape[1] == 3 and cfg.channels == 1:
        pixels = (pixels * torch.tensor(_LUMINANCE)[:, None, None]).sum(1, keepdim=True)
    pixels = interpolate(pixels, (cfg.size, cfg.size), mode="bicubic", antialias=True, align_corners=False)
    pixels = pixels.clamp(0, 1).expand(-1, cfg.channels, -1, -1)
    mean, std = (torch.tensor(values)[:, None, None] for values in (cfg.mean, cfg.std))
    return np.ascontiguousarray(((pixels - mean) / std).numpy())


def _batches(images: Images, size: int) -> Iterator[Images]:
    for start in range(0, len(images), size):
        yield images[start : start + size]


def _refuse_external_data(name: str, content: bytes) -> None:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(content)
    except DecodeError:
        raise SynthgainError(f"fidelity.extractors.{name}: not an ONNX file") from None
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _tensors(model)):
        raise SynthgainError(
            f"fidelity.extractors.{name}: keeps weights in other files, which its SHA-256 does not cover; save it as a "
            "single file"
        )


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor of an ONNX model, wherever it stands in it."""
    import onnx
    from google.protobuf.message import Message

    if isinstance(message, onnx.TensorProto):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if isinstance(value, Message) else value:
                yield from _tensors(part)


def _batch(name: str, cfg: Extractor, inputs: list[Any]) -> int:
    """Images per call: the network's own fixed number, or `_BATCH`."""
    wanted = (cfg.channels, cfg.size, cfg.size)
    shapes = [list(entry.shape) for entry in inputs]
    fits = (
        len(inputs) == 1
        and inputs[0].type == "tensor(float)"
        and len(shapes[0]) == 4
        and all(not isinstance(own, int) or own == want for own, want in zip(shapes[0][1:], wanted, strict=True))
    )
    if not fits:
        found = ", ".join(f"{entry.type} {shape}" for entry, shape in zip(inputs, shapes, strict=True))
        raise SynthgainError(
            f"fidelity.extractors.{name}: takes {found or 'nothing'}, expected one tensor(float) of images [N, "
            f"{', '.join(map(str, wanted))}] as size and channels say"
        )
    return shapes[0][0] if isinstance(shapes[0][0], int) else _BATCH


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
