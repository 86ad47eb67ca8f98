"""Templates of routes as patterns over paths."""

from __future__ import annotations

import re

import pytest

from imsobs.model.routes import pattern_of, resolve_routes


@pytest.mark.parametrize(
    ("template", "fits", "fits_not"),
    [
        ("/v1/agents/{id}", ["/v1/agents/7", "/v1/agents/a-b"], ["/v1/agents/", "/v1/agents/7/x"]),
        ("/files/{name:path}", ["/files/a", "/files/a/b"], ["/file/a"]),
        ("/jobs/<int:id>/log", ["/jobs/7/log"], ["/jobs/7/8/log", "/jobs/7"]),
        ("/static/<path:name>", ["/static/a/b.css"], ["/statics/a"]),
        ("/v1.0/(x)/{id}", ["/v1.0/(x)/7"], ["/v1a0/(x)/7", "/v1.0/x/7"]),
    ],
)
def test_a_template_fits_its_paths(template: str, fits: list[str], fits_not: list[str]) -> None:
    pattern = pattern_of(template)
    assert [path for path in fits if not re.search(pattern, path)] == []
    assert [path for path in fits_not if re.search(pattern, path)] == []


def test_the_special_comes_before_the_general() -> None:
    templates = ["/{rest:path}", "/v1/{a}/{b}", "/v1/{a}", "/v1/{a}/new", "/v1/list"]
    routes = resolve_routes(templates)
    assert list(routes.patterns) == ["/v1/{a}/new", "/v1/{a}", "/v1/{a}/{b}", "/{rest:path}"]
    assert routes.static == ("/v1/list",)


def test_what_does_not_begin_at_the_root_is_no_route() -> None:
    routes = resolve_routes(["other", "ot{her}", "/health"])
    assert routes.static == ("/health",)
    assert not routes.patterns


def test_mounts_are_the_beginnings_of_templates() -> None:
    routes = resolve_routes(["/v1/agents/{id}", "/health", "other"])
    assert routes.mounts == (
        "",
        "/",
        "/v1",
        "/v1/agents",
        "/v1/agents/{path}",
        "/v1/{path}",
        "/{path}",
    )
