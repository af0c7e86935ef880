"""Jaeger's query API, as Jaeger's own storage tests, its page and Grafana's data source use it: traces are
sent over OTLP and read back by /jaeger/api, with the search by each kind of condition.

    jaeger.py path/to/watchfire [--fixtures path/to/jaeger/internal/storage/integration/fixtures]

With --fixtures, Jaeger's own cases are asked; without, cases of our own that cover the same.
"""

import argparse
import copy
import datetime
import glob
import json
import os
import time
import urllib.parse
import urllib.request

from server import Watchfire, close, expect

DAY = 86_400
PATIENCE = 60


class Jaeger:
    def __init__(self, fire):
        self.fire = fire
        self.otlp = "http://" + fire.addresses["otlp_http"] + "/v1/traces"

    def send(self, request):
        body = json.dumps(request).encode()
        asked = urllib.request.Request(self.otlp, body, {"content-type": "application/json"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            told = json.loads(answer.read() or b"{}")
        if told.get("partialSuccess", {}).get("rejectedSpans"):
            raise SystemExit(f"spans were rejected: {told}")

    def ask(self, path, *pairs, **parameters):
        """The status and the answer as it is. Parameters that come several times are given as pairs."""
        query = urllib.parse.urlencode([*pairs, *parameters.items()])
        status, body = self.fire.ask("/jaeger/api" + path + ("?" + query if query else ""))
        return status, json.loads(body)

    def data(self, path, *pairs, **parameters):
        status, answer = self.ask(path, *pairs, **parameters)
        if status != 200 or answer.get("errors"):
            raise SystemExit(f"{path} {parameters}: {status} {str(answer)[:400]}")
        return answer["data"]

    def trace(self, trace_id):
        status, answer = self.ask("/traces/" + trace_id)
        return answer["data"][0] if status == 200 else None


def wait_for(what, holds):
    """Asks until it holds; what was found last."""
    until = time.time() + PATIENCE
    while True:
        found = holds()
        if found or time.time() > until:
            if not found:
                print("     gave up waiting for", what)
            return found
        time.sleep(0.2)


# What a trace is, whichever way it is told.


def any_value(value):
    if "intValue" in value:
        return int(value["intValue"])
    # Bytes are kept as the text that carried them.
    for name in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if name in value:
            return value[name]
    return json.dumps(value)


def attributes(holder):
    return {pair["key"]: any_value(pair["value"]) for pair in holder.get("attributes", [])}


KINDS = {0: "internal", 1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


def sent_spans(requests):
    """The spans that were sent, each as plain values."""
    spans = []
    for request in requests:
        for resource in request["resourceSpans"]:
            process = attributes(resource["resource"])
            service = process.pop("service.name")
            for scope in resource["scopeSpans"]:
                of_scope = scope.get("scope", {})
                shared = attributes(of_scope)
                if of_scope.get("name"):
                    shared["otel.scope.name"] = of_scope["name"]
                if of_scope.get("version"):
                    shared["otel.scope.version"] = of_scope["version"]
                for span in scope["spans"]:
                    spans.append(plain_sent(span, service, process, shared))
    return sorted(spans, key=lambda span: json.dumps(span, sort_keys=True))


def plain_sent(span, service, process, shared):
    start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    tags = {**shared, **attributes(span), "span.kind": KINDS[span.get("kind", 0)]}
    code = span.get("status", {}).get("code", 0)
    if code == 2:
        tags |= {"error": True, "otel.status_code": "ERROR"}
        if span["status"].get("message"):
            tags["otel.status_description"] = span["status"]["message"]
    elif code == 1:
        tags["otel.status_code"] = "OK"
    if span.get("traceState"):
        tags["w3c.tracestate"] = span["traceState"]
    logs = []
    for event in span.get("events", []):
        fields = attributes(event)
        if event.get("name"):
            fields["event"] = event["name"]
        logs.append([int(event["timeUnixNano"]) // 1000, fields])
    references = []
    if span.get("parentSpanId"):
        references.append(["CHILD_OF", padded(span["traceId"]), span["parentSpanId"]])
    for link in span.get("links", []):
        kind = "CHILD_OF" if attributes(link).get("opentracing.ref_type") == "child_of" else "FOLLOWS_FROM"
        references.append([kind, padded(link["traceId"]), link["spanId"]])
    return {
        "trace": padded(span["traceId"]), "span": span["spanId"], "service": service, "process": process,
        "name": span["name"], "start": start // 1000, "duration": (end - start) // 1000, "tags": tags, "logs": logs,
        "references": references,
    }


def padded(trace_id):
    return trace_id.lower().rjust(32, "0")


TYPES = {"bool": (bool,), "int64": (int, str), "float64": (float, int), "string": (str,)}


def tags_of(tags):
    """Their values by name, and whether each is of the type that it says."""
    for tag in tags:
        if not isinstance(tag["value"], TYPES[tag["type"]]):
            raise SystemExit(f"a tag of type {tag['type']} with the value {tag['value']!r}")
    return {tag["key"]: tag["value"] for tag in tags}


def found_spans(traces):
    """The spans of an answer, each as plain values."""
    spans = []
    for trace in traces:
        for span in trace["spans"]:
            process = trace["processes"][span["processID"]]
            spans.append({
                "trace": padded(span["traceID"]), "span": span["spanID"], "service": process["serviceName"],
                "process": tags_of(process["tags"]), "name": span["operationName"], "start": span["startTime"],
                "duration": span["duration"], "tags": tags_of(span["tags"]),
                "logs": [[log["timestamp"], tags_of(log["fields"])] for log in span["logs"]],
                "references": [[r["refType"], padded(r["traceID"]), r["spanID"]] for r in span["references"]],
            })
    return sorted(spans, key=lambda span: json.dumps(span, sort_keys=True))


def same(sent, found, what):
    holds = sent == found
    expect(holds, what)
    if not holds:
        for ours, theirs in list(zip(found, sent))[:2]:
            print("     found", json.dumps(ours)[:600])
            print("     sent ", json.dumps(theirs)[:600])
        print(f"     {len(found)} found, {len(sent)} sent")


# Jaeger's fixtures, or our own in their form.


def moved(fixture, by_days):
    """With all times later by so many days: a store keeps only what is recent."""
    def later(value):
        if isinstance(value, dict):
            for name, inner in value.items():
                if name.endswith("UnixNano"):
                    value[name] = str(int(inner) + by_days * DAY * 10**9)
                else:
                    later(inner)
        elif isinstance(value, list):
            for inner in value:
                later(inner)
    fixture = copy.deepcopy(fixture)
    later(fixture)
    return fixture


def read_fixtures(folder):
    """Traces by name and the queries, with Jaeger's 26 January 2017 made yesterday."""
    yesterday = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)
    days = (yesterday - datetime.date(2017, 1, 26)).days
    traces = {}
    for path in glob.glob(os.path.join(folder, "traces", "*.json")):
        with open(path) as file:
            traces[os.path.basename(path)[:-5]] = moved(json.load(file), days)
    with open(os.path.join(folder, "queries.json")) as file:
        text = file.read().replace("2017-01-26", yesterday.isoformat())
    text = text.replace("2017-01-25", (yesterday - datetime.timedelta(days=1)).isoformat())
    return traces, json.loads(text)


def micros(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1e6 + 0.5)


def parameters(query):
    asked = {
        "service": query["ServiceName"], "start": micros(query["StartTimeMin"]), "end": micros(query["StartTimeMax"]),
        "limit": query["NumTraces"],
    }
    if query["OperationName"]:
        asked["operation"] = query["OperationName"]
    if query["Tags"]:
        asked["tags"] = json.dumps({name: value if isinstance(value, str) else json.dumps(value) for name, value in query["Tags"].items()})
    for name, of in (("minDuration", "DurationMin"), ("maxDuration", "DurationMax")):
        if query[of]:
            asked[name] = f"{query[of]}ns"
    return asked


def v3_parameters(query):
    asked = {
        "query.serviceName": query["ServiceName"], "query.startTimeMin": query["StartTimeMin"],
        "query.startTimeMax": query["StartTimeMax"], "query.searchDepth": query["NumTraces"],
    }
    v1 = parameters(query)
    for name, of in (("operationName", "operation"), ("attributes", "tags"), ("durationMin", "minDuration"), ("durationMax", "maxDuration")):
        if of in v1:
            asked["query." + name] = v1[of]
    return asked


def queries(jaeger, traces, cases):
    """All traces are there at once, so that each search has counterexamples."""
    for name, trace in traces.items():
        if name != "example_trace":
            jaeger.send(trace)
    for case in cases:
        expected = [traces[name] for name in case["ExpectedFixtures"]]
        sent, asked = sent_spans(expected), parameters(case["Query"])
        count = len({span["trace"] for span in sent})
        found = wait_for(case["Caption"], lambda: (lambda got: got if len(got) == count else None)(jaeger.data("/traces", **asked)))
        found = found if found is not None else jaeger.data("/traces", **asked)
        same(sent, found_spans(found), f"search: {case['Caption']}")
        status, answer = jaeger.ask("/v3/trace-summaries", **v3_parameters(case["Query"]))
        summaries = {summary["traceId"]: summary["spanCount"] for summary in answer.get("summaries", [])}
        wanted = {}
        for span in sent:
            wanted[span["trace"]] = wanted.get(span["trace"], 0) + 1
        expect(status == 200 and summaries == wanted, f"summaries of v3: {case['Caption']}")


def example(jaeger, trace):
    """One trace of several services: services, operations, the trace itself."""
    jaeger.send(trace)
    sent = sent_spans([trace])
    by_trace = {}
    for span in sent:
        by_trace.setdefault(span["trace"], []).append(span)
    trace_id, spans = max(by_trace.items(), key=lambda item: len(item[1]))
    found = wait_for("the example", lambda: (lambda t: t if t and len(t["spans"]) == len(spans) else None)(jaeger.trace(trace_id)))
    same(spans, found_spans([found] if found else []), "a trace by its id")
    services = {span["service"] for span in sent}
    listed = wait_for("services", lambda: services <= set(jaeger.data("/services")) and jaeger.data("/services"))
    expect(listed and listed == sorted(listed), f"services: {sorted(services)} are among {len(listed or [])}, in order")
    _, v3 = jaeger.ask("/v3/services")
    expect(v3.get("services") == jaeger.data("/services"), "the services of v3 are the same")
    for service in sorted(services):
        wanted = sorted({(span["name"], span["tags"]["span.kind"]) for span in sent if span["service"] == service})
        asked = "/services/" + urllib.parse.quote(service, safe="") + "/operations"
        names = wait_for("operations", lambda: (lambda n: n if n == sorted({name for name, _ in wanted}) else None)(jaeger.data(asked)))
        expect(names is not None, f"the operations of {service}")
        _, v3 = jaeger.ask("/v3/operations", service=service)
        got = sorted((one["name"], one["spanKind"]) for one in v3["operations"])
        expect(got == wanted, f"the operations of {service} with their kinds, by v3")
        kinds = sorted((one["name"], one["spanKind"]) for one in jaeger.data("/operations", service=service))
        expect(kinds == wanted, f"the operations of {service} with their kinds")
    status, answer = jaeger.ask("/traces/fade")
    error = (answer.get("errors") or [{}])[0]
    expect(status == 404 and answer["data"] is None and error == {"code": 404, "msg": "trace not found"}, f"a trace that is not there: {status} {error}")


def large(jaeger, trace):
    """More spans than Jaeger reads at once (10,008, as its tests), 50,000, and ids that come twice."""
    template = trace["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    for trace_id, count, same_each in (("a1", 10_008, 0), ("a2", 200, 20), ("a3", 50_000, 0)):
        spans = []
        for index in range(count):
            span = copy.deepcopy(template)
            span["traceId"] = trace_id.rjust(32, "0")
            is_twice = same_each and index and index % same_each == 0
            span["spanId"] = "%016x" % (1 if is_twice else index + 1)
            span.pop("parentSpanId", None)
            for name in ("startTimeUnixNano", "endTimeUnixNano"):
                span[name] = str(int(span[name]) + index * 1_000_000)
            spans.append(span)
        resource = {"attributes": trace["resourceSpans"][0]["resource"]["attributes"]}
        for at in range(0, count, 5_000):
            jaeger.send({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {}, "spans": spans[at:at + 5_000]}]}]})
        found = wait_for(f"{count} spans", lambda: (lambda t: t if t and len(t["spans"]) == count else None)(jaeger.trace(trace_id)))
        ids = [span["spanID"] for span in found["spans"]] if found else []
        wanted = sorted(span["spanId"] for span in spans)
        expect(found and sorted(ids) == wanted and not found["warnings"], f"a trace of {count} spans, {count - len(set(wanted))} of them with an id of another")
        expect(found and found["traceID"] == trace_id.rjust(16, "0"), "an id whose upper half is zero has 16 digits")
    status, answer = jaeger.ask("/traces", traceID="a3")
    cut = answer["data"][0]
    expect(status == 200 and len(cut["spans"]) < 50_000 and "of 50000 spans" in cut["warnings"][0], f"in a list a trace is cut, and says so: {cut['warnings']}")
    status, answer = jaeger.ask("/traces", ("traceID", "a2"), ("traceID", "ff01"), ("traceID", "a1"))
    got = [trace["traceID"] for trace in answer["data"]]
    expect(got == ["a2".rjust(16, "0"), "a1".rjust(16, "0")] and answer["errors"] == [{"msg": "trace not found", "traceID": "ff01".rjust(32, "0")}], f"several ids, one of which is not there: {got} {answer['errors']}")


def many_operations(jaeger):
    """A service with more operations than are told apart in series, and names that must be escaped."""
    now = time.time_ns()
    service, count = "wide/ service:ä?", 1_200
    spans = [
        {"traceId": "%032x" % (0xB0000 + index), "spanId": "%016x" % (index + 1), "name": f"GET /things/{index}", "kind": 2,
         "startTimeUnixNano": str(now - 10**9), "endTimeUnixNano": str(now)}
        for index in range(count)
    ]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    jaeger.send({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {}, "spans": spans}]}]})
    wanted = sorted(span["name"] for span in spans)
    for how, name in (("escaped", urllib.parse.quote(service, safe="")), ("with its slash as it is", urllib.parse.quote(service, safe="/"))):
        names = wait_for("operations", lambda: (lambda n: n if n == wanted else None)(jaeger.data(f"/services/{name}/operations")))
        expect(names is not None, f"{count} operations of a service whose name is {how}")
    found = jaeger.data("/traces", service=service, operation="GET /things/7", limit=5)
    expect([span["operationName"] for trace in found for span in trace["spans"]] == ["GET /things/7"], "a search by such names")
    found = jaeger.data("/traces", service=service, limit=3)
    expect(len(found) == 3, "no more traces than asked for")


def dependencies(jaeger):
    now = time.time_ns()
    def span(trace, number, service, kind, parent=None, failed=False):
        one = {"traceId": "%032x" % trace, "spanId": "%016x" % number, "name": "call", "kind": kind,
               "startTimeUnixNano": str(now - 10**9), "endTimeUnixNano": str(now - 10**9 + 5_000_000)}
        if parent:
            one["parentSpanId"] = "%016x" % parent
        if failed:
            one["status"] = {"code": 2, "message": "broken"}
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
        return {"resource": resource, "scopeSpans": [{"scope": {}, "spans": [one]}]}
    spans = []
    for number, (client, server) in enumerate([("hello", "world")] + [("world", "hello")] * 3):
        trace = 0xC0000 + number
        spans += [span(trace, 1, client, 3), span(trace, 2, server, 2, 1, failed=number == 0)]
    jaeger.send({"resourceSpans": spans})
    def links():
        asked = {"endTs": int(time.time() * 1000) + 60_000, "lookback": 3_600_000}
        found = {(one["parent"], one["child"]): one["callCount"] for one in jaeger.data("/dependencies", **asked)}
        return found if found.get(("hello", "world")) and found.get(("world", "hello")) else None
    found = wait_for("dependencies", links) or {}
    mine = {pair: count for pair, count in found.items() if set(pair) == {"hello", "world"}}
    expect(mine == {("hello", "world"): 1, ("world", "hello"): 3}, f"dependencies: {mine}")
    only = jaeger.data("/dependencies", endTs=int(time.time() * 1000) + 60_000, service="nobody")
    expect(only == [], "dependencies of one service")
    monitor(jaeger)


def monitor(jaeger):
    """Calls, errors and latencies, as the page's monitor asks them."""
    asked = {"service": "world", "endTs": int(time.time() * 1000) + 5_000, "lookback": 600_000, "step": 5_000, "ratePer": 600_000, "spanKind": "server"}
    def last(metric, **more):
        status, answer = jaeger.ask("/metrics/" + metric, **asked, **more)
        if status != 200 or not answer["metrics"]:
            return None
        points = [point["gaugeValue"]["doubleValue"] for point in answer["metrics"][0]["metricPoints"]]
        numbers = [number for number in points if number != "NaN"]
        return (answer["name"], answer["metrics"][0]["labels"], numbers[-1]) if numbers else None
    calls = wait_for("calls", lambda: last("calls"))
    expect(calls and calls[0] == "service_call_rate" and calls[1] == [{"name": "service_name", "value": "world"}] and calls[2] > 0, f"calls: {calls}")
    errors = last("errors")
    expect(errors and errors[0] == "service_error_rate" and abs(errors[2] - 1.0) < 1e-6, f"errors, of which all calls of one failed: {errors}")
    latency = last("latencies", quantile=0.95, groupByOperation="true")
    names = [label["name"] for label in latency[1]] if latency else []
    expect(latency and latency[0] == "service_operation_latencies" and names == ["service_name", "operation"] and 0 < latency[2] <= 10, f"latencies by operation, in milliseconds: {latency}")


def bad_input(jaeger):
    def refused(path, part, *pairs, **parameters):
        status, answer = jaeger.ask(path, *pairs, **parameters)
        error = (answer.get("errors") or [answer.get("error", {})])[0] if "errors" in answer else answer.get("error", {})
        message = error.get("msg") or error.get("message") or ""
        code = error.get("code") or error.get("httpCode")
        expect(status == 400 and code == 400 and part in message, f"{path} {dict(pairs) | parameters}: {status} {message}")
    refused("/traces", "'service' is required")
    refused("/traces", "'minDuration'", service="a", minDuration="soon")
    refused("/traces", "greater", service="a", minDuration="2s", maxDuration="1s")
    refused("/traces", "'limit'", service="a", limit="all")
    refused("/traces", "'start'", service="a", start="yesterday")
    refused("/traces", "'tags'", service="a", tags="{")
    refused("/traces", "key:value", service="a", tag="lonely")
    refused("/traces", "hexadecimal", traceID="none")
    refused("/traces/" + "f" * 33, "hexadecimal")
    refused("/traces/1", "'raw'", raw="maybe")
    refused("/operations", "'service' is required")
    refused("/operations", "spanKind", service="a", spanKind="some")
    refused("/dependencies", "'endTs'", endTs="now")
    refused("/metrics/calls", "'service'")
    refused("/metrics/latencies", "'quantile'", service="a")
    refused("/metrics/errors", "'step'", service="a", step="1")
    refused("/v3/traces", "are required")
    refused("/v3/trace-summaries", "startTimeMin", **{"query.startTimeMin": "now", "query.startTimeMax": "now"})
    refused("/v3/traces/xyz", "hexadecimal")
    status, answer = jaeger.ask("/v3/traces/fade")
    expect(status == 404 and answer["error"]["httpCode"] == 404, f"v3, a trace that is not there: {answer}")
    status, text = jaeger.fire.ask("/jaeger/api/services?prettyPrint=true")
    expect(status == 200 and b'\n  "data"' in text, "prettyPrint")


# What Grafana's data source reads, by its types: a value of another type fails the whole answer there. A number
# that is whole, a text, anything; of a list and of a map by keys what is inside; null wherever Go allows it.
WHOLE, TEXT, ANY = "a whole number", "a text", "anything"
PAIR = {"key": TEXT, "type": TEXT, "value": ANY}
SPAN = {
    "traceID": TEXT, "spanID": TEXT, "processID": TEXT, "operationName": TEXT, "startTime": WHOLE, "duration": WHOLE,
    "logs": [{"timestamp": WHOLE, "fields": [PAIR], "name": TEXT}], "references": [{"refType": TEXT, "spanID": TEXT, "traceID": TEXT}],
    "tags": [PAIR], "warnings": [TEXT], "flags": WHOLE, "stackTraces": [TEXT],
}
PROCESS = {"serviceName": TEXT, "tags": [PAIR]}
TRACE = {"processes": {None: PROCESS}, "traceID": TEXT, "warnings": [TEXT], "spans": [SPAN]}
AROUND = {"errors": ANY, "limit": WHOLE, "offset": WHOLE, "total": WHOLE}
LINK = {"parent": TEXT, "child": TEXT, "callCount": WHOLE}


def misfit(value, form, where=""):
    """Where a value is not of a form; none if it is."""
    if value is None or form == ANY:
        return None
    if form == TEXT:
        return None if isinstance(value, str) else where
    if form == WHOLE:
        return None if type(value) is int else where
    if isinstance(form, list):
        if not isinstance(value, list):
            return where
        return next(filter(None, (misfit(inner, form[0], f"{where}[{at}]") for at, inner in enumerate(value))), None)
    if not isinstance(value, dict):
        return where
    inside = ((name, inner, form.get(name, form.get(None, ANY))) for name, inner in value.items())
    return next(filter(None, (misfit(inner, of, f"{where}.{name}") for name, inner, of in inside)), None)


def grafana(jaeger, case):
    """The calls of Grafana's Jaeger data source, with the parameters that it sends."""
    def call(what, form, path, **parameters):
        status, answer = jaeger.ask(path, **parameters)
        wrong = misfit(answer, {"data": form, **AROUND})
        expect(status == 200 and wrong is None and answer["data"] is not None, f"Grafana: {what}" + (f", but not {wrong}" if wrong else ""))
        return answer["data"] or []
    query = case["Query"]
    service = query["ServiceName"]
    call("health, and services", [TEXT], "/services")
    call("operations", [TEXT], f"/services/{service}/operations")
    asked = {name: value for name, value in parameters(query).items() if name not in ("minDuration", "maxDuration")}
    found = call("a search", [TRACE], "/traces", **asked | {"limit": 20})
    expect(found and all(trace["spans"] for trace in found), "Grafana: each trace has a span, by which it sorts them")
    expect(all(trace["spans"][0]["processID"] in trace["processes"] for trace in found), "Grafana: each span has its process")
    trace_id = found[0]["traceID"]
    call("a trace", [TRACE], "/traces/" + trace_id)
    # Its option for times sends milliseconds where Jaeger reads microseconds: they must not hide the trace.
    now = int(time.time() * 1000)
    call("a trace with times", [TRACE], "/traces/" + trace_id, start=now - 3_600_000, end=now)
    call("dependencies", [LINK], "/dependencies", endTs=now, lookback=3_600_000)
    status, answer = jaeger.ask("/v3/traces/" + trace_id)
    kinds = [span["kind"] for group in answer["result"]["resourceSpans"] for scope in group["scopeSpans"] for span in scope["spans"]]
    times = [span["startTimeUnixNano"] for group in answer["result"]["resourceSpans"] for scope in group["scopeSpans"] for span in scope["spans"]]
    expect(status == 200 and all(type(kind) is int for kind in kinds) and all(type(at) is str for at in times), "Grafana: a trace by v3")


def own_cases():
    """What Jaeger's fixtures cover, in cases of our own: each condition alone and together, with tags at the
    span, its events, its links, its process and its scope."""
    day = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)
    noon = int(datetime.datetime(day.year, day.month, day.day, 12, tzinfo=datetime.timezone.utc).timestamp()) * 10**9
    values = {"plan": "gold", "seats": 4, "price": 19.5, "member": True}
    def pairs(tags):
        names = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}
        return [{"key": key, "value": {names[type(value)]: str(value) if type(value) is int else value}} for key, value in tags.items()]
    traces, cases = {}, []
    def case(caption, at="span", operation="", least=0, most=0, tagged=True, several=1, micros_long=100, bare=False):
        number = len(cases) + 1
        service, operation_name = f"case{number:02}", operation or "work"
        for copy_number in range(several):
            places = {at: values} if at != "spread" else {"span": {"plan": "gold"}, "process": {"seats": 4}, "event": {"price": 19.5}, "link": {"member": True}}
            one = {
                "traceId": "%032x" % (number * 16 + copy_number), "spanId": "%016x" % 3, "name": operation_name, "kind": 2,
                "startTimeUnixNano": str(noon), "endTimeUnixNano": str(noon + micros_long * 1000), "attributes": pairs(places.get("span", {"other": 1})),
                "events": [{"timeUnixNano": str(noon + 1000), "attributes": pairs(places.get("event", {})), **({} if bare else {"name": "step"})}],
                "links": [{"traceId": "%032x" % 99, "spanId": "%016x" % 9, "attributes": pairs(places.get("link", {}))}], "status": {},
            }
            scope = {"attributes": pairs(places["scope"])} if "scope" in places else {}
            resource = {"attributes": pairs({"service.name": service, **places.get("process", {})})}
            other = copy.deepcopy(one) | {"spanId": "%016x" % 4, "parentSpanId": "%016x" % 3, "name": "inner", "attributes": [], "events": [], "links": []}
            traces[f"{caption} {copy_number}"] = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": [one, other]}]}]}
            # The same but for one thing, so that the search has to tell them apart.
            wrong = copy.deepcopy(one) | {"traceId": "%032x" % (0xD000 + number * 16 + copy_number), "attributes": pairs({"plan": "silver"}), "events": [], "links": []}
            if tagged:
                plain = {"attributes": pairs({"service.name": service})}
                traces[f"not {caption} {copy_number}"] = {"resourceSpans": [{"resource": plain, "scopeSpans": [{"scope": {}, "spans": [wrong]}]}]}
        moment = lambda nanos: datetime.datetime.fromtimestamp(nanos / 1e9, datetime.timezone.utc).isoformat().replace("+00:00", "Z")
        cases.append({
            "Caption": caption, "ExpectedFixtures": [f"{caption} {n}" for n in range(several)],
            "Query": {"ServiceName": service, "OperationName": operation, "Tags": values if tagged else None, "DurationMin": least, "DurationMax": most,
                      "StartTimeMin": moment(noon - 3600 * 10**9), "StartTimeMax": moment(noon + 3600 * 10**9), "NumTraces": 1000},
        })
    case("service alone", tagged=False)
    case("operation", operation="GET /a b?c=d", tagged=False)
    for place in ("span", "process", "event", "link", "scope", "spread"):
        case(f"tags at {place}", at=place)
    case("tags in an event without a name", at="event", bare=True)
    case("longest duration", most=200_000, tagged=False)
    case("durations between", least=4_500_000, most=5_500_000, tagged=False, micros_long=5_000)
    case("tags, operation, durations", operation="op", least=4_500_000, most=5_500_000, micros_long=5_000)
    case("tags spread, operation, longest duration", at="spread", operation="op", most=200_000)
    case("several traces", tagged=False, several=3)
    case("several traces by tags of events", at="event", several=3)
    def span(number, kind, name, parent=None, **more):
        one = {"traceId": "%032x" % 0xFE1, "spanId": "%016x" % number, "name": name, "startTimeUnixNano": str(noon), "endTimeUnixNano": str(noon + 10**6), **more}
        return one | ({"parentSpanId": "%016x" % parent} if parent else {}) | ({"kind": kind} if kind else {})
    example = {"resourceSpans": [
        {"resource": {"attributes": pairs({"service.name": "example-1", "host": "a"})}, "scopeSpans": [{"scope": {"name": "lib", "version": "2"}, "spans": [
            span(1, 0, "root", traceState="a=b"), span(2, 3, "call", 1, status={"code": 2, "message": "refused"}), span(3, 2, "serve", 9, status={"code": 1})]}]},
        {"resource": {"attributes": pairs({"service.name": "example-2"})}, "scopeSpans": [{"scope": {}, "spans": [
            span(4, 2, "serve", 2, attributes=pairs({"big": 2**53 - 1, "text": "ü\"\\"})), span(5, 4, "publish", 4), span(6, 5, "receive", 5)]}]},
    ]}
    traces["example_trace"] = example
    return traces, cases


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--fixtures")
    asked = arguments.parse_args()
    traces, cases = read_fixtures(asked.fixtures) if asked.fixtures else own_cases()
    fire = Watchfire(asked.binary)
    jaeger = Jaeger(fire)
    expect(jaeger.data("/services") == [], "no services at first")
    queries(jaeger, traces, cases)
    example(jaeger, traces["example_trace"])
    large(jaeger, traces["example_trace"])
    many_operations(jaeger)
    dependencies(jaeger)
    grafana(jaeger, cases[0])
    bad_input(jaeger)
    fire.stop()
    close()


main()
