"""The one import of the core: bytes and options in, readings or failures out."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import core_rs
from platehost.options import Options
from platehost.reading import (
    Candidate,
    Colour,
    Failure,
    Model,
    Orientation,
    Outcome,
    Plate,
    Reading,
    Region,
    Vehicle,
)

# Without a build, the crate's own folder is taken for a namespace package, and its import succeeds.
if not hasattr(core_rs, "__version__"):
    raise ImportError("core_rs is not built. Run `maturin develop --release` in the repository, or scripts/run.")

# The class of a reader for a plate of no region that it knows.
NO_REGION = "unknown"

_runtime_lock = threading.Lock()
_runtime_loaded = False


class EngineUnavailable(RuntimeError):
    """The core cannot work in this process: no runtime library, or a pack that is not whole. The message says which."""


class Recogniser:
    """The warm core of one process: a verified pack with its sessions."""

    def __init__(
        self,
        pack: str,
        *,
        make_model: str | None = None,
        threads: int = 1,
        max_pixels: int = 50_000_000,
        batch_size: int = 16,
        provider: str = "cpu",
        device: str = "",
    ) -> None:
        """Loads the pack in the folder `pack` and, where it is given, the one in `make_model`; call it after any fork.

        `provider` and `device` are as PLATEHOST_PROVIDER and PLATEHOST_PROVIDER_DEVICE. Raises EngineUnavailable; for a
        faulty pack its message names the file and the field, for a provider that is not there the setting.
        """
        with _faults_of(provider, device):
            _load_runtime()
            self._engine = core_rs.Engine(
                pack,
                intra_threads=threads,
                max_pixels=max_pixels,
                max_batch=batch_size,
                make_model_dir=make_model,
                provider=cast(Any, provider),
                device=device or None,
            )

    @property
    def pack(self) -> core_rs.PackDescription:
        """What the loaded pack says of itself."""
        return self._engine.pack

    @property
    def make_model_pack(self) -> core_rs.PackDescription | None:
        """What the make-model pack says of itself, if one is loaded."""
        return self._engine.make_model_pack

    def read(
        self, pictures: Sequence[bytes], options: Sequence[Options], deadline_ms: int | None = None
    ) -> list[Outcome]:
        """One outcome per picture (JPEG, PNG or WebP bytes), in their order; a failing one never fails the others.

        Raises core_rs.CoreError only when the whole call failed.
        """
        outcomes: list[Outcome | None] = [None] * len(pictures)
        wanted: list[tuple[int, core_rs.Options]] = []
        for index, each in enumerate(options):
            try:
                wanted.append((index, _core_options(each)))
            except ValueError as error:
                outcomes[index] = Failure("invalid_option", str(error))
        found = (
            self._engine.recognise([pictures[index] for index, _ in wanted], [each for _, each in wanted], deadline_ms)
            if wanted
            else []
        )
        for (index, _), image in zip(wanted, found, strict=True):
            outcomes[index] = _outcome(image)
        return [each for each in outcomes if each is not None]


def verified(pack: str, *, provider: str = "cpu", device: str = "") -> core_rs.PackDescription:
    """Checks the pack in the folder `pack`, of plates or of makes and models, and gives what it says of itself.

    Its models run where `provider` and `device` say. Raises EngineUnavailable as Recogniser does.
    """
    with _faults_of(provider, device):
        _load_runtime()
        return core_rs.verify_pack(pack, provider=cast(Any, provider), device=device or None)


@contextlib.contextmanager
def _faults_of(provider: str, device: str) -> Iterator[None]:
    """Words the core's errors for who set PLATEHOST_PROVIDER."""
    try:
        yield
    except core_rs.RuntimeUnavailable as error:
        setting = f"PLATEHOST_PROVIDER is {provider}; " if provider != "cpu" or device else ""
        raise EngineUnavailable(f"{setting}{error}") from error
    except core_rs.CoreError as error:
        raise EngineUnavailable(str(error)) from error


def find_runtime() -> str:
    """The absolute path of the shared library in the onnxruntime wheel, found without importing the package.

    The packages onnxruntime, onnxruntime-openvino and onnxruntime-gpu have one folder; importing it would load a second
    copy of the runtime. Raises EngineUnavailable where there is none, or more than one.
    """
    spec = importlib.util.find_spec("onnxruntime")
    folders = (spec.submodule_search_locations or []) if spec else []
    found = {each.resolve() for folder in folders for each in Path(folder, "capi").glob("libonnxruntime.so*")}
    if not found:
        raise EngineUnavailable("libonnxruntime.so was not found. Install it with `pip install onnxruntime`.")
    if len(found) > 1:
        names = ", ".join(sorted(str(each) for each in found))
        raise EngineUnavailable(
            f"Two packages of ONNX Runtime are in one folder ({names}). Remove them with `pip uninstall -y onnxruntime "
            "onnxruntime-openvino onnxruntime-gpu`, and install the one that is wanted."
        )
    return str(found.pop())


def _load_runtime() -> None:
    global _runtime_loaded
    with _runtime_lock:
        if not _runtime_loaded:
            core_rs.init(find_runtime())
            _runtime_loaded = True


def _core_options(options: Options) -> core_rs.Options:
    return core_rs.Options(
        threshold_d=options.threshold_d,
        threshold_o=options.threshold_o,
        mode=cast(Any, options.mode),
        regions=list(options.regions),
        region_strict=options.region_strict,
        text_formats=list(options.text_formats),
        plates_per_vehicle=options.plates_per_vehicle,
        zoom_in_vehicles=options.zoom_in_vehicles,
        mmc=options.mmc,
        detection_mode=cast(Any, options.detection_mode),
        detection_rule_strict=options.detection_rule == "strict",
    )


def _outcome(image: core_rs.ImageReading | core_rs.CoreError) -> Outcome:
    if isinstance(image, core_rs.CoreError):
        return Failure(image.code, str(image))
    vehicles = [_vehicle(each) for each in image.vehicles]
    tied = {each.vehicle for each in image.plates}
    return Reading(
        width=image.width,
        height=image.height,
        plates=tuple(_plate(each, vehicles) for each in image.plates),
        timings={stage: round(ms, 3) for stage, ms in image.timings.items()},
        bare_vehicles=tuple(each for n, each in enumerate(vehicles) if n not in tied),
    )


def _vehicle(vehicle: core_rs.VehicleReading) -> Vehicle:
    return Vehicle(
        type=vehicle.type,
        score=vehicle.score,
        box=vehicle.box,
        models=tuple(Model(make, model, score, year) for make, model, year, score in vehicle.models),
        colours=tuple(Colour(*each) for each in vehicle.colours),
        orientations=tuple(Orientation(*each) for each in vehicle.orientations),
        type_score=vehicle.type_score,
    )


def _plate(plate: core_rs.PlateReading, vehicles: Sequence[Vehicle]) -> Plate:
    return Plate(
        box=plate.box,
        corners=tuple(plate.corners) if plate.corners else None,
        dscore=plate.dscore,
        text=plate.text,
        score=plate.score,
        candidates=tuple(Candidate(text, score) for text, score in plate.candidates),
        char_scores=tuple(plate.char_scores),
        region=Region(*plate.region) if plate.region and plate.region[0] != NO_REGION else None,
        vehicle=vehicles[plate.vehicle] if plate.vehicle is not None else None,
    )
