"""What plates of American, Canadian and Australian states say of themselves."""

import csv
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.synthetic.formats import Format

PARENTS = ("us", "ca", "au")
NAME_AS = {"us-dc": "WASHINGTON, DC", "ca-nb": "New Brunswick", "ca-bc": "British Columbia"}
WEB = re.compile(r"[A-Za-z.]+\.(?:gov|com)", re.IGNORECASE)


def state_of(code: str) -> str:
    """`us-ny` of `us-ny` or `us_ny`; nothing for a code that names no state of one of `PARENTS`."""
    spelled = code.replace("_", "-")
    return spelled if spelled.partition("-")[0] in PARENTS and "-" in spelled else ""


@dataclass(frozen=True)
class Print:
    """The words above and below the text; either may be missing."""

    above: str
    below: str


class States:
    """The states that the table of formats knows, and their words."""

    def __init__(self, regions: Path, forms: Sequence[Format], rng: random.Random) -> None:
        self.rng = rng
        with regions.open() as rows:
            self.names = {row["code"]: NAME_AS.get(row["code"], row["name"]) for row in csv.DictReader(rows)}
        self.forms = {parent: [form for form in forms if form.code.startswith(f"{parent}-")] for parent in PARENTS}

    def dressed(self, form: Format) -> Format:
        """A format that is its country's alone, in the look of one of the states."""
        forms = self.forms.get(form.country)
        if not forms or state_of(form.code):
            return form
        code = self.rng.choice(sorted({each.code for each in forms}))
        look = self.rng.choice([each for each in forms if each.code == code])
        return replace(form, code=code, background=look.background, ink=look.ink, band=look.band)

    def words(self, form: Format) -> Print:
        """The state's name, on the side that the table tells, and one of its mottoes on the other."""
        rng = self.rng
        name = self.names[state_of(form.code)]
        name = rng.choice([name.upper(), name.upper(), name])
        mottoes = re.findall(r'"([^"]+)"', form.band) + WEB.findall(form.band)
        motto = rng.choice(mottoes) if mottoes and rng.random() < 0.8 else ""
        motto = motto.upper() if rng.random() < 0.4 else motto
        low = re.search(r"^\S+( \S+)? bottom(/top)?", form.band) is not None
        # Dealers' frames and special plates change the sides.
        if rng.random() < 0.15:
            low = not low
        return Print(motto, name) if low else Print(name, motto)
