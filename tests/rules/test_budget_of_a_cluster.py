"""The budget of series of a cluster: that of one Collector, times those that receive."""

from __future__ import annotations

from pathlib import Path

import promtool
import pytest
import small_specs
from kubernetes_specs import EVERYTHING, STORES

from imsobs.outputs.kubernetes import cluster_of

pytestmark = pytest.mark.native
_SHARE = 'sum(scrape_samples_post_metric_relabeling{job=~"shop-.*"}) / '


@pytest.mark.parametrize("derive", [1, 3, 30])
def test_each_that_receives_may_have_the_budget_of_one(derive: int, tmp_path: Path) -> None:
    model = small_specs.model_of(tmp_path, *EVERYTHING, STORES)
    assert model.spec.kubernetes is not None
    records = cluster_of(model, model.spec.kubernetes).model.records
    limit = next(record.expr for record in records if record.name == "shop_series_limit")
    pods = [f"derive-collector-{number}:9464" for number in range(derive)]
    series = {f'up{{job="shop-metrics",instance="{pod}"}}': "1x20" for pod in pods}
    # Others are scraped by that job, too, and are no reason for more.
    series['up{job="shop-metrics",instance="sample-collector-0:9464"}'] = "1x20"
    series['up{job="shop-metrics",instance="current-collector-0:9465"}'] = "1x20"
    for pod in pods:
        name = "scrape_samples_post_metric_relabeling"
        series[f'{name}{{job="shop-metrics",instance="{pod}"}}'] = "900x20"
    asked = promtool.asked(f"{_SHARE}({limit})", "2m", {"{}": 0.9})
    promtool.check(tmp_path, series, [asked])
