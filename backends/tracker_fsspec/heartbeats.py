"""The content of a heartbeat's file: ``{"time_ns": 1700000000000000000}``."""

from tracker_core.values import from_json, to_json

__all__ = ["heartbeat_from_bytes", "heartbeat_to_bytes"]

_LIMIT = 2**63


def heartbeat_to_bytes(time_ns: int) -> bytes:
    """Return the content that tells of a moment, in nanoseconds since 1970."""
    return to_json({"time_ns": time_ns}).encode()


def heartbeat_from_bytes(content: bytes) -> int:
    """Return the moment, in nanoseconds since 1970.

    Raises:
        ValueError: The content was damaged, or is a piece of what is being written.
    """
    found = from_json(content.decode())
    time_ns = found.get("time_ns") if isinstance(found, dict) else None
    if type(time_ns) is not int or not 0 <= time_ns < _LIMIT:
        message = f"it tells no moment: {content[:80]!r}"
        raise ValueError(message)
    return time_ns
