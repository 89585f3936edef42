"""Secrets drawn at random, each in one of the forms that must not be seen."""

import base64
import json
import string
from collections.abc import Callable, Iterator
from itertools import chain, count, islice
from random import Random
from typing import NamedTuple

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
# What a password may have where nothing around it ends it.
SIGNS = LETTERS + "!#%^*-_+~.@?"
NAMES = (
    *("password", "PASSWORD", "db_password", "dbPassword", "PGPASSWORD", "passwd"),
    *("DB_PASSWORD_PROD", "spring.datasource.password", "MYSQL_PWD", "smtp_pass"),
    *("secret", "client_secret", "clientSecret", "AWS_SECRET_ACCESS_KEY"),
    *("api_key", "apiKey", "x-api-key", "OPENAI_API_KEY", "WANDB_API_KEY", "apikey"),
    *("access_token", "GITHUB_TOKEN", "authToken", "HF_TOKEN", "refresh_token"),
    *("FOO_TOKEN", "MLFLOW_TRACKING_TOKEN", "_authToken", "passphrase", "secret_key"),
    *("private_key_id", "credential", "AccountKey", "encryption_key", "token", "auth"),
)


class Planted(NamedTuple):
    """A secret, and a text that holds it and is nothing unusual otherwise."""

    form: str
    secret: str
    text: str


def word(random: Random, letters: str, length: int) -> str:
    """Draw a word."""
    return "".join(random.choices(letters, k=length))


def drawn(random: Random, letters: str, length: int) -> str:
    """Draw a word with a small letter, a capital and a digit among others."""
    return f"{word(random, letters, length - 3)}{word(random, 'abc', 1)}X7"


def password(random: Random, letters: str = SIGNS) -> str:
    """Draw a password that no other one is a part of."""
    return f"{word(random, LETTERS, 1)}{drawn(random, letters, random.randint(11, 23))}"


def pem(random: Random, newline: str = "\n") -> str:
    """Draw the lines of a private key."""
    data = base64.b64encode(random.randbytes(300)).decode()
    return newline.join(data[at : at + 64] for at in range(0, len(data), 64))


def _jwt(random: Random) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().strip("=")
    return f"{head}.eyJ{word(random, LETTERS, 60)}.{word(random, LETTERS + '-_', 43)}"


# How the keys begin and go on; where there are many beginnings one is enough.
KEYS: dict[str, Callable[[Random], str]] = {
    "AWS": lambda r: r.choice(["AKIA", "ASIA"]) + word(r, string.ascii_uppercase, 16),
    "GitHub": lambda r: f"gh{r.choice('pousr')}_{word(r, LETTERS, 36)}",
    "GitHub, of one owner": lambda r: (
        f"github_pat_{word(r, LETTERS, 22)}_{word(r, LETTERS, 59)}"
    ),
    "GitLab": lambda r: f"glpat-{word(r, LETTERS + '-_', 20)}",
    "Slack": lambda r: (
        f"xox{r.choice('abp')}-{r.randrange(10**11)}-{drawn(r, LETTERS, 24)}"
    ),
    "OpenAI, Anthropic and others": lambda r: (
        r.choice(["sk-", "sk-proj-", "sk-ant-api03-"]) + drawn(r, LETTERS, 48)
    ),
    "Hugging Face": lambda r: f"hf_{word(r, string.ascii_letters, 34)}",
    "Google": lambda r: f"AIza{word(r, LETTERS + '-_', 35)}",
    "Google, OAuth": lambda r: r.choice(["ya29.", "GOCSPX-"]) + word(r, LETTERS, 28),
    "npm": lambda r: f"npm_{word(r, LETTERS, 36)}",
    "PyPI": lambda r: f"pypi-AgEIcHlwaS5vcmc{word(r, LETTERS + '-_', 80)}",
    "JSON Web Token": _jwt,
    "Neptune": lambda r: f"eyJhcGlfYWRkcmVzcyI6{word(r, LETTERS, 80)}",
    "Stripe": lambda r: r.choice(["sk_live_", "rk_test_"]) + word(r, LETTERS, 24),
    "SendGrid": lambda r: f"SG.{word(r, LETTERS, 22)}.{word(r, LETTERS, 43)}",
    "Mailgun": lambda r: f"key-{word(r, HEX, 32)}",
    "Shopify": lambda r: f"shpat_{word(r, HEX, 32)}",
    "Square": lambda r: f"sq0atp-{word(r, LETTERS, 22)}",
    "DigitalOcean": lambda r: f"dop_v1_{word(r, HEX, 64)}",
    "Databricks": lambda r: f"dapi{word(r, HEX, 32)}",
    "Docker Hub": lambda r: f"dckr_pat_{word(r, LETTERS, 27)}",
    "HashiCorp Vault": lambda r: f"hvs.{word(r, LETTERS, 24)}",
    "Terraform Cloud": lambda r: (
        f"{word(r, LETTERS, 14)}.atlasv1.{word(r, LETTERS, 67)}"
    ),
    "Grafana, New Relic, Sentry": lambda r: (
        f"glsa_{word(r, LETTERS, 32)}_{word(r, HEX, 8)}"
    ),
    "Groq, xAI, Perplexity": lambda r: f"gsk_{word(r, LETTERS, 52)}",
    "Replicate": lambda r: f"r8_{word(r, LETTERS, 37)}",
    "Weights & Biases": lambda r: f"wandb_v1_{word(r, LETTERS, 60)}",
    "Kaggle": lambda r: f"KGAT_{word(r, HEX, 32)}",
    "Notion": lambda r: f"secret_{word(r, LETTERS, 43)}",
    "Linear": lambda r: f"lin_api_{word(r, LETTERS, 40)}",
    "PlanetScale": lambda r: f"pscale_tkn_{word(r, LETTERS, 43)}",
    "Atlassian": lambda r: f"ATATT3{word(r, LETTERS, 180)}",
    "Doppler": lambda r: f"dp.pt.{word(r, LETTERS, 43)}",
    "RubyGems": lambda r: f"rubygems_{word(r, HEX, 48)}",
    "Pulumi": lambda r: f"pul-{word(r, HEX, 40)}",
    "Fly.io": lambda r: f"fm2_{word(r, LETTERS, 80)}",
    "Supabase": lambda r: f"sbp_{word(r, HEX, 40)}",
    "age": lambda r: f"AGE-SECRET-KEY-1{word(r, string.ascii_uppercase, 58)}",
    "Telegram": lambda r: f"{r.randrange(10**8, 10**10)}:AA{word(r, LETTERS, 33)}",
    "Azure client secret": lambda r: (
        f"{word(r, LETTERS, 3)}8Q~{word(r, LETTERS + '-_.~', 34)}"
    ),
}
# Where a key may stand; none of it says that there is one.
AROUND = (
    *("{}", "using {} now", 'x = "{}"', "got '{}', trying", "[{}]", "+    {}", "a={}"),
    *("GET https://example.org/{}", "2026-11-29 12:00:01 INFO client: {}", "<{}>"),
)
# The other forms: what goes around a password.
PLACES: dict[str, tuple[str, ...]] = {
    "user and password in a URL": (
        "postgresql://me:{}@db.example.org:5432/runs",
        "git+https://ada:{}@example.org/net.git@v1",
        "connecting to redis://:{}@cache:6379/0 failed",
        "amqp://me:ab/{}@host/x",
    ),
    "parameter of a URL": (
        "GET https://example.org/a?sig={}&se=2026",
        "https://bucket.s3.amazonaws.com/a?X-Amz-Date=1&X-Amz-Signature={}",
        "https://maps.example.org/?q=1&key={}",
    ),
    "header of a request": (
        "Authorization: Bearer {}",
        "'Authorization': 'Basic {}',",
        "> proxy-authorization: Token {}",
        "Cookie: session={}; theme=dark",
        "set-cookie: sid={}; Path=/",
    ),
    "bearer token": ("the bearer {} was refused",),
    "user and password of a command": (
        "+ curl -s -u me:{} https://example.org",
        "sshpass -p {} ssh host",
        "mysql -u root -p{} runs",
    ),
    "password of SQL": (
        "CREATE USER me IDENTIFIED BY '{}'",
        "ALTER ROLE me WITH PASSWORD '{}' LOGIN",
    ),
    "line of a .netrc": ("machine example.org login me password {}",),
    "incoming webhook": (
        "https://hooks.slack.com/services/T0/B0/{}",
        "POST https://discord.com/api/webhooks/123/{}",
    ),
}
# Where nothing ends a password but a quote, or the end of the line.
QUOTED = (
    '"{name}": "{}",',
    "'{name}': '{}', 'user': 'me'",
    "{name} = '{}'",
    '{name}: "{}"  # as ever',
    "Config({name}='{}', x=1)",
    'environ["{name}"] = "{}"',
    "    --{name} '{}' \\",
    '-    {name} = "{}"',
    'if {name} == "{}":',
)
UNQUOTED = (
    "{name}={}",
    "{name}: {}",
    "export {name}={}",
    "+{name} = {}",
    "a=1, {name}={}, b=2",
    "train --{name} {} --lr 0.1",
    "train --{name}={} --lr 0.1",
    "Server=host;{name}={};Database=runs",
    "https://example.org/x?{name}={}&page=2",
    "2026-11-29 12:00:01,123 WARNING client {name}={} was refused",
    "\x1b[36m{name}\x1b[0m=\x1b[35m{}\x1b[0m",
    "RuntimeError: no login ({name}={})",
    "- name: {name}\n  value: {}",
)


def planted(seed: int, number: int) -> Iterator[Planted]:
    """Draw ``number`` secrets over all forms."""
    random = Random(seed)  # noqa: S311 - nobody logs in with them
    rounds = (_round(random) for _ in count())
    yield from islice(chain.from_iterable(rounds), number)


def _round(random: Random) -> Iterator[Planted]:
    for name, key in KEYS.items():
        secret = key(random)
        yield Planted(name, secret, random.choice(AROUND).format(secret))
    for form, places in PLACES.items():
        for place in places:
            secret = password(random, LETTERS)
            yield Planted(form, secret, place.format(secret))
    yield from _keys_of_lines(random)
    for place in QUOTED + UNQUOTED:
        name = random.choice(NAMES)
        letters = SIGNS + ",;&()[]|=:/" if place in QUOTED else SIGNS
        secret = password(random, letters)
        yield Planted(
            "name", secret, place.replace("{name}", name).replace("{}", secret)
        )
    secret = password(random)
    twice = json.dumps(json.dumps({"user": "me", "password": secret}))
    yield Planted("name", secret, twice)


def _keys_of_lines(random: Random) -> Iterator[Planted]:
    for newline in ("\n", "\\n", "\n+ "):
        lines = pem(random, newline)
        kind = random.choice(["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
        text = (
            f"-----BEGIN {kind}PRIVATE KEY-----{newline}{lines}{newline}"
            f"-----END {kind}PRIVATE KEY-----"
        )
        for secret in lines.split(newline):
            if len(secret) == 64:
                yield Planted("private key", secret, text)
