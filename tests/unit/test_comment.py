"""The comment under a change under review, written to a stand-in of two forges' APIs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import mistakes
import pytest
from forge import BOT, Api, served
from typer.testing import CliRunner

from imsobs.changes.comment import LONGEST, forge, marker, publish
from imsobs.cli import app
from imsobs.errors import ImsobsError

SPEC = "spec/shop.yaml"
MARK = marker(SPEC)
SOMEBODY = {"id": 2, "type": "User"}


@pytest.fixture
def api() -> Iterator[Api]:
    with served() as made:
        yield made


@pytest.fixture
def github(api: Api, tmp_path: Path) -> dict[str, str]:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "shop/orders",
        "GITHUB_API_URL": api.url,
        "GITHUB_TOKEN": "t0ken",
    }


@pytest.fixture
def gitlab(api: Api) -> dict[str, str]:
    return {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": f"{api.url}/api/v4",
        "CI_PROJECT_ID": "12",
        "CI_MERGE_REQUEST_IID": "7",
        "GITLAB_TOKEN": "t0ken",
    }


def test_it_is_written_once_and_then_updated(api: Api, github: dict[str, str]) -> None:
    api.comments.append({"id": 1, "user": SOMEBODY, "body": "Fine."})
    assert publish(forge(github), SPEC, "one") == "created"
    assert publish(forge(github), SPEC, "two") == "updated"
    issues = "/repos/shop/orders/issues"
    assert [(method, path) for method, path, _ in api.asked] == [
        ("GET", f"{issues}/7/comments"),
        ("POST", f"{issues}/7/comments"),
        ("GET", f"{issues}/7/comments"),
        ("PATCH", f"{issues}/comments/900"),
    ]
    assert api.comments[1]["body"] == f"{MARK}\ntwo"
    assert api.comments[0]["body"] == "Fine."
    assert api.tokens == {"Bearer t0ken"}


def test_gitlab_has_notes_and_other_methods(api: Api, gitlab: dict[str, str]) -> None:
    api.user = {"id": 5}
    assert publish(forge(gitlab), SPEC, "one") == "created"
    api.comments[0] = {"id": 900, "author": {"id": 5}, "body": api.comments[0]["body"]}
    assert publish(forge(gitlab), SPEC, "two") == "updated"
    notes = "/api/v4/projects/12/merge_requests/7/notes"
    assert [(method, path) for method, path, _ in api.asked if method != "GET"] == [
        ("POST", notes),
        ("PUT", f"{notes}/900"),
    ]
    assert api.tokens == {"t0ken"}


def test_it_is_found_behind_a_hundred_others(api: Api, github: dict[str, str]) -> None:
    api.comments = [{"id": n, "user": SOMEBODY, "body": "."} for n in range(150)]
    api.comments.append({"id": 900, "user": BOT, "body": f"{MARK}\nold"})
    assert publish(forge(github), SPEC, "new") == "updated"
    assert api.comments[-1]["body"] == f"{MARK}\nnew"


def test_the_mark_of_somebody_else_is_not_trusted(api: Api, github: dict[str, str]) -> None:
    forged = {"id": 1, "user": SOMEBODY, "body": f"{MARK}\nnothing changes"}
    quoted = {"id": 2, "user": BOT, "body": f"> {MARK}"}
    api.comments = [forged, quoted]
    assert publish(forge(github), SPEC, "text") == "created"
    # A token of a user finds the comments of this user alone.
    api.user = {"id": 2}
    assert publish(forge(github), SPEC, "text") == "updated"
    assert [method for method, _, _ in api.asked] == ["GET", "POST", "GET", "PATCH"]
    assert api.asked[-1][1].endswith("/1")


def test_two_specs_have_a_comment_each(api: Api, github: dict[str, str]) -> None:
    assert publish(forge(github), SPEC, "one") == "created"
    assert publish(forge(github), "other/spec", "one") == "created"
    assert "-->" not in marker("a --> b").removesuffix(" -->")


def test_where_nothing_is_to_be_said_no_comment_begins(api: Api, github: dict[str, str]) -> None:
    assert publish(forge(github), SPEC, "nothing", keep_quiet=True) == "none needed"
    api.comments.append({"id": 3, "user": BOT, "body": f"{MARK}\nmuch"})
    assert publish(forge(github), SPEC, "nothing", keep_quiet=True) == "updated"
    assert api.comments[-1]["body"] == f"{MARK}\nnothing"


def test_a_long_text_is_cut_between_lines(api: Api, github: dict[str, str]) -> None:
    publish(forge(github), SPEC, "- a change\n" * 20_000)
    body = api.comments[0]["body"]
    assert len(body) <= LONGEST
    assert body.split("\n")[-3] == "- a change"
    assert body.endswith("`imsobs diff` prints all.")


@pytest.mark.parametrize("code", [401, 403, 404, 500])
def test_what_is_refused_is_one_line_without_the_token(
    api: Api, github: dict[str, str], code: int
) -> None:
    api.refused = code
    with pytest.raises(ImsobsError) as refused:
        publish(forge(github), SPEC, "text")
    assert f"is answered with {code}" in refused.value.message
    assert ("write comments" in refused.value.remedy) == (code < 500)
    assert "t0ken" not in str(refused.value)


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("GITHUB_ACTIONS", "no job of GitHub Actions or GitLab CI"),
        ("GITHUB_EVENT_PATH", "not about a pull request"),
        ("GITHUB_TOKEN", "GITHUB_TOKEN or GITHUB_REPOSITORY"),
    ],
)
def test_what_is_no_job_of_a_pull_request_says_so(
    github: dict[str, str], without: str, said: str
) -> None:
    del github[without]
    with pytest.raises(ImsobsError, match=said) as refused:
        forge(github)
    assert refused.value.exit_code == 2


def test_a_token_goes_over_https_alone(github: dict[str, str]) -> None:
    github["GITHUB_API_URL"] = "http://api.example.org"
    with pytest.raises(ImsobsError, match="not asked by https"):
        forge(github)


def test_diff_writes_it(api: Api, github: dict[str, str], tmp_path: Path) -> None:
    for name, text in (
        ("old", mistakes.SPEC.read_text()),
        ("new", mistakes.SPEC.read_text().replace("threshold: 100", "threshold: 70")),
    ):
        (tmp_path / name / "spec").mkdir(parents=True)
        (tmp_path / name / SPEC).write_text(text)
    command = ["diff", str(tmp_path / "old"), "--root", str(tmp_path / "new"), "--comment"]
    done = CliRunner().invoke(app, command, env=github)
    assert done.exit_code == 0, done.output
    (comment,) = api.comments
    assert "alert OrdersWait: threshold 100 -\\> 70" in comment["body"]
