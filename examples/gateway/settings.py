"""Settings of the gateway, read once from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Settings of the gateway. Durations are in seconds, sizes in bytes."""

    openai_url: str = "https://api.openai.com/v1"
    openai_key: str = "not-set"
    anthropic_url: str = "https://api.anthropic.com"
    anthropic_key: str = "not-set"
    vendor_timeout: float = 10.0
    # Calls to one vendor after the first one failed, before falling back.
    retries: int = 1
    # Failures in a row that open a vendor's circuit; 0: never.
    circuit_failures: int = 10
    circuit_seconds: float = 5.0
    # Empty: a Redis inside the process.
    redis_url: str = ""
    database: str = ":memory:"
    cache_ttl: float = 300.0
    cache_bytes: int = 1_000_000
    workers: int = 2
    # How often cache_state and queue_state are logged.
    state_interval: float = 5.0
    # Demo only: opens POST /demo/faults.
    demo: bool = False

    @classmethod
    def from_env(cls) -> Settings:
        """Read the `IMS_*` variables (and the vendors' usual key variables).

        Raises ValueError when a number is not one.
        """
        env = os.environ
        default = cls()
        return cls(
            openai_url=env.get("IMS_OPENAI_URL", default.openai_url),
            openai_key=env.get("OPENAI_API_KEY", default.openai_key),
            anthropic_url=env.get("IMS_ANTHROPIC_URL", default.anthropic_url),
            anthropic_key=env.get("ANTHROPIC_API_KEY", default.anthropic_key),
            vendor_timeout=float(env.get("IMS_VENDOR_TIMEOUT_SECONDS", default.vendor_timeout)),
            retries=int(env.get("IMS_RETRIES", default.retries)),
            circuit_failures=int(env.get("IMS_CIRCUIT_FAILURES", default.circuit_failures)),
            circuit_seconds=float(env.get("IMS_CIRCUIT_SECONDS", default.circuit_seconds)),
            redis_url=env.get("IMS_REDIS_URL", default.redis_url),
            database=env.get("IMS_DATABASE", default.database),
            cache_ttl=float(env.get("IMS_CACHE_TTL_SECONDS", default.cache_ttl)),
            cache_bytes=int(env.get("IMS_CACHE_BYTES", default.cache_bytes)),
            workers=int(env.get("IMS_WORKERS", default.workers)),
            state_interval=float(env.get("IMS_STATE_INTERVAL_SECONDS", default.state_interval)),
            demo=env.get("IMS_DEMO", "").lower() in ("1", "true", "yes"),
        )
