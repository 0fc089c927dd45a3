"""Leadership without a Lease, for a process that is known to be the only one."""

from collections.abc import Awaitable, Callable


class Alone:
    """Leads from its first moment to its last. Only for where nobody starts a second process."""

    def held(self) -> bool:
        """Always."""
        return True

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Runs `work` until it is cancelled."""
        await work()
