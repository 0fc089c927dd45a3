"""A model repository of the Hugging Face Hub, or of what HF_ENDPOINT names. A commit is the pin.

huggingface_hub knows the Hub's API, its tokens and its errors. The files themselves come through the same ranges as
those of every other source: its own download does not check checksums, and its Xet client goes to other hosts than
HF_ENDPOINT, which an air gap or a mirror does not have.
"""

from contextlib import AbstractContextManager

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_url, set_client_factory
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils._headers import build_hf_headers

from fairlead_fetch import web
from fairlead_fetch.patterns import Patterns
from fairlead_fetch.report import Refused, Unreachable
from fairlead_fetch.source import Found, Item, Stream, choose
from fairlead_fetch.uri import Uri

HINT = "give a token that may read it as the key HF_TOKEN of the Secret that the model names"


class HuggingFace:
    origin = ""

    def __init__(self, uri: Uri) -> None:
        self._uri = uri
        self._api = HfApi()
        self._host = web.host_of(self._api.endpoint or constants.ENDPOINT)
        self._client = web.client()
        set_client_factory(web.client)

    def resolve(self, wanted: Patterns) -> Found:
        try:
            commit = self._uri.pin or self._commit()
            listed = self._api.list_repo_tree(self._uri.name, recursive=True, revision=commit)
            items = [self._item(file, commit) for file in listed if isinstance(file, RepoFile)]
        except (HfHubHTTPError, HFValidationError, httpx2.HTTPError) as error:
            raise self._sentence(error) from None
        if not items:
            raise Refused(f"{self._uri.shown()} has no files: put the model there first")
        uri = self._uri.pinned(commit)
        return Found(uri=uri, items=choose(items, wanted, self._uri.shown()))

    def read(self, item: Item, start: int) -> AbstractContextManager[Stream]:
        return web.body(self._client, item.where, item, start, build_hf_headers(), HINT)

    def _commit(self) -> str:
        commit = self._api.model_info(self._uri.name, revision=self._uri.reference or None).sha
        if not commit:
            raise Refused(f"{self._host} does not tell the commit of {self._uri.shown()}: name one, as @COMMIT")
        return commit

    def _item(self, file: RepoFile, commit: str) -> Item:
        digest = f"sha256:{file.lfs.sha256}" if file.lfs else f"git:{file.blob_id}"
        url = hf_hub_url(self._uri.name, file.path, revision=commit)
        return Item(path=file.path, where=url, size=file.size, digest=digest)

    def _sentence(self, error: Exception) -> Exception:
        name, host = self._uri.name, self._host
        match error:
            case GatedRepoError():
                return Refused(
                    f"{host} gives {name} only to those who have accepted its conditions: accept them on its page, and "
                    "give that account's token as the key HF_TOKEN of the Secret that the model names"
                )
            case RevisionNotFoundError():
                return Refused(
                    f"{host} has no revision {self._uri.pin or self._uri.reference} of {name}: correct the address"
                )
            case RepositoryNotFoundError():
                return Refused(
                    f"{host} has no model {name}, or none that may be read so: correct the name, or give a "
                    "token that may read it as the key HF_TOKEN of the Secret that the model names"
                )
            case DisabledRepoError():
                return Refused(f"{host} has disabled {name}: its page says why")
            case HFValidationError():
                return Refused(f"{name} is no name of a model there: the form is ORG/NAME")
            case HfHubHTTPError():
                return _raised(error.response, name, host)
            case httpx2.TimeoutException():
                return web.silent(host)
            case _:
                return web.unreachable(host, str(error))


def _raised(response: httpx2.Response, what: str, host: str) -> Exception:
    try:
        web.expect(response, what, hint=HINT, asked=host)
    except (Refused, Unreachable) as error:
        return error
    return Unreachable(f"{host} gave an answer that makes no sense for {what}")
