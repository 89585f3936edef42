r"""Finding secrets in text by what they look like, and putting stars in their place.

Three passes, each skipped where no word of the text hints at it: private keys between
their lines of dashes, the forms of :mod:`tracker_core.secretforms`, and names with
values beside them. The last is a walk and no pattern: from each telling name its value
is read as whoever wrote it would (quoted, escaped, to the end of a line or to the next
comma), and judged by :mod:`tracker_core.secretnames`.

Loaded when something is collected, since compiling the patterns costs milliseconds.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from heapq import merge
from itertools import zip_longest
from string import ascii_uppercase

from tracker_core.secretforms import FORMS
from tracker_core.secretnames import (
    NEVER,
    USUALLY,
    is_code,
    is_plain,
    looks_random,
    weight,
)

__all__ = ["HIDDEN", "hidden", "hidden_words", "secret_variables", "secret_words"]

HIDDEN = "***"
"""What stands where a secret stood."""

_LONGEST_NAME = 80
_LONGEST_PREFACE = 40
_NAME_HINTS = ("auth", "connection", "cred", "key", "pass", "pw", "secret", "token")
_ANSI = r"(?:\x1b\[[0-9;]{0,12}m){0,3}"
# From the word that tells to where the value begins; in a text in small letters, since
# a search that heeds no case is many times slower.
_NAMED = {
    hint: rf"{hint}[\w-]{{0,30}}+(?:\\{{0,3}}[\"']\]?)?{_ANSI}"
    rf"(?:[ \t]{{0,40}}(?:=>|:=|[=!]=|=|:){_ANSI}[ \t]{{0,40}}{_ANSI}|(?<=\w)>)"
    for hint in _NAME_HINTS
}
# Each with its form: the first search that a text is put to.
_HINTS, _HINTS_OF_KEYS = (
    [
        (hint, at)
        for at, form in enumerate(FORMS)
        for hint in form.hints
        if form.is_key == is_key
    ]
    for is_key in (False, True)
)
# As long as any key is, at least: most lines hold no such word.
_LONG_WORD = re.compile(r"[\w.-]{15,}+")
_OPTION = re.compile(
    r"(?<![\w-])--?(?P<name>[A-Za-z_][\w.-]{0,60}+)(?:[\"'],)?[ \t]{1,40}"
)
_PAIR = re.compile(
    r"(?i:(?<!\w)(?:name|key)[\"']?[ \t]{0,8}[=:][ \t]{0,8}[\"']?"
    r"(?P<name>[\w.-]{1,80}+)[\"']?,?[\s+>#-]{1,40}"
    r"[\"']?value[\"']?[ \t]{0,8}[=:][ \t]{0,8})"
)
_NAME = re.compile(r"[\w.-]*")
_PLAIN_NAME = re.compile(r"[\w.-]{1,80}")
_LONG, _LONG_WITH_DIGITS = 8, 6
_NO_VALUE = re.compile(r"-|[\"']?[A-Z_]{2,}(?=[\"'\s\])>|,.]|$)")
_COLOUR = re.compile(r"(?<=[\[;])\d{1,3}m(?=.)")
_QUOTED = re.compile(r"(?P<kind>[bBrRuUfF]{0,2})(?P<quote>\"\"\"|'''|\\{0,3}[\"'])")
_PIECE = (
    r"(?:[^\s\"'`<>,;&()\[\]{}\\\x1b]"
    # A comma may be a part of it, unless another name follows.
    r"|[,;&](?=[^\s\"'`<>,;&()\[\]{}\\\x1b])(?![\w.-]{1,64}+[\"']?[=:])"
    r"|\\(?![\"'nrt]))"
)
# So much of a value is looked at before it is known to be a secret: what is no secret
# is read again from the next name in it.
_UNQUOTED = re.compile(rf"{_PIECE}{{1,128}}+")
_REST = re.compile(rf"{_PIECE}*+")
_LINE_PIECE = r"(?:[^\s\x1b,;&]|[,;&](?![\w.-]{1,64}+[\"']?[=:]))"
_ON_LINE = re.compile(rf"{_LINE_PIECE}{{1,128}}+")
_TO_BLANK = re.compile(rf"{_LINE_PIECE}*+")
_CALL = re.compile(r"[A-Za-z_]\w{0,60}+(?:\.\w{1,60}+){0,8}+[(\[]")
_PLAIN_WORDS = re.compile(r"(?:[ \t][A-Za-z]{1,30}+){1,12}+(?=[ \t]*$)", re.MULTILINE)
_PREFACE = re.compile(r"[ \t+-]*(?:export|set|setenv|ENV|ARG|-e)?[ \t+-]*")
_DASHES = re.compile(
    r"-{4,5} ?(BEGIN|END) (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
)
_KEY_LINES = re.compile(
    r"(?:\*\*\*)?(?:(?:\\[nrt]|[\s\"',>|\\+#-])*+[A-Za-z0-9/+=]{20,}+)*+"
)
_REST_OF_KEY = re.compile(r"(?:\\[nrt]|[\s\"',>|\\+#-])*+[A-Za-z0-9/+=]*+")
_LONGEST_KEY = 2**15
_SMALL = {ord(letter): letter.lower() for letter in ascii_uppercase}


def hidden(text: str) -> str:
    """Return ``text`` with stars where secrets stood.

    It takes time that grows with the length of the text and no faster, and changes
    nothing more when it is done again.
    """
    small = _small(text)
    if "private key" in small:
        text = _join(text, _private_keys(text))
    hinted = {at for hint, at in _HINTS if hint in small}
    if words := " ".join(_LONG_WORD.findall(small)):
        hinted.update(at for hint, at in _HINTS_OF_KEYS if hint in words)
    for at in sorted(hinted):
        text = _pattern(FORMS[at].pattern).sub(_starred, text)
    if any(hint in small for hint in _NAME_HINTS):
        text = _join(text, _named(text))
        if "-" in text:
            text = _join(text, _beside(_OPTION, text))
        if "value" in small:
            text = _join(text, _beside(_PAIR, text))
    return text


def hidden_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command with stars where secrets stood.

    What follows an option with a telling name is one, whatever it looks like.
    """
    shown: list[str] = []
    for (start, secret), word in zip(_split(words), words, strict=True):
        shown.append(hidden(word) if secret is None else f"{start}{HIDDEN}")
    return shown


def secret_words(words: Sequence[str]) -> list[str]:
    """Return the secrets that the words of a command hold, to be looked for."""
    found = [secret for _, secret in _split(words) if secret is not None]
    return [secret for secret in found if _is_worth_hiding(secret)]


def secret_variables(environ: Mapping[str, str]) -> list[str]:
    """Return the secrets that an environment holds, to be looked for."""
    found = [text for name, text in environ.items() if _is_given_secret(name, text)]
    for text in environ.values():
        if "://" in text:
            for match in _pattern(FORMS[0].pattern).finditer(text):
                found += [match[1] or match[2], (match[1] or "").partition(":")[2]]
    return [secret for secret in found if _is_worth_hiding(secret)]


def _split(words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Give for each word what may be shown of it, and what is secret or None."""
    before = ""
    for word in words:
        name, mark, text = word.partition("=")
        if _is_option(before) and _is_given_secret(before, word):
            yield "", word
        elif mark and _PLAIN_NAME.fullmatch(name) and _is_given_secret(name, text):
            yield f"{name}=", text
        else:
            yield word, None
        before = word


def _is_option(word: str) -> bool:
    return word.startswith("-") and "=" not in word


def _is_given_secret(name: str, text: str) -> bool:
    """Tell whether a value is secret that somebody gave, so that it is no code."""
    return weight(name) != NEVER and not is_plain(text, name)


def _is_worth_hiding(secret: str) -> bool:
    # Stars for every "test" would make a text unreadable and protect nothing.
    return len(secret) >= (_LONG if secret.isalpha() else _LONG_WITH_DIGITS)


def _is_secret(name: str, text: str) -> bool:
    kind = weight(name)
    if kind == NEVER or is_plain(text, name) or is_code(text, name):
        return False
    return kind != USUALLY or looks_random(text)


@cache
def _pattern(pattern: str) -> "re.Pattern[str]":
    return re.compile(pattern)


def _small(text: str) -> str:
    """Return ``text`` in small letters, each in its place."""
    small = text.lower()
    # Few letters become two, none of which is in a name that tells.
    return small if len(small) == len(text) else text.translate(_SMALL)


def _starred(match: "re.Match[str]") -> str:
    names = match.re.groupindex
    start, end = next(
        (match.span(name) for name in names if match[name] is not None), match.span()
    )
    before, after = match.start(), match.end()
    return f"{match.string[before:start]}{HIDDEN}{match.string[end:after]}"


def _join(text: str, spans: Iterator[tuple[int, int]]) -> str:
    """Put stars in place of what lies between each start and end."""
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces += text[done:start], HIDDEN
        done = end
    return "".join([*pieces, text[done:]]) if pieces else text


def _private_keys(text: str) -> Iterator[tuple[int, int]]:
    marks = list(_DASHES.finditer(text))
    for mark, following in zip_longest(marks, marks[1:]):
        if mark[1] != "BEGIN":
            continue
        start = mark.end()
        is_whole = following is not None and following[1] == "END"
        if is_whole and following.start() - start <= _LONGEST_KEY:
            yield start, following.start()
            continue
        # It was cut off: what looks like its lines, and what is left of the last one.
        limit = following.start() if following else len(text)
        lines = _KEY_LINES.match(text, start, limit)
        if lines and lines.end() > start:
            rest = (
                None
                if lines[0] == HIDDEN
                else _REST_OF_KEY.match(text, lines.end(), limit)
            )
            yield start, rest.end() if rest else lines.end()


def _named(text: str) -> Iterator[tuple[int, int]]:
    """Give the places of the values behind ``name=``, ``"name": `` and ``<name>``."""
    small = _small(text)
    hinted = [pattern for hint, pattern in _NAMED.items() if hint in small]
    found = (_pattern(pattern).finditer(small) for pattern in hinted)
    position = 0
    for match in merge(*found, key=lambda match: match.start()):
        if match.start() < position:
            continue
        start = _start_of_name(text, match.start(), position)
        position = match.end()
        name = text[start : _end(_NAME, text, start)]
        # Parts of a longer name: arn:aws:secretsmanager:eu:1:secret:name.
        if text[position - 1] == ":" and text[start - 1 : start] == ":":
            continue
        in_element = text[position - 1] == ">" and text[position - 2] != "="
        if in_element and text[start - 1 : start] != "<":
            continue
        begins = not in_element and _begins_line(text, start)
        if value := _secret_value(text, position, name, begins_line=begins):
            yield value
            position = value[1]


def _beside(pattern: "re.Pattern[str]", text: str) -> Iterator[tuple[int, int]]:
    """Give the places of the values of ``--name value``, or of another pair."""
    position = 0
    while match := pattern.search(text, position):
        position = match.end()
        value = _secret_value(text, position, match["name"])
        if value and not _NO_VALUE.match(text, position):
            yield value
            position = value[1]


def _start_of_name(text: str, end: int, least: int) -> int:
    least = max(least, end - _LONGEST_NAME)
    while end > least and (text[end - 1].isalnum() or text[end - 1] in "_-."):
        end -= 1
    colour = _COLOUR.match(text, end)
    return colour.end() if colour else end


def _secret_value(
    text: str, position: int, name: str, *, begins_line: bool = False
) -> tuple[int, int] | None:
    """Return where the value is that begins at ``position``, if it is a secret."""
    if weight(name) == NEVER:
        return None
    quoted = _QUOTED.match(text, position)
    if quoted:
        start = quoted.end()
        end = _end(_quotation(quoted["quote"]), text, start)
        return (start, end) if _is_secret(name, text[start:end]) else None
    shown = _ON_LINE if begins_line and name.isupper() else _UNQUOTED
    if text[max(0, position - 3) : position].strip().endswith("=="):
        return None  # a comparison in code, or the version of a package
    found = shown.match(text, position)
    is_call = _CALL.match(text, position) is not None and not name.isupper()
    if found is None or is_call or not _is_secret(name, found[0]):
        return None
    if not begins_line:
        return position, _end(_REST, text, found.end())
    return position, _end_on_line(text, position)


def _end_on_line(text: str, position: int) -> int:
    """Return where a value ends that has its line for itself."""
    end = _end(_TO_BLANK, text, position)
    if text[position - 1] in " \t":  # name: several plain words
        words = _end(_PLAIN_WORDS, text, end)
        if words > end:
            return words
    return position + len(text[position:end].rstrip(",;"))


def _end(pattern: "re.Pattern[str]", text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


@cache
def _quotation(quote: str) -> "re.Pattern[str]":
    last = quote[-1]
    if quote == last * 3:
        return re.compile(rf"(?:[^{last}]|{last}{{1,2}}(?!{last}))*+")
    if len(quote) > 1:  # an escaped one: \" as JSON within JSON has it
        return re.compile(rf"[^{last}\\\r\n]*+")
    return re.compile(rf"(?:[^{last}\\\r\n]|\\.)*+")


def _begins_line(text: str, start: int) -> bool:
    least = max(0, start - _LONGEST_PREFACE)
    line = text.rfind("\n", least, start) + 1 or least
    if line == least and least:
        return False
    return _PREFACE.fullmatch(text, line, start) is not None
