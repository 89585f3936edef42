"""Identifiers: of runs, of writers, and names that people can remember.

Run ids are ULIDs (48 bits of milliseconds, 80 random bits, Crockford's base 32; the
specification is https://github.com/ulid/spec), so they sort by the time at which they
were made. The friendly name of a run follows from its id alone, so that all processes
of a job and all readers agree on it without talking to each other.
"""

import os
import time
import zlib

__all__ = ["friendly_name", "new_run_id", "new_writer_id"]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26

_ADJECTIVES = (
    "amber ample arctic azure blazing bold brisk bronze calm cedar clear cobalt copper "
    "coral crisp dapper daring deft distant dusky eager early easy electric fabled "
    "fearless fleet fluent frosty gentle gilded golden grand hardy hazel hidden honest "
    "humble indigo ivory jade jolly keen kind lively lucid lunar mellow mighty misty "
    "nimble noble olive opal patient placid proud quick quiet rapid ruby rustic sable"
)
_NAMES = (
    "abel agnesi archer ayrton banach bell bose boole cannon cantor church clarke cori "
    "curie dirac elion euler faraday fermi fisher franklin galois gauss germain gibbs "
    "goodall hamilton herschel hopper hypatia johnson joliot kepler kovalevskaya "
    "lamarr laplace leavitt lovelace maxwell mayer meitner mendel mirzakhani newton "
    "noether pascal pauling perlman planck raman ride rubin sanger shannon snow "
    "somerville turing volta wiles wing wright wu yalow yonath"
)


def new_run_id() -> str:
    """Return a new ULID: 26 characters, later ones sorting after earlier ones."""
    milliseconds = time.time_ns() // 1_000_000
    number = milliseconds << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(
        _ALPHABET[number >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5)
    )


def new_writer_id() -> str:
    """Return an id for one writer: ASCII letters and digits, safe in file names."""
    return new_run_id().lower()


def friendly_name(run_id: str) -> str:
    """Return the name that goes with ``run_id``, for example ``quick-hopper-0544``.

    It is a function of the id: the same everywhere, and no promise of uniqueness.
    """
    adjectives, names = _ADJECTIVES.split(), _NAMES.split()
    number, digits = divmod(zlib.crc32(run_id.encode()), 10_000)
    number, adjective = divmod(number, len(adjectives))
    return f"{adjectives[adjective]}-{names[number % len(names)]}-{digits:04d}"
