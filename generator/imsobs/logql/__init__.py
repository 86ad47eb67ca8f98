"""LogQL, parsed strictly: no Loki is needed to know that a log query is one.

Stream selectors, line and label filters, parsers, formatters, range and vector aggregations
and binary operations. What is accepted is held against the grammar that Grafana publishes
(@grafana/lezer-logql) by tests/unit/test_logql.py, where Node.js is there.
"""

from imsobs.logql.parser import Parsed, parse
from imsobs.logql.tokens import LogQLError

__all__ = ["LogQLError", "Parsed", "parse"]
