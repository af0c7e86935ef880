"""The right answers to the questions of the bench of traces, from a plain reading of its requests."""

import collections
import math

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

NEWEST = 100
LARGE_TRACE = "50000" + "0" * 26 + "1"
LARGE_SPANS = 50_000
START = 1_795_219_200_000_000_000
Span = collections.namedtuple("Span", "start nanos span_id trace service name error root attributes message")


def large_trace():
    """Requests with the spans of one trace; each is the child of one before it."""
    bodies = []
    for first in range(0, LARGE_SPANS, 1000):
        request = ExportTraceServiceRequest()
        of_resource = request.resource_spans.add()
        attribute = of_resource.resource.attributes.add()
        attribute.key, attribute.value.string_value = "service.name", "batch"
        of_scope = of_resource.scope_spans.add()
        for n in range(first, first + 1000):
            span = of_scope.spans.add(name=f"step {n % 20}", kind=1)
            span.trace_id = bytes.fromhex(LARGE_TRACE)
            span.span_id = (1 + n).to_bytes(8, "big")
            if n:
                span.parent_span_id = (1 + n // 7).to_bytes(8, "big")
            span.start_time_unix_nano = START + 1_000_000_000 + n * 10_007
            span.end_time_unix_nano = span.start_time_unix_nano + 50_000 + n % 977
        bodies.append(request.SerializeToString())
    return bodies


def read_spans(bodies):
    for body in bodies:
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(a.value.string_value for a in of_resource.resource.attributes if a.key == "service.name")
            for of_scope in of_resource.scope_spans:
                for span in of_scope.spans:
                    yield read_span(service, span)


def read_span(service, span):
    attributes = {a.key: a.value.string_value or a.value.int_value for a in span.attributes}
    message = " ".join(a.value.string_value for event in span.events for a in event.attributes if a.key == "exception.message")
    start, nanos = span.start_time_unix_nano, span.end_time_unix_nano - span.start_time_unix_nano
    is_error, is_root = span.status.code == 2, not span.parent_span_id
    ids = span.span_id.hex(), span.trace_id.hex()
    return Span(start, nanos, *ids, service, span.name, is_error, is_root, attributes, message)


def right_answers(manifest, spans):
    """The manifest with the answer to each question by its name, and what is asked for."""
    start, end = manifest["start_ns"], manifest["end_ns"]
    every = list(spans)
    manifest["spans"] = len(every)
    spans = [span for span in every if start <= span.start < end]
    by_operation = collections.defaultdict(list)
    for span in spans:
        by_operation[span.service, span.name].append(span)
    roots = max((own for own in by_operation.values() if own[0].root and own[0].service != "batch"), key=len)
    service, name = roots[0].service, roots[0].name
    slow = sorted(span.nanos for span in roots)[int(len(roots) * 0.9)] // 1_000_000
    user = roots[len(roots) // 2].attributes["user.id"]
    # So slow is hardly any trace: the spans of one operation in many of them.
    region = sorted(span.nanos for span in spans)[int(len(spans) * 0.98)] // 1_000_000
    manifest["asked"] = {
        "operation": f'service:{service} name:"{name}" duration:>{slow}ms',
        "attribute": f"user.id:{user}",
        "region": f"duration:>{region}ms",
    }

    def newest(has):
        found = sorted((span for span in spans if has(span)), reverse=True)
        return len(found), [span.span_id for span in found[:NEWEST]]

    answers = {
        "service, operation, duration": newest(lambda s: s.service == service and s.name == name and s.nanos > slow * 1_000_000),
        "status": newest(lambda s: s.error),
        "attribute, one in 50,000": newest(lambda s: s.attributes.get("user.id") == user),
        "attribute and duration": newest(lambda s: s.attributes.get("db.system") == "redis" and s.nanos > 20_000_000),
        "exception, by words of its message": newest(lambda s: "upstream" in s.message),
        "roots of a status code": newest(lambda s: s.root and s.attributes.get("http.response.status_code", 0) >= 500),
        "errors by service": dict(collections.Counter(span.service for span in spans if span.error)),
        "groups by operation": {key: figures(own) for key, own in by_operation.items()},
        "scatter": scatter(spans),
        "comparison with the slow ones": comparison(spans, region * 1_000_000),
        "outline of 50,000 spans": (LARGE_SPANS, sorted(span.span_id for span in every if span.trace == LARGE_TRACE)),
    }
    return {**manifest, "answers": answers}


def figures(spans):
    lengths = sorted(span.nanos for span in spans)
    ranked = [lengths[math.ceil(len(lengths) * percent / 100) - 1] / 1e6 for percent in (50, 95, 99)]
    return [len(spans), sum(span.error for span in spans), lengths[-1] / 1e6, sum(lengths) / 1e6, *ranked]


def scatter(spans):
    errors = sum(span.error for span in spans)
    slowest = sorted(spans, key=lambda span: -span.nanos)[:10]
    return len(spans), len(spans), errors, [span.span_id for span in slowest]


def comparison(spans, least):
    """Sides, and the value whose share differs most for sure: its share inside."""
    inside, outside = (collections.Counter(), collections.Counter())
    counts = [0, 0]
    for span in spans:
        side = int(span.nanos <= least)
        counts[side] += 1
        values = {"service": span.service, "name": span.name, **span.attributes}
        (inside, outside)[side].update(values.items())
    differences = {key: inside[key] / counts[0] - outside[key] / counts[1] for key in inside}
    field, value = max(differences, key=differences.get)
    return counts[0], counts[1], field, str(value), inside[field, value] / counts[0]
