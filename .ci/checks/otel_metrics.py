"""Instruments of every kind of the official OpenTelemetry SDK of Python, in both temporalities, with
explicit and exponential histograms: what is asked of the series afterwards is what was measured."""

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import (
    Counter, Histogram, MeterProvider, ObservableCounter, ObservableUpDownCounter, UpDownCounter,
)
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, ExponentialBucketHistogramAggregation
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from server import expect

ROUNDS = 3
EACH = 20
DURATIONS = [0.001 * 1.3 ** (number % 30) for number in range(EACH)]
ADDED_UP = (Counter, Histogram, UpDownCounter, ObservableCounter, ObservableUpDownCounter)


def temporalities(delta):
    kind = AggregationTemporality.DELTA if delta else AggregationTemporality.CUMULATIVE
    return {instrument: kind for instrument in ADDED_UP}


def aggregations(exponential):
    kind = ExponentialBucketHistogramAggregation() if exponential else ExplicitBucketHistogramAggregation(
        boundaries=[0.001, 0.005, 0.02, 0.1, 0.5])
    return {Histogram: kind}


def measure(service, exporter_of, delta, exponential):
    """Measures ROUNDS times and sends after each."""
    exporter = exporter_of(preferred_temporality=temporalities(delta), preferred_aggregation=aggregations(exponential))
    reader = PeriodicExportingMetricReader(exporter, 3_600_000)
    resource = Resource.create({"service.name": service, "service.namespace": "sdk", "service.instance.id": "one",
                                "host.name": "box", "service.version": "7"})
    provider = MeterProvider(resource=resource, metric_readers=[reader])
    tracer = TracerProvider(resource=resource).get_tracer("measuring")
    meter = provider.get_meter("measuring", "0.9")
    state = {"round": 0}
    asked = meter.create_counter("sold.seats", unit="{seat}", description="Seats that were sold")
    queue = meter.create_up_down_counter("queue.length")
    level = meter.create_gauge("tank.level", unit="1")
    took = meter.create_histogram("took", unit="s", description="How long it took")
    meter.create_observable_counter("disk.read", [lambda _: [metrics.Observation(1000 * state["round"])]], unit="By")
    meter.create_observable_up_down_counter("open.files", [lambda _: [metrics.Observation(10 - state["round"])]])
    meter.create_observable_gauge("heat", [lambda _: [metrics.Observation(20.5 + state["round"], {"probe": "a"})]], unit="Cel")
    for _ in range(ROUNDS):
        state["round"] += 1
        for number in range(EACH):
            with tracer.start_as_current_span("sale"):
                asked.add(2, {"hall": "big" if number % 2 else "small"})
                took.record(DURATIONS[number], {"hall": "big"})
        queue.add(5)
        queue.add(-3)
        level.set(0.25 * state["round"])
        provider.force_flush()
    provider.shutdown()


def judge(fire, service, exponential):
    job = f'job="sdk/{service}"'

    def value(query):
        found = fire.promql(query)
        return float(found[0]["value"][1]) if len(found) == 1 else found

    def equal(query, expected):
        found = value(query)
        near = isinstance(found, float) and abs(found - expected) <= 1e-9 * max(1, abs(expected))
        expect(near, f"{service}: {query} is {found}, of {expected}")

    times = ROUNDS * EACH
    equal(f'sum(sold_seats_total{{{job}}})', 2 * times)
    equal(f'sold_seats_total{{{job},hall="big",otel_scope_name="measuring",otel_scope_version="0.9"}}', times)
    equal(f'queue_length{{{job}}}', 2 * ROUNDS)
    equal(f'tank_level_ratio{{{job}}}', 0.25 * ROUNDS)
    equal(f'disk_read_bytes_total{{{job}}}', 1000 * ROUNDS)
    equal(f'open_files{{{job}}}', 10 - ROUNDS)
    equal(f'heat_celsius{{{job},probe="a"}}', 20.5 + ROUNDS)
    equal(f'target_info{{{job},instance="one",host_name="box",service_version="7"}}', 1)
    middle = sorted(DURATIONS)[EACH // 2]
    if exponential:
        equal(f'histogram_count(took_seconds{{{job}}})', times)
        equal(f'histogram_sum(took_seconds{{{job}}})', ROUNDS * sum(DURATIONS))
        found = value(f'histogram_quantile(0.5, took_seconds{{{job}}})')
        near = isinstance(found, float) and 0.8 * middle < found < 1.2 * middle
        expect(near, f"{service}: the median is {found}, about {middle}")
        shared = value(f'histogram_fraction(0, {middle}, took_seconds{{{job}}})')
        near = isinstance(shared, float) and 0.35 < shared < 0.65
        expect(near, f"{service}: half of it is below the median: {shared}")
    else:
        equal(f'took_seconds_count{{{job}}}', times)
        equal(f'took_seconds_sum{{{job}}}', ROUNDS * sum(DURATIONS))
        equal(f'took_seconds_bucket{{{job},le="0.02"}}', ROUNDS * sum(took <= 0.02 for took in DURATIONS))
        equal(f'took_seconds_bucket{{{job},le="+Inf"}}', times)
    metadata = fire.get("/prometheus/api/v1/metadata")["data"]
    kinds = [entry["type"] for entry in metadata.get("took_seconds", [])]
    expect("histogram" in kinds, f"{service}: the kind of the histogram is {kinds}")
    helps = [entry["help"] for entry in metadata.get("sold_seats_total", [])]
    expect("Seats that were sold" in helps, f"{service}: the counter's words are {helps}")
