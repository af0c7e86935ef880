"""The recording of an outage goes in as OTLP, and all that is told of it equals the truth, computed from the recording:
spans and errors by operation, traces, joins with lines, percentiles (of the store, and by PromQL of classic and native
histograms), edges of the service graph, exceptions. In the middle the server is killed.

    recordings.py BINARY [--folder F] [--traces 1500] [--seed 7117]

F holds files as Nezha's authors published them (`rca_data/*/{trace,log}`); without it a recording is made.
"""

import argparse
import json
import math
import random
import tempfile
import time
import urllib.parse
import urllib.request

import outage_recordings as recordings
from server import Watchfire, close, expect

KINDS = {1: "INTERNAL", 2: "SERVER", 3: "CLIENT", 4: "PRODUCER", 5: "CONSUMER"}
BATCH = 500
# A native bucket is so many times as wide as it is long.
NATIVE = 2 ** (1 / 8)
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]


def values(pairs):
    return [{"key": key, "value": {"stringValue": value}} for key, value in pairs.items()]


def otlp_span(span):
    told = [{"timeUnixNano": str(span["end"]), "name": "exception", "attributes": values(span["exception"])}] if "exception" in span else []
    links = [{"traceId": trace, "spanId": own} for trace, own in span.get("links", [])]
    return {"traceId": span["trace"], "spanId": span["id"], "name": span["name"], "kind": span["kind"], "events": told, "links": links,
            "startTimeUnixNano": str(span["start"]), "endTimeUnixNano": str(span["end"]), "attributes": values(span.get("attributes", {})),
            **({"parentSpanId": span["parent"]} if span["parent"] else {}), **({"status": {"code": 2}} if span.get("error") else {})}


def otlp_line(line):
    thrown = {key: value for key, value in line.items() if key.startswith("exception.")}
    ids = {"traceId": line["trace"], "spanId": line["span"]} if "trace" in line else {}
    return {"timeUnixNano": str(line["at"]), "severityText": line["severity"], "body": {"stringValue": line["text"]},
            "attributes": values(thrown), **ids}


def batches(records, order):
    """As exporters send them: of one service each, some seconds of it, and services not in step."""
    by_service = {}
    for record in sorted(records, key=order):
        by_service.setdefault(record["service"], []).append(record)
    parts = [(part[-1], service, part) for service, all_of in by_service.items()
             for part in (all_of[at:at + BATCH] for at in range(0, len(all_of), BATCH))]
    return [(service, part) for last, service, part in sorted(parts, key=lambda one: order(one[0]))]


class Sender:
    def __init__(self, fire):
        self.url = "http://" + fire.addresses["otlp_http"]

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            refused = json.loads(answer.read() or b"{}").get("partialSuccess") or {}
            if any(refused.values()):
                raise SystemExit(f"{path}: {refused}")

    def spans(self, service, spans):
        resource = {"attributes": values({"service.name": service})}
        self.post("/v1/traces", {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(map(otlp_span, spans))}]}]})

    def lines(self, service, lines):
        resource = {"attributes": values({"service.name": service})}
        self.post("/v1/logs", {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": list(map(otlp_line, lines))}]}]})


def shifted(spans, lines):
    """As if it had ended a minute ago."""
    by = time.time_ns() - 60_000_000_000 - max(span["end"] for span in spans)
    for span in spans:
        span["start"], span["end"] = span["start"] + by, span["end"] + by
    for line in lines:
        line["at"] += by


def vector(fire, query, *labels):
    found = fire.promql(query)
    return {tuple(one["metric"].get(label, "") for label in labels): float(one["value"][1]) for one in found}


def judge_counts(fire, spans):
    truth, errors = {}, {}
    for span in spans:
        key = (span["service"], operation(span), "SPAN_KIND_" + KINDS[span["kind"]])
        truth[key] = truth.get(key, 0) + 1
        errors[key] = errors.get(key, 0) + bool(span.get("error"))
    calls = "traces_span_metrics_calls_total"
    found = vector(fire, f"sum by (service, operation, kind) ({calls})", "service", "operation", "kind")
    same(found, truth, "span metrics count the spans of each operation")
    found = vector(fire, f'sum by (service, operation, kind) ({calls}{{status="STATUS_CODE_ERROR"}})', "service", "operation", "kind")
    same(found, {key: count for key, count in errors.items() if count}, "and its failures")
    counts = vector(fire, "sum by (service, operation, kind) (histogram_count(traces_span_metrics_duration_seconds))",
                    "service", "operation", "kind")
    same(counts, truth, "so does the native histogram")


def judge_times(fire, spans):
    """A counter stands where the spans that had ended by then put it, whenever they were received."""
    ended = sorted(-(-span["end"] // 10**9) for span in spans)
    wrong = []
    # After an hour of silence a series is told of no more.
    for part in range(1, 10) if ended[-1] - ended[0] < 3000 else []:
        at = ended[0] + (ended[-1] - ended[0]) * part // 10
        found = fire.get("/prometheus/api/v1/query", query="sum(traces_span_metrics_calls_total)", time=at)["data"]["result"]
        truth = sum(end <= at for end in ended)
        if float(found[0]["value"][1] if found else 0) != truth:
            wrong.append((at, found, truth))
    expect(not wrong, f"nine times along the way the counters stand where they stood {wrong[:2]}")


def operation(span):
    """What the label says: a path without its ids."""
    head, slash, _ = span["name"].rpartition("/")
    return head + slash + "{id}" if slash and span["name"].startswith("POST /orders/") else span["name"]


def same(found, truth, what):
    wrong = {key: (found.get(key), truth.get(key)) for key in found.keys() | truth.keys() if found.get(key) != truth.get(key)}
    expect(not wrong, f"{what}: {len(truth)}, sum {sum(truth.values()) if truth else 0:.0f}"
           + (f"; wrong (found, truth): {dict(list(wrong.items())[:5])}" if wrong else ""))


def ranked(durations, quantile):
    durations = sorted(durations)
    return durations[max(math.ceil(quantile * len(durations)), 1) - 1]


def after(durations, quantile):
    """The one above, where the quantile lies between two: from the median on, PromQL counts native buckets from above."""
    rank = quantile * len(durations)
    return sorted(durations)[min(round(rank), len(durations) - 1)] if abs(rank - round(rank)) < 1e-6 else ranked(durations, quantile)


def judge_percentiles(fire, spans):
    durations = {}
    for span in spans:
        durations.setdefault((span["service"], operation(span)), []).append((span["end"] - span["start"]) / 1e9)
    durations = {key: of for key, of in durations.items() if len(of) >= 20}
    name = "traces_span_metrics_duration_seconds"
    off = {"classic": [], "native": []}
    wrong = {"classic": [], "native": []}
    for quantile in (0.5, 0.95, 0.99):
        native = vector(fire, f"histogram_quantile({quantile}, sum by (service, operation) ({name}))", "service", "operation")
        classic = vector(fire, f"histogram_quantile({quantile}, sum by (service, operation, le) ({name}_bucket))", "service", "operation")
        for key, of in durations.items():
            truth = ranked(of, quantile)
            bucket = sum(bound < truth for bound in BOUNDS)
            low, high = ([0] + BOUNDS)[bucket], (BOUNDS + [BOUNDS[-1]])[bucket]
            fits = {"native": truth / NATIVE <= native.get(key, -1) <= after(of, quantile) * NATIVE,
                    "classic": low <= classic.get(key, -1) <= high}
            for kind, found in (("native", native), ("classic", classic)):
                if not fits[kind]:
                    wrong[kind].append((key, quantile, truth, found.get(key)))
                if found.get(key, 0) > 0 and truth > 0:
                    off[kind].append(abs(math.log(found[key] / truth)))
    for kind in off:
        expect(not wrong[kind], f"{kind} histograms: {len(off[kind])} percentiles of {len(durations)} operations lie in the bucket of the truth {wrong[kind][:3]}")
    mean = {kind: math.exp(sum(of) / len(of)) - 1 for kind, of in off.items()}
    expect(mean["native"] < mean["classic"], f"native ones are nearer to the truth: {mean['native']:.1%} off, classic ones {mean['classic']:.1%}")


def judge_store(fire, spans):
    by_name = {}
    for span in spans:
        by_name.setdefault((span["service"], span["name"]), []).append(span)
    start = min(span["start"] for span in spans) // 10**9 - 10
    most = sorted(by_name, key=lambda key: (-len(by_name[key]), key))[:300]
    found = fire.get("/api/v1/traces/groups", q="*", start=start, end=int(time.time()) + 1, limit=1000)
    expect(found["total_spans"] == len(spans) and not found["partial"], f"the store has {found['total_spans']} of {len(spans)} spans")
    groups = {(one["values"]["service"], one["values"]["name"]): one for one in found["groups"]}
    wrong = []
    for key in most:
        of, group = by_name[key], groups.get(key)
        durations = [(span["end"] - span["start"]) / 1e6 for span in of]
        near = group and all(abs(group[f"p{q}_ms"] - ranked(durations, q / 100)) <= 0.01 * ranked(durations, q / 100) + 1e-3
                             for q in (50, 95, 99))
        counts = group and (group["spans"], group["errors"]) == (len(of), sum(bool(span.get("error")) for span in of))
        if not (near and counts):
            wrong.append((key, group, len(of), [ranked(durations, q / 100) for q in (50, 95, 99)]))
    expect(not wrong, f"counts, errors and percentiles of {len(most)} operations by the store {wrong[:2]}")


def judge_traces(fire, spans, lines, sample):
    by_trace, lines_of, lines_of_span = {}, {}, {}
    for span in spans:
        by_trace.setdefault(span["trace"], []).append(span)
    for line in lines:
        lines_of.setdefault(line.get("trace"), []).append(line)
        lines_of_span.setdefault(line.get("span"), []).append(line)
    start = min(span["start"] for span in spans) // 10**9 - 3600
    chosen = sample.sample(sorted(by_trace), min(60, len(by_trace)))
    wrong = []
    for trace in chosen:
        whole = fire.get(f"/api/v1/traces/{trace}")["spans"]
        if sorted(span["span_id"] for span in whole) != sorted(span["id"] for span in by_trace[trace]):
            wrong.append((trace, len(whole), len(by_trace[trace])))
    expect(not wrong, f"{len(chosen)} traces have their spans {wrong[:3]}")
    joined, wrong = 0, []
    asked = [("trace_id", trace, lines_of.get(trace, [])) for trace in chosen]
    with_lines = sorted(key for key in lines_of_span if key)
    asked += [("span_id", span, lines_of_span[span]) for span in sample.sample(with_lines, min(60, len(with_lines)))]
    for field, own, truth in asked:
        total = fire.get("/api/v1/logs", q=f"{field}:{own}", start=start, limit=1000)["total"]
        joined += total
        if total != len(truth):
            wrong.append((field, own, total, len(truth)))
    expect(not wrong, f"{len(asked)} traces and spans have their {joined} lines {wrong[:3]}")


def judge_graph(fire, sender, truth):
    """Edges to those that never answer come after half a minute, when anything is received."""
    total = "sum by (client, server) (traces_service_graph_request_total)"
    patience = time.time() + 120
    calls = sum(calls for calls, _ in truth.values())
    while sum((found := vector(fire, total, "client", "server")).values()) < calls and time.time() < patience:
        sender.lines("clock", [{"at": time.time_ns(), "severity": "DEBUG", "text": "time goes by"}])
        time.sleep(1)
    same(found, {edge: calls for edge, (calls, _) in truth.items()}, "edges of the service graph count the calls")
    found = vector(fire, "sum by (client, server) (traces_service_graph_request_failed_total) > 0", "client", "server")
    failed = {edge: failed for edge, (_, failed) in truth.items() if failed}
    if failed or found:
        same(found, failed, "and those that failed")


def judge_exemplars(fire):
    now = time.time()
    for name in ("traces_span_metrics_duration_seconds_bucket", "traces_span_metrics_duration_seconds",
                 "traces_service_graph_request_server_seconds_bucket", "traces_service_graph_request_client_seconds"):
        found = fire.get("/prometheus/api/v1/query_exemplars", query=name, start=now - 86_400, end=now)["data"]
        known = sum(len(one["exemplars"]) for one in found)
        sound = all(len(exemplar["labels"].get("trace_id", "")) == 32 for one in found for exemplar in one["exemplars"])
        expect(known and sound, f"{name}: {known} exemplars that name their traces")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--folder")
    parser.add_argument("--traces", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=7117)
    options = parser.parse_args()
    made = None
    if options.folder:
        spans, lines = recordings.nezha(options.folder)
    else:
        made = recordings.Made(options.seed, options.traces)
        spans, lines = made.spans, made.lines
    shifted(spans, lines)
    print(f"{len(spans)} spans of {len({span['trace'] for span in spans})} traces, {len({span['service'] for span in spans})} services; {len(lines)} lines")
    truth = recordings.edges(spans, made and made.virtual)
    with tempfile.TemporaryDirectory() as folder:
        fire = Watchfire(options.binary, folder=folder)
        sender = Sender(fire)
        to_send = [(part[-1]["end"], "spans", service, part) for service, part in batches(spans, lambda span: span["end"])]
        to_send += [(part[-1]["at"], "lines", service, part) for service, part in batches(lines, lambda line: line["at"])]
        to_send.sort(key=lambda one: one[:3])
        for number, (_, kind, service, part) in enumerate(to_send):
            getattr(sender, kind)(service, part)
            if number == len(to_send) // 2:
                fire.kill()
                fire = Watchfire(options.binary, folder=folder)
                sender = Sender(fire)
        judge_counts(fire, spans)
        judge_times(fire, spans)
        judge_percentiles(fire, spans)
        judge_store(fire, spans)
        judge_traces(fire, spans, lines, random.Random(options.seed))
        judge_graph(fire, sender, truth)
        judge_exemplars(fire)
        if made:
            found = vector(fire, "sum by (service) (exceptions_total)", "service")
            same(found, {(service,): count for service, count in made.thrown.items()}, "exceptions told by spans and lines are counted once")
            groups = fire.get("/api/v1/exceptions", service="payments")["exceptions"]
            expect([group["count"] for group in groups] == [made.thrown["payments"]], f"their group counts them once: {[group['count'] for group in groups]}")
        fire.stop()
    close()


main()
