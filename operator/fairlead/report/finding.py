"""What conditions are made from."""

from dataclasses import dataclass

from fairlead.api.reasons import ConditionType, Reason


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One condition, without its times. A `status` of None is Unknown."""

    type: ConditionType
    status: bool | None
    reason: Reason
    message: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether the spec is carried out; `stalled` when it takes a person."""

    ready: bool
    reason: Reason
    message: str
    stalled: bool = False
