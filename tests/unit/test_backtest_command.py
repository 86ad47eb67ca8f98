"""imsobs backtest against a Prometheus that answers as it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
import yaml
from small_specs import BASE, PARTS, merged
from typer.testing import CliRunner, Result

from imsobs.backtest import prometheus as client
from imsobs.backtest.prometheus import Prometheus, QueryError, RefusedError
from imsobs.backtest.queries import MOST_POINTS, evaluate, pieces
from imsobs.backtest.states import Evaluations
from imsobs.cli import app
from imsobs.errors import ExitCode, ImsobsError

ALERTS = """
alerting: {groups: {kinds: {team: me, dashboard: pages}}}
routing: {routes: {me: {match: {team: me}, receiver: chat}}}
receivers: {chat: {webhook: {url: "http://127.0.0.1:1/"}}}
alerts:
  ManyPages: {group: kinds, severity: warning, for: 1m, threshold: 5, summary: Many,
    expr: "sum by (service_name, deployment_environment_name) (rate(shop_pages_total[5m]))"}
  FewPages: {group: kinds, severity: info, for: 0s, threshold: 1, op: "<", summary: Few,
    expr: "sum by (service_name, deployment_environment_name) (rate(shop_pages_total[5m]))"}
"""
RECORD = "service:shop_pages:rate5m"
OF_RECORD = f"""
alerts: {{OddPages: {{group: kinds, severity: warning, for: 0s, threshold: 5, expr: "{RECORD}",
  summary: S, unit: per_second,
  test: {{series: {{"{RECORD}": {{quiet: 5, fires: 6}}}}, value: 6}}}}}}
"""
UNTIL = "2026-01-01T12:00:00Z"
NOON = 1_767_268_800
Answer = Callable[[dict[str, str]], httpx.Response]


class Fake:
    """A Prometheus. values: part of an expression -> what it gives at a time; None: nothing."""

    def __init__(self) -> None:
        self.oldest: float | None = NOON - 90 * 86400.0
        self.values: dict[str, Callable[[int], float | None]] = {}
        self.labels = {"service_name": "orders-api", "deployment_environment_name": "production"}
        self.absent: set[str] = set()
        self.asked: list[dict[str, str]] = []
        self.refuse: Answer | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/metrics":
            if self.oldest is None:
                return httpx.Response(404)
            text = f"prometheus_tsdb_lowest_timestamp_seconds {self.oldest}\n"
            return httpx.Response(200, text=text)
        given = {key: one[0] for key, one in parse_qs(request.content.decode()).items()}
        if request.url.path == "/api/v1/series":
            name = given["match[]"].split('"')[1]
            return success([] if name in self.absent else [{"__name__": name}])
        self.asked.append(given)
        if self.refuse is not None and (refused := self.refuse(given)).status_code != 100:
            return refused
        if request.url.path == "/api/v1/query":
            return success({"resultType": "vector", "result": []})
        times = range(int(given["start"]), int(given["end"]) + 1, int(given["step"]))
        rows = []
        for part, value in self.values.items():
            if part in given["query"]:
                points = [[at, str(found)] for at in times if (found := value(at)) is not None]
                rows += [{"metric": self.labels, "values": points}] if points else []
        return success({"resultType": "matrix", "result": rows})


def success(data: object) -> httpx.Response:
    return httpx.Response(200, json={"status": "success", "data": data})


def refusal(text: str, status: int = 422, kind: str = "bad_data") -> httpx.Response:
    return httpx.Response(status, json={"status": "error", "error": text, "errorType": kind})


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    found = Fake()

    def connected(*_: object, **__: object) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(found))

    monkeypatch.setattr(client, "loopback_client", connected)
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return written(tmp_path / "project", ALERTS)


def written(root: Path, *texts: str) -> Path:
    (root / "spec").mkdir(parents=True)
    data = merged(BASE, PARTS["an objective and a band"], *texts)
    (root / "spec" / "spec.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    return root


def run(root: Path, *arguments: str) -> Result:
    given = ["backtest", "--root", str(root), "--until", UNTIL, *arguments]
    return CliRunner().invoke(app, given)


def found(root: Path, *arguments: str) -> dict[str, object]:
    done = run(root, "--format", "json", *arguments)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def spike(at: int) -> float | None:
    """7 pages a second for two minutes, an hour before noon, and 12 for the last of them."""
    since = at - (NOON - 3600)
    return 12.0 if 60 <= since < 120 else 7.0 if 0 <= since < 60 else None


def test_an_episode_is_told_with_its_times_and_value(fake: Fake, project: Path) -> None:
    fake.values["> 5"] = spike
    data = found(project, "ManyPages", "--since", "2h")
    (alert,) = data["alerts"]  # type: ignore[misc]
    (revision,) = alert["revisions"]
    assert (data["from"], data["to"]) == ("2026-01-01T10:00:00Z", "2026-01-01T12:00:00Z")
    assert revision["fired"] == 1
    assert revision["firing_seconds"] == 60
    (episode,) = revision["episodes"]
    assert episode.pop("labels")["alertname"] == "ManyPages"
    assert episode == {
        "began_before": False,
        "pending_at": "2026-01-01T11:00:00Z",
        "fired_at": "2026-01-01T11:01:00Z",
        "resolved_at": "2026-01-01T11:02:00Z",
        "peak": 12.0,
        "outcome": "told",
        "receivers": ["chat"],
        "by": [],
    }


def test_a_terminal_is_shown_how_often_and_when(fake: Fake, project: Path) -> None:
    fake.values["> 5"] = spike
    lines = run(project, "ManyPages", "--since", "2h").stdout.splitlines()
    assert lines[0].startswith("2026-01-01 10:00:00 to 2026-01-01 12:00:00 UTC, Prometheus at ")
    assert "ManyPages warning" in lines[2]
    assert lines[3].strip() == "> 5/s: fired once; 1m in all, the longest 1m"
    assert lines[4].strip() == "told: chat 1"
    assert lines[5].strip() == f"|{' ' * 30}█{' ' * 29}| a column is 2m"
    assert lines[6].strip().startswith("2026-01-01 11:00:00  pending 1m, firing 1m  worst 12/s  ")


def test_what_goes_on_at_the_begin_began_before(fake: Fake, project: Path) -> None:
    fake.values["> 5"] = lambda at: 7.0 if at < NOON - 1800 else None
    lines = run(project, "ManyPages", "--since", "1h").stdout.splitlines()
    assert lines[3].strip() == "> 5/s: fired once; 30m in all, the longest 30m"
    assert lines[6].strip().startswith("before 2026-01-01 11:00:00  firing 30m  worst 7/s")
    fake.values["> 5"] = lambda at: 7.0 if at >= NOON - 3630 else None
    lines = run(project, "ManyPages", "--since", "1h").stdout.splitlines()
    # Pending for half of its minute when the range begins.
    assert (
        lines[6]
        .strip()
        .startswith("before 2026-01-01 11:00:00  pending 30s, firing 59m 30s, and still")
    )


def test_a_quiet_alert_is_one_word(fake: Fake, project: Path) -> None:
    done = run(project, "ManyPages", "FewPages", "--since", "2h")
    assert done.stdout.splitlines()[-1] == "never pending (2): ManyPages, FewPages"


def test_two_thresholds_of_one_condition_are_asked_once(
    fake: Fake, project: Path, tmp_path: Path
) -> None:
    fake.values["> 5"] = spike
    other = written(tmp_path / "other", ALERTS, "alerts: {ManyPages: {threshold: 10, for: 0s}}")
    (alert,) = found(project, "--against", str(other), "--since", "1h")["alerts"]  # type: ignore[misc]
    before, after = alert["revisions"]
    assert (before["threshold"], before["fired"], before["firing_seconds"]) == (10, 1, 60)
    assert (after["threshold"], after["fired"], after["firing_seconds"]) == (5, 1, 60)
    assert before["episodes"][0]["pending_at"] == "2026-01-01T11:01:00Z"
    assert {asked["query"].rpartition(" ")[2] for asked in fake.asked} == {"5"}


def test_nothing_is_replayed_where_nothing_behaves_otherwise(
    fake: Fake, project: Path, tmp_path: Path
) -> None:
    other = written(tmp_path / "other", ALERTS, "alerts: {ManyPages: {summary: Other}}")
    done = run(project, "--against", str(other))
    assert (done.exit_code, done.stdout, fake.asked) == (0, "", [])
    assert "no alert behaves otherwise" in done.stderr


def test_a_record_of_another_definition_is_evaluated_in_place_on_both_sides(
    fake: Fake, project: Path, tmp_path: Path
) -> None:
    other = written(
        tmp_path / "other",
        ALERTS,
        OF_RECORD,
        f"""
rules:
  {RECORD}:
    expr: sum by (service_name, deployment_environment_name) (rate(shop_pages_total[1m]))
""",
    )
    here = written(tmp_path / "here", ALERTS, OF_RECORD)
    (row,) = [
        row
        for row in found(here, "--against", str(other), "--since", "1h")["alerts"]  # type: ignore[attr-defined]
        if row["alert"] == "OddPages"
    ]
    assert [one["in_place"] for one in row["revisions"]] == [[RECORD], [RECORD]]
    texts = [asked["query"] for asked in fake.asked]
    assert any("[1m]))) > 5" in text for text in texts)
    assert any("[5m]))) > 5" in text for text in texts)


@pytest.mark.parametrize(
    ("absent", "in_place"),
    [
        (set(), []),
        ({RECORD}, [RECORD]),
        # A store of records alone: nothing could be computed.
        ({RECORD, "shop_pages_total"}, []),
    ],
)
def test_a_record_that_history_lacks_is_evaluated_in_place(
    fake: Fake, tmp_path: Path, absent: set[str], in_place: list[str]
) -> None:
    fake.absent = absent
    here = written(tmp_path / "here", ALERTS, OF_RECORD)
    data = found(here, "OddPages", "--since", "2h")
    assert data["alerts"][0]["revisions"][0]["in_place"] == in_place  # type: ignore[index]
    (asked,) = {one["query"] for one in fake.asked}
    assert (RECORD in asked) == (not in_place)


def test_a_sweep_counts_by_threshold(fake: Fake, project: Path) -> None:
    fake.values["> 4"] = spike
    data = found(project, "ManyPages", "--sweep", "4:12", "--since", "2h")
    sweep = data["alerts"][0]["revisions"][0]["sweep"]  # type: ignore[index]
    assert [row["threshold"] for row in sweep] == [4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert [row["fired"] for row in sweep] == [1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert [row["pending"] for row in sweep] == [0, 0, 0, 1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ManyPage"], 'there is no alert "ManyPage"; did you mean "ManyPages"?'),
        (["--since", "soon"], '"soon" is not a duration'),
        (["--until", "late"], '"late" is not a time'),
        (["ManyPages", "--sweep", "9"], '"9" is no range of thresholds'),
        (["ManyPages", "--sweep", "9:2"], '"9:2" is no range of thresholds'),
        (["ManyPages", "--sweep", "0:inf"], '"0:inf" is no range of thresholds'),
        (["--sweep", "1:2"], "one alert"),
        (["--prometheus", "ftp://x"], '"ftp://x" is not an http(s) address'),
        (["--against", "no-such-thing"], "is no revision"),
    ],
)
def test_wrong_input_is_one_line(
    fake: Fake, project: Path, arguments: list[str], message: str
) -> None:
    # The later option of two wins.
    done = run(project, *arguments)
    assert isinstance(done.exception, ImsobsError)
    assert message in str(done.exception)
    assert done.exception.exit_code is ExitCode.INPUT


def test_a_range_beyond_what_is_held_says_what_is_missing(fake: Fake, project: Path) -> None:
    fake.oldest = NOON - 86400.0
    done = run(project, "ManyPages", "--since", "30d")
    assert done.exit_code == 0
    assert (
        "Prometheus has nothing before 2025-12-31 12:00:00: the first 29d of the range are missing"
        in done.stdout
    )


@pytest.mark.parametrize("oldest", [NOON + 60.0, 9.2e15])
def test_a_range_of_which_nothing_is_held_is_refused(
    fake: Fake, project: Path, oldest: float
) -> None:
    fake.oldest = oldest
    done = run(project, "ManyPages")
    assert isinstance(done.exception, ImsobsError)
    assert "holds nothing of this range" in str(done.exception)
    assert done.exception.exit_code is ExitCode.OUTSIDE


def test_a_condition_that_prometheus_refuses_is_told_beside_the_others(
    fake: Fake, project: Path
) -> None:
    fake.values["> 5"] = spike
    fake.refuse = lambda given: (
        refusal("many-to-many matching") if "< 1" in given["query"] else httpx.Response(100)
    )
    done = run(project, "ManyPages", "FewPages", "--since", "2h")
    assert done.exit_code == ExitCode.OUTSIDE
    assert "no answer: many-to-many matching" in done.stdout
    assert "fired once" in done.stdout


def test_a_revision_that_would_not_pass_the_checks_is_replayed_all_the_same(
    fake: Fake, project: Path, tmp_path: Path
) -> None:
    fake.values["> 5"] = spike
    wrong = """
alerts: {ManyPages: {expr: "sum(("}, FewPages: {severity: warning, threshold: 2}}
routing: {receiver: none-such, routes: {me: {receiver: none-such, mute: [none-such]}}}
"""
    other = written(tmp_path / "other", ALERTS, wrong)
    done = run(project, "ManyPages", "FewPages", "--against", str(other), "--since", "2h")
    assert done.exit_code == ExitCode.OUTSIDE
    assert done.stdout.count("no answer: ") == 1
    assert "told: chat 1" in done.stdout


def test_series_without_data_are_named(fake: Fake, project: Path) -> None:
    fake.absent = {"shop_pages_total"}
    assert "no data of shop_pages_total" in run(project, "ManyPages", "--since", "2h").stdout


def test_no_label_becomes_markup_of_the_page_or_obeyed_by_the_terminal(
    fake: Fake, project: Path, tmp_path: Path
) -> None:
    fake.values["> 5"] = spike
    fake.labels["service_name"] = '<script>alert("1")</script>[red]\x1b[2J'
    page = tmp_path / "page.html"
    done = run(project, "ManyPages", "--since", "2h", "--html", str(page))
    text = page.read_text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "\x1b" not in text + done.stdout
    assert '[red]\\x1b[2J"' in done.stdout


def test_a_page_has_a_bar_of_each_episode(fake: Fake, project: Path, tmp_path: Path) -> None:
    fake.values["> 5"] = spike
    page = tmp_path / "page.html"
    run(project, "ManyPages", "FewPages", "--since", "2h", "--html", str(page))
    text = page.read_text()
    # 11:00 is half of two hours; pending and firing end at the same time.
    assert '<rect class="pending" x="500.0" y="9" width="16.67" height="9"/>' in text
    assert '<rect class="firing" x="508.33" y="0" width="8.33" height="18"/>' in text
    assert "Never pending: FewPages" in text


def test_a_page_that_cannot_be_written_is_one_line(fake: Fake, project: Path) -> None:
    done = run(project, "ManyPages", "--html", "/proc/none/page.html")
    assert isinstance(done.exception, ImsobsError)
    assert "cannot write" in str(done.exception)


def test_pieces_are_no_longer_than_prometheus_answers() -> None:
    found = list(pieces(Evaluations(0, 15 * 25_000, 15)))
    assert [(one.last - one.first) // 15 + 1 for one in found] == [MOST_POINTS, MOST_POINTS, 3001]
    assert [one.first for one in found] == [0, 15 * MOST_POINTS, 30 * MOST_POINTS]


@pytest.mark.parametrize(
    "refused",
    [
        refusal("query processing would load too many samples into memory in query execution"),
        refusal("query timed out in expression evaluation", 503),
    ],
)
def test_a_question_that_is_too_large_is_halved(fake: Fake, refused: httpx.Response) -> None:
    def refuse(given: dict[str, str]) -> httpx.Response:
        long = int(given["end"]) - int(given["start"]) > 15 * 300
        return refused if long else httpx.Response(100)

    fake.refuse = refuse
    fake.values["x"] = float
    source = Prometheus("http://p")
    ((_, points),) = evaluate(source, "x", Evaluations(0, 15 * 999, 15)).samples.items()
    assert points == [(at, float(at)) for at in range(0, 15 * 1000, 15)]
    fake.refuse = lambda _: refused
    with pytest.raises(QueryError, match="take a shorter --since"):
        evaluate(source, "x", Evaluations(0, 15 * 999, 15))


def test_evaluations_that_fail_leave_the_states_as_they_are(fake: Fake, project: Path) -> None:
    failing = {NOON - 3600 + 90, NOON - 600}

    def refuse(given: dict[str, str]) -> httpx.Response:
        asked = range(int(given["start"]), int(given["end"]) + 1, int(given["step"]))
        text = "many-to-many matching"
        return refusal(text, kind="execution") if failing & set(asked) else httpx.Response(100)

    fake.values["> 5"] = spike
    fake.refuse = refuse
    done = run(project, "ManyPages", "--since", "2h")
    assert done.exit_code == 0
    assert "fired once; 1m in all" in done.stdout
    assert "2 evaluations failed, as they did then: many-to-many matching" in done.stdout


def test_series_that_differ_in_their_name_alone_are_refused_as_prometheus_does(
    fake: Fake, project: Path
) -> None:
    fake.values = {"> 5": spike, "sum by": spike}
    done = run(project, "ManyPages", "--since", "2h")
    assert done.exit_code == ExitCode.OUTSIDE
    assert "no answer: two series have the same labels" in done.stdout


def test_what_fails_at_every_evaluation_is_not_asked_for_ever(fake: Fake) -> None:
    fake.refuse = lambda _: refusal("many-to-many matching", kind="execution")
    with pytest.raises(RefusedError, match="many-to-many"):
        evaluate(Prometheus("http://p"), "x", Evaluations(0, 15 * 9999, 15))
    assert len(fake.asked) < 200


def test_an_answer_that_is_none_of_its_api_is_one_line(fake: Fake, project: Path) -> None:
    fake.refuse = lambda _: httpx.Response(401, text="who are you?")
    done = run(project, "ManyPages")
    assert isinstance(done.exception, ImsobsError)
    assert "status 401" in str(done.exception)
    fake.oldest = None
    fake.refuse = lambda _: refusal("no such thing")
    assert "refuses query: no such thing" in str(run(project, "ManyPages").exception)


def test_no_password_of_the_address_is_shown(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    transport = httpx.MockTransport(unreachable)
    monkeypatch.setattr(
        client, "loopback_client", lambda *_, **__: httpx.Client(transport=transport)
    )
    done = run(project, "ManyPages", "--prometheus", "http://me:secret@127.0.0.1:9")
    assert isinstance(done.exception, ImsobsError)
    assert str(done.exception).startswith("Prometheus does not answer at http://127.0.0.1:9: ")
    assert "secret" not in str(done.exception)
