"""Counters in the format of Prometheus, read back by its own parser."""

from __future__ import annotations

import pytest

pytest.importorskip("prometheus_client")
from prometheus_client.parser import text_string_to_metric_families

from visavox.web.service_metrics import ServiceMetrics


def samples(metrics: ServiceMetrics) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(metrics.page().decode())
    return {
        (sample.name, tuple(sample.labels[key] for key in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


def test_requests_are_counted_by_route_and_status() -> None:
    metrics = ServiceMetrics()
    for took_s in (0.003, 0.2, 40.0):
        metrics.request("/v1/match", 200, took_s)
    metrics.request("/v1/match", 503, 0.0)
    found = samples(metrics)
    assert found["visavox_requests_total", ("/v1/match", "200")] == 3
    assert found["visavox_requests_total", ("/v1/match", "503")] == 1
    assert found["visavox_request_seconds_sum", ("/v1/match", "200")] == pytest.approx(40.203)
    assert found["visavox_request_seconds_bucket", ("0.25", "/v1/match", "200")] == 2
    assert found["visavox_request_seconds_bucket", ("+Inf", "/v1/match", "200")] == 3


def test_batches_and_what_is_watched() -> None:
    metrics = ServiceMetrics()
    waiting = [3]
    metrics.watch("queue_waiting", "Requests that wait.", lambda: waiting[0])
    metrics.batch("voice", 1)
    metrics.batch("voice", 5)
    assert samples(metrics)["visavox_batch_items_sum", ("voice",)] == 6
    assert samples(metrics)["visavox_queue_waiting", ()] == 3
    waiting[0] = 0
    assert samples(metrics)["visavox_queue_waiting", ()] == 0


def test_two_services_in_one_process_count_apart() -> None:
    one, other = ServiceMetrics(), ServiceMetrics()
    one.request("/", 200, 0.1)
    assert ("visavox_requests_total", ("/", "200")) not in samples(other)
