"""What the program ships, and that a spec names none of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from imsobs.compile import read_spec, render_model
from imsobs.outputs.stack.hardening import image
from imsobs.runtime.build.recipe import recipe_key
from imsobs.runtime.process.plan import parse_plan
from imsobs.shipped import PATCHES, CollectorBuild, Shipped, module_version, shipped
from imsobs.spec.schema.stack import Prometheus

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec/ims.yaml"


def test_a_spec_without_a_stack_has_the_shipped_one(tmp_path: Path) -> None:
    data = yaml.load(SPEC.read_text(), Loader=yaml.CSafeLoader)
    del data["stack"]
    file = tmp_path / "spec.yaml"
    file.write_text(yaml.dump(data, Dumper=yaml.CSafeDumper, sort_keys=False))
    compiled = read_spec([file])
    assert compiled.model is not None, compiled.lines()
    stack = compiled.model.spec.stack
    left_out = {name for name in shipped().versions() if getattr(stack, name) is None}
    assert left_out == {"promtail", "gateway"}
    for name in shipped().versions().keys() - left_out:
        assert getattr(stack, name).version == shipped().versions()[name]
    plan = parse_plan(render_model(compiled.model)["stack/native.yaml"].decode())
    assert plan.components == shipped().natively({})


BUILD_KEYS = [
    {"go": {"wheel": "evil==1.0"}},
    {"otelcol": {"builder": "example.com/evil"}},
    {"otelcol": {"builder_version": "v1.0.0"}},
    {"prometheus": {"build": {"module": "example.com/evil", "package": "cmd"}}},
    {"jaeger": {"build": {"version_variable": "main.x=1 -toolexec=/tmp/evil"}}},
    {"alertmanager": {"build": {"placeholders": ["../../../.bashrc"]}}},
]


@pytest.mark.parametrize("stack", BUILD_KEYS)
def test_a_spec_cannot_name_what_is_built(tmp_path: Path, stack: dict[str, object]) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(yaml.safe_dump({"stack": stack}))
    (line,) = read_spec([SPEC, overlay]).lines()
    assert line.endswith("[spec/unknown-key]")


def test_rendered_files_name_no_build(tmp_path: Path) -> None:
    plan = yaml.safe_load((ROOT / "stack/native.yaml").read_text())
    assert set(plan) == {"versions", "processes", "api", "queries", "expected"}
    assert all(set(entry) <= {*"0123456789."} for entry in plan["versions"].values())


@pytest.mark.parametrize(
    ("component", "version", "module"),
    [
        ("prometheus", "3.16.0", "v0.316.0"),
        ("prometheus", "3.5.2", "v0.305.2"),
        ("jaeger", "2.13.0", "v1.76.0"),
        ("loki", "3.7.8", "v3.7.8"),
    ],
)
def test_each_projects_way_of_counting(component: str, version: str, module: str) -> None:
    assert module_version(component, version) == module


def test_a_tool_follows_its_product() -> None:
    chosen = shipped().natively({"prometheus": "3.17.1"})
    for name in ("prometheus", "promtool"):
        build = chosen[name].build
        assert chosen[name].version == "3.17.1"
        assert build is not None
        assert build.module_version == "v0.317.1"  # type: ignore[union-attr]
        assert build.ldflags == ["-X github.com/prometheus/common/version.Version=3.17.1"]


def test_a_digest_counts_for_the_image_and_version_it_is_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digest = "sha256:" + "a" * 64
    entry = shipped().components["prometheus"].model_copy(update={"digest": digest})
    known = Shipped(components={"prometheus": entry})
    monkeypatch.setattr("imsobs.outputs.stack.hardening.shipped", lambda: known)
    as_shipped = Prometheus()
    assert image("prometheus", as_shipped).default == f"prom/prometheus:v3.16.0@{digest}"
    for other in (Prometheus(version="3.17.0"), Prometheus(image="mirror.example/prometheus")):
        assert "@" not in (image("prometheus", other).default or "")
    own = Prometheus(version="3.17.0", digest="sha256:" + "b" * 64)
    assert (image("prometheus", own).default or "").endswith("@sha256:" + "b" * 64)


def test_every_shipped_pattern_is_strict() -> None:
    data = yaml.safe_load((ROOT / "generator/imsobs/data/builds.yaml").read_text())
    data["components"]["loki"]["build"]["drop_replaces"] = ["x -toolexec=evil"]
    with pytest.raises(ValueError, match="drop_replaces"):
        Shipped.model_validate(data).natively({})


def test_patches_are_of_modules_that_are_built_and_change_the_key() -> None:
    """A patch that no longer fits the module's version would be left out without a word."""
    build = shipped().natively({})["otelcol"].build
    assert isinstance(build, CollectorBuild)
    modules = {m for section in shipped().collector.values() for m in section.values()}
    assert set(build.patches) <= modules
    for names in build.patches.values():
        for name in names:
            assert (PATCHES / name).read_text().startswith("package ")


def test_the_key_of_a_build_changes_with_a_patch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = shipped().natively({})["otelcol"]
    key = recipe_key(ROOT, "otelcol", component)
    for file in PATCHES.iterdir():
        (tmp_path / file.name).write_text(file.read_text() + "// changed\n")
    monkeypatch.setattr("imsobs.runtime.build.recipe.PATCHES", tmp_path)
    assert recipe_key(ROOT, "otelcol", component) != key
