"""Drawn plates for composing into photos, packed in one file per rendering run."""

from pathlib import Path

import numpy as np


def read_pool(folder: Path) -> list[np.ndarray]:
    """uint8 BGR pictures [h, w, 3] of all `detector-*.npz` files in a folder; none where there is no such file."""
    plates: list[np.ndarray] = []
    for path in sorted(folder.glob("detector-*.npz")):
        with np.load(path) as pool:
            plates.extend(pool[name] for name in pool.files)
    return plates
