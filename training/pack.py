"""Bring a pack's manifest up to date with its files: writes each stage's SHA-256 into manifest.toml.

python -m training.pack models/default
"""

import argparse
import hashlib
import re
from pathlib import Path


def refresh(folder: Path) -> list[str]:
    """Rewrites `sha256` under every `file` of the manifest; returns the lines that it wrote. Raises
    FileNotFoundError.
    """
    manifest = folder / "manifest.toml"
    written = []

    def line(match: re.Match[str]) -> str:
        digest = hashlib.sha256((folder / match["file"]).read_bytes()).hexdigest()
        written.append(f"{match['file']} {digest}")
        return f'file = "{match["file"]}"\nsha256 = "{digest}"'

    text = re.sub(r'^file = "(?P<file>[^"]+)"\nsha256 = "[^"]*"', line, manifest.read_text(), flags=re.MULTILINE)
    manifest.write_text(text)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    print("\n".join(refresh(parser.parse_args().pack)))


if __name__ == "__main__":
    main()
