"""What else is looked at: fidelity, fairness, privacy, explanation."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from synthgain.schema.strict import Name, Positive, Strict


class Extractor(Strict):
    """A network that turns images into features for the fidelity measures: an ONNX file in one piece."""

    file: str
    """Where it is, relative to the workspace or absolute; never downloaded, never logged."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of the file: names the extractor in every result; another file is refused."""
    size: Annotated[int, Field(ge=16, le=1024)] = 224
    """Side in pixels to which images are resampled for it."""
    channels: Literal[1, 3] = 3
    """1: grey; 3: RGB, grey images repeated."""
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    """Of each channel, grey levels from 0 to 1; the default is ImageNet's."""
    std: tuple[Annotated[float, Field(gt=0)], ...] = (0.229, 0.224, 0.225)
    """Of each channel; the default is ImageNet's."""

    @model_validator(mode="after")
    def _a_value_per_channel(self) -> "Extractor":
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"mean and std need {self.channels} values each, one per channel")
        return self


class Fidelity(Strict):
    extractors: dict[Name, Extractor] = Field(default_factory=dict)
    """Feature extractors by name, beside the project's own ``encoder``."""

    @field_validator("extractors")
    @classmethod
    def _the_encoder_is_taken(cls, extractors: dict[str, Extractor]) -> dict[str, Extractor]:
        if "encoder" in extractors:
            raise ValueError("'encoder' is the project's own; choose another name")
        return extractors

    def shown(self) -> dict[str, Any]:
        """As plain values for records, without where on this machine the user keeps the files."""
        return {
            "extractors": {
                name: each.model_dump(mode="json", exclude={"file"}) for name, each in self.extractors.items()
            }
        }


class Fairness(Strict):
    attributes: tuple[str, ...] | None = None
    """Columns of the data whose subgroups are compared; default: every one with 2 to 8 values, and numeric ones."""
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """A subgroup may lose this much of the claimed measure before a release is refused."""
    min_patients: Annotated[int, Field(ge=2)] = 20
    """Subgroups with fewer test patients (or groups) than this are 'insufficient n'."""


class Privacy(Strict):
    detector_steps: Positive = 300
    """Training steps of the copy detector."""
    canaries: Annotated[int, Field(ge=0, le=1000)] = 0
    """Marked images that are planted among each generator's training images, to measure what it remembers; none by
    default, because they show in what it draws. Classifiers never see them."""
    canary_repeats: Positive = 1
    """How often each of them occurs in the training."""


class Explain(Strict):
    """Where the headline's two classifiers look, and what the generators' inputs do."""

    images: Annotated[int, Field(ge=0, le=8)] = 4
    """Test images of each class whose maps are shown, each of another patient where there are enough; 0: none."""
    measured: Positive = 16
    """Test images with a lesion, of each class, on which it is measured whether the maps find the lesion."""
    methods: Annotated[tuple[Literal["grad_cam", "occlusion", "integrated_gradients"], ...], Field(min_length=1)] = (
        "grad_cam", "occlusion", "integrated_gradients",
    )  # fmt: skip
