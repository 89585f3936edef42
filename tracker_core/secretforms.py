r"""What secrets look like, wherever they stand: keys that begin alike, URLs, headers.

Each form is a row of :data:`FORMS`. Names with values beside them are no row, since no
pattern can tell ``token=a1b2c3d4`` from ``tokens=4096``: see
:mod:`tracker_core.secretnames`.

Every pattern takes time that grows with the length of a text and no faster: what it
repeats is bounded, or is possessive and starts only where such a run starts.
"""

from typing import NamedTuple

__all__ = ["FORMS", "SecretForm"]


class SecretForm(NamedTuple):
    """One way in which a secret shows.

    Args:
        name: What the form is called.
        looks: What it looks like, for people, in Markdown.
        hints: In small letters; a text that has none of them does not hold the form, so
            that a plain text costs a search for words alone.
        is_key: Whether it is one long word, and the hints are in its beginning.
        pattern: The form as :mod:`re` has it. The groups ``secret``, ``secret2`` become
            stars; where there are none, the whole match.
    """

    name: str
    looks: str
    hints: tuple[str, ...]
    pattern: str
    is_key: bool = False


# Not inside a longer word.
_START, _END = r"(?<!\w)", r"(?![\w+/=])"


def _key(name: str, *starts: str, rest: str) -> SecretForm:
    """Return a form of keys that all begin alike."""
    looks = ", ".join(f"`{start}…`" for start in starts)
    begun = "|".join(start.replace(".", r"\.") for start in starts)
    hints = tuple(start.lower() for start in starts)
    return SecretForm(name, looks, hints, f"{_START}(?:{begun}){rest}", is_key=True)


FORMS = (
    # In URLs, headers and commands
    SecretForm(
        "user and password in a URL",
        "`postgresql://me:…@host`, `https://…@host` where the name looks like a token",
        ("://",),
        r"(?<=://)(?:"
        # A slash or an @ in it may stand as it is, but a port is no password.
        r"(?P<secret>[^\s/\"'<>@:{}$]{0,256}:"
        r"(?:[^\s/\"'<>]{1,512}|(?!\d{1,5}/)[^\s\"'<>]{1,512}))@"
        r"|(?P<secret2>(?=[a-zA-Z_.-]{0,512}\d)[\w.~%+-]{16,512})@)",
    ),
    SecretForm(
        "parameter of a URL",
        "`?sig=…`, `&X-Amz-Signature=…`, `?key=…`, and names as below",
        ("sig", "x-amz-", "x-goog-", "awsaccesskeyid", "key=", "code=", "ticket="),
        r"[?&;](?i:(?:x-(?:amz|goog)-(?:signature|credential|security-token)"
        r"|sig|signature|awsaccesskeyid|key|code|ticket)"
        r"=)(?P<secret>(?=[A-Za-z%/._~+-]{0,512}\d)[\w%.~+/=-]{8,})",
    ),
    SecretForm(
        "header of a request",
        "`Authorization: Bearer …`, `Proxy-Authorization: Basic …`, `Cookie: …`, "
        "`Set-Cookie: …`",
        ("authorization", "cookie"),
        r"(?i:(?<!\w)(?:(?:proxy-|x-)?authorization|(?:set-)?cookie)"
        r"(?:\\{0,3}[\"'])?[ \t]{0,8}(?::|=>?|,)[ \t]{0,8}(?:\\{0,3}b?[\"'])?)"
        r"(?P<secret>(?i:(?:bearer|basic|token|digest|negotiate|apikey|aws4-hmac-sha256)"
        r"[ \t]{1,4}[^\s\"'\\]{4}[^\r\n\"'\\\x1b]{0,4096}"
        r"|(?<=cookie:)[ \t]{0,8}[^\s=;\"']{1,200}=[^\r\n\"'\x1b]{1,4096}"
        r"|(?<=cookie: )[^\s=;\"']{1,200}=[^\r\n\"'\x1b]{1,4096}"
        r"|(?<=cookie['\"]: ['\"])[^\s=;\"']{1,200}=[^\r\n\"'\x1b]{1,4096}))",
    ),
    SecretForm(
        "bearer token",
        "`Bearer …`",
        ("bearer",),
        r"(?<!\w)(?i:bearer)[ \t]{1,4}"
        r"(?P<secret>(?=[A-Za-z._~+/-]{0,512}\d)[\w.~+/-]{12,}=*)",
    ),
    SecretForm(
        "user and password of a command",
        "`curl -u me:…`, `sshpass -p …`, `mysql -p…`",
        ("curl", "sshpass", "mysql", "mariadb"),
        r"(?<!\w)(?:curl\b[^\r\n]{0,400}?[ \t](?:-u|--user)[ =]{0,2}[\"']?"
        r"[^\s:\"']{1,200}:"
        r"|sshpass[ \t]{1,4}-p[ \t]{0,4}[\"']?"
        r"|(?:mysql\w{0,16}|mariadb)\b[^\r\n]{0,400}?[ \t]-p)"
        r"(?P<secret>[^\s\"']{1,512})",
    ),
    SecretForm(
        "password of SQL",
        "`IDENTIFIED BY '…'`, `WITH PASSWORD '…'`",
        ("identified", "password"),
        r"(?i:\b(?:identified[ \t]{1,4}(?:with[ \t]{1,4}\S{1,64}[ \t]{1,4})?by"
        r"|(?:with|encrypted|set|role|user)[ \t]{1,4}password)[ \t]{1,4})"
        r"'(?P<secret>[^'\r\n]{1,512})'",
    ),
    SecretForm(
        "line of a .netrc",
        "`machine host login me password …`",
        ("login",),
        r"(?i:\blogin[ \t]{1,4}\S{1,200}[\s+-]{1,8}password[ \t]{1,4})"
        r"(?P<secret>\S{1,512})",
    ),
    SecretForm(
        "incoming webhook",
        "`https://hooks.slack.com/services/…`, `https://discord.com/api/webhooks/…`, "
        "`https://….webhook.office.com/…`",
        ("hooks.slack", "/webhooks/", "webhook.office"),
        r"(?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/"
        r"|discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/"
        r"|\.webhook\.office\.com/webhookb2/)(?P<secret>[\w/@.+-]{8,})",
    ),
    # Keys that say what they are
    _key("AWS", "AKIA", "ASIA", "ABIA", "ACCA", rest=rf"[A-Z0-9]{{16}}{_END}"),
    _key("GitHub", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", rest=r"[A-Za-z0-9]{20,}"),
    _key("GitHub, of one owner", "github_pat_", rest=r"\w{20,}"),
    _key(
        "GitLab",
        *("glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-"),
        *("gloas-", "glagent-", "glimt-", "glffct-"),
        rest=r"[\w.-]{16,}",
    ),
    _key(
        "Slack",
        *("xoxa-", "xoxb-", "xoxp-", "xoxe-", "xoxo-", "xoxr-", "xoxs-", "xapp-"),
        rest=r"[A-Za-z0-9-]{10,}",
    ),
    _key(
        "OpenAI, Anthropic and others",
        "sk-",
        rest=r"(?=[\w-]{0,60}\d)(?=[\w-]{0,60}[A-Z])[\w-]{20,}",
    ),
    _key("Hugging Face", "hf_", "api_org_", rest=r"[A-Za-z0-9]{30,}"),
    _key("Google", "AIza", rest=r"[\w-]{35}"),
    _key("Google, OAuth", "ya29.", "GOCSPX-", rest=r"[\w-]{20,}"),
    _key("npm", "npm_", rest=r"[A-Za-z0-9]{30,}"),
    _key("PyPI", "pypi-AgE", rest=r"[\w-]{40,}"),
    SecretForm(
        "JSON Web Token",
        "`eyJ….….…`",
        ("eyj",),
        r"(?<!\w)eyJ[\w-]{8,2048}+(?:\.[\w-]{0,8192}+){1,4}",
    ),
    _key("Neptune", "eyJhcGlf", rest=r"[\w+/=]{20,}"),
    _key(
        "Stripe",
        *("sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"),
        rest=r"[A-Za-z0-9+/=]{10,}",
    ),
    _key("SendGrid", "SG.", rest=r"[\w-]{16,}\.[\w-]{32,}"),
    _key("Mailgun", "key-", rest=rf"[0-9a-z]{{32}}{_END}"),
    _key("Shopify", "shpat_", "shpca_", "shppa_", "shpss_", rest=r"[a-fA-F0-9]{32}"),
    _key("Square", "sq0atp-", "sq0csp-", rest=r"[\w-]{20,}"),
    _key("DigitalOcean", "dop_v1_", "doo_v1_", "dor_v1_", rest=r"[a-f0-9]{40,}"),
    _key("Databricks", "dapi", rest=rf"[a-f0-9]{{32}}(?:-\d)?{_END}"),
    _key("Docker Hub", "dckr_pat_", "dckr_oat_", rest=r"[\w-]{20,}"),
    _key("HashiCorp Vault", "hvs.", "hvb.", "hvr.", rest=r"[\w-]{20,}"),
    SecretForm(
        "Terraform Cloud",
        "`….atlasv1.…`",
        (".atlasv1.",),
        r"(?<!\w)[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}",
    ),
    _key(
        "Grafana, New Relic, Sentry",
        *("glsa_", "glc_", "NRAK-", "NRII-", "sntrys_", "sntryu_"),
        rest=r"[\w+/=-]{20,}",
    ),
    _key("Groq, xAI, Perplexity", "gsk_", "xai-", "pplx-", rest=r"[A-Za-z0-9]{30,}"),
    _key("Replicate", "r8_", rest=r"[A-Za-z0-9]{30,}"),
    _key("Weights & Biases", "wandb_v1_", rest=r"[A-Za-z0-9_]{40,}"),
    _key("Kaggle", "KGAT_", rest=r"[A-Za-z0-9]{20,}"),
    _key("Notion", "secret_", "ntn_", rest=rf"[A-Za-z0-9]{{40,}}{_END}"),
    _key("Linear", "lin_api_", "lin_oauth_", rest=r"[A-Za-z0-9]{30,}"),
    _key(
        "PlanetScale", "pscale_tkn_", "pscale_pw_", "pscale_oauth_", rest=r"[\w.-]{20,}"
    ),
    _key("Atlassian", "ATATT3", "ATCTT3", rest=r"[\w=-]{40,}"),
    _key("Doppler", "dp.pt.", "dp.st.", "dp.ct.", rest=r"[\w.]{30,}"),
    _key("RubyGems", "rubygems_", rest=r"[a-f0-9]{40,}"),
    _key("Pulumi", "pul-", rest=rf"[a-f0-9]{{40}}{_END}"),
    _key("Fly.io", "fm2_", "fo1_", rest=r"[\w+/=-]{40,}"),
    _key("Supabase", "sbp_", rest=r"[a-f0-9]{40}"),
    _key("age", "AGE-SECRET-KEY-1", rest=r"[A-Z0-9]{50,}"),
    SecretForm(
        "Telegram",
        "`123456789:AA…`",
        (":aa",),
        r"(?<!\d)\d{8,10}:AA[\w-]{32,}",
    ),
    SecretForm(
        "Azure client secret",
        "`…8Q~…`",
        ("q~",),
        r"(?<![\w~.])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])",
    ),
)
"""All forms but those of names with values, in the order in which they are hidden."""
