"""The official OpenTelemetry SDK of Python sends logs, spans and metrics over gRPC and over HTTP; every
record is found again with the right count, trace link and exception group, every metric with its value.

    otel_sdk.py path/to/watchfire
"""

import logging
import sys
import time

from opentelemetry import trace
from opentelemetry._logs import set_logger_provider  # noqa: F401  (the SDK's own entry point)
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import otel_metrics
from server import Watchfire, close, expect

REQUESTS = 40
FAILURES = 10


class BookingRefused(Exception):
    pass


def refuse(number):
    raise BookingRefused(f"booking {number} is refused")


def emit(service, spans, logs, metrics):
    """Does REQUESTS requests, of which each fourth fails; gives back the trace id of one failure."""
    resource = Resource.create({"service.name": service, "service.version": "1.2.3"})
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(spans))
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(BatchLogRecordProcessor(logs))
    meters = MeterProvider(resource=resource, metric_readers=[PeriodicExportingMetricReader(metrics, 60_000)])
    tracer, meter = tracers.get_tracer("booking"), meters.get_meter("booking")
    log = logging.getLogger(service)
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(LoggingHandler(logger_provider=loggers))
    bookings = meter.create_counter("bookings", unit="1", description="Bookings asked for")
    duration = meter.create_histogram("booking.duration", unit="s", description="How long a booking took")
    failure = None
    for number in range(REQUESTS):
        with tracer.start_as_current_span("POST /bookings", kind=trace.SpanKind.SERVER) as span:
            log.info("booking %s asked for", number, extra={"booking": number})
            bookings.add(1, {"room": "single" if number % 2 else "double"})
            duration.record(0.02 * (1 + number % 5), {"room": "any"})
            if number % 4 == 0:
                try:
                    refuse(number)
                except BookingRefused as error:
                    span.record_exception(error)
                    span.set_status(trace.Status(trace.StatusCode.ERROR, str(error)))
                    log.exception("booking failed")
                    failure = format(span.get_span_context().trace_id, "032x")
    for provider in (tracers, loggers, meters):
        provider.shutdown()
    return failure


def judge(fire, service, trace_id):
    found = fire.get("/api/v1/logs", q=f"service:{service}", limit=500)
    expect(found["total"] == REQUESTS + FAILURES, f"{service}: {found['total']} log records")
    failures = fire.get("/api/v1/logs", q=f'service:{service} "booking failed"', limit=500)["records"]
    expect(len(failures) == FAILURES, f"{service}: {len(failures)} failures logged")
    groups = {record.get("exception_group") for record in failures}
    expect(len(groups) == 1 and None not in groups, f"{service}: one exception group {groups}")
    kinds = {record.get("exception.type") for record in failures}
    expect(all(kind and kind.endswith("BookingRefused") for kind in kinds), f"{service}: exception type {kinds}")
    of_trace = fire.get("/api/v1/logs", q=f"trace_id:{trace_id}")["records"]
    expect(len(of_trace) == 2, f"{service}: {len(of_trace)} log records of one failed trace")
    spans = fire.get(f"/api/v1/traces/{trace_id}")["spans"]
    expect(len(spans) == 1 and spans[0]["name"] == "POST /bookings", f"{service}: the trace has its span")
    expect(any(event["name"] == "exception" for event in spans[0]["events"]), f"{service}: the span has its exception")

    counted = {group["id"]: group["count"] for group in fire.get("/api/v1/exceptions", service=service)["exceptions"]}
    expect(counted == {group: FAILURES for group in groups}, f"{service}: sent on span and log, counted once: {counted}")
    total = sum(float(series["value"][1]) for series in fire.promql(f'bookings_total{{job="{service}"}}'))
    expect(total == REQUESTS, f"{service}: the counter says {total}")
    count = fire.promql(f'booking_duration_seconds_count{{job="{service}"}}')
    expect(count and float(count[0]["value"][1]) == REQUESTS, f"{service}: the histogram counts {count}")
    median = fire.promql(f'histogram_quantile(0.5, booking_duration_seconds_bucket{{job="{service}"}})')
    expect(median and 0 < float(median[0]["value"][1]) <= 5, f"{service}: its median is {median}")
    calls = fire.promql(f'sum(traces_span_metrics_calls_total{{service="{service}",status="STATUS_CODE_ERROR"}})')
    expect(calls and float(calls[0]["value"][1]) == FAILURES, f"{service}: span metrics count the errors: {calls}")


def main():
    fire = Watchfire(sys.argv[1])
    grpc = "http://" + fire.addresses["otlp_grpc"]
    http = "http://" + fire.addresses["otlp_http"]
    ways = {
        "sdk-grpc": (GrpcSpans(endpoint=grpc, insecure=True), GrpcLogs(endpoint=grpc, insecure=True),
                     GrpcMetrics(endpoint=grpc, insecure=True)),
        "sdk-http": (HttpSpans(endpoint=http + "/v1/traces"), HttpLogs(endpoint=http + "/v1/logs"),
                     HttpMetrics(endpoint=http + "/v1/metrics")),
        "sdk-http-gzip": tuple(
            exporter(endpoint=http + path, compression=Compression.Gzip)
            for exporter, path in ((HttpSpans, "/v1/traces"), (HttpLogs, "/v1/logs"), (HttpMetrics, "/v1/metrics"))
        ),
    }
    traces = {service: emit(service, *exporters) for service, exporters in ways.items()}
    time.sleep(2)
    for service, trace_id in traces.items():
        judge(fire, service, trace_id)
    measurings = {
        f"{way}-{'delta' if delta else 'cumulative'}-{'exponential' if exponential else 'explicit'}":
            (exporter_of, delta, exponential)
        for way, exporter_of in (("grpc", lambda **more: GrpcMetrics(endpoint=grpc, insecure=True, **more)),
                                 ("http", lambda **more: HttpMetrics(endpoint=http + "/v1/metrics", **more)))
        for delta in (False, True) for exponential in (False, True)
    }
    for service, (exporter_of, delta, exponential) in measurings.items():
        otel_metrics.measure(service, exporter_of, delta, exponential)
    time.sleep(1)
    for service, (_, _, exponential) in measurings.items():
        otel_metrics.judge(fire, service, exponential)
    fire.stop()
    close()


main()
