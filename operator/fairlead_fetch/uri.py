"""What a model's address says; nothing is asked of anybody yet."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from fairlead_fetch.report import Refused


class Scheme(StrEnum):
    HF = "hf"
    S3 = "s3"
    GS = "gs"
    AZ = "az"
    HTTPS = "https"
    HTTP = "http"
    OCI = "oci"
    MLFLOW = "mlflow"


BUCKETS = (Scheme.S3, Scheme.GS, Scheme.AZ)

FORMS = {
    Scheme.HF: "hf://ORG/NAME@REVISION",
    Scheme.S3: "s3://BUCKET/FOLDER-OR-KEY",
    Scheme.GS: "gs://BUCKET/FOLDER-OR-KEY",
    Scheme.AZ: "az://CONTAINER/FOLDER-OR-KEY",
    Scheme.HTTPS: "https://HOST/PATH",
    Scheme.HTTP: "http://HOST/PATH",
    Scheme.OCI: "oci://REGISTRY/REPOSITORY:TAG",
    Scheme.MLFLOW: "mlflow://NAME/VERSION or mlflow://NAME@ALIAS",
}

_DIGEST = r"sha256:[0-9a-f]{64}"
_PIN = re.compile(rf"@({_DIGEST})$")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class Uri:
    """A parsed address. `place` is a host, bucket or registry, and `name` what is in it; hf and mlflow have but a name.

    `reference` is a tag, branch or alias; `pin` (a commit, digest or version) says that the bytes can be no others.
    """

    scheme: Scheme
    place: str
    name: str
    reference: str = ""
    pin: str = ""
    query: str = ""

    def __str__(self) -> str:
        return f"{self._base()}{f'?{self.query}' if self.query else ''}{self._end()}"

    def shown(self) -> str:
        """For people: without the query, since what signs an address is in there."""
        return f"{self._base()}{'?…' if self.query else ''}{self._end()}"

    def pinned(self, pin: str) -> "Uri":
        return replace(self, pin=pin)

    def _base(self) -> str:
        if self.scheme is Scheme.MLFLOW:
            return f"mlflow://{self.name}"
        if self.scheme is Scheme.HF:
            return f"hf://{self.name}"
        return f"{self.scheme}://{self.place}/{self.name}" if self.name else f"{self.scheme}://{self.place}"

    def _end(self) -> str:
        match self.scheme:
            case Scheme.HF:
                return f"@{self.pin or self.reference}" if self.pin or self.reference else ""
            case Scheme.MLFLOW:
                return f"/{self.pin}" if self.pin else f"@{self.reference}"
            case Scheme.OCI if not self.pin:
                return f":{self.reference}"
        return f"@{self.pin}" if self.pin else ""


def parse(text: str) -> Uri:
    """Raises `Refused` with the form that is expected."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in list(Scheme):
        raise Refused(f"'{_start(text)}' is no model's address: it has to begin with one of {_listed()}")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise Refused(f"the model's address '{_start(text)}' has blanks or control characters in it: take them out")
    kind = Scheme(scheme)
    match kind:
        case Scheme.HF:
            return _hf(rest)
        case Scheme.OCI:
            return _oci(rest)
        case Scheme.MLFLOW:
            return _mlflow(rest)
        case Scheme.HTTPS | Scheme.HTTP:
            return _https(kind, text)
        case Scheme.S3 | Scheme.GS | Scheme.AZ:
            return _bucket(kind, rest)


def _hf(rest: str) -> Uri:
    name, _, revision = rest.partition("@")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name) or ("@" in rest and not revision):
        raise _unlike(Scheme.HF, rest)
    pin = revision if _COMMIT.fullmatch(revision) else ""
    return Uri(scheme=Scheme.HF, place="", name=name, reference="" if pin else revision, pin=pin)


def _bucket(scheme: Scheme, rest: str) -> Uri:
    rest, pin = _without_pin(rest)
    bucket, _, key = rest.partition("/")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", bucket) or any(part in (".", "..") for part in key.split("/")):
        raise _unlike(scheme, rest)
    return Uri(scheme=scheme, place=bucket, name=key, pin=pin)


def _https(scheme: Scheme, text: str) -> Uri:
    text, pin = _without_pin(text)
    parts = _split(scheme, text)
    if parts.username is not None or parts.password is not None:
        raise Refused(
            f"the address of {parts.hostname} holds a user or a password: take it out, and give the header as the key "
            "HTTP_AUTHORIZATION of the credentials' Secret"
        )
    name = parts.path.removeprefix("/")
    if not parts.hostname or not name or name.endswith("/"):
        raise Refused(f"{scheme}://{parts.netloc}{parts.path} names no file: the form is {FORMS[scheme]}")
    return Uri(scheme=scheme, place=parts.netloc, name=name, query=parts.query, pin=pin)


def _oci(rest: str) -> Uri:
    rest, pin = _without_pin(rest)
    registry, _, repository = rest.partition("/")
    repository, _, tag = repository.partition(":")
    named = re.fullmatch(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*", repository)
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9a-f:]+\](:\d+)?", registry) or not named:
        raise _unlike(Scheme.OCI, rest)
    if tag and not re.fullmatch(r"\w[\w.-]{0,127}", tag):
        raise _unlike(Scheme.OCI, rest)
    # With both, the tag is only a note for people, as everywhere.
    return Uri(scheme=Scheme.OCI, place=registry, name=repository, reference="" if pin else tag or "latest", pin=pin)


def _mlflow(rest: str) -> Uri:
    named, at, alias = rest.rpartition("@")
    if at and named and alias and "/" not in alias:
        return Uri(scheme=Scheme.MLFLOW, place="", name=named, reference=alias)
    name, _, version = rest.rpartition("/")
    if not name or not version.isdecimal():
        raise _unlike(Scheme.MLFLOW, rest)
    return Uri(scheme=Scheme.MLFLOW, place="", name=name, pin=version)


def _without_pin(text: str) -> tuple[str, str]:
    found = _PIN.search(text)
    return (text[: found.start()], found[1]) if found else (text, "")


def _split(scheme: Scheme, text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port  # parsed only when asked for
    except ValueError:
        raise Refused(f"'{_start(text)}' is no address: the form is {FORMS[scheme]}") from None
    return parts


def _unlike(scheme: Scheme, rest: str) -> Refused:
    return Refused(f"'{_start(f'{scheme}://{rest}')}' is no model's address: the form is {FORMS[scheme]}")


def _listed() -> str:
    return ", ".join(f"{scheme}://" for scheme in Scheme)


def _start(text: str) -> str:
    """No query (it may sign), no user and password, and not endless."""
    text = re.sub(r"//[^/@]*@", "//…@", text.partition("?")[0])
    return text if len(text) <= 200 else f"{text[:200]}…"
