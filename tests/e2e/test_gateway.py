"""Models behind a real Gateway, apart from canaries: a Gateway that is not there, a route that somebody changes."""

from fairlead.api.kinds import HTTP_ROUTE, MODEL_DEPLOYMENT
from kube import Kube
from models import a_model, a_server
from operator_process import OperatorProcess
from waiting import until


def served(kube: Kube, namespace: str, image: str) -> None:
    """A model behind the test's Gateway, once it is Ready."""
    spec = {**a_server(image), "traffic": {"gateway": {"name": "public", "path": f"/{namespace}", "rewritePath": "/"}}}
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **spec))
    kube.wait_ready(namespace, "fraud")
    assert kube.condition(namespace, "fraud", "TrafficRouted")["status"] == "True"


def weights(kube: Kube, namespace: str) -> list[int]:
    (rule,) = (kube.get(HTTP_ROUTE, namespace, "fraud") or {})["spec"]["rules"]
    return [backend.get("weight", 1) for backend in rule["backendRefs"]]


def test_a_gateway_that_is_not_there_is_told(
    kube: Kube, gateway: str, operator: OperatorProcess, namespace: str, server_image: str
):
    served(kube, namespace, server_image)
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"traffic": {"gateway": {"name": "other"}}}})
    until(
        lambda: kube.condition(namespace, "fraud", "TrafficRouted").get("status") == "False",
        seconds=60,
        what="TrafficRouted=False",
    )
    told = kube.condition(namespace, "fraud", "Ready")
    assert told["status"] == "False"
    assert f"Gateway {namespace}/other has not answered for HTTPRoute fraud" in told["message"]
    assert kube.condition(namespace, "fraud", "Available")["status"] == "True"


def test_a_route_that_is_deleted_or_changed_by_hand_comes_back(
    kube: Kube, gateway: str, operator: OperatorProcess, namespace: str, server_image: str
):
    served(kube, namespace, server_image)
    kube.delete(HTTP_ROUTE, namespace, "fraud")
    until(lambda: kube.get(HTTP_ROUTE, namespace, "fraud"), seconds=30, what="the route")
    nowhere = {"rules": [{"backendRefs": [{"name": "elsewhere", "port": 80}]}]}
    kube.patch(HTTP_ROUTE, namespace, "fraud", {"spec": nowhere})
    until(lambda: weights(kube, namespace) == [100], seconds=30, what="our weights")
    kube.wait_ready(namespace, "fraud")
