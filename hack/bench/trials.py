"""The command `hack/bench/trials`: how canaries on real pods end, how long it takes, and what clients see of it."""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import localcluster
from e2e.gateways import ADDRESS, gateway_in
from e2e.trials import RATE, Case, Played, playing
from fairlead.api.fields import parse_duration
from kube import Kube, install_crds
from operator_process import running

ROOT = Path(__file__).resolve().parents[2]
SERVER = "fairlead.test/server:1"
SIDE_BY_SIDE = 10
CASES = {
    "good": Case(name="good"),
    "errors": Case(name="errors", before={"ERROR_RATE": "0.005"}, env={"ERROR_RATE": "0.1"}),
    "slow": Case(name="slow", before={"LATENCY": "0.04"}, env={"LATENCY": "0.12"}),
}


def main() -> int:
    """Exit code 1 when a trial did not come to a decision."""
    parser = argparse.ArgumentParser(
        prog="hack/bench/trials", description="Trials on real pods. good: the same version again (A/A)."
    )
    parser.add_argument("cases", nargs="+", choices=sorted(CASES), metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--runs", type=int, default=SIDE_BY_SIDE, help="of each case")
    parser.add_argument("--side-by-side", type=int, default=SIDE_BY_SIDE, choices=range(1, 13), metavar="1..12")
    parser.add_argument("--gateway", action="store_true", help="by the weights of a Gateway, not by the number of pods")
    arguments = parser.parse_args()
    cluster = localcluster.up(gateway=arguments.gateway)
    cluster.load(localcluster.build_image(ROOT / "tests/images/server", SERVER))
    kube = Kube(cluster.kubeconfig)
    install_crds(kube, ROOT / "crds")
    wanted = [replace(CASES[name], name=f"{name}-{n}") for name in arguments.cases for n in range(arguments.runs)]
    played = dict(_all(kube, wanted, arguments.side_by_side, gateway=arguments.gateway))
    way = "the weights of a Gateway" if arguments.gateway else "the number of pods"
    print(f"{RATE} requests per second for each model, {arguments.side_by_side} side by side, shared by {way}\n")
    for name in arguments.cases:
        print(_told(name, [each for key, each in played.items() if key.startswith(f"{name}-")]))
    return 0 if all(isinstance(each, Played) for each in played.values()) else 1


def _all(
    kube: Kube, cases: Sequence[Case], side_by_side: int, *, gateway: bool
) -> Iterator[tuple[str, Played | BaseException]]:
    for begin in range(0, len(cases), side_by_side):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            namespace = stack.enter_context(kube.namespace("fl-bench"))
            if gateway:
                gateway_in(kube, namespace)
            stack.enter_context(running(kube.kubeconfig, folder, namespace))
            some = tuple(cases[begin : begin + side_by_side])
            games = stack.enter_context(playing(kube, namespace, SERVER, some, ADDRESS if gateway else ""))
            yield from ((name, _end(game)) for name, game in games.items())


def _end(game: Future[Played]) -> Played | BaseException:
    wrong = game.exception()
    return game.result() if wrong is None else wrong


def _told(name: str, played: Sequence[Played | BaseException]) -> str:
    done = [each for each in played if isinstance(each, Played)]
    lines = [f"{name}: {len(played)} trials, {len(played) - len(done)} without a decision"]
    for outcome in sorted({each.record["outcome"] for each in done}):
        of_it = [each for each in done if each.record["outcome"] == outcome]
        seconds = sorted(_seconds(each) for each in of_it)
        bad = sorted(_bad(each) for each in of_it)
        lines.append(
            f"  {outcome}: {len(of_it)}, after {seconds[0]:.0f} to {seconds[-1]:.0f} s (median "
            f"{statistics.median(seconds):.0f}); bad answers of the canary: median {statistics.median(bad):.0f}, most "
            f"{bad[-1]}"
        )
    answered, lost = (sum(each.counted[what] for each in done) for what in ("ok", "failed"))
    lines.append(f"  {answered} requests answered, {lost} failed in all")
    lines += [f"  {each}" for each in played if isinstance(each, BaseException)]
    return "\n".join(lines)


def _seconds(played: Played) -> float:
    lasted = parse_duration(played.record["lasted"])
    assert isinstance(lasted, timedelta)
    return lasted.total_seconds()


def _bad(played: Played) -> int:
    evidence = played.record.get("evidence") or {"cells": ()}
    return max((cell["canary"]["bad"] for cell in evidence["cells"] if cell.get("better")), default=0)


if __name__ == "__main__":
    sys.exit(main())
