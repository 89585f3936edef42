"""What the processes of these tests do with a bucket."""

import os
from pathlib import Path
from typing import NoReturn

from aiobotocore.client import AioBaseClient

from tests.crash.stores import deliver_rest
from tracker_fsspec import create

__all__ = ["DIED", "deliver_until"]

DIED = 77


def deliver_until(home: Path, config: str, last: int) -> NoReturn:
    """Deliver what is left in a journal, and die around the n-th request.

    Odd numbers die before the request of half the number is sent, even ones when it
    was answered.
    """
    left = last
    call = AioBaseClient._make_api_call  # noqa: SLF001 - where all requests go through

    async def counted(*given: object) -> object:
        nonlocal left
        left -= 1
        if not left:
            os._exit(DIED)
        answer = await call(*given)
        left -= 1
        if not left:
            os._exit(DIED)
        return answer

    AioBaseClient._make_api_call = counted  # noqa: SLF001 - in this process, which ends
    deliver_rest(home, {"s3": create(config)})
    os._exit(0)
