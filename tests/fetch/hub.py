"""A stand-in for the Hugging Face Hub: the three endpoints that are documented for models, over a web server.

The Hub itself is no program that one could run. What it answers here was taken from its API's documentation and from
what huggingface_hub reads of it.
"""

import hashlib
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote

LARGE = 1000  # bytes, from which on a file is in LFS


@dataclass
class Hub:
    """One model, with its commits and the branches and tags that point to them."""

    name: str = "org/model"
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    token: str = ""
    gated: bool = False
    corrupt: str = ""
    """A file that comes otherwise than it was announced."""

    def commit(self, files: dict[str, bytes], *names: str) -> str:
        commit = hashlib.sha1(repr(sorted(files.items())).encode(), usedforsecurity=False).hexdigest()
        self.commits[commit] = files
        self.names |= dict.fromkeys(names, commit)
        return commit

    def answer(self, request: BaseHTTPRequestHandler) -> bool:
        """Whether there is such a thing."""
        path = unquote(request.path.partition("?")[0])
        repository = f"/api/models/{self.name}"
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            _say(request, 401, {"error": "who are you"}, "GatedRepo" if self.gated else "RepoNotFound")
        elif path == repository or path.startswith(f"{repository}/revision/"):
            self._info(request, path.removeprefix(repository).removeprefix("/revision/") or "main")
        elif path.startswith(f"{repository}/tree/"):
            self._tree(request, path.removeprefix(f"{repository}/tree/"))
        elif path.startswith(f"/{self.name}/resolve/"):
            commit, _, file = path.removeprefix(f"/{self.name}/resolve/").partition("/")
            self._file(request, commit, file)
        else:
            _say(request, 404, {"error": "no such model"}, "RepoNotFound")
        return True

    def _info(self, request: BaseHTTPRequestHandler, revision: str) -> None:
        commit = self.names.get(revision, revision)
        if commit in self.commits:
            _say(request, 200, {"id": self.name, "sha": commit, "siblings": []})
        else:
            _say(request, 404, {"error": "no such revision"}, "RevisionNotFound")

    def _tree(self, request: BaseHTTPRequestHandler, revision: str) -> None:
        files = self.commits.get(self.names.get(revision, revision))
        if files is None:
            _say(request, 404, {"error": "no such revision"}, "RevisionNotFound")
        else:
            _say(request, 200, [_entry(path, data) for path, data in files.items()])

    def _file(self, request: BaseHTTPRequestHandler, commit: str, path: str) -> None:
        content = self.commits[commit][path]
        if path == self.corrupt:
            content = content[::-1]
        start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(content) - start))
        request.send_header("X-Repo-Commit", commit)
        request.end_headers()
        request.wfile.write(content[start:])


def _entry(path: str, content: bytes) -> dict[str, object]:
    blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(content), "oid": blob}
    if len(content) >= LARGE:
        # The name in Git is that of the pointer then, and the content has its own.
        sha256 = hashlib.sha256(content).hexdigest()
        entry |= {"oid": "0" * 40, "lfs": {"oid": sha256, "size": len(content), "pointerSize": 134}}
    return entry


def _say(request: BaseHTTPRequestHandler, status: int, answer: object, code: str = "") -> None:
    body = json.dumps(answer).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    if code:
        request.send_header("X-Error-Code", code)
    request.end_headers()
    request.wfile.write(body)
