"""What the object stores' library says, as sentences. Its own texts hold whole answers, with what was signed."""

import re
from dataclasses import dataclass

from obstore.exceptions import PermissionDeniedError, PreconditionError, UnauthenticatedError

from fairlead_fetch import web
from fairlead_fetch.report import Refused, Unreachable
from fairlead_fetch.source import changed
from fairlead_fetch.uri import Scheme

METADATA = ("169.254.169.254", "169.254.170.2", "metadata.google.internal", "metadata/computeMetadata")

KEYS = {
    Scheme.S3: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (a public bucket: AWS_SKIP_SIGNATURE=true)",
    Scheme.GS: "GOOGLE_SERVICE_ACCOUNT_KEY (a public bucket: GOOGLE_SKIP_SIGNATURE=true)",
    Scheme.AZ: "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (a public one: AZURE_SKIP_SIGNATURE=true)",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    scheme: Scheme
    bucket: str
    host: str


def sentence(error: Exception, what: str, asked: Asked) -> Refused | Unreachable:
    text = str(error)
    status = int(found[1]) if (found := re.search(r"status(?: code)?: (\d{3})", text)) else 0
    code = found[1] if (found := re.search(r"<Code>(\w+)</Code>", text)) else ""
    told = f"HTTP {status}{f' {code}' if code else ''}"
    keys = KEYS[asked.scheme]
    if any(name in text for name in METADATA):
        return Refused(
            f"there are no credentials for {what}: neither a key nor a cloud identity of this pod. Give {keys} in the "
            "Secret that the model names, or let its service account read the bucket"
        )
    if isinstance(error, PreconditionError) or status == 412:
        return changed(what, asked.host)
    if code == "NoSuchBucket" or "ContainerNotFound" in text:
        return Refused(f"{asked.host} has no bucket {asked.bucket} ({told}): correct the address, or the region")
    if status in (301, 307):
        return Refused(f"the bucket {asked.bucket} is not in this region ({asked.host}): give AWS_REGION in the Secret")
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or status in (401, 403):
        return Refused(
            f"{asked.host} refuses access to {what} ({told}): give {keys} that may list and read it, in the Secret "
            "that the model names"
        )
    if isinstance(error, FileNotFoundError) or status == 404:
        return Refused(f"{asked.host} has no {what} ({told}): correct the address")
    if status >= 500 or status in web.MAY_PASS:
        return Unreachable(f"{asked.host} cannot give {what} now ({told}): if that stays, ask those who run it")
    if status >= 400:
        return Refused(f"{asked.host} does not give {what} ({told}): check the address and the credentials")
    return _without_answer(text, what, asked)


def _without_answer(text: str, what: str, asked: Asked) -> Refused | Unreachable:
    for sign, why in _NETWORK:
        if re.search(sign, text, re.IGNORECASE):
            if why == "timed out":
                return web.silent(asked.host)
            return web.unreachable(asked.host, why)
    # Without queries: what signs an address may be in there.
    first = re.sub(r"^Generic \w+ error: |(?<=\?)\S+", "", text.partition("\n")[0])[:200].rstrip(".")
    if "HTTP error" in first or "error sending request" in text:
        return Unreachable(f"{asked.host} cannot be reached: check that it is up and that nothing is in between")
    return Refused(
        f"{what} cannot be asked for ({first}): give {KEYS[asked.scheme]} in the Secret that the model names"
    )


_NETWORK = (
    (r"invalid peer certificate|certificate", "invalid peer certificate"),
    (r"failed to lookup|dns error", "Name or service not known"),
    (r"ConnectionRefused|connection refused", "refused"),
    (r"timed ?out|TimedOut", "timed out"),
    (
        r"incomplete ?message|connection ?reset|error decoding|unexpected ?eof|end of file|response body",
        "reset",
    ),
)
