"""Images and artifacts, in a real registry (CNCF distribution)."""

import hashlib
import re
from pathlib import Path

import pytest
import trustme

import localcluster
from fetch.layers import CONFIG, EMPTY, IMAGE, INDEX, LAYER, link, manifest, tar, tgz
from fetch.registries import HTPASSWD, PASSWORD, USER, Issuer, configuration, docker_configuration
from fetch.running import Fetcher, content, nothing_came
from fetch.servers import Repository, running, trusting
from fetch.web_server import Site
from fetch.wire import Proxy, Wires, free_port

WEIGHTS = b"w" * 6_000_000


@pytest.fixture
def image(repository: Repository) -> str:
    """The address of an image with a model in its second layer."""
    layers = [
        repository.blob(tgz(("etc/os-release", b"Debian"), ("models/old.bin", b"1")), f"{LAYER}+gzip"),
        repository.blob(tar(("models/weights.bin", WEIGHTS), ("models/.wh.old.bin", b"")), LAYER),
    ]
    repository.push(manifest(repository.blob, layers), "v1")
    return repository.uri()


def test_an_image_is_resolved_and_fetched(fetcher: Fetcher, image: str, to: Path) -> None:
    resolved = fetcher.resolve(f"{image}:v1").figures
    assert re.fullmatch(rf"{image}@sha256:[0-9a-f]{{64}}", resolved["uri"])
    assert resolved["files"] == 2
    assert fetcher.resolve(resolved["uri"]).uri == resolved["uri"]
    assert fetcher.fetch(resolved["uri"], to).figures == {"files": 2, "bytes": len(WEIGHTS) + 6}
    assert content(to) == {"etc/os-release": b"Debian", "models/weights.bin": WEIGHTS}


def test_only_the_models_folder_of_an_image(fetcher: Fetcher, image: str, to: Path) -> None:
    fetcher.fetch(f"{image}:v1", to, "--include", "models/*")
    assert content(to) == {"models/weights.bin": WEIGHTS}
    assert fetcher.fetch(f"{image}:v1", to.with_name("none"), "--include", "*.onnx").refused() == (
        f"nothing in {image}:v1 is wanted by include *.onnx: change the patterns"
    )


def test_after_the_tag_has_moved_the_old_bytes_come(
    fetcher: Fetcher, repository: Repository, image: str, to: Path
) -> None:
    old = fetcher.resolve(f"{image}:v1").uri
    repository.push(manifest(repository.blob, [repository.blob(tar(("new", b"2")), LAYER)]), "v1")
    assert fetcher.resolve(f"{image}:v1").uri != old
    fetcher.fetch(old, to)
    assert content(to)["models/weights.bin"] == WEIGHTS


def test_of_an_index_the_manifest_of_this_platform(fetcher: Fetcher, repository: Repository, to: Path) -> None:
    listed = []
    for architecture in ("amd64", "arm64", "s390x"):
        layer = repository.blob(tar(("for", architecture.encode())), LAYER)
        digest = repository.push(manifest(repository.blob, [layer]), architecture)
        size = len(repository.client.get(f"{repository.base}/manifests/{digest}", headers={"Accept": "*/*"}).content)
        platform = {"os": "linux", "architecture": architecture}
        listed.append({"mediaType": IMAGE, "digest": digest, "size": size, "platform": platform})
    digest = repository.push({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}, "latest")
    assert fetcher.resolve(repository.uri()).uri == f"{repository.uri()}@{digest}"
    fetcher.fetch(f"{repository.uri()}@{digest}", to)
    assert content(to)["for"].decode() in ("amd64", "arm64")
    only = repository.push({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed[2:]}, "other")
    assert "but for linux/s390x: build it for that, too" in fetcher.resolve(f"{repository.uri()}@{only}").refused()


def test_an_artifact_as_oras_pushes_it(fetcher: Fetcher, repository: Repository, to: Path) -> None:
    title, unpack = "org.opencontainers.image.title", "io.deis.oras.content.unpack"
    layers = [
        repository.blob(b"{}", "application/json", **{title: "config.json"}),
        repository.blob(
            tgz(("data/a.bin", b"a"), ("data/b/c.bin", b"c")), f"{LAYER}+gzip", **{title: "data", unpack: "true"}
        ),
        repository.blob(tgz(("x", b"x")), f"{LAYER}+gzip", **{title: "kept.tar.gz"}),
        repository.blob(b"raw", "application/vnd.cncf.model.weight.v1.raw", **{"org.cncf.model.filepath": "w/raw.bin"}),
        repository.blob(tar(("root.txt", b"r")), "application/vnd.kitops.modelkit.model.v1.tar"),
        repository.blob(b"?", "application/octet-stream", comment="without a name"),
    ]
    repository.push(manifest(repository.blob, layers, EMPTY), "v1")
    done = fetcher.fetch(f"{repository.uri()}:v1", to)
    assert content(to) == {
        "config.json": b"{}",
        "data/a.bin": b"a",
        "data/b/c.bin": b"c",
        "kept.tar.gz": tgz(("x", b"x")),
        "root.txt": b"r",
        "w/raw.bin": b"raw",
    }
    assert "layer 6 of" in done.log


def test_a_layer_that_gets_out_is_refused(fetcher: Fetcher, repository: Repository, to: Path) -> None:
    layers = [repository.blob(tar(link("a", "../../../tmp"), ("../evil", b"!")), LAYER)]
    repository.push(manifest(repository.blob, layers, CONFIG), "v1")
    assert (
        f"layer 1 of {repository.uri()}:v1 is not unpacked: its member ../evil leads out"
        in fetcher.fetch(f"{repository.uri()}:v1", to).refused()
    )
    assert nothing_came(to)


def test_a_killed_fetch_is_gone_on_with(fetcher: Fetcher, registry: int, image: str, to: Path, wires: Wires) -> None:
    wire, port = wires.to(registry)
    uri = f"{image.replace(str(registry), str(port))}:v1"
    wire.hold_at = len(WEIGHTS) // 2
    there = fetcher.killed(uri, to, wire, after=len(WEIGHTS) // 3)
    before = wire.received
    fetcher.fetch(uri, to)
    assert content(to)["models/weights.bin"] == WEIGHTS
    assert wire.received - before < len(WEIGHTS) - there + 100_000


def test_a_blob_that_is_not_what_was_promised(
    fetcher: Fetcher, repository: Repository, registry_storage: Path, to: Path
) -> None:
    layer = repository.blob(tar(("weights.bin", b"right")), LAYER)
    repository.push(manifest(repository.blob, [layer]), "v1")
    hex_digest = layer["digest"].removeprefix("sha256:")
    (registry_storage / f"docker/registry/v2/blobs/sha256/{hex_digest[:2]}/{hex_digest}/data").write_bytes(
        tar(("weights.bin", b"wrong"))
    )
    found = hashlib.sha256(tar(("weights.bin", b"wrong"))).hexdigest()
    assert fetcher.fetch(f"{repository.uri()}:v1", to).refused() == (
        f"layer 1 of {repository.uri()}:v1 has the wrong SHA-256 checksum: {hex_digest} was promised, {found} came. "
        "Correct the checksum, or put the right file there"
    )
    assert nothing_came(to)


def test_through_a_mirror_and_a_proxy(
    fetcher: Fetcher, registry: int, repository: Repository, to: Path, proxy: tuple[Proxy, str]
) -> None:
    """The mirror keeps the Hub's images in a folder of its own, and those without a maker in `library`, as the Hub."""
    through, address = proxy
    inner = Repository(f"{repository.base}/library/model", repository.client)
    inner.push(manifest(inner.blob, [inner.blob(tar(("a", b"1")), LAYER)]), "v1")
    mirror = f"docker.io=registry.test:{registry}/{repository.base.rpartition('/')[2]}, other.test=elsewhere.test"
    asked = {"FAIRLEAD_OCI_MIRRORS": mirror, "HTTPS_PROXY": address}
    assert fetcher.resolve("oci://docker.io/model:v1", **asked).uri.startswith("oci://docker.io/model@sha256:")
    fetcher.fetch("oci://docker.io/model:v1", to, **asked)
    assert content(to) == {"a": b"1"}
    assert set(through.asked) == {f"CONNECT registry.test:{registry}"}
    assert (
        fetcher.resolve("oci://docker.io/other/model:v1", **asked)
        .refused()
        .startswith(f"registry.test:{registry} has no oci://docker.io/other/model:v1 (HTTP 404 Not Found)")
    )


def test_without_tls_only_where_it_is_said(fetcher: Fetcher, image: str, registry: int) -> None:
    plain = fetcher.resolve(f"{image}:v1", FAIRLEAD_PLAIN_HTTP=f"localhost:{registry},other")
    # It speaks TLS, and says so to who does not.
    assert f"localhost:{registry} does not give {image}:v1 (HTTP 400" in plain.refused()


def test_what_is_not_there(fetcher: Fetcher, image: str, registry: int) -> None:
    assert fetcher.resolve(f"{image}:v9").refused() == (
        f"localhost:{registry} has no {image}:v9 (HTTP 404 Not Found): check the address, and that these credentials "
        "may see it"
    )


def test_a_registry_with_passwords(
    fetcher: Fetcher, tls: tuple[Path, Path], authority: trustme.CA, tmp_path: Path, to: Path
) -> None:
    port = free_port()
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "test", "path": str(tmp_path / "htpasswd")}}
    command = (localcluster.binary("registry"), "serve", configuration(tmp_path, port, tls, auth))
    with running(command, tmp_path, port):
        client = trusting(authority.cert_pem.bytes().decode(), (USER, PASSWORD))
        repository = Repository(f"https://localhost:{port}/v2/team/model", client)
        repository.push(manifest(repository.blob, [repository.blob(tar(("a", b"1")), LAYER)]), "v1")
        uri = f"{repository.uri()}:v1"
        assert fetcher.resolve(uri).refused() == (
            f"localhost:{port} refuses access to {uri} (HTTP 401 Unauthorized): give a login that may pull it: an "
            "imagePullSecret, or .dockerconfigjson in the Secret that the model names"
        )
        pulls = tmp_path / "pull-secrets" / "first"
        pulls.mkdir(parents=True)
        (pulls / ".dockerconfigjson").write_text(docker_configuration("*.other.test", f"localhost:{port}/team"))
        done = fetcher.fetch(uri, to)
        assert content(to) == {"a": b"1"}
        assert PASSWORD not in done.log


def test_a_registry_with_tokens(
    fetcher: Fetcher, site: Site, https: int, certificate: trustme.LeafCert, authority: trustme.CA,
    tls: tuple[Path, Path], tmp_path: Path, to: Path,
) -> None:  # fmt: skip
    issuer, port = Issuer(certificate), free_port()
    site.other = issuer.answer
    roots = tmp_path / "roots.pem"
    roots.write_bytes(authority.cert_pem.bytes())
    realm = f"https://localhost:{https}/token"
    token = {"realm": realm, "service": "test", "issuer": issuer.name, "rootcertbundle": str(roots)}
    command = (localcluster.binary("registry"), "serve", configuration(tmp_path, port, tls, {"token": token}))
    with running(command, tmp_path, port):
        client = trusting(authority.cert_pem.bytes().decode())
        client.headers["Authorization"] = f"Bearer {issuer.token('test', 'team/model', ['pull', 'push'])}"
        repository = Repository(f"https://localhost:{port}/v2/team/model", client)
        repository.push(manifest(repository.blob, [repository.blob(tar(("a", b"1")), LAYER)]), "v1")
        assert f"localhost:{https} refuses access to a token for" in fetcher.resolve(f"{repository.uri()}:v1").refused()
        fetcher.give(**{".dockerconfigjson": docker_configuration(f"https://localhost:{port}/v1/")})
        done = fetcher.fetch(f"{repository.uri()}:v1", to)
        assert content(to) == {"a": b"1"}
        assert len(issuer.given) == 1
        assert issuer.given[0] not in done.log
