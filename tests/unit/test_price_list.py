"""`imsobs prices`: a list of strangers beside the table, and what is told of the two."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from imsobs.cli.app import app
from imsobs.compile import read_spec
from imsobs.errors import ImsobsError
from imsobs.model.prices import names_of
from imsobs.runtime.pricelist import entries, fetch

SPEC = """\
version: 1
service: {namespace: shop, names: [orders], environments: [production], url: "http://127.0.0.1:8000"}
labels:
  vendor:
    description: Who is called.
    attributes: [gen_ai.provider.name]
    values: [openai, mistral_ai]
  model:
    description: The model.
    attributes: [gen_ai.request.model]
    patterns: {gpt: ^gpt, mini: ^mini}
prices:
  openai:
    gpt:
      - from: 2025-01-01
        source: https://example.org/prices
        checked: 2026-01-01
        input: 2.5
        output: 10
sources: {}
events: {}
buckets: {}
metrics: {}
redaction: {keys: [password]}
sampling: {}
collector: {}
alerting:
  runbooks: https://runbooks.example
  dashboards: http://127.0.0.1:3000
  teams: {shop: {description: Us., escalation: Call us.}}
budget: {monthly_usd: {production: 100}, series: 1000}
receivers: {us: {}}
routing: {receiver: us, group_by: [alertname, deployment_environment_name], routes: {}}
"""
GPT = {
    "litellm_provider": "openai",
    "input_cost_per_token": 2.5e-06,
    "output_cost_per_token": 1e-05,
}
DAY = "2026-11-26"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec/shop.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(project: Path) -> Run:
    """Return a function that runs `imsobs prices` on a list, and lets ImsobsError through."""

    def invoke(given: object, *more: str, raw: bool = False) -> tuple[int, str, str]:
        file = project / "list.json"
        if isinstance(given, bytes):
            file.write_bytes(given)
        else:
            file.write_text(json.dumps(given))
        result = CliRunner().invoke(app, ["prices", "--from", str(file), "--day", DAY, *more])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    return invoke


def listed(**more: Any) -> dict[str, Any]:
    return {"gpt": {**GPT, **more}}


def test_current(run: Run) -> None:
    assert run(listed()) == (0, "", "prices 1 current\n")


def test_out_of_date_is_told_with_both_numbers(run: Run) -> None:
    code, out, err = run(listed(input_cost_per_token=3e-06))
    assert code == 1
    assert "openai gpt: not as the list has it (since 2025-01-01)" in err
    assert "  standard: input 2.5 -> 3 (gpt)" in err
    (kept, new) = yaml.safe_load(out)["prices"]["openai"]["gpt"]
    assert kept["from"] == "2025-01-01"
    assert (new["from"], new["input"], new["output"]) == (DAY, 3.0, 10.0)
    assert new["checked"] == DAY
    assert new["source"] == "unknown"


def test_missing_and_unlisted_are_told(run: Run) -> None:
    code, out, err = run({"mini-large": {**GPT, "source": "https://openai.example/prices"}})
    assert code == 1
    assert "openai mini: the spec has no price" in err
    assert "openai gpt: the list has no price to compare with" in err
    (new,) = yaml.safe_load(out)["prices"]["openai"]["mini"]
    assert new["source"] == "https://openai.example/prices"


def test_json_says_the_same(run: Run) -> None:
    code, out, _ = run(listed(input_cost_per_token=3e-06), "--format", "json")
    (finding,) = json.loads(out)
    assert code == 1
    assert finding["kind"] == "changed"
    assert finding["differences"][0]["rates"] == {"input": {"spec": 2.5, "list": 3.0}}


def test_nothing_is_written(run: Run, project: Path) -> None:
    def state() -> dict[str, bytes]:
        files = [path for path in project.rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() for path in files if path.name != "list.json"}

    before = state()
    assert run(listed(input_cost_per_token=9e-06))[0] == 1
    assert state() == before


CHANGED = {
    "a rate": listed(output_cost_per_token=2e-05),
    "a rate on the day of the last price": listed(output_cost_per_token=2e-05),
    "a tier": listed(input_cost_per_token_flex=1e-06, output_cost_per_token_flex=1e-06),
    "a tier by a word for none": listed(
        input_cost_per_token_default=1e-06, output_cost_per_token_default=1e-06
    ),
    "a step": listed(
        input_cost_per_token_above_200k_tokens=5e-06, output_cost_per_token_above_200k_tokens=2e-05
    ),
    "a step at nothing": listed(input_cost_per_token_above_0k_tokens=7e-06),
    "two snapshots": {"gpt": GPT, "gpt-2": {**GPT, "input_cost_per_token": 5e-06}},
    "a rate and a snapshot": {
        "gpt": {**GPT, "input_cost_per_token": 4e-06},
        "gpt-2": {**GPT, "input_cost_per_token": 5e-06},
    },
    "another model": {**listed(), "mini": {**GPT, "input_cost_per_token": 0}},
    "audio": listed(input_cost_per_audio_token=4e-05, output_cost_per_audio_token=8e-05),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_is_proposed_is_accepted_and_ends_it(name: str, run: Run, project: Path) -> None:
    if "day of the last" in name:
        (project / "spec/shop.yaml").write_text(SPEC.replace("from: 2025-01-01", f"from: {DAY}"))
    code, out, err = run(CHANGED[name])
    if code == 0:
        assert name in ("a tier by a word for none", "a step at nothing")
        return
    assert code == 1
    proposal = project / "proposal.yaml"
    proposal.write_text(out)
    read = read_spec([project / "spec/shop.yaml", proposal])
    assert read.model is not None, "\n".join(read.lines()) + out
    code, out, err = run(CHANGED[name], "--overlay", str(proposal))
    assert (code, out) == (0, ""), err


RICH = """\
      - from: 2025-01-01
        snapshots: [gpt, gpt-2, gpt-old]
        input: 2.5
        output: 10
        source: https://example.org/prices
        checked: 2026-01-01
        cached_read: 1
        above: {200000: {input: 5, output: 20}}
        tiers: {priority: {input: 5, output: 20}}
"""


@pytest.mark.parametrize("first", ["2025-01-01", DAY])
@pytest.mark.parametrize("second", [None, 2.5e-06, 5e-06])
def test_what_only_the_spec_has_stays(
    first: str, second: float | None, run: Run, project: Path
) -> None:
    """Tiers, steps, kinds of tokens and snapshots of which the list says nothing."""
    start, end = SPEC.index("      - from"), SPEC.index("sources:")
    text = SPEC[:start] + RICH.replace("2025-01-01", first) + SPEC[end:]
    (project / "spec/shop.yaml").write_text(text)
    given = listed(input_cost_per_token_batches=1e-06, output_cost_per_token_batches=1e-06)
    if second is not None:
        given["gpt-2"] = {**GPT, "input_cost_per_token": second}
    code, out, _ = run(given)
    proposal = project / "proposal.yaml"
    proposal.write_text(out)
    assert code == 1
    assert run(given, "--overlay", str(proposal))[:2] == (0, "")
    model = read_spec([project / "spec/shop.yaml", proposal]).model
    assert model is not None
    prices = model.spec.prices["openai"]["gpt"]
    named = {name for price in prices for name in names_of("gpt", price, prices)}
    assert named == {"gpt", "gpt-2", "gpt-old"}
    for price in prices:
        assert price.cached_read == 1
        assert price.above[200000].output == 20
        assert price.tiers["priority"].output == 20
    old = [price for price in prices if "gpt-old" in price.snapshots]
    assert [price.input for price in old] == [2.5]


HOSTILE_VALUES: dict[str, Any] = {
    "NaN": b"NaN",
    "infinity": b"Infinity",
    "minus infinity": b"-Infinity",
    "negative": b"-0.000001",
    "dear": b"1.0000001",
    "a huge exponent": b"1e999999999",
    "an exponent that no decimal has": b"1e99999999999999999999999",
    "a tiny exponent": b"1e-999999999",
    "many digits": b"0." + b"1" * 10_000,
    "a huge whole number": b"9" * 10_000,
    "text": b'"0.0000025"',
    "long text": b'"' + b"x" * 1_000_000 + b'"',
    "true": b"true",
    "null": b"null",
    "a list": b"[0.0000025]",
    "a mapping": b'{"a": {"b": 1}}',
    "control characters": b'"\\u001b[2J\\u202e"',
}


@pytest.mark.parametrize("name", HOSTILE_VALUES)
def test_a_price_that_is_none_leaves_its_entry_out_and_is_told(name: str, run: Run) -> None:
    """The other entries of the list are used."""
    value = HOSTILE_VALUES[name]
    bad = b'{"gpt": {"litellm_provider": "openai", "output_cost_per_token": 1e-05,'
    bad += b'"input_cost_per_token": ' + value + b"},"
    text = bad + b'"mini": ' + json.dumps(GPT).encode() + b"}"
    for form in ("text", "json"):
        code, _, err = run(text, "--format", form)
        assert code == 1, err
        assert "left out of the list: gpt: input_cost_per_token is no price: " in err
        assert err.isprintable() or set(err) - {"\n"} <= {c for c in err if c.isprintable()}
        assert max(map(len, err.splitlines())) < 300
    (entry,) = entries.read(text).entries
    assert entry.name == "mini"


HOSTILE_ENTRIES: dict[str, dict[str, Any]] = {
    "no provider": {"gpt": {k: v for k, v in GPT.items() if k != "litellm_provider"}},
    "a provider that is a list": {"gpt": {**GPT, "litellm_provider": ["openai"]}},
    "no price of input": {"gpt": {k: v for k, v in GPT.items() if "input" not in k}},
    "no prices": {"gpt": {"litellm_provider": "openai"}},
    "a name of control characters": {"gpt\x1b[2J\n": GPT},
    "an empty name": {"": GPT},
    "a long name": {"g" * 100_000: GPT},
    "a name that is a path": {"../gpt": GPT},
    "a name that is YAML": {"gpt: {}": GPT},
}


@pytest.mark.parametrize("name", HOSTILE_ENTRIES)
def test_an_entry_that_cannot_be_used_is_no_price(name: str, run: Run) -> None:
    found = entries.read(json.dumps(HOSTILE_ENTRIES[name]).encode())
    assert found.entries == []
    code, out, err = run(HOSTILE_ENTRIES[name])
    assert (code, out) == (0, "")
    assert "openai gpt: the list has no price to compare with" in err
    assert max(map(len, err.splitlines())) < 300


@pytest.mark.parametrize(
    "source", [None, 7, "javascript:alert(1)", "https://a\n: b", "https://" + "x" * 999]
)
def test_a_source_that_is_no_address_is_not_told(source: object, run: Run) -> None:
    _, out, _ = run(listed(input_cost_per_token=3e-06, source=source))
    assert yaml.safe_load(out)["prices"]["openai"]["gpt"][1]["source"] == "unknown"


def test_what_stands_twice_is_told(run: Run) -> None:
    entry = json.dumps(GPT)
    code, _, err = run(f'{{"gpt": {entry}, "gpt": {entry}}}'.encode())
    assert code == 0
    assert "left out of the list: gpt: stands twice, the last one counts" in err
    assert "stands twice" not in run(listed())[2]


NO_LISTS = {
    "nothing": (b"", "the list is no JSON"),
    "no JSON": (b"{", "the list is no JSON"),
    "not UTF-8": (b'{"\xff": {}}', "the list is no JSON"),
    "a list": (b"[]", "the list is no mapping of names to entries"),
    "a number": (b"1", "the list is no mapping of names to entries"),
    "text": (b'"gpt"', "the list is no mapping of names to entries"),
    "names of numbers": (b'{"gpt": 1}', "the list is no mapping of names to entries"),
    "nesting without end": (b'{"a":' * 100_000, "the list is no JSON"),
    "too many entries": (
        json.dumps({str(n): {} for n in range(100_001)}).encode(),
        "the list has 100001 entries; at most 100000",
    ),
}


@pytest.mark.parametrize("name", NO_LISTS)
def test_what_is_no_list_is_refused_with_exit_code_2(name: str, run: Run) -> None:
    content, message = NO_LISTS[name]
    with pytest.raises(ImsobsError, match=message) as caught:
        run(content)
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message


def test_files_that_are_none_or_too_large(project: Path) -> None:
    large = project / "large.json"
    with large.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    (project / "folder").mkdir()
    for path, what in (
        (large, "104857600 bytes"),
        (project / "folder", "not a regular file"),
        (Path("/dev/zero"), "not a regular file"),
        (project / "gone.json", "No such file"),
    ):
        with pytest.raises(ImsobsError, match=what) as caught:
            fetch.from_file(path)
        assert caught.value.exit_code == 2
        assert str(path) in caught.value.message


@pytest.mark.parametrize(
    "given", [[], ["--installed", "--download"], ["--from", "x", "--installed"]]
)
def test_one_place_of_the_list_is_named(given: list[str], project: Path) -> None:
    result = CliRunner().invoke(app, ["prices", *given])
    assert isinstance(result.exception, ImsobsError)
    assert result.exception.exit_code == 2
    assert "--from FILE, --installed, --download" in result.exception.remedy


def test_a_price_is_what_is_written_not_the_nearest_fraction() -> None:
    text = b'{"gpt": {"litellm_provider": "openai", "input_cost_per_token": 0.0000001, '
    text += b'"output_cost_per_token": 1.1e-7}}'
    (entry,) = entries.read(text).entries
    assert entry.table["standard"][0] == {"input": Decimal("0.1"), "output": Decimal("0.11")}


# --installed


def install(place: Path, version: str, content: bytes | None) -> None:
    """Lay down a distribution as pip does."""
    info = place / f"litellm-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: litellm\nVersion: {version}\n")
    (place / "litellm").mkdir()
    (place / "litellm/__init__.py").write_text("raise SystemExit('imported')\n")
    if content is not None:
        (place / fetch.price_list().member).write_bytes(content)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "site"
    place.mkdir()
    monkeypatch.syspath_prepend(str(place))
    return place


def test_the_installed_list_is_read_and_not_imported(site: Path, project: Path) -> None:
    install(site, "1.108.7", json.dumps(listed()).encode())
    result = CliRunner().invoke(app, ["prices", "--installed", "--day", DAY])
    assert (result.exit_code, result.stderr) == (0, "prices 1 current\n")


def test_an_installation_without_a_list_is_an_outside_failure(site: Path) -> None:
    install(site, "1.108.7", None)
    with pytest.raises(ImsobsError, match=r"litellm 1\.108\.7 has no list") as caught:
        fetch.from_installed()
    assert caught.value.exit_code == 3
    assert "--download" in caught.value.remedy


def test_a_release_that_nobody_should_have_is_not_read(site: Path) -> None:
    install(site, "1.107.0", json.dumps(listed()).encode())
    with pytest.raises(ImsobsError, match=r"1\.107\.0 is installed, and it is reported") as caught:
        fetch.from_installed()
    assert caught.value.exit_code == 3


def test_nothing_installed(site: Path) -> None:
    with pytest.raises(ImsobsError, match="litellm is not installed here") as caught:
        fetch.from_installed()
    assert caught.value.exit_code == 3


# --download: pip, from an index on loopback


class Index:
    """A package index whose one wheel carries a list. asked: the paths of its requests."""

    def __init__(self, wheel: bytes) -> None:
        self.asked: list[str] = []
        name = f"litellm-{VERSION}-cp310-abi3-{PLATFORM}.whl"
        page = f'<a href="/{name}">{name}</a>'.encode()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                body = wheel if self.path.endswith(".whl") else page
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/simple"


PLATFORM = "manylinux_2_28_x86_64"
VERSION = "1.108.7"


def wheel_of(content: bytes) -> bytes:
    """Return a wheel with a list in it, which pip takes for one."""
    packed = io.BytesIO()
    info = f"litellm-{VERSION}.dist-info"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(fetch.price_list().member, content)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: litellm\nVersion: {VERSION}\n"
        )
        tag = f"cp310-abi3-{PLATFORM}"
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: test\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return packed.getvalue()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[bytes], Index]]:
    """Return a function that serves a wheel at the index that pip asks."""
    served: list[Index] = []

    def start(wheel: bytes) -> Index:
        index = Index(wheel)
        threading.Thread(target=index.server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        served.append(index)
        return index

    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    yield start
    for index in served:
        index.server.shutdown()
        index.server.server_close()


def pinned(monkeypatch: pytest.MonkeyPatch, wheel: bytes) -> None:
    """Pin a wheel instead of the real one."""
    digest = hashlib.sha256(wheel).hexdigest()
    known = fetch.price_list().model_copy(update={"sha256": digest, "version": VERSION})
    monkeypatch.setattr(fetch, "price_list", lambda: known)


def test_the_pinned_wheel_is_read_and_nothing_of_it_is_kept(
    serve: Callable[[bytes], Index], monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    wheel = wheel_of(json.dumps(listed()).encode())
    pinned(monkeypatch, wheel)
    index = serve(wheel)
    before = sorted(project.rglob("*"))
    result = CliRunner().invoke(app, ["prices", "--download", "--day", DAY])
    assert (result.exit_code, result.stderr) == (0, "prices 1 current\n")
    assert len(index.asked) == 2
    assert sorted(project.rglob("*")) == before
    with pytest.raises(PackageNotFoundError):
        distribution("litellm")


def test_another_wheel_than_the_pinned_one_is_refused(serve: Callable[[bytes], Index]) -> None:
    serve(wheel_of(b"{}"))
    with pytest.raises(ImsobsError, match="could not be fetched: THESE PACKAGES DO NOT") as caught:
        fetch.from_wheel()
    assert caught.value.exit_code == 3
    assert "\n" not in caught.value.message
    assert "--from" in caught.value.remedy


def test_plain_http_is_for_loopback_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip takes such an index for none, without asking it; nothing that we set says otherwise."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://index.example/simple")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "index.example")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    started = time.monotonic()
    with pytest.raises(ImsobsError, match="could not be fetched") as caught:
        fetch.from_wheel()
    assert caught.value.exit_code == 3
    assert time.monotonic() - started < 30


def test_without_the_option_nothing_is_fetched(
    serve: Callable[[bytes], Index], run: Run, site: Path
) -> None:
    index = serve(wheel_of(b"{}"))
    run(listed())
    with pytest.raises(ImsobsError):
        fetch.from_installed()
    assert index.asked == []


BROKEN_WHEELS = {
    "no archive": b"PK",
    "no list": wheel_of(b"{}").replace(b"model_prices", b"model_pricez"),
    "cut off": wheel_of(b"{}")[:-30],
}


@pytest.mark.parametrize("name", BROKEN_WHEELS)
def test_a_broken_wheel_is_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def put(place: Path, folder: Path | None) -> None:
        (place / "litellm.whl").write_bytes(BROKEN_WHEELS[name])

    monkeypatch.setattr(fetch, "_download", put)
    with pytest.raises(ImsobsError, match="has no litellm/") as caught:
        fetch.from_wheel()
    assert caught.value.exit_code == 3


def test_a_list_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def put(place: Path, folder: Path | None) -> None:
        with zipfile.ZipFile(place / "litellm.whl", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(fetch.price_list().member, b"0" * (fetch.LARGEST_LIST + 1))

    monkeypatch.setattr(fetch, "_download", put)
    with pytest.raises(ImsobsError, match="has more than") as caught:
        fetch.from_wheel()
    assert caught.value.exit_code == 2


def test_pip_that_cannot_be_started_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch.sys, "executable", "/gone/python")
    with pytest.raises(ImsobsError, match="pip cannot be started: No such file") as caught:
        fetch.from_wheel()
    assert caught.value.exit_code == 3
