"""imsobs init: a small spec of what a service tells and has beside it, and nothing overwritten."""

from __future__ import annotations

import json
import posixpath
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import yaml
from small_specs import LEFT_OUT
from typer.testing import CliRunner

from imsobs.cli import app
from imsobs.compile import read_spec, render_model
from imsobs.errors import ImsobsError
from imsobs.runtime.drill.server import serving
from imsobs.runtime.start import begun, openapi, surroundings
from imsobs.spec import packs

DOCUMENT = {"openapi": "3.1.0", "paths": {"/livez": {}, "/health": {}, "/orders/{id}": {}}}


@pytest.fixture(autouse=True)
def _nothing_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imsobs.cli.init._verify", lambda root: None)


def called(*arguments: str) -> tuple[object, str]:
    result = CliRunner().invoke(app, ["init", *arguments])
    if isinstance(result.exception, ImsobsError):
        return result.exception.exit_code, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def begin(folder: Path, *more: str) -> tuple[object, str]:
    document = folder / "openapi.json"
    document.write_text(json.dumps(DOCUMENT))
    return called(
        str(folder / "shop"), "--name=orders-api", "--address=http://127.0.0.1:9/",
        f"--openapi={document}", "--use=http,pipeline", *more,
    )  # fmt: skip


def test_a_fresh_folder_gets_a_spec_of_forty_lines_that_renders(tmp_path: Path) -> None:
    assert begin(tmp_path)[0] == 0
    root = tmp_path / "shop"
    text = (root / "spec/spec.yaml").read_text()
    assert len(text.splitlines()) <= 40
    model = read_spec([root / "spec/spec.yaml"]).model
    assert model is not None
    assert model.spec.service.health == "/livez", "not /health, which may call what is behind"
    assert "/orders/{id}" in model.labels["route"].values
    assert (root / "collector/config.yaml").is_file()
    assert "secrets/" in (root / ".gitignore").read_text().splitlines()
    assert "imsobs render --check" in (root / ".github/workflows/observability.yaml").read_text()
    check = CliRunner().invoke(app, ["render", "--check", "--root", str(root)])
    assert check.exit_code == 0, check.output


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    (root / ".github/workflows").mkdir(parents=True)
    workflow = root / ".github/workflows/observability.yaml"
    workflow.write_text("own: true\n")
    (root / "README.md").write_text("# Shop\n")
    (root / ".gitignore").write_text("secrets/")
    assert begin(tmp_path)[0] == 0
    assert workflow.read_text() == "own: true\n"
    assert (root / "README.md").read_text().startswith("# Shop\n\n## Observability")
    assert (root / ".gitignore").read_text().count("secrets/") == 1
    code, said = begin(tmp_path)
    assert (code, "is there already" in said) == (2, True)


def test_a_folder_that_rendering_would_write_into_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "shop/collector/config.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("mine\n")
    code, said = begin(tmp_path)
    assert (code, own.read_text()) == (2, "mine\n")
    assert "collector/config.yaml" in said
    assert not (tmp_path / "shop/spec").exists()


def test_no_file_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("theirs\n")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/README.md").symlink_to(outside)
    (tmp_path / "shop/.gitignore").symlink_to(tmp_path / "nowhere")
    assert begin(tmp_path)[0] == 0
    assert outside.read_text() == "theirs\n"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--name=Orders API", "write orders-api"),
        ("--name=77", "begin with a letter"),
        ("--address=ftp://x", "no address of a service"),
        ("--address=http://x/$(id)", "no address of a service"),
        ("--use=http,sqll", 'did you mean "sql"'),
        ("--routes=/a,orders", '"orders" is no route'),
        ("--openapi=/dev/zero", "not a regular file"),
        ("--install=--index-url=http://x", "the CI can install"),
        ("--install=https://me:secret@x/i.whl", "without a password"),
        ("--install=${{ secrets.A }}", "the CI can install"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_and_nothing_is_written(
    option: str, said: str, tmp_path: Path
) -> None:
    code, text = begin(tmp_path, option)
    assert code == 2
    assert said in text
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"\xff", b'{"paths": 7}', b'{"paths": ["/a"]}', b"[" * 100_000, b"NaN", b"null"],
)
def test_a_document_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(ImsobsError, match="no OpenAPI document"):
        openapi.routes(content, "x")


def test_a_document_that_comes_drop_by_drop_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    class Drops(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
            while not ended.wait(0.02):
                self.wfile.write(b" ")

        def log_message(self, *_: object) -> None: ...

    monkeypatch.setattr(openapi, "_SECONDS", 0.3)
    with serving(Drops) as server:
        with pytest.raises(ImsobsError, match="not there after"):
            openapi.fetched(f"http://127.0.0.1:{server.server_port}/openapi.json")
        ended.set()


def test_paths_that_are_no_routes_are_left_out_and_counted() -> None:
    hostile = ["no-slash", "/" + "a" * 200, "/a\nb", "/\x1b[31m", "/ü", ""]
    found = openapi.routes(json.dumps({"paths": dict.fromkeys(["/ok", *hostile])}).encode(), "x")
    assert (found.templates, found.no_routes) == (["/ok"], len(hostile))


def test_of_too_many_routes_those_that_are_called_from_elsewhere_are_taken() -> None:
    admin = [f"/admin/{number}" for number in range(700)]
    found = openapi.Routes(sorted([*admin, "/v1/chat", "/api", "/livez", "/vault"])).chosen()
    assert {"/v1/chat", "/api", "/livez"} <= set(found.templates)
    assert "/vault" not in found.templates
    assert (len(found.templates), found.too_many) == (300, 404)


def test_routes_are_chosen_by_patterns_and_the_health_route_stays(tmp_path: Path) -> None:
    code, said = begin(tmp_path, "--routes=/orders/*,/none/*,/mounted/{id}")
    assert code == 0, said
    model = read_spec([tmp_path / "shop/spec/spec.yaml"]).model
    assert model is not None
    assert model.spec.service.health == "/livez"
    assert {"/orders/{id}", "/mounted/{id}"} <= set(model.labels["route"].values)
    assert "/health" not in model.labels["route"].values


def test_routes_with_markup_and_quotes_are_text_of_the_spec(tmp_path: Path) -> None:
    odd = ["/{{ x }}", '/"; drop', "/$(id)", "/: - #", "/%{a}", "/'x'"]
    text = begun.spec(begun.Beginning("shop", "http://127.0.0.1:1", openapi.Routes(odd), ["http"]))
    file = tmp_path / "spec.yaml"
    file.write_text(text)
    compiled = read_spec([file])
    assert compiled.model is not None, compiled.lines()
    assert set(odd) <= set(compiled.model.labels["route"].values)


def test_as_many_series_are_allowed_as_many_routes_make_possible(tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps({"paths": {f"/route/{n}": {} for n in range(300)}}))
    code, said = called(
        str(tmp_path / "shop"), "--yes", "--name=shop", f"--openapi={document}", "--use=http"
    )
    assert code == 0, said
    assert "max_series" in (tmp_path / "shop/spec/spec.yaml").read_text()


def test_packs_follow_from_what_is_installed() -> None:
    found = begun.packs_for({"openai": "3.0", "sqlalchemy": "2.0", "flask": "3"})
    assert found == {
        "http": [], "llm": ["openai"], "sql": ["sqlalchemy"], "pipeline": [], "runtime": []
    }  # fmt: skip
    assert begun.packs_for({"arq": "0"})["queue"] == ["arq"]
    assert begun.packs_for({"langgraph": "1"})["agents"] == ["langgraph"]


def test_a_pack_of_events_asks_for_the_names_that_the_service_logs(tmp_path: Path) -> None:
    code, said = begin(tmp_path, "--use=http,queue,agents,pipeline")
    assert (code, "queue, agents: counted from what the service logs" in said) == (0, True)
    file = tmp_path / "shop/spec/spec.yaml"
    assert len(file.read_text().splitlines()) <= 40
    file.write_text(file.read_text().replace("queue: {values: [default]}", "queue: {values: [q]}"))
    model = read_spec([file]).model
    assert model is not None
    assert model.alerts["QueueJobsStuck"].drill.send[0].attributes["queue"] == "q"


@pytest.mark.parametrize(
    ("given", "installed"),
    [
        ("", "${{ vars.IMSOBS }}"),
        ("tools/imsobs-0.1.0-py3-none-any.whl", "tools/imsobs-0.1.0-py3-none-any.whl"),
        ("git+https://host.example/imsobs@v1", "git+https://host.example/imsobs@v1"),
    ],
)
def test_the_workflow_installs_what_it_is_told_or_a_variable(
    given: str, installed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "origin", lambda _: None)
    code, said = begin(tmp_path, *([f"--install={given}"] if given else []))
    assert (code, "variable IMSOBS" in said) == (0, not given)
    workflow = yaml.safe_load((tmp_path / "shop" / begun.WORKFLOW).read_text())
    (step,) = [one for one in workflow["jobs"]["check"]["steps"] if "pip" in one.get("run", "")]
    assert step["env"] == {"IMSOBS": installed}
    assert '"${IMSOBS:?' in step["run"]


@pytest.mark.parametrize(
    ("told", "origin"),
    [
        ({"url": "file:///work", "dir_info": {"editable": True}}, None),
        ({"url": "https://x.example/imsobs.whl", "archive_info": {}}, "https://x.example/imsobs.whl"),
        (
            {"url": "https://x.example/i", "vcs_info": {"vcs": "git", "commit_id": "ab"},
             "subdirectory": "tool"},
            "git+https://x.example/i@ab#subdirectory=tool",
        ),
        ({"vcs_info": {}}, None),
        ([], None),
    ],
)  # fmt: skip
def test_where_this_program_came_from_is_what_pip_was_given(
    told: object, origin: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "made_up-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: made-up\nVersion: 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert surroundings.origin("made-up") is None
    (folder / "direct_url.json").write_text(json.dumps(told))
    assert surroundings.origin("made-up") == origin


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_is_rendered_into_a_fresh_project_leads_to_files_that_are_there(
    what: str, tmp_path: Path
) -> None:
    """Links of every page, and paths of documents in texts and comments of every file."""
    routes = openapi.Routes(["/health", "/orders/{id}"])
    beginning = begun.Beginning("shop", "http://127.0.0.1:8000", routes, packs.names())
    (tmp_path / "spec.yaml").write_text(begun.spec(beginning))
    (tmp_path / "left-out.yaml").write_text(LEFT_OUT[what])
    compiled = read_spec([tmp_path / "spec.yaml", tmp_path / "left-out.yaml"])
    assert compiled.model is not None, compiled.lines()
    files = {**render_model(compiled.model), "README.md": begun.README.encode()}
    assert dead(files) == []
    files["docs/reference/alerts.md"] += b"[a](b.md) (docs/guide/c.md)"
    assert dead(files) == [
        "docs/reference/alerts.md: b.md", "docs/reference/alerts.md: docs/guide/c.md"
    ]  # fmt: skip


def dead(files: dict[str, bytes]) -> list[str]:
    """Return the paths in rendered files that lead nowhere."""
    found = []
    for path, content in files.items():
        text = content.decode()
        links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) if path.endswith(".md") else []
        named = re.findall(r"(?<![\w/.-])docs/[\w/.-]+\.md", text)
        led = [(target, posixpath.dirname(path)) for target in links]
        for target, base in [*led, *((target, "") for target in named)]:
            is_here = posixpath.normpath(posixpath.join(base, target)) in files
            if not is_here and not re.match(r"[a-z]+:", target):
                found.append(f"{path}: {target}")
    return found


def test_an_interpreter_may_be_named_from_the_folder_where_one_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = Path(sys.executable)
    monkeypatch.chdir(own.parent.parent)
    assert "pytest" in surroundings.look(Path(own.parent.name) / own.name).installed


def test_an_interpreter_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImsobsError, match="does not say what is installed"):
        surroundings.look(tmp_path / "python")
