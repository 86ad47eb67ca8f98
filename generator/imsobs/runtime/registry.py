"""The digest of an image, asked of its registry (OCI distribution API, v2)."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

import httpx

from imsobs.errors import ExitCode, ImsobsError
from imsobs.runtime.loopback import bound
from imsobs.runtime.process.plan import LOOPBACK_HOSTS

# What an image by tag may be: an index of platforms, or one platform's manifest.
_TYPES = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_HUB = "registry-1.docker.io"
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_LONGEST = 4 * 1024 * 1024
_PATIENCE = 60.0


def registry_client(seconds: float) -> httpx.Client:
    """Return a client for registries, which follows them to where they keep things.

    seconds: of one step. An answer is bounded: whose registry it is, a spec says.
    """

    def bounded(answer: httpx.Response) -> None:
        bound(answer, _LONGEST, _PATIENCE)

    return httpx.Client(
        timeout=seconds,
        follow_redirects=True,
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [bounded]},
    )


def address(image: str) -> tuple[str, str]:
    """Return the registry's base URL and the repository of an image without tag."""
    first, _, rest = image.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        scheme = "http" if urlsplit(f"//{first}").hostname in LOOPBACK_HOSTS else "https"
        return f"{scheme}://{first}", rest
    return f"https://{_HUB}", image if rest else f"library/{image}"


def digest(client: httpx.Client, image: str, tag: str) -> str:
    """Return ``sha256:...`` of the manifest that a tag names now, computed from its bytes.

    Raises ImsobsError when the registry cannot be reached, refuses, or has no such tag.
    """
    base, repository = address(image)
    url = f"{base}/v2/{repository}/manifests/{tag}"
    try:
        answer = client.get(url, headers={"Accept": _TYPES})
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            token = _token(client, base, answer.headers.get("WWW-Authenticate", ""))
            headers = {"Accept": _TYPES, "Authorization": f"Bearer {token}"}
            answer = client.get(url, headers=headers)
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise ImsobsError(
            f"the registry of {image} cannot be asked: {urlsplit(base).netloc} "
            f"({type(error).__name__}); nothing was changed",
            remedy="run it where the registry can be reached, or name a mirror in the spec",
        ) from error
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise ImsobsError(f"{image} has no tag {tag}", exit_code=ExitCode.INPUT)
    if not answer.is_success:
        raise ImsobsError(f"{urlsplit(base).netloc} answered HTTP {answer.status_code} for {image}")
    found = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
    if answer.headers.get("Docker-Content-Digest", found) != found:
        raise ImsobsError(f"the manifest of {image}:{tag} is not what its digest says")
    return found


def _token(client: httpx.Client, base: str, challenge: str) -> str:
    """Return an anonymous token, as the registry's challenge says where."""
    fields = dict(_CHALLENGE.findall(challenge))
    realm = urlsplit(fields["realm"])
    if realm.scheme != "https" and realm.hostname not in LOOPBACK_HOSTS:
        raise ValueError("the registry sends us to a place without TLS")
    query = {key: fields[key] for key in ("service", "scope") if key in fields}
    answer = client.get(fields["realm"], params=query)
    answer.raise_for_status()
    data = answer.json()
    return str(data.get("token") or data["access_token"])
