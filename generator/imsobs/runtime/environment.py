"""The environment that other programs are given: what they need, by name, and nothing else.

The caller's environment holds the credentials of everything that the caller does. A program
that reads configuration, and telemetry of strangers, sees none of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

BASE = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
"""What any program may see: where programs are, how texts and times are written."""
HOME = ("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")
"""Where a person's settings are: for tools that are set up there."""
NETWORK = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""How the outside is reached: certificates and proxies."""
GO = ("GOPATH", "GOCACHE", "GOMODCACHE", "GOTMPDIR", "GOPROXY", "GOMAXPROCS", "NETRC")
"""Go's own places and module proxy; what weakens its checks of modules is not among them."""
JAVA = ("JAVA_HOME", "MAVEN_OPTS", "MAVEN_ARGS")
"""Which Java, and how Maven reaches the outside where its settings do not say so."""
NPM = ("npm_config_registry", "NPM_CONFIG_REGISTRY", "npm_config_cache", "NODE_EXTRA_CA_CERTS")
"""Where npm gets packages, and keeps them; a lockfile's hashes say which."""
PYTHON_INDEX = ("PIP_INDEX_URL", "PIP_CERT", "PIP_CONFIG_FILE", "UV_INDEX_URL", "UV_DEFAULT_INDEX")
"""Where a locked, hashed wheel is fetched from."""
DOCKER = (
    *("DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"),
    "COMPOSE_PROJECT_NAME",
)
"""Which Docker engine the docker command talks to, and what the project is called there."""


def chosen(
    *groups: Iterable[str],
    more: Mapping[str, str] | None = None,
    source: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the variables of these names that are set, and ``more`` on top of them.

    source: defaults to the caller's environment.
    """
    given = os.environ if source is None else source
    found = {name: given[name] for group in groups for name in group if name in given}
    return {**found, **(more or {})}
