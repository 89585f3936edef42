"""Secrets are known by what they look like, and nothing else is taken for one."""

import pytest

from tracker_core.redaction import hide_secrets


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
