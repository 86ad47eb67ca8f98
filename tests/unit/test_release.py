"""What a release is made of: the same wheel twice, a valid bill of materials, a true audit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from imsobs.shipped import shipped
from release import audit, sbom, wheel

ROOT = Path(__file__).resolve().parents[2]


def _clone(folder: Path) -> Path:
    """Return a copy of what git tracks, as another checkout has it: other modes and times."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, tracked):
        source, copy = ROOT / name, folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            copy.symlink_to(source.readlink())
        elif source.is_file():
            shutil.copyfile(source, copy)
            copy.chmod(0o600)
            os.utime(copy, (1, 1))
    commands = (["init", "-q"], ["add", "-A"])
    for command in commands:
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("distribution", wheel.DISTRIBUTIONS)
def test_the_same_source_gives_the_same_wheel(
    distribution: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    one = wheel.build(tmp_path / "one", ROOT, distribution)
    other_checkout = _clone(tmp_path / "a rather long folder")
    (other_checkout / "generator/imsobs/left_over.pyc").write_bytes(b"not tracked")
    old_mask = os.umask(0o077)
    try:
        two = wheel.build(tmp_path / "two", other_checkout, distribution)
    finally:
        os.umask(old_mask)
    assert one.read_bytes() == two.read_bytes()
    # And it can differ: the time is in it.
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000002")
    assert wheel.build(tmp_path / "three", ROOT, distribution).read_bytes() != one.read_bytes()


def test_the_bill_of_materials_is_valid_and_the_same_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    text = sbom.text()
    assert sbom.text() == text
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found = {component["bom-ref"]: component for component in json.loads(text)["components"]}
    names = {component["name"] for component in found.values()}
    assert {"jinja2", "pydantic", "supervisor", "prom/prometheus", "otelcol"} <= names
    for section in shipped().collector.values():
        assert {module.split()[0] for module in section.values()} <= names
    locked = (ROOT / "requirements.lock").read_text()
    python = [c for c in found.values() if c.get("purl", "").startswith("pkg:pypi/")]
    assert len(python) == len({line for line in locked.splitlines() if "==" in line[:80]})
    scopes = {c["name"]: c["scope"] for c in python}
    assert (scopes["jinja2"], scopes["locust"]) == ("required", "optional")


def _entry(**more: object) -> dict[str, object]:
    return {"name": "x", "version": "1", "vulns": [], **more}


SKIPPED = {"name": "y", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("code", "out", "state"),
    [
        (0, json.dumps({"dependencies": [_entry()]}), "clean"),
        (1, json.dumps({"dependencies": [_entry(vulns=[{"id": "CVE-1"}])]}), "findings"),
        # An index that knows nothing: the tool ends with 0 and has looked at nothing.
        (0, json.dumps({"dependencies": [{"name": "x", "skip_reason": "not found"}]}), "not asked"),
        (
            0,
            json.dumps({"dependencies": [_entry(), {"name": "y", "skip_reason": "z"}]}),
            "not asked",
        ),
        (0, json.dumps({"dependencies": []}), "not asked"),
        (1, "", "not asked"),
        (127, "no module named pip_audit", "not asked"),
    ],
)
def test_what_was_not_looked_at_is_not_clean(code: int, out: str, state: str) -> None:
    assert audit.read_python_report(code, out, "").state == state


ASKED = '{"config": {"db": "https://x", "db_last_modified": "2026-11-01T00:00:00Z"}}'


@pytest.mark.parametrize(
    ("code", "out", "err", "state", "detail"),
    [
        (0, ASKED, "", "clean", ""),
        (0, ASKED + '\n{"finding": {"osv": "GO-2026-1"}}', "", "findings", "GO-2026-1"),
        (1, '{"config": {"db": "https://x"}}', "lookup x: no such host\nexit status 1", "not asked",
         "lookup x: no such host"),
        (0, "", "", "not asked", "exit code 0"),
        (127, "", "does not run: no go", "not asked", "does not run: no go"),
    ],
)  # fmt: skip
def test_a_binary_is_clean_only_when_the_database_answered(
    code: int, out: str, err: str, state: str, detail: str
) -> None:
    found = audit.read_binary_report("x", code, out, err)
    assert (found.state, found.detail) == (state, detail)


def _documented(command: str) -> str:
    """Return the block of shell commands of docs/guide/releasing.md that holds a command."""
    page = (ROOT / "docs/guide/releasing.md").read_text()
    return next(b for b in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if command in b)


@pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg: not on PATH; install gnupg")
def test_the_documented_signature_verifies_and_a_changed_wheel_does_not(tmp_path: Path) -> None:
    # A socket's path is short, so the folder is.
    home = Path(tempfile.mkdtemp(prefix="gpg-"))
    environment = {"GNUPGHOME": str(home), "PATH": os.environ["PATH"]}

    def run(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euc", script],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    try:
        key = "gpg --batch --passphrase '' --quick-generate-key a@example.org ed25519 sign never"
        assert run(key).returncode == 0
        (tmp_path / "dist").mkdir()
        file = tmp_path / "dist/imsobs-1-py3-none-any.whl"
        for path in (file, tmp_path / "dist/sbom.cdx.json"):
            path.write_bytes(b"as it was released")
        done = run(_documented("gpg --detach-sign"))
        assert done.returncode == 0, done.stderr
        assert "Good signature" in done.stderr
        file.write_bytes(b"as somebody made it later")
        again = run("gpg --verify dist/imsobs-*.whl.asc dist/imsobs-*.whl")
        assert again.returncode != 0
        assert "BAD signature" in again.stderr
    finally:
        run("gpgconf --kill all")
        shutil.rmtree(home, ignore_errors=True)
