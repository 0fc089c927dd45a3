"""Every reason that a condition of a ModelDeployment can have, and every phase of a rollout. Users may rely on them."""

from enum import StrEnum


class ConditionType(StrEnum):
    """Types of conditions. Ready, Reconciling and Stalled follow kstatus (sigs.k8s.io/cli-utils, pkg/kstatus)."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    AVAILABLE = "Available"


class Reason(StrEnum):
    """Why a condition is as it is."""

    SERVING = "Serving"
    """The revision that the spec asks for serves, with all its replicas."""
    SCALED_TO_ZERO = "ScaledToZero"
    """spec.replicas is 0: nothing runs, and nothing is meant to."""
    STARTING = "Starting"
    """Pods are on their way and nothing is wrong so far."""
    STOPPING = "Stopping"
    """Recreate: the old revision's pods have to end before the new one starts."""
    PROBE_UNANSWERED = "ProbeUnanswered"
    """The new revision's pods are ready, but did not answer Fairlead's own request as they must."""
    UNSCHEDULABLE = "Unschedulable"
    """The scheduler finds no node for a pod."""
    IMAGE_UNAVAILABLE = "ImageUnavailable"
    """An image cannot be pulled."""
    CONTAINER_FAILING = "ContainerFailing"
    """A container ends again and again, or cannot be created."""
    PODS_REFUSED = "PodsRefused"
    """The API server refuses to create pods: quota, Pod Security or another admission rule."""
    NOT_READY = "NotReady"
    """Pods run but do not answer their readiness probe."""
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    """A revision did not become ready within spec.rollout.progressDeadline. It takes over if it still does."""
    INVALID_SPEC = "InvalidSpec"
    """The resource cannot be read; it slipped past the checks at admission."""
    RUNTIME_NOT_FOUND = "RuntimeNotFound"
    """The ModelRuntime that the spec names does not exist."""
    INVALID_RUNTIME = "InvalidRuntime"
    """The ModelRuntime cannot run this model."""
    NAME_TAKEN = "NameTaken"
    """An object of a name that Fairlead needs exists already and belongs to somebody else."""
    WRITE_REFUSED = "WriteRefused"
    """The API server refuses an object that Fairlead wants to write."""
    NOT_AVAILABLE = "NotAvailable"
    """No pod of the stable revision is ready: nothing is served."""


class Phase(StrEnum):
    """Where a rollout stands."""

    STABLE = "Stable"
    """The spec's revision serves and nothing else runs."""
    STOPPING = "Stopping"
    """Recreate: waiting for the pods of the old revision to end."""
    STARTING = "Starting"
    """A new revision is being started; production traffic has not moved to it."""
    HELD = "Held"
    """What the spec asks for cannot be made; whatever runs goes on as it is."""
    DRAINING = "Draining"
    """The new revision serves; the old one still runs, for requests that are open."""
