"""Typed models of the configuration files of software that may not be here to validate them.

Only documented fields are allowed, so a misspelt one is found without the software. Sources:
grafana.com/docs/loki (configuration of Loki 3.7, Promtail 3.6), grafana.com/docs/grafana
(provisioning, Grafana 12).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Documented(BaseModel):
    """A mapping with no other than the documented fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
