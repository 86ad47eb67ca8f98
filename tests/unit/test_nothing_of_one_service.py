"""The tool knows no service: nothing of the product that it was made for is in its packages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What is installed: the tool with its templates and data, and what stands beside a service.
PACKAGES = (
    "generator/imsobs",
    "templates",
    # Shipped as well, for `imsobs explain`.
    "docs/checks",
    "instrumentation/imsobs_instrumentation",
    "exporter/imsobs_exporter",
)
# Not as a part of another word (claims, trims) and not the tool's own name.
OF_THE_PRODUCT = re.compile(r"(?<![a-z])ims(?!obs)(?![a-z])", re.IGNORECASE)


def texts(package: str) -> Iterator[tuple[str, str]]:
    for file in sorted((ROOT / package).rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
            yield str(file.relative_to(ROOT)), file.read_bytes().decode("utf-8", "replace")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_name_of_the_product_is_in(package: str) -> None:
    found = list(texts(package))
    assert found
    told = [
        f"{path}: {line.strip()[:100]}"
        for path, text in found
        for line in text.splitlines()
        if OF_THE_PRODUCT.search(line) or OF_THE_PRODUCT.search(path)
    ]
    assert told == []


@pytest.mark.parametrize("text", ["ims_requests_total", "IMS Core", "otelcol-ims", "spec/ims.yaml"])
def test_a_name_of_the_product_would_be_found(text: str) -> None:
    assert OF_THE_PRODUCT.search(text)


@pytest.mark.parametrize("text", ["imsobs", "IMSOBS_BIN", "claims", "it trims", "ImsobsError"])
def test_other_words_are_none(text: str) -> None:
    assert OF_THE_PRODUCT.search(text) is None
