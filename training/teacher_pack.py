"""Build a pack folder around the public models of the shared folder.

Usage: python -m training.teacher_pack OUT_DIR [--teachers DIR]

The pack is for measuring the pipeline only: it is never shipped. The models are linked, not copied.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from training.folders import SHARED

DETECTOR = "yolo-v9-t-416-license-plates-end2end1.onnx"
READER = "cct_xs_v2_global.onnx"

# The reader's region classes in their order (its configuration file names the countries), as ISO 3166-1 alpha-2.
REGIONS = """
    al ad ar am au at az bh by be ba br bg kh ca hr cy cz dk ee fi fr ge de gi gr gg hu is id ie il it lv li lt lu my
    mt mx md mc me nl nz mk no pl pt qa ro sm rs sg sk si es se ch th tr us ua gb vn
""".split()  # noqa: SIM905 - one word a country reads better than 65 quoted ones
UNKNOWN = "unknown"

MANIFEST = """\
[pack]
name = "teachers"
version = "1"
licence = "MIT"
provenance = "Public models of open-image-models and fast-plate-ocr, to measure the pipeline with"

[plate_detector]
file = "{detector}"
sha256 = "{detector_hash}"
kind = "yolo-end2end"
input = {{ fit = "letterbox", width = 416, height = 416, scale = 0.00392156862745098, pad = 114 }}
output = {{ name = "output0" }}
threshold = 0.4

[plate_reader]
file = "{reader}"
sha256 = "{reader_hash}"
kind = "slots"
input = {{ fit = "stretch", width = 128, height = 64, layout = "nhwc", dtype = "u8" }}
output = {{ name = "plate", alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_", pad_char = "_" }}
crop = {{ margin_x = 0.04, margin_y = 0.08 }}
region = {{ name = "region", codes = {codes} }}
"""


def build(teachers: Path, out: Path) -> Path:
    """Write `out`/manifest.toml and link the two models beside it. Returns `out`."""
    out.mkdir(parents=True, exist_ok=True)
    hashes = []
    for name in (DETECTOR, READER):
        source, link = (teachers / name).resolve(), out / name
        hashes.append(hashlib.sha256(source.read_bytes()).hexdigest())
        link.unlink(missing_ok=True)
        link.symlink_to(source)
    codes = "[" + ", ".join(f'"{code}"' for code in [*REGIONS, UNKNOWN]) + "]"
    (out / "manifest.toml").write_text(
        MANIFEST.format(detector=DETECTOR, detector_hash=hashes[0], reader=READER, reader_hash=hashes[1], codes=codes)
    )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--teachers", type=Path, default=SHARED / "teachers")
    args = parser.parse_args()
    print(build(args.teachers, args.out))


if __name__ == "__main__":
    main()
