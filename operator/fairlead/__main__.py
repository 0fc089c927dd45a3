"""Starts the operator: `python -m fairlead`."""

import asyncio
import os
import sys

from kubernetes.config import ConfigException

from fairlead.cluster.access import access
from fairlead.handlers.operator import Operator
from fairlead.logs import configure
from fairlead.settings import InvalidSetting, settings_from


def main() -> int:
    """Runs until SIGTERM; returns the exit code of the process."""
    try:
        settings = settings_from(os.environ)
        configure(settings.log_level, settings.log_format)
        server = access()
    except (InvalidSetting, ConfigException) as wrong:
        print(f"fairlead cannot start: {wrong}", file=sys.stderr)
        return 2

    async def run() -> None:
        await Operator(settings, server).run()

    asyncio.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
