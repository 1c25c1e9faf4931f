"""`detect.py PICTURE SEQUENCE`, with pyzm on its path: an ml_sequence as JSON; prints what was detected as JSON."""

from __future__ import annotations

import json
import logging
import sys

import cv2
from pyzm import Detector

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
# As ZoneMinder hands over its frames: pixels, which pyzm writes into a PNG.
frame = cv2.imread(sys.argv[1])
found = Detector.from_dict(json.loads(sys.argv[2])).detect(frame)
print(
    json.dumps(
        [{"label": each.label, "confidence": each.confidence, "box": each.bbox.as_list()} for each in found.detections]
    )
)
