"""What a run has to say to the people who run it, without breaking their job."""

__all__ = ["warn"]


def warn(message: str, *values: object) -> None:
    """Log one warning; without any configuration of logging it goes to stderr.

    What looks like a secret is left out, since errors of others are told in it.
    """
    import logging

    from tracker_core.redaction import hide_secrets

    text = message % values if values else message
    logging.getLogger("tracker_core").warning(hide_secrets(text))
