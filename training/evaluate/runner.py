"""Runs a pack over the pictures of a folder, with the core that the service uses."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import core_rs
from training.evaluate.metrics import Found

BATCH = 16
LEAST_SCORE = 0.05  # detections under it are not asked for: the lowest threshold that a curve can show
Mode = Literal["default", "fast"]


def start() -> None:
    """Loads the library inside the onnxruntime wheel, which is found without importing the package."""
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise SystemExit("onnxruntime is not installed; install the project's own dependencies.")
    core_rs.init(next(Path(spec.origin).parent.glob("capi/libonnxruntime.so*")))


class Pack:
    """A loaded pack. threshold: the detection score from which its boxes count here."""

    def __init__(
        self,
        folder: Path,
        threshold: float | None = None,
        mode: Mode = "default",
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        """Without `threshold`, that of the pack's own manifest. overrides: further options of every request. Raises
        core_rs.PackError.
        """
        self.engine = core_rs.Engine(folder)
        self.name = f"{self.engine.pack.name} {self.engine.pack.version}"
        self.size = sum(stage.size for stage in self.engine.pack.stages)
        manifest = tomllib.loads((folder / "manifest.toml").read_text())
        self.threshold = float(manifest["plate_detector"].get("threshold", 0.2)) if threshold is None else threshold
        self.codes = list(manifest["plate_reader"].get("region", {}).get("codes", []))
        self.mode: Mode = mode
        self.overrides = dict(overrides or {})
        self.failed: list[str] = []

    def options(self, threshold: float, regions: Sequence[str] = ()) -> core_rs.Options:
        """Readings of any score, so that the figures decide and not a second threshold."""
        return core_rs.Options(
            threshold_d=threshold, threshold_o=0.0, mode=self.mode, regions=list(regions), **self.overrides
        )

    def photos(
        self, folder: Path, files: Sequence[str], regions: Iterable[Sequence[str]] | None = None
    ) -> Iterator[tuple[str, list[Found]]]:
        """Each photo and what was found in it from the lower of `LEAST_SCORE` and `threshold` on."""
        least = min(LEAST_SCORE, self.threshold)
        options = [self.options(least, each) for each in (regions or [()] * len(files))]
        for file, answer in self._answers(folder, files, options, crops=False):
            yield (
                file,
                [Found(plate.box, plate.text, plate.score, plate.dscore, plate.region) for plate in answer.plates],
            )

    def crops(
        self, folder: Path, files: Sequence[str], regions: Iterable[Sequence[str]] | None = None
    ) -> Iterator[tuple[str, Found]]:
        """Each crop and what is read in it, known to be one plate."""
        options = [self.options(self.threshold, each) for each in (regions or [()] * len(files))]
        for file, answer in self._answers(folder, files, options, crops=True):
            plate = answer.plates[0]
            yield file, Found(None, plate.text, plate.score, region=plate.region)

    def _answers(
        self, folder: Path, files: Sequence[str], options: Sequence[core_rs.Options], *, crops: bool
    ) -> Iterator[tuple[str, core_rs.ImageReading]]:
        run = self.engine.read_crops if crops else self.engine.recognise
        for at in range(0, len(files), BATCH):
            batch = files[at : at + BATCH]
            answers = run([(folder / file).read_bytes() for file in batch], options[at : at + BATCH])
            for file, answer in zip(batch, answers, strict=True):
                if isinstance(answer, core_rs.CoreError):
                    self.failed.append(file)
                    print(f"{file}: {answer.code}: {answer}", file=sys.stderr)
                else:
                    yield file, answer
