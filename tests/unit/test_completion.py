"""Completion in the shell, asked as the shells ask."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mistakes
import pytest

ALERTS = ["BurnFast", "ManyFailures", "OrdersWait", "PromiseBroken"]
ENTRY = "import sys; sys.argv[0] = 'imsobs'; from imsobs.cli import main; main()"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    (root / "spec").mkdir()
    # What is at fault gives its name all the same: nothing is checked.
    text = mistakes.SPEC.read_text().replace("threshold: 100", "threshold: a hundred")
    (root / "spec/shop.yaml").write_text(text)
    return root


def _bash(folder: Path, line: str) -> list[str]:
    words = line.split(" ")
    return _asked(folder, "bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))


def _asked(folder: Path, asking: str, **variables: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", ENTRY],
        cwd=folder,
        env={"_IMSOBS_COMPLETE": f"complete_{asking}", "HOME": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("imsobs inspect shop_re", ["shop_request_duration_seconds", "shop_requests_total"]),
        ("imsobs drill ", ALERTS),
        ("imsobs silence ", [*ALERTS, "expire", "list"]),
        ("imsobs silence OrdersWait st", ["stage=", "status_class="]),
        ("imsobs preview ", ["shop"]),
        ("imsobs records --event ", ["order_placed", "queue_state"]),
        ("imsobs explain alert/missing-f", ["alert/missing-for"]),
        ("imsobs explain Order", ["OrdersWait"]),
    ],
)
def test_names_of_the_nearest_spec(shop: Path, line: str, names: list[str]) -> None:
    below = shop / "spec"
    assert _bash(below, line) == names


def test_the_spec_of_another_folder(shop: Path, tmp_path: Path) -> None:
    assert _bash(tmp_path, f"imsobs drill --root {shop} Many") == ["ManyFailures"]
    # None at all is no reason for a traceback on the prompt.
    assert _bash(tmp_path, "imsobs drill Many") == [""]


def test_zsh_asks_too(shop: Path) -> None:
    asked = _asked(shop, "zsh", _TYPER_COMPLETE_ARGS="imsobs explain Many")
    assert "ManyFailures" in "".join(asked)


def test_what_a_shell_could_run_is_not_offered(tmp_path: Path) -> None:
    (tmp_path / "spec").mkdir()
    names = [
        "good_total",
        "x$(id)",
        "x`id`",
        "x;id",
        "x id",
        "x\\nid",
        "x&id",
        "x'",
        'x"',
        "x|id",
        "~",
    ]
    entries = "".join(f'  "{name}": {{}}\n' for name in (n.replace('"', '\\"') for n in names))
    (tmp_path / "spec/spec.yaml").write_text(f"metrics:\n{entries}")
    assert _bash(tmp_path, "imsobs inspect ") == ["good_total"]
