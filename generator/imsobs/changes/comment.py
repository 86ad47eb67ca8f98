"""The one comment under a change that is reviewed: written once, then brought up to date.

Where it goes is what GitHub Actions and GitLab CI say in the environment of a job. The token is
sent to the API of that environment and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from imsobs.errors import ExitCode, ImsobsError

_SECONDS = 30.0
_PAGE = 100
_MOST_PAGES = 50
# GitHub's is the smaller limit of the two, in characters.
LONGEST = 65_536


@dataclass(frozen=True)
class Forge:
    """Where comments are. list: their URL, where new ones go; one: that of each, before its id.

    edit: the method that changes one.
    """

    api: str
    headers: Mapping[str, str]
    list: str
    one: str
    edit: str


def forge(environment: Mapping[str, str]) -> Forge:
    """Return where the comments of the change under review are, from a job's environment.

    Raises ImsobsError (INPUT) for what is no job of a pull or merge request, or has no token.
    """
    if environment.get("GITHUB_ACTIONS") == "true":
        found = _github(environment)
    elif environment.get("GITLAB_CI") == "true":
        found = _gitlab(environment)
    else:
        raise _none("this is no job of GitHub Actions or GitLab CI")
    address = urlsplit(found.api)
    if address.scheme != "https" and address.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise _none(f"the API at {found.api} is not asked by https, and a token is sent to it")
    return found


def _none(message: str) -> ImsobsError:
    return ImsobsError(
        message,
        remedy="leave --comment out, or see docs/guide/review.md",
        exit_code=ExitCode.INPUT,
    )


def _github(environment: Mapping[str, str]) -> Forge:
    try:
        event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
        number = int(event["pull_request"]["number"])
    except (KeyError, TypeError, ValueError, OSError):
        raise _none("this job is not about a pull request") from None
    token = environment.get("GITHUB_TOKEN")
    repository = environment.get("GITHUB_REPOSITORY", "")
    if not token or not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise _none("GITHUB_TOKEN or GITHUB_REPOSITORY is not set")
    api = environment.get("GITHUB_API_URL", "https://api.github.com").rstrip("/")
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    issues = f"{api}/repos/{repository}/issues"
    return Forge(api, headers, f"{issues}/{number}/comments", f"{issues}/comments", "PATCH")


def _gitlab(environment: Mapping[str, str]) -> Forge:
    token, api = environment.get("GITLAB_TOKEN"), environment.get("CI_API_V4_URL", "")
    project, request = environment.get("CI_PROJECT_ID"), environment.get("CI_MERGE_REQUEST_IID")
    if not request or not project:
        raise _none("this job is not about a merge request")
    if not token or not api:
        raise _none("GITLAB_TOKEN or CI_API_V4_URL is not set")
    api = api.rstrip("/")
    notes = f"{api}/projects/{quote(project, safe='')}/merge_requests/{quote(request)}/notes"
    return Forge(api, {"PRIVATE-TOKEN": token}, notes, notes, "PUT")


def marker(spec: str) -> str:
    """Return the first line of the comment about a spec, which readers do not see."""
    return f"<!-- imsobs diff of {quote(spec)} -->"


def publish(forge: Forge, spec: str, text: str, *, keep_quiet: bool = False) -> str:
    """Write or update the comment about a spec; return ``created``, ``updated`` or ``none needed``.

    keep_quiet: nothing is to be said, so that no comment is written where there is none.
    Raises ImsobsError (OUTSIDE) for what the API refuses.
    """
    with httpx.Client(headers=dict(forge.headers), timeout=_SECONDS) as client:
        known = _own(client, forge, marker(spec))
        if known is None and keep_quiet:
            return "none needed"
        body = {"body": _cut(f"{marker(spec)}\n{text}")}
        if known is None:
            _ask(client, "POST", forge.list, json=body)
            return "created"
        _ask(client, forge.edit, f"{forge.one}/{known}", json=body)
        return "updated"


def _own(client: httpx.Client, forge: Forge, mark: str) -> int | None:
    """Return the id of the comment that this program wrote, None when there is none.

    Others can write the mark, too, and could edit what is then put into their comment. So the
    author counts: whose token it is, or, where that is no user's, any program.
    """
    answer = client.get(f"{forge.api}/user")
    me = answer.json().get("id") if answer.is_success else None
    for comment in _comments(client, forge):
        author = comment.get("user") or comment.get("author") or {}
        ours = author.get("id") == me if me is not None else author.get("type") == "Bot"
        if ours and str(comment.get("body", "")).startswith(mark):
            return int(comment["id"])
    return None


def _comments(client: httpx.Client, forge: Forge) -> Iterator[dict[str, Any]]:
    for page in range(1, _MOST_PAGES + 1):
        params = {"per_page": str(_PAGE), "page": str(page)}
        found = _ask(client, "GET", forge.list, params=params)
        yield from found
        if len(found) < _PAGE:
            return


def _ask(client: httpx.Client, method: str, url: str, **more: Any) -> Any:
    try:
        answer = client.request(method, url, **more)
        answer.raise_for_status()
        return answer.json()
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        remedy = (
            "let the job write comments: permissions: {pull-requests: write} on GitHub, a token "
            "with the scope api on GitLab"
            if code in (401, 403, 404)
            else "run the job again"
        )
        raise ImsobsError(f"{method} {url} is answered with {code}", remedy=remedy) from None
    except (httpx.HTTPError, ValueError) as error:
        raise ImsobsError(f"{method} {url} fails: {error}", remedy="run the job again") from None


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    rest = "\n\nThe rest is too long for a comment; `imsobs diff` prints all."
    return text[: LONGEST - len(rest)].rsplit("\n", 1)[0] + rest
