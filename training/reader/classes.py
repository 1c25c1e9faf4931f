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
# The states whose plates say so: those of plate_formats.csv in the United States, Canada and Australia.
STATES = [
    "au-nsw", "au-qld", "au-sa", "au-tas", "au-vic", "au-wa",
    "ca-ab", "ca-bc", "ca-mb", "ca-nb", "ca-nl", "ca-ns", "ca-nt", "ca-nu", "ca-on", "ca-pe", "ca-qc", "ca-sk", "ca-yt",
    "us-ak", "us-al", "us-ar", "us-az", "us-ca", "us-co", "us-ct", "us-dc", "us-de", "us-fl", "us-ga", "us-hi", "us-ia",
    "us-id", "us-il", "us-in", "us-ks", "us-ky", "us-la", "us-ma", "us-md", "us-me", "us-mi", "us-mn", "us-mo", "us-ms",
    "us-mt", "us-nc", "us-nd", "us-ne", "us-nh", "us-nj", "us-nm", "us-nv", "us-ny", "us-oh", "us-ok", "us-or", "us-pa",
    "us-ri", "us-sc", "us-sd", "us-tn", "us-tx", "us-ut", "us-va", "us-vt", "us-wa", "us-wi", "us-wv", "us-wy",
]  # fmt: skip
NO_REGION = -1  # a plate whose country nobody told: teaches the text alone


def region_class(code: str) -> int:
    """The class of a region code such as `de` or `us-ca`; NO_REGION for an empty one."""
    country = re.split("[-_]", code)[0]
    if not country:
        return NO_REGION
    return REGIONS.index(country) if country in PREDICTED else 0


def state_class(code: str) -> int:
    """The class of a state such as `us-ca` or `us_ca`; NO_REGION for every other code."""
    spelled = code.replace("_", "-")
    return STATES.index(spelled) if spelled in STATES else NO_REGION


def text_classes(text: str) -> list[int]:
    return [ALPHABET.index(c) + 1 for c in text]


def collapsed(path: list[int]) -> list[int]:
    """The text classes that a CTC path (a class for each place) reads."""
    return [label for at, label in enumerate(path) if label != BLANK and (at == 0 or path[at - 1] != label)]
