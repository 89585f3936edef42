"""What a run has to say to the people who run it, without breaking their job."""

__all__ = ["warn"]


def warn(message: str, *values: object) -> None:
    """Log one warning; without any configuration of logging it goes to stderr."""
    import logging

    logging.getLogger("tracker_core").warning(message, *values)
