"""What the processes of these tests do with a bucket."""

import os
from pathlib import Path
from typing import NoReturn

from aiobotocore.client import AioBaseClient

from tests.crash.stores import deliver_rest
from tracker_core.contents import content_of_file
from tracker_fsspec import create, uploads

__all__ = ["DIED", "add_until", "deliver_until"]

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


def add_until(path: Path, config: str, part_bytes: int, last: int) -> NoReturn:
    """Add a file as content, and die when a part of it is about to be sent."""
    uploads.PART_BYTES = part_bytes
    call = AioBaseClient._make_api_call  # noqa: SLF001 - where all requests go through

    async def counted(
        client: AioBaseClient, method: str, given: dict[str, object]
    ) -> object:
        if method == "UploadPart" and given["PartNumber"] == last:
            os._exit(DIED)
        return await call(client, method, given)

    AioBaseClient._make_api_call = counted  # noqa: SLF001 - in this process, which ends
    create(config).add_content(content_of_file(path))
    os._exit(0)
