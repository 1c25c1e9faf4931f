"""Which register is asked for which plate: the setting PLATEHOST_LOOKUP, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from platehost import regions
from platehost.register import SOURCE
from platehost.settings import SettingError, Settings

VARIABLE = "PLATEHOST_LOOKUP"
PROVIDERS = ("dvla", "rdw")
_EXAMPLE = "register,gb=dvla,nl=rdw"


@dataclass(frozen=True)
class Rules:
    """`register`: the operator's own register is asked first; `by_region`: region code to provider."""

    register: bool = False
    by_region: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_setting(cls, text: str) -> Rules:
        """From `register` and `region=provider` with commas between them. Raises SettingError."""
        register = False
        by_region: dict[str, str] = {}
        for part in filter(None, (each.strip() for each in text.split(","))):
            region, given, provider = (each.strip().lower() for each in part.partition("="))
            if not given:
                if region != SOURCE:
                    raise SettingError(f"{VARIABLE} has {part!r}; write register, or a region with its provider.")
                register = True
                continue
            code = regions.normalise(region)
            if code is None:
                raise SettingError(
                    f"{VARIABLE} has the region {region!r}, which is not known. Write it like {_EXAMPLE}."
                )
            if provider not in PROVIDERS:
                raise SettingError(f"{VARIABLE} has the provider {provider!r}; there are {' and '.join(PROVIDERS)}.")
            if code in by_region:
                raise SettingError(f"{VARIABLE} has two providers for {code}. Keep one.")
            by_region[code] = provider
        return cls(register, by_region)

    def __bool__(self) -> bool:
        return self.register or bool(self.by_region)

    def choose(self, text: str, given: Sequence[str], predicted: str | None) -> str | None:
        """The provider for a plate, None when none is to be told of it.

        The request's regions come first, where the plate has the shape of one of them; otherwise the region that the
        reader saw, under the same condition.
        """
        fitting = [each for each in given if regions.fits(text, each)]
        if predicted in fitting:
            fitting = [predicted, *fitting]
        if not fitting and predicted and regions.fits(text, predicted):
            fitting = [predicted]
        return next((provider for each in fitting if (provider := self._provider(each))), None)

    def _provider(self, region: str) -> str | None:
        return next((self.by_region[code] for code in regions.enclosing(region) if code in self.by_region), None)


def check(settings: Settings) -> Rules:
    """The rules, with all that their providers need. Raises SettingError."""
    rules = Rules.from_setting(settings.lookup)
    named = set(rules.by_region.values())
    if "dvla" in named:
        if not settings.dvla_key:
            raise SettingError(f"{VARIABLE} names dvla, which takes a key only. Set PLATEHOST_DVLA_KEY.")
        _check_key("PLATEHOST_DVLA_KEY", settings.dvla_key)
        _check_url("PLATEHOST_DVLA_URL", settings.dvla_url)
    if "rdw" in named:
        _check_key("PLATEHOST_RDW_TOKEN", settings.rdw_token)
        _check_url("PLATEHOST_RDW_URL", settings.rdw_url)
    return rules


def _check_key(variable: str, key: str) -> None:
    # It goes into a header.
    if not (key.isascii() and key.isprintable()):
        raise SettingError(f"{variable} has characters that no key has. Copy it anew.")


def _check_url(variable: str, url: str) -> None:
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in ("http", "https") or not rest.strip("/") or "?" in url or "#" in url:
        raise SettingError(f"{variable} cannot be used. Write it like https://host/path, without ? and #.")
