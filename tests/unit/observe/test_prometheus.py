"""observe/prometheus.py: whatever answers in the place of a Prometheus, and what is told of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from fairlead.observe.prometheus import LONGEST, Prometheus, Unanswered
from fairlead.observe.share import Share
from fairlead.settings import PrometheusSettings
from localcluster.certificates import authority, issue, write
from serving import serving

ANSWERS = Path(__file__).parent / "answers"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(text: str, status: int = 200, content_type: str = "application/json", **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status, content_type=content_type, headers=headers)

    return answer


def recorded(name: str, status: int = 200) -> Answer:
    return says((ANSWERS / f"{name}.json").read_text(), status)


async def hangs(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError("the client goes first")


async def floods(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for _ in range(10):
        await response.write(b" " * (1 << 20))
    return response


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


class Place:
    """Where a Prometheus is expected."""

    def __init__(self) -> None:
        self.answer: Answer = recorded("by-pod")
        self.asked: list[web.Request] = []
        self.forms: list[dict[str, object]] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/behind/a/proxy"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.forms.append(dict(await request.post()))
        return await self.answer(request)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    place = Place()
    async with serving(place.handle, patience=0.1) as place.port:
        yield place


async def asked(url: str, kind: str = "vector", **settings: str) -> int | str:
    """How many rows there are, or why there is no answer."""
    prometheus = Prometheus(PrometheusSettings(url=url, **settings))
    try:
        return len(await prometheus.rows("requests_total", kind, Share(lambda: 0.0)))
    except Unanswered as why:
        return str(why)
    finally:
        await prometheus.close()


async def test_a_query_is_posted_to_the_api(place: Place):
    assert await asked(place.url) == 1
    (request,), (form,) = place.asked, place.forms
    assert (request.method, request.path) == ("POST", "/behind/a/proxy/api/v1/query")
    assert form == {"query": "requests_total", "timeout": "4s"}
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (recorded("broken", 400), 'Prometheus answers: invalid parameter "query": 1:9: parse error: unclosed'),
        (recorded("scalar"), "Prometheus answers a scalar where a vector is needed"),
        (recorded("samples"), "Prometheus answers a matrix where a vector is needed"),
        (says("<html>Log in", content_type="text/html"), "Prometheus answers text/html and no JSON: is it one?"),
        (says("no healthy upstream", 503, "text/plain"), "Prometheus answers 503, text/plain and no JSON"),
        (says('{"status":"error","error":"loading"}', 503), "Prometheus answers: loading"),
        (says("no", 401), "Prometheus answers 401: it takes other credentials, see FAIRLEAD_PROMETHEUS_TOKEN_FILE"),
        (says("", 302, Location="http://login.example"), "Prometheus answers 302, a redirect, which is not followed"),
        (says('{"status":"succ'), "Prometheus answers what is no answer to a query"),
        (says("[]"), "Prometheus answers what is no answer to a query"),
        (says('{"status":"success"}'), "Prometheus answers what is no answer to a query"),
        (
            says('{"status":"success","data":{"resultType":"vector","result":[{"metric":7,"value":[1,"2"]}]}}'),
            "Prometheus answers what is no answer to a query",
        ),
        (
            says('{"status":"success","warnings":["store-2 timed out"],"data":{"resultType":"vector","result":[]}}'),
            "Prometheus warns that its answer is not whole: store-2 timed out",
        ),
        (floods, f"Prometheus answers more than {LONGEST >> 20} MiB"),
        (hangs, "Prometheus does not answer within 4 s"),
        (hangs_up, "Prometheus cannot be reached at http://127.0.0.1:"),
    ],
)
async def test_what_is_no_answer_is_told(place: Place, answer: Answer, told: str):
    place.answer = answer
    assert str(await asked(place.url)).startswith(told)
    assert len(place.asked) == 1, "and is asked once, at this address"


async def test_nobody_there(unused_tcp_port: int):
    url = f"http://127.0.0.1:{unused_tcp_port}"
    assert await asked(url) == f"Prometheus cannot be reached at {url}: the connection is refused"


async def test_infinite_and_missing_values_are_numbers_for_others_to_judge(place: Place):
    place.answer = says(
        '{"status":"success","data":{"resultType":"matrix","result":'
        '[{"metric":{},"values":[[1.5,"NaN"],[2,"+Inf"],[3,"1e3"]]},{"metric":{},"histograms":[]}]}}'
    )
    assert await asked(place.url, "matrix") == 1, "and one with native histograms only is none"


async def test_the_token_is_read_anew_for_every_query(place: Place, tmp_path: Path):
    token = tmp_path / "token"
    prometheus = Prometheus(PrometheusSettings(url=place.url, token_file=str(token)))
    for text in ("one\n", "two\n"):
        token.write_text(text)
        await prometheus.rows("up", "vector", Share(lambda: 0.0))
    await prometheus.close()
    assert [request.headers["Authorization"] for request in place.asked] == ["Bearer one", "Bearer two"]


async def test_a_token_that_is_not_there_is_told_and_nothing_is_asked(place: Place, tmp_path: Path):
    told = await asked(place.url, token_file=str(tmp_path / "token"))
    assert told == (f"{tmp_path}/token cannot be read (No such file or directory): see FAIRLEAD_PROMETHEUS_TOKEN_FILE")
    assert place.asked == []


@pytest.mark.parametrize(
    "text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
async def test_a_file_without_authorities_is_told(place: Place, tmp_path: Path, text: str):
    (tmp_path / "ca").write_text(text)
    told = await asked(place.url, ca_file=str(tmp_path / "ca"))
    assert told == f"{tmp_path}/ca holds no certificates: see FAIRLEAD_PROMETHEUS_CA_FILE"


async def test_whom_nobody_vouches_for_is_not_asked(tmp_path: Path):
    ca = authority("ca")
    write(ca, tmp_path, "ca")
    write(issue(ca, "prometheus", addresses=["127.0.0.1"]), tmp_path, "server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    application = web.Application()
    application.router.add_post("/api/v1/query", recorded("by-pod"))
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"

    assert await asked(url) == (
        f"Prometheus cannot be reached at {url}: its certificate is not trusted, see FAIRLEAD_PROMETHEUS_CA_FILE"
    )
    assert await asked(url, ca_file=str(tmp_path / "ca.crt")) == 1
    await runner.cleanup()
