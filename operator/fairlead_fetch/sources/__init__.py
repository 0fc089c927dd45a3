"""One file for each kind of source, loaded only when it is asked for: its library reads the environment then."""

from collections.abc import Callable
from dataclasses import dataclass

from fairlead_fetch.source import Source
from fairlead_fetch.trust import Trust
from fairlead_fetch.uri import Scheme, Uri


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a source may need besides the address."""

    trust: Trust
    log: Callable[[str], None]


def source_of(uri: Uri, means: Means) -> Source:
    match uri.scheme:
        case Scheme.HF:
            from fairlead_fetch.sources.hf import HuggingFace

            return HuggingFace(uri)
        case Scheme.S3 | Scheme.GS | Scheme.AZ:
            from fairlead_fetch.sources.buckets import Bucket

            return Bucket(uri)
        case Scheme.HTTPS | Scheme.HTTP:
            from fairlead_fetch.sources.https import Https

            return Https(uri, means.log)
        case Scheme.OCI:
            from fairlead_fetch.sources.oci import Registry

            return Registry(uri, means.trust, means.log)
        case Scheme.MLFLOW:
            from fairlead_fetch.sources.mlflow import MLflow

            return MLflow(uri)
