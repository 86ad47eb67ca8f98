"""The redaction matrix: secrets in every form, put into every channel.

Each cell has a secret of its own, so that a leak anywhere in the stored bytes tells which
cell it came from.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]
# A word of the spec's redaction.keys anywhere in a key, in any case and joint.
WRITTEN_KEYS = (
    "apiKey", "APIKEY", "API-KEY", "api.key", "x-api-key", "db.password", "db.password.old",
    "passwordHash", "tokenValue", "session.token.value", "AWS_SECRET_ACCESS_KEY", "userPassword",
    "smtp-auth", "http.request.header.authorization", "http.response.header.set-cookie",
    "PRIVATE_KEY_PEM", "clientSecret1", "kafka.sasl.credentials", "azure.account-key",
)  # fmt: skip
KEYS = ("api_key", "password", "secret", "token", "credit_card", "ssn", "email")


@dataclass(frozen=True)
class Secret:
    """A secret in one form.

    kind: what it is. text: what is written. hidden: what must not be stored.
    """

    kind: str
    text: str
    hidden: str


def luhn(digits: str) -> str:
    """Return the digits with the check digit of ISO/IEC 7812-1 behind them."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if index % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return digits + str(-total % 10)


def keyed(number: int) -> Iterator[Secret]:
    """Yield every key in every form in which a text can carry it."""
    for key in KEYS:
        for form, template in _FORMS.items():
            hidden = f"hunter{number}x{form}"
            yield Secret(f"{key}-{form}", template(key, hidden), hidden)


def standing(number: int) -> Iterator[Secret]:
    """Yield secrets that are known by their look alone, inside every kind of text."""
    serial = f"{number:09d}"
    visa, amex = luhn("411111" + serial), luhn("37" + f"{number:012d}")
    spaced = " ".join(visa[i : i + 4] for i in range(0, 16, 4))
    looks = {
        "bearer": (f"Bearer abc{serial}", f"abc{serial}"),
        "header": (f"Authorization: Bearer abd{serial}", f"abd{serial}"),
        "basic": (f"Authorization: Basic dXNlcjp{serial}==", f"dXNlcjp{serial}"),
        "card": (visa, visa),
        "card-spaces": (spaced, spaced),
        "card-dashes": (spaced.replace(" ", "-"), spaced.replace(" ", "-")),
        "mastercard": (luhn("555555" + serial), luhn("555555" + serial)),
        "amex": (f"{amex[:4]} {amex[4:10]} {amex[10:]}", amex[4:10] + " " + amex[10:]),
        "ssn": (f"{number % 900 + 100}-12-{number % 10_000:04d}",) * 2,
        "email": (f"jane.doe+{number}@mail.example.com",) * 2,
        "vendor-key": (f"sk-proj-{serial}abcdef",) * 2,
        "userinfo": (f"redis://user:pw{serial}@localhost:6379/0", f"pw{serial}"),
        "jwt": (f"eyJhbGciOiJI{serial}.eyJzdWIi{serial}.sig{serial}", f"eyJzdWIi{serial}"),
    }
    looks |= _signed_urls(serial) | _headers(serial)
    for kind, (text, hidden) in looks.items():
        yield Secret(f"look {kind}-prose", f"failed for {text} again", hidden)
        yield Secret(f"look {kind}-json", json.dumps({"note": text, "n": 1}), hidden)
        yield Secret(f"look {kind}-exception", f"ValueError('{text}')", hidden)
        if kind not in _COMMANDS:
            encoded = f"https://h.example/p?q={quote(text)}&n=1"
            yield Secret(f"look {kind}-query", encoded, quote(hidden))


def _signed_urls(serial: str) -> dict[str, tuple[str, str]]:
    """Return URLs that are secrets until they expire, of every large cloud."""
    sig = f"5e{serial}af"
    parameters = {
        "aws": f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={sig}&x-id=GetObject",
        "aws-session": f"X-Amz-Security-Token={sig}%2F%2F&X-Amz-Date=20261126T000000Z",
        "aws-v2": f"AWSAccessKeyId=x&Expires=1795476188&Signature={sig}%3D",
        "google": f"X-Goog-Expires=900&X-Goog-Signature={sig}",
        "azure": f"sv=2022-11-02&se=2026-11-26T00%3A00%3A00Z&sr=b&sp=r&sig={sig}%3D",
        "cloudfront": f"Expires=1795476188&Signature={sig}__&Key-Pair-Id=K2",
        "cloudfront-policy": f"Policy={sig}__&Key-Pair-Id=K2",
        "alibaba": f"OSSAccessKeyId=x&Expires=1&Signature={sig}",
        "tencent": f"q-sign-algorithm=sha1&q-signature={sig}",
        "openstack": f"temp_url_sig={sig}&temp_url_expires=1",
        "akamai": f"hdnea=exp%3D1~acl%3D*~hmac%3D{sig}",
    }
    urls = {f"signed-{k}": (f"https://b.example/k?{p}", sig) for k, p in parameters.items()}
    path = f"https://objectstorage.example.com/p/{sig}{'Ab0_' * 8}/n/x/b/y/o/z"
    return {**urls, "signed-oracle": (path, sig)}


def _headers(serial: str) -> dict[str, tuple[str, str]]:
    """Return headers whose value has several parts."""
    return {
        "cookies": (f"Cookie: theme=dark; sid=c{serial}", f"c{serial}"),
        "digest": (f"Authorization: Digest username=u, response=d{serial}", f"d{serial}"),
        "sigv4": (
            f"Authorization: AWS4-HMAC-SHA256 Credential=x/s3, Signature=a{serial}",
            f"a{serial}",
        ),
        "token": (f"Authorization: Token t{serial}", f"t{serial}"),
        "netrc": (f"machine h.example login jane password n{serial}", f"n{serial}"),
        "env-pass": (f"SMTP_PASS=p{serial} run", f"p{serial}"),
        "telegram": (
            f"https://api.telegram.org/bot{serial}:AAabcdefghijklmnopq_{serial}/getMe",
            f"AAabcdefghijklmnopq_{serial}",
        ),
        "mysql": (f"mysql -h db -u root -pm{serial} shop", f"m{serial}"),
        "mysqldump": (f'mysqldump --all -p"m{serial}x"', f"m{serial}x"),
        "sshpass": (f"sshpass -p s{serial} ssh h.example", f"s{serial}"),
        "oracle": (f"jdbc:oracle:thin:scott/o{serial}@db.example:1521/x", f"o{serial}"),
        "curl": (f"curl -s -u jane:u{serial} https://h.example", f"u{serial}"),
    }


_FORMS: dict[str, Callable[[str, str], str]] = {
    "json": lambda k, v: json.dumps({"a": 1, k: v, "z": "end"}),
    "json-spaces": lambda k, v: f'{{ "{k}" : "{v} with spaces, commas" }}',
    "json-in-json": lambda k, v: json.dumps({"body": json.dumps({k: v, "z": 1})}),
    "json-quotes": lambda k, v: json.dumps({k: f'pre"{v}', "z": 1}),
    "json-list": lambda k, v: json.dumps({k: ["first", v]}),
    "json-object": lambda k, v: json.dumps({k: {"current": v}}),
    "json-cut": lambda k, v: f'{{"{k}": "{v}',
    "repr": lambda k, v: repr({k: v, "z": 1}),
    "query": lambda k, v: f"https://h.example/p?a=1&{k}={v}&z=2",
    "query-encoded": lambda k, v: f"/p?next=%2Fq%3F{k}%3D{v}",
    "form": lambda k, v: f"{k}={v}",
    "exception": lambda k, v: f"ValueError: login failed ({k}={v}) for user 7",
    "colon": lambda k, v: f"login failed, {k}: {v}",
    "camel": lambda k, v: json.dumps({"user" + "".join(w.title() for w in k.split("_")): v}),
    "header": lambda k, v: f"X-{k.replace('_', '-').title()}: {v}",
    "upper": lambda k, v: f"{k.upper()}='{v}'",
    "prefixed": lambda k, v: f"my_{k}={v}",
    "xml": lambda k, v: f"<{k}>{v}</{k}>",
    "xml-attribute": lambda k, v: f'<add key="{k}" value="{v}" />',
    "xml-pair": lambda k, v: f"<entry name='{k}' value='{v}'/>",
    "html": lambda k, v: f"<td>&quot;{k}&quot;: &quot;{v}&quot;</td>",
    "json-thrice": lambda k, v: json.dumps(json.dumps({"body": json.dumps({k: v})})),
    "json-pair": lambda k, v: json.dumps([{"name": k, "value": v}, {"name": "z"}]),
    "json-header-pairs": lambda k, v: json.dumps([["accept", "*/*"], [k, v]]),
    "tuple": lambda k, v: repr((k, v)),
    "bytes-pairs": lambda k, v: repr([(b"accept", b"*/*"), (k.encode(), v.encode())]),
    "arguments": lambda k, v: repr(["run", f"--{k}", v]),
    "option": lambda k, v: f"exec run --{k.replace('_', '-')} {v} --port 80",
    "option-quoted": lambda k, v: f"exec run --db-{k} '{v} and more'",
    "subscript": lambda k, v: f'headers["{k}"] = "{v}"',
    "assignment": lambda k, v: f'var {k} string = "{v}"',
    "go": lambda k, v: f"{k} := `{v}`",
    "ruby": lambda k, v: f':{k} => "{v}"',
    "shell-default": lambda k, v: f"{k.upper()} ?= {v}",
    "arrow": lambda k, v: f"{k} -> {v}",
    "bytes": lambda k, v: repr({k: v.encode()}),
    "three-quotes": lambda k, v: f'{k} = """{v}"""',
    "json-escape": lambda k, v: f"q={k}\\u003d{v}\\u0026z=1",
    "html-number": lambda k, v: f"{k}&#61;{v}",
    "xml-typed": lambda k, v: f'<{k} type="xsd:string">{v}</{k}>',
    "numbered": lambda k, v: f"{k}_1 = {v}",
    "suffix": lambda k, v: json.dumps({f"{k}_value": v}),
    "connection": lambda k, v: f"Server=db;Database=x;User=u;{k}={v};Timeout=5",
    "yaml": lambda k, v: f"a: 1\n{k}: {v}\nz: 2",
    "yaml-quoted": lambda k, v: f"a:\n  {k}: '{v}'\n",
    "yaml-block": lambda k, v: f"a:\n  {k}: |\n    first\n    {v}\n  z: 2",
    "yaml-folded": lambda k, v: f"{k}: >-\n  {v}\nz: 2",
    "yaml-list": lambda k, v: f"{k}:\n  - first\n  - {v}\nz: 2",
    "spaces": lambda k, v: f"{k.replace('_', ' ')}: {v}",
    "kebab-upper": lambda k, v: f"{k.replace('_', '-').upper()}: {v}",
    "dotted": lambda k, v: f"spring.db.{k.replace('_', '.')}={v}",
    "query-quotes": lambda k, v: f"/p?q=%7B%22{k}%22%3A%22{v}%22%7D",
    "said": lambda k, v: f"the {k.replace('_', ' ')} is {v} for now",
    "said-quoted": lambda k, v: f"your {k.replace('_', ' ')} was '{v}'",
    "log-fields": lambda k, v: f'level=info msg="x" {k}="{v}" n=1',
}


def _span(**given: Any) -> Json:
    return {"kind": "internal", "name": "s", **given}


# Not written into URLs.
_COMMANDS = (
    "ssn", "userinfo", "curl", "netrc", "telegram", "mysql", "mysqldump", "sshpass", "oracle",
)  # fmt: skip


# Channel -> what carries a text in it, as golden/otlp.py builds it: ("spans"|"logs", entry).
CHANNELS: dict[str, Callable[[str], tuple[str, Json]]] = {
    "span-attribute": lambda t: ("spans", _span(attributes={"note": t})),
    "span-attribute-list": lambda t: ("spans", _span(attributes={"notes": ["a", t]})),
    "span-attribute-map": lambda t: ("spans", _span(attributes={"notes": {"a": {"b": t}}})),
    "span-name": lambda t: ("spans", _span(name=t)),
    "status-message": lambda t: ("spans", _span(status="error", message=t)),
    "span-event": lambda t: ("spans", _span(events=[{"name": "e", "attributes": {"note": t}}])),
    "span-event-name": lambda t: ("spans", _span(events=[{"name": t}])),
    "exception-event": lambda t: (
        "spans",
        _span(
            events=[
                {
                    "name": "exception",
                    "attributes": {
                        "exception.message": t,
                        "exception.stacktrace": f"Traceback:\n  raise\nE: {t}\n",
                    },
                }
            ]
        ),
    ),
    "span-resource": lambda t: ("spans", _span(resource={"process.command_line": t})),
    "span-resource-list": lambda t: ("spans", _span(resource={"process.command_args": ["x", t]})),
    "url.full": lambda t: ("spans", _span(attributes={"url.full": t})),
    "url.query": lambda t: ("spans", _span(attributes={"url.query": t})),
    "http.url": lambda t: ("spans", _span(attributes={"http.url": t})),
    "db.query.text": lambda t: ("spans", _span(attributes={"db.query.text": t})),
    "db.statement": lambda t: ("spans", _span(attributes={"db.statement": t})),
    "gen_ai.input.messages": lambda t: ("spans", _span(attributes={"gen_ai.input.messages": t})),
    "gen_ai.output.messages": lambda t: (
        "spans",
        _span(attributes={"gen_ai.output.messages": [{"role": "assistant", "content": t}]}),
    ),
    "gen_ai.prompt": lambda t: ("spans", _span(attributes={"gen_ai.prompt.0.content": t})),
    "gen_ai-event": lambda t: (
        "spans",
        _span(events=[{"name": "gen_ai.content.prompt", "attributes": {"gen_ai.prompt": t}}]),
    ),
    "log-attribute": lambda t: ("logs", {"attributes": {"note": t}}),
    "log-attribute-list": lambda t: ("logs", {"attributes": {"notes": [t]}}),
    "log-attribute-map": lambda t: ("logs", {"attributes": {"user": {"note": t}}}),
    "log-exception": lambda t: (
        "logs",
        {"attributes": {"exception.message": t, "exception.stacktrace": f"Traceback\nE: {t}"}},
    ),
    "log-resource": lambda t: ("logs", {"resource": {"process.command_line": t}}),
    "log-body": lambda t: ("logs", {"body": t}),
    "log-body-map": lambda t: ("logs", {"body": {"message": t, "deep": {"er": [t]}}}),
    "log-body-list": lambda t: ("logs", {"body": ["x", t]}),
    "log-event-name": lambda t: ("logs", {"event_name": t}),
    "gen_ai-log": lambda t: ("logs", {"event_name": "gen_ai.user.message", "body": {"content": t}}),
    "gen_ai-log-attribute": lambda t: (
        "logs",
        {"attributes": {"event.name": "gen_ai.choice"}, "body": {"message": {"content": t}}},
    ),
}

# Channel -> what carries a value under a key.
KEY_CHANNELS: dict[str, Callable[[str, Any], tuple[str, Json]]] = {
    "span-attribute": lambda k, v: ("spans", _span(attributes={k: v})),
    "span-attribute-header": lambda k, v: (
        "spans",
        _span(attributes={f"http.request.header.x-{k}": [v]}),
    ),
    "span-attribute-camel": lambda k, v: ("spans", _span(attributes={f"user{k.title()}": v})),
    "span-attribute-map": lambda k, v: ("spans", _span(attributes={"user": {k: v}})),
    "span-event": lambda k, v: ("spans", _span(events=[{"name": "e", "attributes": {k: v}}])),
    "span-resource": lambda k, v: ("spans", _span(resource={f"app.{k}": v})),
    "log-attribute": lambda k, v: ("logs", {"attributes": {k: v}}),
    "log-attribute-map": lambda k, v: ("logs", {"attributes": {"user": {"deep": {k: v}}}}),
    "log-resource": lambda k, v: ("logs", {"resource": {f"app.{k}": v}}),
    "log-body-map": lambda k, v: ("logs", {"body": {"a": 1, k: v}}),
    "log-body-deep": lambda k, v: ("logs", {"body": {"a": [{"b": {k: v}}]}}),
}


# Channels that take a key as it is.
_KEYS_AS_THEY_ARE = (
    "span-attribute",
    "span-attribute-map",
    "span-event",
    "log-attribute",
    "log-attribute-map",
    "log-body-map",
    "log-body-deep",
)


@dataclass(frozen=True)
class Cell:
    """One cell: a secret in a channel. name: attribute that finds its record again."""

    channel: str
    kind: str
    hidden: str
    where: str
    entry: Json

    @property
    def name(self) -> str:
        """The cell's name, unique in the matrix."""
        return f"{self.channel} / {self.kind}"

    def marked(self) -> tuple[str, Json]:
        """Return where the entry goes and the entry with the cell's name on it."""
        attributes = {"cell": self.name, **self.entry.get("attributes", {})}
        return self.where, {**self.entry, "attributes": attributes}


def cells() -> list[Cell]:
    """Return every cell, each with its own secret."""
    found = []
    number = itertools.count(1)
    for channel, carry in CHANNELS.items():
        for secret in [*keyed(next(number)), *standing(next(number))]:
            found.append(Cell(channel, secret.kind, secret.hidden, *carry(secret.text)))
    plain = {name: put for name, put in KEY_CHANNELS.items() if name in _KEYS_AS_THEY_ARE}
    for channel, put in plain.items():
        for key in WRITTEN_KEYS:
            hidden = f"7{next(number):08d}7" + "4" * 4
            found.append(Cell(channel, f"key {key}", hidden, *put(key, hidden)))
    for channel, put in KEY_CHANNELS.items():
        for key in KEYS:
            for shape, value in (("text", str), ("number", int), ("list", lambda h: [h])):
                hidden = f"8{next(number):08d}7" + "5" * 4  # not a card's number
                found.append(Cell(channel, f"key {key} {shape}", hidden, *put(key, value(hidden))))
    return found
