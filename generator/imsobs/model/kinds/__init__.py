"""Kinds of sources that a metric may have; one module each.

A module defines everything that is particular to its kind (``Kind`` lists what that is). To add
a kind, write the module, and its key among those of a metric in ``spec/schema/metrics.py``. The
modules are discovered, so there is no list to keep.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from imsobs.model.kinds.kind import Kind
from imsobs.spec.schema.metrics import Metric


def _found() -> dict[str, Kind]:
    """Return the kinds by name, in the order in which the spec lists their keys."""
    modules = [import_module(f"{__name__}.{entry.name}") for entry in iter_modules(__path__)]
    kinds: list[Kind] = [module.KIND for module in modules if hasattr(module, "KIND")]
    keys = list(Metric.model_fields)
    return {kind.name: kind for kind in sorted(kinds, key=lambda kind: keys.index(kind.name))}


KINDS: Final = _found()
# Every key of a metric that names a source.
KEYS: Final = tuple(key for kind in KINDS.values() for key in kind.keys)
