"""Lines of ordinary configs, logs, diffs, tracebacks and helps, without any secret."""

import base64
import hashlib
import uuid
from collections.abc import Iterator
from random import Random

# By hand: what looks like a secret to a careless eye.
TRICKY = r"""
tokens=4096
tokenizer: bert
tokenizer=gpt2
max_tokens: 100
num_tokens: 1_000_000
tokens_per_second: 1234
tokens/sec=18234.2 tokens_seen=1048576
key: value
key=value
num_keys=3
primary_key=id
cache_key=3f2a9c81
sort_key: created_at
keys: [a, b, c]
author=Ada Lovelace
author: Ada <ada@example.org>
authentication failed
authentication_backend: ldap
auth: basic
auth_type=bearer
authorized: true
secretary: Bob
secret_santa: nobody knows
passes=3
passed=12 failed=0
first_pass: true
pass_rate=0.98
n_pass: 12
bypass=1
compass: north
password must not be empty
password: null
password: None
password: ""
password: ''
password=
password: ${DB_PASSWORD}
password=$DB_PASSWORD
password: <your password>
password: your-password-here
password: ***
password: ********
password: {{ vault_password }}
password: {password}
password=%(password)s
password: !vault |
password_min_length: 12
password_file: /run/secrets/db
use_password: false
Invalid password: must have at least 8 characters
wrong password for user 'ada'
error: password is required
pad_token: "<pad>"
eos_token: "</s>"
eos_token='<|endoftext|>'
bos_token_id: 1
eos_token_id=50256
unk_token: "[UNK]"
mask_token: "[MASK]"
cls_token_position: 0
"next_token": "the"
next_token=hello
image_token: "<image>"
time_to_first_token: 0.123
latency_per_token: 12.3ms
special_tokens_map.json
added_tokens.json
token 5 of 10
token: 17
token=0.25
token: hello
--max-tokens 100
--max-new-tokens=256
--tokenizer bert-base-uncased
--token TOKEN           the token to log in with
--password PASSWORD     the password to log in with
--api-key KEY           your key
  -p, --password TEXT  Password of the database.
[--token TOKEN] [--password PASSWORD]
use --password to set the password
--password is required with --user
def get_token(self):
def login(user: str, password: str = None) -> None:
def __init__(self, token: Optional[str] = None, api_key: str | None = None):
    self.token = token
    self._password = password
    self.api_key = api_key
    token = get_token()
    password = getpass.getpass("Password: ")
    token = os.environ["HF_TOKEN"]
    api_key=os.environ.get("OPENAI_API_KEY"),
    client.login(user=user, password=password)
    return Client(token=self.token, secret=self.secret)
    secret = config["secret"]
    token = tokens[0] if tokens else None
    if token is None:
    if not password:
    assert token == expected
    for key, value in items.items():
    key = lambda pair: pair[1]
    token: str
    password: SecretStr
    api_key: Optional[SecretStr] = Field(default=None)
    key_padding_mask=None,
    attention: key=128 value=128 query=128
    raise ValueError("password must not be empty")
KeyError: 'password'
TypeError: login() missing 1 required keyword-only argument: 'token'
ModuleNotFoundError: No module named 'secrets'
import secrets
from getpass import getpass
PWD=/home/ada/project
OLDPWD=/home/ada
SSH_AUTH_SOCK=/tmp/ssh-XXXX/agent.12
XAUTHORITY=/home/ada/.Xauthority
GOOGLE_APPLICATION_CREDENTIALS=/home/ada/key.json
AWS_SHARED_CREDENTIALS_FILE=/home/ada/.aws/credentials
credentials: /home/ada/key.json
private_key: ~/.ssh/id_rsa
ssh-keygen -t ed25519 -f key
keyboard: us
monkey=1
turkey: 3
hotkey=ctrl+s
ssh://git@github.com/ada/net.git
git+https://github.com/ada/net@v1.2
git@github.com:ada/net.git
http://localhost:8080/a/@b/c
https://pypi.org/simple/
https://example.org/a?page=2&sort=asc&key=name
https://example.org/search?q=token&lang=en
s3://bucket/runs/2026-11-29/model.pt
gs://bucket/a/b/c
file:///home/ada/a.txt
postgresql://localhost:5432/runs
redis://localhost:6379/0
mailto:ada@example.org
arn:aws:secretsmanager:eu-west-1:123456789012:secret:runs
arn:aws:iam::123456789012:role/trainer
task-0123456789abcdef0123456789
sk-learn
class="sk-toggleable__label sk-toggleable__label-arrow"
risk-adjusted-return-of-the-portfolio-2026
hf_hub_download(repo_id="gpt2")
npm_config_registry=https://registry.npmjs.org
pypi-server==2.0.1
xai-explain==0.1
glpat
ghp_
cookie: true
Cookie policy
cookies=3
session: 12
signature: (x, y)
sig: 0.05
"auth": {"user": "ada"},
"credentials": {
secrets:
  - name: regcred
secretName: tls
imagePullSecrets: []
tokenReview: null
Bearer of bad news
bearer authentication is used
Basic usage:
basic: 1
-----BEGIN CERTIFICATE-----
-----END CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
a private key must begin with its dashes
curl https://example.org/a.tar.gz -o a.tar.gz
mysql -u root runs
login as ada
IDENTIFIED BY the serial number
pw: 0.5
pw=3
pwd
pass
pass: 3
secret: false
license: MIT
passphrase: null
connection: keep-alive
connection_timeout=30
""".strip().splitlines()
_WORDS = (
    *("loss", "accuracy", "model", "layer", "data", "batch", "epoch", "token", "key"),
    *("value", "author", "train", "valid", "hidden", "size", "rate", "path", "name"),
    *(
        "user",
        "host",
        "port",
        "seed",
        "device",
        "step",
        "pass",
        "table",
        "auth",
        "state",
    ),
)
_TEMPLATES = (
    "{time} INFO {word}.{word}: epoch {n} step {n} loss={f} lr={f} tokens={n}",
    "{time} WARNING [{word}] {word} {n} took {f}s, retrying in {n}s",
    "{time},{n} - {word} - DEBUG - GET /{word}/{n}?{word}={n} 200 {n}ms",
    "Epoch {n}: 100%|██████████| {n}/{n} [00:{n}<00:00, {f}it/s, loss={f}, acc={f}]",
    "step={n} tokens_per_sec={f} mfu={f} grad_norm={f} key_loss={f}",
    "{word}: {n}",
    "{word}_{word}: {f}",
    "  {word}_{word}: {word}",
    "{word} = {f}",
    '"{word}_{word}": {n},',
    '  "{word}": "{word}-{n}",',
    '{{"{word}": {f}, "{word}_{word}": "{word}", "id": "{uuid}"}}',
    "--{word}-{word} {n} --{word} {word}",
    "python train.py --{word}={n} --{word}-{word} {word}",
    "  --{word}-{word} {WORD}    the {word} of the {word} (default: {n})",
    "export {WORD}_{WORD}={n}",
    "{WORD}_{WORD}=/{word}/{word}",
    "{word}-{word}=={n}.{n}.{n}",
    "{word}=={n}.{n}.{n} --hash=sha256:{sha}",
    "commit {sha1}",
    "index {sha1}..{sha1} 100644",
    "diff --git a/{word}/{word}.py b/{word}/{word}.py",
    "@@ -{n},{n} +{n},{n} @@ def {word}_{word}(self, {word}: int = {n}) -> None:",
    "+    {word} = self.{word}({word}={word}, {word}_{word}={n})",
    "-    {word}_{word} = {word}[{n}]",
    '  File "/home/ada/{word}/{word}.py", line {n}, in {word}_{word}',
    "    return self.{word}.{word}({word}, {word}={f})",
    "ValueError: {word} {n} is not in [{n}, {n}]",
    "RuntimeError: size mismatch for {word}.{n}.{word}.weight: {n} != {n}",
    "{word}.{n}.self_attn.{word}_proj.weight torch.Size([{n}, {n}])",
    "sha256:{sha}  {word}.bin",
    "{md5}  {word}/{word}.txt",
    "run {uuid} of {word} began",
    "data:image/png;base64,{b64}",
    "    {b64}",
    "s3://{word}-{n}/{word}/{uuid}/{word}.pt",
    "https://example.org/{word}/{n}/{sha1}?{word}={n}&page={n}#{word}",
    "[{word}]",
    "{word}: [{n}, {n}, {n}]",
    "{word}: {{{word}: {n}, {word}_{word}: {f}}}",
    "# {word} {word} of the {word}",
    "The {word} {word} of {n} {word}s is {f} {word}.",
    "tensor([{f}, {f}, {f}], device='cuda:{n}')",
    "GPU {n}: {f} GiB of {n} GiB, {n} % {word}",
)


def ordinary(seed: int, number: int) -> Iterator[str]:
    """Give ``number`` lines: those by hand once, and others drawn at random."""
    yield from TRICKY
    random = Random(seed)  # noqa: S311 - lines, not keys
    for _ in range(number - len(TRICKY)):
        yield _filled(random.choice(_TEMPLATES), random)


def _filled(template: str, random: Random) -> str:
    text = template
    for blank in (
        "time",
        "word",
        "WORD",
        "n",
        "f",
        "sha",
        "sha1",
        "md5",
        "uuid",
        "b64",
    ):
        while f"{{{blank}}}" in text:
            text = text.replace(f"{{{blank}}}", _blank(blank, random), 1)
    return text.replace("{{", "{").replace("}}", "}")


def _blank(blank: str, random: Random) -> str:
    data = random.randbytes(48)
    made = {
        "time": f"2026-11-{random.randint(1, 30):02} 12:{random.randint(0, 59):02}:01",
        "word": random.choice(_WORDS),
        "WORD": random.choice(_WORDS).upper(),
        "n": str(random.randint(0, 10 ** random.randint(1, 6))),
        "f": f"{random.lognormvariate(0, 3):.5g}",
        "sha": hashlib.sha256(data).hexdigest(),
        "sha1": hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "uuid": str(uuid.UUID(bytes=data[:16])),
        "b64": base64.b64encode(data).decode(),
    }
    return made[blank]
