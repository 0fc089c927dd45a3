"""The lines in a dashboard that show decisions: what a real Prometheus that scrapes the operator answers Grafana."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from fairlead.api.reasons import Phase, Reason
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.rollout_metrics import Standing, Verdict
from generation.dashboards import dashboards
from prometheus_process import PrometheusProcess, scraping
from serving import serving
from waiting import until
from world import START

KEY = ("risk", "fraud")
(MARKED,) = (json.loads(content)["annotations"]["list"] for name, content in dashboards() if name == "model")


async def test_a_decision_is_a_line_at_its_time_whoever_has_led_since(tmp_path: Path):
    """Two replicas have told of it; another model of the same name has its own."""
    verdict = Verdict(time=START, revision="fraud-2", outcome="RolledBack", reason="EvidenceAgainst")
    replica = Metrics()
    now = START + timedelta(minutes=1)
    replica.rollouts.follow(models={KEY, ("other", "fraud")}, leading=lambda: True, clock=lambda: now)
    replica.rollouts.stands(KEY, Standing(phase=Phase.ROLLED_BACK, reason=Reason.ROLLED_BACK, verdict=verdict))
    promoted = Verdict(time=now, revision="fraud-9", outcome="Promoted", reason="Ready")
    replica.rollouts.stands(("other", "fraud"), Standing(phase=Phase.STABLE, reason=Reason.SERVING, verdict=promoted))

    async def page(request: web.Request) -> web.Response:
        return web.Response(body=replica.text())

    async with serving(page) as one, serving(page) as other:
        targets = [f"127.0.0.1:{port}" for port in (one, other)]
        operator = {
            "job_name": "fairlead",
            "static_configs": [{"targets": targets, "labels": {"namespace": "fairlead-system"}}],
        }
        row = await asyncio.to_thread(scraped, tmp_path / "prometheus", operator)
    assert row["metric"] == {"revision": "fraud-2", "outcome": "RolledBack", "reason": "EvidenceAgainst"}
    assert float(row["value"][1]) == START.timestamp() * 1000, "as Grafana takes a value for a time"
    assert MARKED[0]["useValueForTime"]


def scraped(folder: Path, operator: dict[str, Any]) -> dict[str, Any]:
    """The one row of the query once both replicas have been scraped."""
    (query,) = (each["expr"] for each in MARKED)
    with scraping(folder, operator) as prometheus:
        until(lambda: len(prometheus.query("up == 1")) == 2, seconds=30, what="both to be scraped")
        return one_row(prometheus, query.replace("$namespace", "risk").replace("$modeldeployment", "fraud"))


def one_row(prometheus: PrometheusProcess, query: str) -> dict[str, Any]:
    (row,) = prometheus.query(query)
    return row
