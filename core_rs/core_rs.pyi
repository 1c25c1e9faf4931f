"""Platehost's recognition core. Boxes and corners are pixels of the upright picture (after EXIF orientation),
x to the right, y down. Scores are 0 to 1. Times are milliseconds."""

from collections.abc import Sequence
from os import PathLike
from typing import Literal, final

__version__: str

class CoreError(Exception):
    """Base of every error of the core. The message is fit for a client."""

    code: str

class ImageError(CoreError):
    """Codes: empty_image, unsupported_format, image_too_large, image_too_small, truncated_image, corrupt_image."""

class PackError(CoreError):
    """Code: invalid_pack. The message names the file and the field."""

class DeadlineExceeded(CoreError):
    """Code: deadline_exceeded."""

class RuntimeUnavailable(CoreError):
    """Code: runtime_unavailable."""

class InferenceError(CoreError):
    """Code: inference_failed."""

def init(onnxruntime_path: str | PathLike[str]) -> None:
    """Loads ONNX Runtime (1.24 or newer) from the absolute path of its library. Once a process; again with the same
    path does nothing. Raises RuntimeUnavailable."""

def verify_pack(
    pack_dir: str | PathLike[str],
    *,
    provider: Literal["cpu", "openvino", "cuda"] = "cpu",
    device: str | None = None,
) -> PackDescription:
    """Checks hashes, kinds, shapes and number types of a pack, or of a make-model pack, and runs each model once.
    `provider` and `device` are as those of Engine. Raises PackError, RuntimeUnavailable, or ValueError."""

@final
class Options:
    """What to look for in one image. Raises ValueError naming the field.

    `regions` are codes such as gb or us-ca: their plates are expected, those of others are read, too. `text_formats`
    are regular expressions for the whole text, in either case. Both guide the reading; with `region_strict` only texts
    are given that fit a format of `regions` and one of `text_formats`, where these are given, and other plates are left
    out.

    What is said of vehicles needs a pack that finds them. `plates_per_vehicle` keeps that many plates of one vehicle,
    those of the highest detection scores; mode redaction keeps all. `detection_rule_strict` leaves out plates that are
    on no vehicle. Up to `zoom_in_vehicles` vehicles without a plate are looked at again, larger, where the first look
    had shrunk the picture; never in mode fast. `mmc` tells make, model, colour and orientation, too. `detection_mode`
    vehicle gives vehicles without a plate, too."""

    def __new__(
        cls,
        *,
        threshold_d: float = 0.2,
        threshold_o: float = 0.6,
        mode: Literal["default", "fast", "redaction"] = "default",
        regions: Sequence[str] = ...,
        region_strict: bool = False,
        text_formats: Sequence[str] = ...,
        plates_per_vehicle: int = 1,
        zoom_in_vehicles: int = 4,
        max_plates: int = 64,
        max_candidates: int = 10,
        mmc: bool = False,
        detection_mode: Literal["plate", "vehicle"] = "plate",
        detection_rule_strict: bool = False,
    ) -> Options: ...
    @property
    def threshold_d(self) -> float: ...
    @property
    def threshold_o(self) -> float: ...
    @property
    def mode(self) -> str: ...
    @property
    def regions(self) -> list[str]: ...
    @property
    def region_strict(self) -> bool: ...
    @property
    def text_formats(self) -> list[str]: ...
    @property
    def plates_per_vehicle(self) -> int: ...
    @property
    def zoom_in_vehicles(self) -> int: ...
    @property
    def max_plates(self) -> int: ...
    @property
    def max_candidates(self) -> int: ...
    @property
    def mmc(self) -> bool: ...
    @property
    def detection_mode(self) -> str: ...
    @property
    def detection_rule_strict(self) -> bool: ...

@final
class Engine:
    """The models of one pack, verified and loaded. Safe to use from several threads; one model runs one batch at a
    time. Create it after any fork."""

    def __new__(
        cls,
        pack_dir: str | PathLike[str],
        *,
        intra_threads: int = 1,
        max_pixels: int = 50_000_000,
        max_batch: int = 16,
        make_model_dir: str | PathLike[str] | None = None,
        provider: Literal["cpu", "openvino", "cuda"] = "cpu",
        device: str | None = None,
    ) -> Engine:
        """`make_model_dir` is the folder of a make-model pack, which stands apart. `provider` is ONNX Runtime's
        execution provider that the models run on, `device` its own name of one of its devices (OpenVINO: CPU, GPU,
        GPU.1, NPU; CUDA: 0, 1; None: CPU, and 0). Raises PackError, ValueError naming the field, or RuntimeUnavailable:
        before `init`, and when the loaded library or the machine has no such provider or device. It never goes on with
        the CPU instead."""

    @property
    def pack(self) -> PackDescription: ...
    @property
    def make_model_pack(self) -> PackDescription | None: ...
    def recognise(
        self,
        images: Sequence[bytes],
        options: Sequence[Options] | None = None,
        deadline_ms: int | None = None,
    ) -> list[ImageReading | CoreError]:
        """One answer an image (JPEG, PNG or WebP bytes), in their order; an image that fails gives its error there and
        leaves the others alone. The GIL is released for the whole batch. Raises ValueError when `options` has
        another length than `images`."""

    def read_crops(
        self,
        images: Sequence[bytes],
        options: Sequence[Options] | None = None,
        deadline_ms: int | None = None,
    ) -> list[ImageReading | CoreError]:
        """As `recognise` for pictures that are known to be one plate, already cut out: where it is seen in the picture,
        it is read there, else the whole picture is. Each answer has one plate, whatever its score; without text where
        `region_strict` allows none."""

@final
class ImageReading:
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def plates(self) -> list[PlateReading]:
        """Highest detection score first."""

    @property
    def vehicles(self) -> list[VehicleReading]:
        """Highest score first: those with one of `plates`, in `detection_mode` vehicle all. Empty where the pack finds
        no vehicles."""

    @property
    def timings(self) -> dict[str, float]:
        """Milliseconds by stage: decode, letterbox, detect, boxes, vehicles (their boxes), zoom (the second look),
        rectify, read, text, attributes, make_model. A stage that ran for several images at once is shared out among
        them."""

@final
class PlateReading:
    @property
    def box(self) -> tuple[float, float, float, float]:
        """x1, y1, x2, y2, inside the picture."""

    @property
    def corners(self) -> tuple[tuple[float, float], ...] | None:
        """Four points, clockwise from the plate's own top left; they may lie outside the picture."""

    @property
    def dscore(self) -> float:
        """That this is a plate, by the detector and, where the pack's reader has an opinion of its own, by both."""

    @property
    def plate_score(self) -> float | None:
        """The reader's own opinion, before it is weighed with the detector's; None where the pack has none."""

    @property
    def text(self) -> str: ...
    @property
    def score(self) -> float:
        """P(text) ** (1 / len(text)), with P(text) as reader and templates have it: the geometric mean of its
        characters' probabilities; 0 without text. Raised to the chance of being right where the pack's
        `plate_reader.score` tells a higher one."""

    @property
    def candidates(self) -> list[tuple[str, float]]:
        """Texts with scores on the scale of `score`, best first; the first is `text`. Empty without text."""

    @property
    def char_scores(self) -> list[float]: ...
    @property
    def region(self) -> tuple[str, float] | None: ...
    @property
    def vehicle(self) -> int | None:
        """Place in `ImageReading.vehicles` of the vehicle that carries this plate."""

@final
class VehicleReading:
    @property
    def box(self) -> tuple[float, float, float, float]:
        """x1, y1, x2, y2, inside the picture."""

    @property
    def score(self) -> float:
        """That this is a vehicle."""

    @property
    def type(self) -> str:
        """A class of the pack, such as Sedan; Unknown where the pack cannot tell."""

    @property
    def type_score(self) -> float:
        """The probability of `type`; 0 for Unknown."""

    @property
    def colours(self) -> list[tuple[str, float]]:
        """With probabilities, best first, three at most; unknown alone, with the probability that the best guess is
        wrong, where that is too unsure. Empty without `mmc` or where the pack has no such stage."""

    @property
    def orientations(self) -> list[tuple[str, float]]:
        """As `colours`: which side is seen, such as Front; Unknown where that is too unsure."""

    @property
    def models(self) -> list[tuple[str, str, int | None, float]]:
        """Make, model, year where it is known, probability; best first, three at most. The model is Unknown where the
        make alone is sure enough. Empty without `mmc`, without a make-model pack, or where both are too unsure."""

@final
class PackDescription:
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def licence(self) -> str: ...
    @property
    def provenance(self) -> str: ...
    @property
    def stages(self) -> list[StageDescription]: ...

@final
class StageDescription:
    @property
    def stage(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size(self) -> int:
        """Bytes of the file; 0 for a stage that is another output of an earlier stage's file."""

    @property
    def kind(self) -> str: ...
    @property
    def input_shape(self) -> list[int]:
        """-1 is a dimension that varies."""

    @property
    def outputs(self) -> list[tuple[str, list[int]]]: ...
