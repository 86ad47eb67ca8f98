"""imsobs preview of a recording: drawn by a Prometheus of its own, up to the recording's end."""

from __future__ import annotations

import shutil
from pathlib import Path

import mistakes
import pytest
from typer.testing import CliRunner

from imsobs.cli import app
from imsobs.errors import ImsobsError
from imsobs.preview.fetch import Prometheus
from imsobs.runtime.recorded import served

pytestmark = pytest.mark.native
START = 1_700_000_000
SERIES = 'shop_requests_total{route="/orders",status_class="%s",service_name="orders",deployment_environment_name="production"}'  # noqa: E501


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    (root / "spec").mkdir()
    shutil.copy(mistakes.SPEC, root / "spec/shop.yaml")
    assert CliRunner().invoke(app, ["render", "--root", str(root)]).exit_code == 0
    lines = ["# TYPE shop_requests counter"]
    for status in ("2xx", "5xx"):
        lines += [f"{SERIES % status} {n} {START + n * 15}" for n in range(241)]
    (root / "recorded.om").write_text("\n".join([*lines, "# EOF", ""]))
    return root


def test_a_recording_is_asked_at_its_end(shop: Path) -> None:
    with served(shop / "recorded.om", shop) as recording:
        assert recording.end == START + 240 * 15
        source = Prometheus(recording.url)
        (rate,) = source.instant("sum(rate(shop_requests_total[5m]))", recording.end)
        assert rate.last == pytest.approx(2 / 15, rel=0.1)
        # What is rendered asks with modifiers that Prometheus must have switched on.
        assert source.instant("increase(shop_requests_total[5m] anchored)", recording.end)


def test_only_dashboards_that_look_otherwise_are_drawn(shop: Path, tmp_path: Path) -> None:
    pytest.importorskip("vl_convert", reason="the charting library is not installed")
    before = tmp_path / "before"
    shutil.copytree(shop / "spec", before / "spec")
    command = [
        "preview", "--root", str(shop), "--recording", str(shop / "recorded.om"),
        "--changed-since", str(before), "--out", str(tmp_path / "out"), "--range", "30m",
    ]  # fmt: skip
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "out").exists()
    file = before / "spec/shop.yaml"
    file.write_text(file.read_text().replace("by: [route]", "by: [status_class]"))
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == "shop: Request rate"
    assert "<svg" in (tmp_path / "out/shop.html").read_text()


def test_what_is_no_recording_is_refused(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.om").write_text("no metric at all\n")
    with pytest.raises(ImsobsError, match="is no recording"), served(tmp_path / "empty.om", shop):
        pass
