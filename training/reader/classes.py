"""What the reader tells apart: characters and regions."""

import re

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BLANK = 0  # the CTC blank; character c is class ALPHABET.index(c) + 1
MAX_LENGTH = 10
# The countries that the Snapshot API predicts; all others are Unknown.
UNKNOWN = "unknown"
PREDICTED = [
    "ae", "am", "ar", "at", "au", "az", "be", "bg", "br", "by", "ca", "ch", "cl", "co", "cr", "cz", "de", "dk", "ee",
    "es", "fi", "fr", "gb", "ge", "gr", "hr", "hu", "id", "il", "in", "it", "kz", "lt", "lu", "lv", "mc", "md", "me",
    "nl", "no", "nz", "pl", "pt", "ro", "rs", "se", "sk", "th", "tr", "ua", "us", "uz", "vn", "za",
]  # fmt: skip
REGIONS = [UNKNOWN, *PREDICTED]
NO_REGION = -1  # a plate whose country nobody told: teaches the text alone


def region_class(code: str) -> int:
    """The class of a region code such as `de` or `us-ca`; NO_REGION for an empty one."""
    country = re.split("[-_]", code)[0]
    if not country:
        return NO_REGION
    return REGIONS.index(country) if country in PREDICTED else 0


def text_classes(text: str) -> list[int]:
    return [ALPHABET.index(c) + 1 for c in text]
