"""A web page: made by npm of a module's sources, and laid out where its process serves it."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from native_fakes import GO, Notes, Project, executable, make_project, path_with

from imsobs.errors import ImsobsError
from imsobs.runtime.build.binaries import how_to_get, locate
from imsobs.runtime.build.compile import build_component, cached_binary
from imsobs.runtime.process.daemon import Supervisor, end_leftovers
from imsobs.runtime.process.plan import parse_plan
from imsobs.runtime.process.stack import Outcome, down, up
from imsobs.runtime.progress import Silent
from imsobs.shipped import PageBuild, shipped

# "Installs" a pnpm that writes down what it is asked; or fails as the file `says` there has it.
NPM = """#!/bin/sh
here="$(cd "$(dirname "$0")/.." && pwd)"
echo "npm $@" >> "$here/asked"
[ -e "$here/says" ] && { cat "$here/says" >&2; exit 1; }
cp package-lock.json "$here/lock"
mkdir -p node_modules/.bin
off='scripts-off=$npm_config_ignore_scripts'
printf '#!/bin/sh\\necho "pnpm $@ %s" >> "%s/asked"\\n' "$off" "$here" > node_modules/.bin/pnpm
chmod +x node_modules/.bin/pnpm
"""
SCRIPT = """pnpm run build
mkdir -p static/ui/assets
cp page.html static/ui/index.html
echo "$1" > static/ui/assets/a.js
"""
INTEGRITY = "sha512-AAAA=="


class Pages:
    """A project with a page that its server `alpha` serves, and a fake npm that builds it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.tools = root, root / "tools"
        self.bin = self.tools / "bin"
        executable(self.bin / "go", GO)
        executable(self.bin / "npm", NPM)
        executable(self.bin / "node", "#!/bin/sh\necho v20.20.2\n")
        self.sources = self.tools / "module/web/ui"
        self.sources.mkdir(parents=True)
        (self.sources / "build.sh").write_text(SCRIPT)
        (self.sources / "page.html").write_text("one")
        self.sources.chmod(0o555)
        self.project: Project = make_project(root)
        monkeypatch.setenv("PATH", path_with(self.bin, self.project.bin))
        monkeypatch.setenv("IMSOBS_CACHE", str(root / "cache"))
        monkeypatch.delenv("IMSOBS_STATE", raising=False)
        monkeypatch.delenv("IMSOBS_GO", raising=False)
        self.project.shipped["tools"] = {
            "a-page": {
                "version": "1.2.3", "optional": True, "version_args": [],
                "build": {
                    "kind": "page", "module": "example.com/server", "folder": "web/ui",
                    "package": "@example/ui", "command": ["build.sh", "--ui"],
                    "result": "static/ui", "pnpm": "10.0.0", "integrity": INTEGRITY,
                    "oldest_node": "20.19.0",
                },
            }
        }  # fmt: skip
        self.project.data["processes"]["alpha"] |= {"page": "a-page", "url": "http://127.0.0.1:9/"}

    def build(self) -> Path:
        notes = Notes()
        plan = self.project.plan()
        made = build_component(plan, self.root, self.root / "cache", "a-page", notes)
        self.notes = notes.notes
        return made

    def up(self) -> tuple[Outcome, list[str]]:
        notes = Notes()
        return up(self.project.plan(), self.project.layout, notes), notes.notes

    @property
    def served(self) -> Path:
        return self.project.layout.page_of("a-page") / "static/ui/index.html"

    def pid(self) -> int:
        return Supervisor(self.project.layout).processes()["alpha"].pid


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    made = Pages(tmp_path, monkeypatch)
    yield made
    end_leftovers(made.project.layout, 0)


def test_the_page_is_an_archive_of_what_the_lockfile_gave(pages: Pages) -> None:
    archive = pages.build()
    assert pages.notes[0] == "building a-page 1.2.3 with npm (once)"
    with zipfile.ZipFile(archive) as whole:
        found = {name: whole.read(name).decode() for name in whole.namelist()}
    assert found == {"index.html": "one", "assets/a.js": "--ui\n"}
    npm, install, script = (pages.tools / "asked").read_text().splitlines()
    assert npm == "npm ci --ignore-scripts --no-audit --no-fund"
    assert install.startswith("pnpm install --frozen-lockfile --ignore-scripts --store-dir ")
    assert install.endswith(" --filter @example/ui... scripts-off=true")
    assert script == "pnpm run build scripts-off=true"
    lock = json.loads((pages.tools / "lock").read_text())["packages"]["node_modules/pnpm"]
    assert (lock["version"], lock["integrity"]) == ("10.0.0", INTEGRITY)
    # Nothing of it stays but the archive, and the module is as it was.
    assert not (pages.root / "cache/build").exists()
    assert sorted(file.name for file in pages.sources.iterdir()) == ["build.sh", "page.html"]


def test_the_same_files_are_the_same_bytes(pages: Pages) -> None:
    first = pages.build()
    before = first.read_bytes()
    shutil.rmtree(first.parent)
    assert pages.build().read_bytes() == before


@pytest.mark.parametrize(
    ("says", "cause", "remedy"),
    [
        ("ERR_PNPM_FETCH_404  GET https://registry.example/@a/b/-/b-9.7.2.tgz: Not Found - 404\n",
         "the npm registry does not have b-9.7.2.tgz", "registry"),
        ("npm error code ETARGET\n", "the npm registry does not have a pinned package", "registry"),
        ("npm error code EINTEGRITY\n", "a downloaded package does not match its hash", "trust"),
        ("npm error code ENOTFOUND\n", "packages could not be downloaded", "HTTPS_PROXY"),
        ("npm error ENOSPC: no space left on device\n", "the disk is full", "~/.npm"),
        ("dial tcp: no such host\n", "Go modules could not be downloaded", "GOPROXY"),
        ("src/a.ts(1,2): error TS1005\n", "the last line was: src/a.ts(1,2): error TS1005",
         "read the log"),
    ],
)  # fmt: skip
def test_what_npm_fails_at(pages: Pages, says: str, cause: str, remedy: str) -> None:
    (pages.tools / "says").write_text(says)
    with pytest.raises(ImsobsError) as caught:
        pages.build()
    assert str(caught.value).startswith(f"building a-page failed: {cause}\n")
    assert remedy in (caught.value.remedy or "")
    assert caught.value.log is not None
    assert says in caught.value.log.read_text()


def test_a_build_that_leaves_no_page_is_told(pages: Pages) -> None:
    pages.sources.chmod(0o755)
    (pages.sources / "build.sh").write_text("true\n")
    with pytest.raises(ImsobsError, match=r"left no static/ui/index\.html"):
        pages.build()


def test_without_npm_one_line_says_what_to_do(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pages.bin / "npm").unlink()
    monkeypatch.setenv("PATH", str(pages.bin))
    with pytest.raises(ImsobsError) as caught:
        pages.build()
    first = "building a-page failed: npm and bash cannot be found on PATH\n"
    assert str(caught.value).startswith(first)
    assert caught.value.remedy == "install Node.js 20.19.0 or newer, which brings npm"


def test_an_old_node_is_refused_before_anything_is_fetched(pages: Pages) -> None:
    executable(pages.bin / "node", "#!/bin/sh\necho v18.1.0\n")
    with pytest.raises(ImsobsError, match=r"Node\.js 18\.1\.0 is too old for it"):
        pages.build()
    assert not (pages.tools / "asked").exists()


def test_only_what_was_built_is_a_page(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = executable(pages.bin / "a-page", "#!/bin/sh\n")
    monkeypatch.setenv("IMSOBS_A_PAGE_BIN", str(stranger))
    plan = pages.project.plan()
    assert locate(plan, pages.root, "a-page", Silent()) is None
    assert how_to_get("a-page", plan.components["a-page"]) == "run imsobs binaries a-page"


def test_a_running_process_serves_a_page_without_a_restart(pages: Pages) -> None:
    pages.up()
    assert not pages.served.exists()
    first = pages.pid()
    folder = pages.project.layout.page_of("a-page")
    assert psutil.Process(first).cwd() == str(folder)

    pages.build()
    outcome, notes = pages.up()
    assert outcome.unchanged == ("alpha", "beta")
    assert pages.pid() == first
    assert pages.served.read_text() == "one"
    assert [note for note in notes if "page" in note] == [
        "alpha has its web page: http://127.0.0.1:9/"
    ]
    assert not [note for note in pages.up()[1] if "page" in note]

    # Another release, which is not built yet: the page of the former does not stay.
    pages.project.shipped["tools"]["a-page"]["version"] = "1.2.4"
    pages.up()
    assert not pages.served.exists()
    assert pages.pid() == first
    down(pages.project.layout, Silent())


def test_a_page_that_is_not_the_built_one_is_not_served(pages: Pages) -> None:
    plan = pages.project.plan()
    archive = cached_binary(pages.root, pages.root / "cache", "a-page", plan.components["a-page"])
    pages.build()
    archive.write_bytes(b"another")
    with pytest.raises(ImsobsError, match="its SHA-256 differs"):
        pages.up()
    assert not pages.served.exists()


def test_what_is_no_archive_is_told(pages: Pages) -> None:
    archive = pages.build()
    archive.write_bytes(b"not an archive")
    noted = archive.with_name("a-page.sha256")
    noted.write_text(hashlib.sha256(b"not an archive").hexdigest())
    with pytest.raises(ImsobsError, match="cannot be unpacked"):
        pages.up()


def test_a_plan_names_no_other_file_as_a_page() -> None:
    process = "{component: prometheus, ready: 'http://127.0.0.1:9/', page: otelcol}"
    with pytest.raises(ImsobsError, match=r'prometheus\.page: "otelcol" is no web page'):
        parse_plan(f"processes: {{prometheus: {process}}}")


def test_prometheus_page_is_of_a_module_and_a_hash() -> None:
    build = shipped().natively({})["prometheus-page"].build
    assert isinstance(build, PageBuild)
    assert build.module_version == "v0.315.1"
