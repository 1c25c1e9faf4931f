"""Where the repository and the shared photos, fonts and tables lie."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("PLATEHOST_SHARED") or ROOT.parent / "shared")
