"""What other programs see of the caller's environment, and what is validated at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from imsobs import artifacts, measurements, write
from imsobs.cli import verify as verify_command
from imsobs.cli.app import app
from imsobs.errors import ImsobsError
from imsobs.runtime.environment import BASE, GO, HOME, NETWORK, chosen
from imsobs.runtime.verify.validators import ask

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ("AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "GRAFANA_ADMIN_PASSWORD", "IMSOBS_OTLP_TOKEN")
assert verify_command


def test_a_validator_sees_none_of_the_callers_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "canary")
    said = ask("env", "x", ["sh", "-c", "env; exit 1"], tmp_path, {"OWN": "given"}).detail
    names = {line.partition("=")[0] for line in said.splitlines()}
    # PWD, SHLVL and _ are the shell's own.
    assert names <= {*BASE, "OWN", "PWD", "SHLVL", "_", "OLDPWD"}
    assert "canary" not in said


@pytest.mark.parametrize("group", [BASE, HOME, NETWORK, GO])
def test_no_group_names_what_weakens_a_check_or_is_a_secret(group: tuple[str, ...]) -> None:
    weakening = {"GOFLAGS", "GOINSECURE", "GONOSUMDB", "GOPRIVATE", "GOSUMDB", "LD_PRELOAD"}
    assert not weakening & set(group)
    assert not set(SECRETS) & set(group)


def test_only_what_is_set_is_handed_on() -> None:
    given = {"PATH": "/bin", "SECRET": "x"}
    assert chosen(BASE, more={"A": "b"}, source=given) == {"PATH": "/bin", "A": "b"}


def test_verify_validates_only_what_the_spec_says(
    tmp_path: Path, rendered: dict[str, bytes]
) -> None:
    (tmp_path / "spec").mkdir()
    write.apply(tmp_path, write.changes(tmp_path, rendered))
    # The spec, and what it names.
    for file in ("spec/ims.yaml", f"{artifacts.REFERENCE}/{measurements.FILE}"):
        (tmp_path / file).write_bytes((ROOT / file).read_bytes())
    config = tmp_path / "collector/config.yaml"
    config.write_text(config.read_text().replace("127.0.0.1", "${env:AWS_SECRET_ACCESS_KEY}"))
    result = CliRunner().invoke(app, ["verify", "--root", str(tmp_path)])
    assert isinstance(result.exception, ImsobsError)
    assert "1 rendered file(s) differ from the spec: collector/config.yaml" in str(result.exception)
