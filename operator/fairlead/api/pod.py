"""What users may set on the pods of a model, beside the server itself."""

from typing import Annotated, Any, Literal

from pydantic import Field

from fairlead.api.fields import Part, Quantity, named_list, unique
from fairlead.api.forms import (
    LABEL_KEYS,
    RESERVED_KEYS,
    DnsLabel,
    Folder,
    Labels,
    LabelValue,
    ObjectName,
    QualifiedName,
    SubPath,
)
from fairlead.api.rules import exactly_one, rule
from fairlead.api.server import SecurityContext

Opaque = Annotated[
    dict[str, Any], Field(json_schema_extra={"type": "object", "x-kubernetes-preserve-unknown-fields": True})
]


class Toleration(Part):
    """Lets pods run on nodes with a matching taint."""

    must_hold = (
        rule(
            "a toleration with operator Exists takes no value; remove value or use operator Equal",
            "!has(self.value) || !has(self.operator) || self.operator == 'Equal'",
            lambda self: self.value is None or self.operator != "Exists",
            "value",
        ),
        rule(
            "a toleration without key needs operator Exists, which then tolerates every taint",
            "has(self.key) || has(self.operator) && self.operator == 'Exists'",
            lambda self: self.key is not None or self.operator == "Exists",
        ),
        rule(
            "tolerationSeconds has an effect only with effect NoExecute; remove it or set the effect",
            "!has(self.tolerationSeconds) || has(self.effect) && self.effect == 'NoExecute'",
            lambda self: self.toleration_seconds is None or self.effect == "NoExecute",
            "tolerationSeconds",
        ),
    )

    key: QualifiedName | None = Field(default=None, description="Key of the taint.")
    operator: Literal["Equal", "Exists"] | None = Field(default=None, description="Equal (the default) or Exists.")
    value: LabelValue | None = Field(default=None, description="Value of the taint, with operator Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Effect of the taint; absent matches all."
    )
    toleration_seconds: int | None = Field(
        default=None, ge=0, le=2**31 - 1, description="How long to stay on a node with a NoExecute taint, in seconds."
    )


class Affinity(Part):
    """Scheduling rules in the form of pod.spec.affinity; checked by the API server when the Deployment is made."""

    node_affinity: Opaque | None = Field(default=None, description="As pod.spec.affinity.nodeAffinity.")
    pod_affinity: Opaque | None = Field(default=None, description="As pod.spec.affinity.podAffinity.")
    pod_anti_affinity: Opaque | None = Field(default=None, description="As pod.spec.affinity.podAntiAffinity.")


class LocalReference(Part):
    """An object in the namespace of the model."""

    name: ObjectName = Field(description="Name of the object.")


class SecretVolume(Part):
    """Files from a Secret."""

    secret_name: ObjectName = Field(description="Name of the Secret.")
    optional: bool = Field(default=False, description="Start without the files when the Secret is missing.")


class ConfigMapVolume(Part):
    """Files from a ConfigMap."""

    name: ObjectName = Field(description="Name of the ConfigMap.")
    optional: bool = Field(default=False, description="Start without the files when the ConfigMap is missing.")


class ClaimVolume(Part):
    """A persistent volume."""

    claim_name: ObjectName = Field(description="Name of the PersistentVolumeClaim.")
    read_only: bool = Field(default=False, description="Mount it for reading only.")


class EmptyDirVolume(Part):
    """Scratch space that lives as long as the pod."""

    medium: Literal["Memory"] | None = Field(default=None, description="Memory for shared memory; absent for disk.")
    size_limit: Quantity | None = Field(default=None, description="The pod is evicted when it holds more.")


class Volume(Part):
    """A volume of the pods."""

    must_hold = (
        exactly_one(
            "a volume takes exactly one of secret, configMap, persistentVolumeClaim and emptyDir",
            "secret",
            "configMap",
            "persistentVolumeClaim",
            "emptyDir",
        ),
        rule(
            "volume names 'model', 'scratch-…' and 'fetch-…' are taken by Fairlead; choose another",
            "self.name != 'model' && !self.name.startsWith('scratch-') && !self.name.startsWith('fetch-')",
            lambda self: self.name != "model" and not self.name.startswith(("scratch-", "fetch-")),
            "name",
        ),
    )

    name: DnsLabel = Field(description="Name by which a mount refers to it.")
    secret: SecretVolume | None = Field(default=None, description="Files from a Secret.")
    config_map: ConfigMapVolume | None = Field(default=None, description="Files from a ConfigMap.")
    persistent_volume_claim: ClaimVolume | None = Field(default=None, description="A persistent volume.")
    empty_dir: EmptyDirVolume | None = Field(default=None, description="Scratch space.")


class VolumeMount(Part):
    """Where a volume appears in the model server."""

    name: DnsLabel = Field(description="Name of the volume.")
    mount_path: Folder = Field(description="Absolute path inside the container.")
    sub_path: SubPath | None = Field(default=None, description="Folder inside the volume.")
    read_only: bool = Field(default=False, description="Mount it for reading only.")


class PodOptions(Part):
    """What is set on the pods of a model; every change starts a new revision."""

    must_hold = (
        rule(
            "every name in pod.volumeMounts must be the name of an entry of pod.volumes",
            "!has(self.volumeMounts) || "
            "self.volumeMounts.all(m, has(self.volumes) && self.volumes.exists(v, v.name == m.name))",
            lambda self: {m.name for m in self.volume_mounts} <= {v.name for v in self.volumes},
            "volumeMounts",
        ),
        rule(
            "every entry of pod.volumes must be mounted; add it to pod.volumeMounts or remove it",
            "!has(self.volumes) || "
            "self.volumes.all(v, has(self.volumeMounts) && self.volumeMounts.exists(m, v.name == m.name))",
            lambda self: {v.name for v in self.volumes} <= {m.name for m in self.volume_mounts},
            "volumes",
        ),
    )

    service_account_name: ObjectName | None = Field(
        default=None, description="ServiceAccount of the pods; absent: one of the model's own, without any rights."
    )
    automount_service_account_token: bool = Field(default=False, description="Mount a token for the Kubernetes API.")
    security_context: SecurityContext | None = Field(
        default=None, description="Exceptions to the restricted defaults; they win over those of the runtime."
    )
    node_selector: Labels = Field(default={}, description="Labels a node must have.")
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=32)] = Field(
        default=(), description="Taints that the pods accept."
    )
    affinity: Affinity | None = Field(default=None, description="Further scheduling rules.")
    priority_class_name: ObjectName | None = Field(default=None, description="PriorityClass of the pods.")
    runtime_class_name: ObjectName | None = Field(default=None, description="RuntimeClass of the pods, such as nvidia.")
    scheduler_name: ObjectName | None = Field(default=None, description="Scheduler to use instead of the default one.")
    image_pull_secrets: Annotated[
        tuple[LocalReference, ...], Field(max_length=16, json_schema_extra=named_list()), unique("name")
    ] = Field(default=(), description="Secrets for private registries.")
    annotations: Annotated[
        dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=64), LABEL_KEYS, RESERVED_KEYS
    ] = Field(default={}, description="Annotations of the pods.")
    labels: Annotated[Labels, RESERVED_KEYS] = Field(default={}, description="Further labels of the pods.")
    volumes: Annotated[tuple[Volume, ...], Field(max_length=16, json_schema_extra=named_list()), unique("name")] = (
        Field(default=(), description="Volumes beside the model itself.")
    )
    volume_mounts: Annotated[
        tuple[VolumeMount, ...], Field(max_length=32, json_schema_extra=named_list("mountPath")), unique("mount_path")
    ] = Field(default=(), description="Where these volumes appear in the model server.")
