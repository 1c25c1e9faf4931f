"""Names for pictures that receivers can use as file names as they are: the vendor's own receivers do so."""

from __future__ import annotations

import re
import secrets
import string
import uuid
from datetime import datetime

from werkzeug.utils import secure_filename

from web.uploads import Upload

# File systems take 255 bytes; the end is kept for its extension.
_LONGEST = 150

# What libraries call a picture that has no file name of its own.
_NAMELESS = {"upload", "blob", "file", "image"}


def cloud_filename(upload: Upload, received: datetime) -> str:
    """`HHMM_<5 characters>_<name>`; a picture without a name gets a random one."""
    mark = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(5))
    return f"{received:%H%M}_{mark}_{sdk_filename(upload)}"


def sdk_filename(upload: Upload) -> str:
    """The name of the uploaded part; a picture without one gets a random one."""
    name = secure_filename(upload.filename or "")
    if not name or name.lower() in _NAMELESS:
        name = f"{uuid.uuid4()}.{upload.format}"
    return re.sub(r"^[._-]+", "", name[-_LONGEST:]) or f"picture.{upload.format}"
