"""Which names announce a secret, and which values beside them are none.

A name is judged by its last word: ``DB_PASSWORD``, ``clientSecret`` and ``x-api-key``
announce one, ``max_tokens``, ``password_min_length`` and ``num_keys`` do not. Some
words do so only where the value looks like one (``token``, ``auth``), since language
models have tokens too.
"""

import re
from functools import lru_cache

__all__ = [
    "ALWAYS",
    "NEVER",
    "PLAIN_VALUES",
    "SECRET_ENDS",
    "USUALLY",
    "is_code",
    "is_plain",
    "looks_random",
    "weight",
]

NEVER, USUALLY, ALWAYS = 0, 1, 2
"""Whether what stands behind a name is a secret; USUALLY asks how it looks."""

SECRET_ENDS = (
    "password",
    "passwd",
    "passwort",
    "passphrase",
    "passcode",
    "secret",
    "secretkey",
    "secretid",
    "secretaccesskey",
    "apikey",
    "apitoken",
    "accesskey",
    "accesstoken",
    "accountkey",
    "appkey",
    "authkey",
    "authtoken",
    "bearertoken",
    "clientkey",
    "connectionstring",
    "consumerkey",
    "credential",
    "credentials",
    "deploykey",
    "encryptionkey",
    "fernetkey",
    "hmackey",
    "licensekey",
    "masterkey",
    "privatekey",
    "privatekeyid",
    "refreshtoken",
    "securitytoken",
    "servicekey",
    "sessionkey",
    "sessiontoken",
    "sharedkey",
    "signingkey",
    "storagekey",
    "subscriptionkey",
    "webhooksecret",
)
"""What a telling name ends with, without its separators and in small letters."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Whose token it is; in front of `token` they leave no doubt.
_OWNERS = _words(
    """
    access api auth aws azure bearer bot ci comet consul csrf dapi databricks
    deploy discord gh github gitlab hf hub huggingface id job jwt kaggle login
    mlflow neptune npm oauth oauth2 personal pypi refresh registry sas secret
    security sentry service session slack telegram twine user vault wandb xsrf
    """
)
# What a tokenizer and its kin have.
_OF_LANGUAGE = _words(
    """
    audio bad begin bos boundary class cls continuation cost current decoder
    delimiter dist distill draft end eod eom eos eot eow every fake fim first
    force forced generated global image input last latency mask max min ms next
    num object oov output pad page per placeholder pool pos predicted prefix
    previous prev prompt query register sec sep separator special start stop
    suffix target text time unk unknown video vision word
    """
)
_BEFORE_PASS = _words(
    """
    admin db email ftp http imap ldap login mail mongo mysql pg postgres proxy
    rabbitmq redis root smtp ssh user
    """
)
# What is said of the value, behind the word that counts: DB_PASSWORD_PROD_2.
_BEHIND = _words(
    """
    b64 base base64 dev enc encoded env hash live plain plaintext primary prod
    production raw secondary staging str string val value
    """
)

PLAIN_VALUES = _words(
    """
    any args argument arguments auto basic bearer bool bytes char default digest
    disabled empty enabled expired false float hidden int invalid kerberos key
    kwargs ldap masked missing negotiate nil nonce none not null number object ok
    off on optional pw redacted required self str string text tok true type
    undefined unset unknown val valid value var varchar void yes

    a an and are argument as at because but by can cannot can't could did do does
    don't file for from given had has have if in incorrect is it its longer
    longest may must my never new no of only or provided shorter should than that
    the there this to too was were when which will with without wrong you your
    """
)
"""Words beside a telling name that are types, settings, or the rest of a sentence."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_MARKERS = re.compile(
    r"""
    \*+ | [xX]{3,} | \.{2,} | …
    | <[^<>]*> | \[[^\[\]]*\] | \{+[\w.:! -]*\}* | [|>][+-]?\d? | ![A-Za-z]*
    | \$\{.*\} | \$\(.*\) | \$[A-Z_][A-Z0-9_]* | \$\d | \$\$
    | %[sdr] | %\(\w+\)[sdr]? | %\w+% | @\w+@
    | (?:[a-z][a-z0-9+]{1,11}:)?//[^:@?\s]*           # a URL, no more
    | (?:~|\.{1,2})/[\w./-]* | [\w-]+/[\w./-]+\.[a-z]{2,4}
    | [\w.-]+\.(?:json|ya?ml|toml|ini|cfg|env|pem|key|crt|pub|txt|pt|bin|py|md)
    | (?i:your|my|some|the)[-_ ][A-Za-z_. -]*
    | (?i:redacted|masked|filtered|removed|example)[a-z]*
    | [-–—=:]+ | :[a-z]+:.*
    """,
    re.VERBOSE,
)
# A slash begins many a random string too: a path has short parts of plain letters.
_ABSOLUTE = re.compile(r"/(?:[a-z][\w.@-]{0,40}/)+[\w.@-]{0,40}|/[a-z_.-]{0,40}")
_CODE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_PASSWORD = re.compile(r"pass|pwd", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_RANDOM = re.compile(r"\S{8,}")
# What a variable is called that holds a secret.
_CALLED = frozenset({*SECRET_ENDS, "auth", "cred", "creds", "pass", "pwd", "token"})
_COUNTED = re.compile(
    r"[-+]?[\d.,:_/-]+(?:e[-+]?\d+)?[a-zA-Z%/]{0,8}"  # 12, 3.4ms, 2026-01-01, 12:30
    r"|v?\d+(?:\.\d+)+[\w.+-]*|[A-Z]?[a-z]+[-_]?\d{1,6}"  # 1.2.3rc1, layer12
)
_NUMBER = re.compile(r"[-+]?\d{0,9}(?:\.\d*)?(?:e[-+]?\d{1,3})?", re.IGNORECASE)
_SHORTEST = 3


@lru_cache(maxsize=1024)  # names come again and again
def weight(name: str) -> int:
    """Return whether a value of this name is a secret: NEVER, USUALLY or ALWAYS.

    Args:
        name: Of a variable, field, option or header; of a dotted one the last part
            counts.
    """
    part = name.strip("-_.").rpartition(".")[2]
    words = [word.lower() for word in _WORDS.findall(part)]
    if "".join(words).endswith(SECRET_ENDS):
        return ALWAYS
    while len(words) > 1 and (words[-1].isdecimal() or words[-1] in _BEHIND):
        words.pop()
    if not words:
        return NEVER
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last == "token" or (last.endswith("token") and len(last) > len("token")):
        return _weight_of_token(part, last.removesuffix("token") or before, words)
    joined = "".join(words)
    if joined.endswith(SECRET_ENDS) or last == "pwd":
        return NEVER if joined in ("pwd", "oldpwd") and part.isupper() else ALWAYS
    if last == "pass":
        return ALWAYS if before in _BEFORE_PASS else USUALLY if not before else NEVER
    return USUALLY if last in ("auth", "pw", "authorization") else NEVER


def is_plain(value: str, name: str) -> bool:
    """Tell whether a value beside a telling name is no secret after all.

    So are types and settings (``str``, ``null``), references (``${TOKEN}``,
    ``<yours>``, ``%s``), paths, and numbers of up to nine digits unless they are
    passwords.
    """
    if len(value) < _SHORTEST or value.lower().rstrip(".:!?") in PLAIN_VALUES:
        return True
    if _MARKERS.fullmatch(value) or _ABSOLUTE.fullmatch(value):
        return True
    return _NUMBER.fullmatch(value) is not None and not _PASSWORD.search(name)


def is_code(value: str, name: str) -> bool:
    """Tell whether a value is a variable: ``password=self.password``, ``token=tok``."""
    if not _CODE.fullmatch(value) or _DIGITS.search(value):
        return False
    if "." in value:
        # Nobody writes variables of the environment in code.
        return not name.isupper()
    words = [word.lower() for word in _WORDS.findall(value)]
    return value == name or any(word in _CALLED for word in ("".join(words), *words))


def looks_random(value: str) -> bool:
    """Tell whether a value looks as if it were drawn, not written by a person."""
    if not _RANDOM.fullmatch(value) or _COUNTED.fullmatch(value):
        return False
    has_digit = _DIGITS.search(value) is not None
    has_both = value.lower() != value and value.upper() != value
    return has_digit if len(value) < 16 else has_digit or has_both  # noqa: PLR2004


def _weight_of_token(part: str, before: str, words: list[str]) -> int:
    if before in _OF_LANGUAGE or "per" in words:
        return NEVER
    if before in _OWNERS:
        return ALWAYS
    return ALWAYS if before and part.isupper() else USUALLY
