"""An exception is counted once, whoever tells of it and in whatever order: the official SDK of Python notes it on
spans, its log handler logs it, Sentry's client reports it, and the server is killed in between.

    occurrences.py BINARY
"""

import itertools
import logging
import sys
import tempfile
import time

import sentry_sdk
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from server import Watchfire, close, expect


class Refused(Exception):
    pass


class Late(Exception):
    pass


class Program:
    """A service that keeps its spans and lines until they are sent by hand."""

    def __init__(self, service):
        self.service, self.reported = service, []
        resource = Resource.create({"service.name": service})
        self.kept_spans, self.kept_lines = InMemorySpanExporter(), InMemoryLogRecordExporter()
        tracers, loggers = TracerProvider(resource=resource), LoggerProvider(resource=resource)
        tracers.add_span_processor(SimpleSpanProcessor(self.kept_spans))
        loggers.add_log_record_processor(SimpleLogRecordProcessor(self.kept_lines))
        self.span = tracers.get_tracer("orders").start_as_current_span
        self.log = logging.getLogger("program." + service)
        self.log.propagate = False
        self.log.addHandler(LoggingHandler(logger_provider=loggers))

    def spans(self, fire):
        OTLPSpanExporter(endpoint=f"http://{fire.addresses['otlp_http']}/v1/traces").export(self.kept_spans.get_finished_spans())

    def spans_one_by_one(self, fire):
        exporter = OTLPSpanExporter(endpoint=f"http://{fire.addresses['otlp_http']}/v1/traces")
        for span in self.kept_spans.get_finished_spans():
            exporter.export([span])

    def lines(self, fire):
        OTLPLogExporter(endpoint=f"http://{fire.addresses['otlp_http']}/v1/logs").export(self.kept_lines.get_finished_logs())

    def report(self, error):
        """To an error tracker, later."""
        at = trace.get_current_span().get_span_context()
        self.reported.append((error, {"trace_id": format(at.trace_id, "032x"), "span_id": format(at.span_id, "016x")}))

    def reports(self, fire):
        for error, at in self.reported:
            def as_of(event, _, at=at):
                event["contexts"]["trace"] = at
                event.setdefault("tags", {})["service.name"] = self.service
                return event

            sentry_sdk.init(dsn=f"http://{self.service}@{fire.addresses['listen']}/1", before_send=as_of, default_integrations=False)
            sentry_sdk.capture_exception(error)
            sentry_sdk.flush(timeout=30)


def refuse(number, kind=Refused):
    raise kind(f"order {number} is refused")


def noted_and_logged(program):
    with program.span("POST /orders", kind=trace.SpanKind.SERVER) as span:
        try:
            refuse(1)
        except Refused as error:
            span.record_exception(error)
            program.log.exception("order failed")
    return 1


def through_spans(program):
    """The SDK notes it on each span that it leaves; it is logged where it is caught."""
    with program.span("POST /orders", kind=trace.SpanKind.SERVER):
        try:
            with program.span("charge"), program.span("send"):
                refuse(2)
        except Refused:
            program.log.exception("order failed")
            try:
                with program.span("refund"):
                    refuse(2, Late)
            except Late:
                pass
    return 2


def two_of_a_span(program):
    with program.span("POST /orders", kind=trace.SpanKind.SERVER) as span:
        for number in (3, 4):
            try:
                refuse(number)
            except Refused as error:
                span.record_exception(error)
                program.log.exception("order %s failed", number)
    return 2


def tried_again(program):
    """Each attempt in a span of its own; the last one goes on."""
    with program.span("POST /orders", kind=trace.SpanKind.SERVER) as span:
        for attempt in range(3):
            try:
                with program.span("charge"):
                    refuse(5)
            except Refused as error:
                if attempt == 2:
                    span.record_exception(error)
                    program.log.exception("given up")
    return 3


def to_a_tracker_too(program):
    with program.span("POST /orders", kind=trace.SpanKind.SERVER) as span:
        try:
            refuse(6)
        except Refused as error:
            span.record_exception(error)
            program.log.exception("order failed")
            program.report(error)
    return 1


def counted(fire, service):
    found = fire.promql(f'sum(exceptions_total{{service="{service}"}})')
    return float(found[0]["value"][1]) if found else 0


def judge(fire, program, truth, how):
    patience = time.time() + 30
    while counted(fire, program.service) < truth and time.time() < patience:
        time.sleep(0.2)
    groups = fire.get("/api/v1/exceptions", service=program.service)["exceptions"]
    found = counted(fire, program.service), sum(group["count"] for group in groups)
    expect(found == (truth, truth), f"{how}: {truth} (counted, and by groups: {found})")


def main():
    with tempfile.TemporaryDirectory() as folder:
        fire = Watchfire(sys.argv[1], folder=folder)
        later = []
        for happening in (noted_and_logged, through_spans, two_of_a_span, tried_again, to_a_tracker_too):
            name = happening.__name__.replace("_", "-")
            ways = list(itertools.permutations(["spans", "lines"] + (["reports"] if happening is to_a_tracker_too else [])))
            for number, order in enumerate([*ways, ("spans_one_by_one", "lines")]):
                program = Program(f"{name}-{number}")
                truth = happening(program)
                how = f"{name}, {' then '.join(order)}"
                getattr(program, order[0])(fire)
                if number < len(ways):
                    # The rest comes after a crash.
                    later.append((program, order[1:], truth, how))
                    continue
                for what in order[1:]:
                    getattr(program, what)(fire)
                judge(fire, program, truth, how)
        fire.kill()
        fire = Watchfire(sys.argv[1], folder=folder)
        for program, rest, truth, how in later:
            for what in rest:
                getattr(program, what)(fire)
        for program, _, truth, how in later:
            judge(fire, program, truth, how + ", killed in between")
        # Nothing more comes of what is known after a clean stop either.
        fire.stop()
        fire = Watchfire(sys.argv[1], folder=folder)
        for program, rest, truth, how in later:
            judge(fire, program, truth, how + ", and stopped")
        fire.stop()
    close()


main()
