"""Secrets are known by what they look like, and nothing else is taken for one."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.ordinary import ordinary
from tests.core.planting import KEYS, PLACES, planted
from tracker_core.redaction import hide_secrets
from tracker_core.secretforms import FORMS

# What the walk looks for, in pieces: joined at random they make its hardest texts.
PIECES = (
    *("password", "token", "secret", "api_key", "auth", "connection_string", "value"),
    *("--", "=", ": ", ":", '"', "'", '\\"', "\\", '"""', "\n", " ", "***", "name="),
    *("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "://", "@", "a:b"),
    *("Authorization", "Bearer ", "Basic ", "Cookie: ", "?", "&", "sig=", "curl -u "),
    *("login a password ", "PASSWORD '", "A1b2C3d4E5f6", "ghp_", "eyJ", "hunter2"),
    *("0123456789abcdefABCDEF", ".", ",", ";", "(", ")", "[", "]", "{", "}", "<", ">"),
    *("\x1b[0m", "$", "%s", "x", "1", "sk-", "export ", "+", "/", "İ", "ß", "pass"),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=14)
# Repeated without end, each makes the most work of some pattern.
HARD = (
    *("a", "A", "-a", "--a ", "a.", "=", "\\", "[", "\n", "token", "token:", "token="),
    *(
        "token: ",
        "token ",
        "--token ",
        'token="',
        "token='''a",
        'password=\\"',
        "pwpass",
    ),
    *('password:"""', '"token": {', "x=1,token=", "Password=a;", "token\x1b[0m"),
    *("-----BEGIN PRIVATE KEY-----", f"-----BEGIN PRIVATE KEY-----\n{'A' * 32}"),
    *("eyJ", "eyJaaaaaaaaaa.", "://", "://a:", "curl ", "curl -u ", "mysql ", "login "),
    *(
        "login a password",
        "Authorization: ",
        "Cookie: ",
        "Cookie: a=",
        "bearer ",
        "sk-",
    ),
    *("name=token ", "?sig=", "&key=", "1234567890:AA", "AAA8Q~", "with password 'a"),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=hunter2", "password=***"),
        ("  PASSWORD : hunter2 ", "  PASSWORD : *** "),
        ('{"a": 1, "password": "hun\\"ter2"}', '{"a": 1, "password": "***"}'),
        (r"{\"password\": \"hunter2\"}", r"{\"password\": \"***\"}"),
        ("Config(password='hunter2', x=1)", "Config(password='***', x=1)"),
        ("--password hunter2 --epochs 3", "--password *** --epochs 3"),
        ("['--password', 'hunter2']", "['--password', '***']"),
        ("--token=hunter2abc", "--token=***"),
        ("password=mY_q^qy!*4bcX7", "password=***"),
        ("password=..hunter2", "password=***"),
        ("secret_key: '/Xk29sjJwPq'", "secret_key: '***'"),
        ("FOO_API_KEY=hunter2 run", "FOO_API_KEY=*** run"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=*** psql"),
        ("Server=a;Password=hun,ter2;User=b", "Server=a;Password=***;User=b"),
        ("AccountKey=ab+/c1==;Suffix=x", "AccountKey=***;Suffix=x"),
        ("password: correct horse battery", "password: ***"),
        ("token: a1b2c3d4e5f6,", "token: ***,"),
        ('"auth": "dXNlcjpwYXNzd29yZA=="', '"auth": "***"'),
        ("<password>hunter2</password>", "<password>***</password>"),
        ("name: DB_PASSWORD\n  value: hunter2", "name: DB_PASSWORD\n  value: ***"),
        ('environ["DB_PASSWORD"] = "hunter2"', 'environ["DB_PASSWORD"] = "***"'),
        (
            "\x1b[3mpassword\x1b[0m=\x1b[35mhun\x1b[0m",
            "\x1b[3mpassword\x1b[0m=\x1b[35m***\x1b[0m",
        ),
        ("postgresql://me:hunter2@host/db", "postgresql://***@host/db"),
        ("https://me:hun/ter2@host/x", "https://***@host/x"),
        ("https://h/x?token=hunter2abc&x=1", "https://h/x?token=***&x=1"),
        ("https://h/x?sig=ab%2Fcd12345&x=1", "https://h/x?sig=***&x=1"),
        ("Authorization: Bearer abcdefgh", "Authorization: ***"),
        ("'Authorization': 'Basic dXNlcjp'", "'Authorization': '***'"),
        ("Cookie: a=b; c=d", "Cookie: ***"),
        ("curl -u me:hunter2 https://x", "curl -u me:*** https://x"),
        ("machine x login me password hunter2", "machine x login me password ***"),
        ("CREATE USER x WITH PASSWORD 'hunter2'", "CREATE USER x WITH PASSWORD '***'"),
    ],
)
def test_hide_secrets_puts_stars_in_place_of_a_secret(text: str, shown: str) -> None:
    """What stands around the secret stays, so that one sees what there was."""
    assert hide_secrets(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("tokens=4096", "tokenizer: bert", "max_tokens: 100", "key=value"),
        *("num_keys=3", "a secret_santa: of ours", "password: null", "password=***"),
        *("password=", 'password: ""', "password: ${PASSWORD}", "password=%(word)s"),
        *("tokens_per_second: 1234", "authentication failed", "secretary: x"),
        *("password must not be empty", 'pad_token: "<pad>"', "eos_token_id=50256"),
        *("--max-tokens 100", "bypass=1", "compass: north", "def get_token(self):"),
        *("login(user=user, password=password)", "token = get_token()", "author=me"),
        *("--password PASSWORD  for the login", "use --password to set it"),
        *("wrong password: must have 8 letters", "token: Optional[str] = None"),
        *("PWD=/home/me", "next_token: 'hello'", "ssh://git@github.com/x/y"),
        *(
            "http://localhost:8080/a/@b/c",
            "CREDENTIALS=/home/me/key.json",
            "auth=basic",
        ),
    ],
)
def test_hide_secrets_changes_nothing_else(text: str) -> None:
    """Settings, code, sentences and places are shown as they are."""
    assert hide_secrets(text) == text


def test_hide_secrets_finds_secrets_of_every_form() -> None:
    """Of thousands, drawn at random, not even seven letters of one are left."""
    left = [
        one
        for one in planted(seed=1, number=3000)
        if set(_parts(one.secret)) & set(_parts(hide_secrets(one.text)))
    ]

    assert left == []


@pytest.mark.parametrize("prefix", ["+", "-", "    ", "# "])
def test_hide_secrets_finds_secrets_behind_the_signs_of_a_diff(prefix: str) -> None:
    """And in indented texts and remarks, all lines at once."""
    ones = [one for one in planted(seed=3, number=500) if one.form != "private key"]
    lines = [line for one in ones for line in one.text.split("\n")]

    shown = hide_secrets("\n".join(f"{prefix}{line}" for line in lines))

    assert [one for one in ones if one.secret in shown] == []


def test_secrets_are_planted_in_every_form() -> None:
    """So the test above tries all that there are."""
    assert {*KEYS, *PLACES} == {form.name for form in FORMS}


def test_hide_secrets_leaves_ordinary_lines_alone() -> None:
    """Of twenty thousand fewer than one in a thousand changes."""
    lines = list(ordinary(seed=1, number=20_000))

    changed = [line for line in lines if hide_secrets(line) != line]

    print(f"{len(changed)} of {len(lines)} lines: {len(changed) / len(lines):.3%}")  # noqa: T201 - the figure
    assert len(changed) < len(lines) / 1000, changed


def test_hide_secrets_hides_in_a_text_as_in_its_lines() -> None:
    """What stands in other lines changes nothing."""
    lines = [line for line in ordinary(seed=2, number=500) if "value" not in line]
    lines += [one.text for one in planted(seed=2, number=300)]

    shown = hide_secrets("\n".join(lines))

    assert shown == "\n".join(map(hide_secrets, lines))


@given(TEXTS.map("".join))
@example("-----BEGIN PRIVATE KEY-----")
def test_hide_secrets_changes_nothing_more_when_it_is_done_again(text: str) -> None:
    """Whatever the text; and it never fails."""
    shown = hide_secrets(text)

    assert hide_secrets(shown) == shown


@pytest.mark.parametrize("piece", HARD)
def test_hide_secrets_takes_time_as_the_text_is_long(piece: str) -> None:
    """A text sixteen times as long is far from 256 times the work."""
    short, long = (min(_work(piece * (size // len(piece)))) for size in (4000, 64_000))

    assert long < 64 * short


def _parts(text: str) -> list[str]:
    return [text[at : at + 7] for at in range(len(text) - 6)]


def _work(text: str) -> list[float]:
    """Give the processor time of two tries, which no other program lengthens."""
    found = []
    for _ in range(2):
        began = time.process_time()
        hide_secrets(text)
        found.append(time.process_time() - began)
    return found
