"""What all application services tell of what they did, judged from outside: a collector in one process, the services
and their gateway in another. Each operation of each service is asked through the gateway, once so that it answers well
and once so that it refuses; workers do their part, and each service fails once. Then every line, every trace, every
count and the page of services must tell exactly that.

    services_telemetry.py path/to/watchfire
"""

import collections
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

import jsonschema

import service_calls
from application_services import PREFIXES, ask
from server import Watchfire, close, expect

PATIENCE = 60
SECRET = "recruitment-secret-of-this-check"
KEY = "wf_key_of_this_check_only"
SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "schemas" / "log_record.v1.schema.json"
# What providers call, and no client.
PROVIDERS = {("messages", "POST", "/v1/receipts/{provider}"), ("payments", "POST", "/v1/provider/notifications")}
# Of which the page of services tells in a short range, in seconds.
INTERVAL = 75
# Who begins work by itself.
WORKERS = {"content-sync", "payments-worker", "messages", "reminders", "recruitment"}


class Services:
    """All in one process of their own; every line that they write to stdout is kept."""

    def __init__(self, binary, fire, folder):
        keys = os.path.join(folder, "keys.json")
        with open(keys, "w") as file:
            json.dump({"keys": [{"key": KEY, "consumer": "check", "class": "partner"}]}, file)
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "WATCHFIRE_"))}
        given = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + fire.addresses["otlp_grpc"], "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                 "WATCHFIRE_RECRUITMENT_TOKENS": SECRET, "WATCHFIRE_GATEWAY_KEYS_FILE": keys}
        arguments = [binary, "services", "--gateway=127.0.0.1:0", "--print-addresses", f"--data-dir={folder}/services", "--environment=check",
                     f"--server={fire.url}"]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=plain | given)
        self.lines, self.said, self.addresses = [], [], None
        self.ready = threading.Event()
        self.readers = [threading.Thread(target=read, daemon=True) for read in (self.read, lambda: self.said.extend(self.process.stderr))]
        for reader in self.readers:
            reader.start()
        if not self.ready.wait(PATIENCE) or not self.addresses:
            self.process.kill()
            raise SystemExit("the services did not start: " + "".join(self.said))

    def read(self):
        for line in self.process.stdout:
            if not self.addresses and '"gateway":' in line and '"timestamp"' not in line:
                self.addresses = json.loads(line)
                self.ready.set()
            else:
                self.lines.append(line)
        self.ready.set()

    def fault(self, service, kind, share=1):
        url = f"http://{self.addresses[service]}/admin/faults"
        status, _, body = ask(url, "PUT", {"content-type": "application/json"}, json.dumps({"service": service, "kind": kind, "share": share}).encode())
        expect(status == 200, f"{kind} of {service} begins {status if status == 200 else body}")
        return lambda: ask(url, "DELETE")

    def is_notified(self):
        """Whether the provider of payments has told of one by itself."""
        _, _, metrics = ask(f"http://{self.addresses['payments']}/metrics")
        return b'http_route="/v1/provider/notifications",http_response_status_code="200"' in metrics

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=PATIENCE)
        for reader in self.readers:
            reader.join(PATIENCE)
        return code


class Hook:
    """Takes the webhooks of payments."""

    def __init__(self):
        self.told = []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                hook.told.append((self.headers["traceparent"], json.loads(self.rfile.read(int(self.headers["content-length"])))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def wait_for(holds):
    until = time.time() + PATIENCE
    while not (found := holds()) and time.time() < until:
        time.sleep(0.3)
    return found


def drive(services, caller, hook):
    """What was accepted and went on without anybody asking, by service."""
    went_on = {"messages": service_calls.ask_messages(caller), "payments": service_calls.ask_payments(caller, hook.url, services.is_notified),
               "reminders": service_calls.ask_reminders(caller), "recruitment": service_calls.ask_recruitment(caller, SECRET)}
    service_calls.ask_content(caller)
    went_on["poisoned"] = service_calls.set_aside(caller, lambda service: services.fault(service, "poison-message"))
    for service in PREFIXES:
        caller.send(service, "GET", "/v1/none-such-route")
        caller.send(service, "GET", "/openapi.json", stranger=True)
    for service in PREFIXES:
        well = [operation for operation in caller.never(service, False) if (service, *operation) not in PROVIDERS]
        refused = caller.never(service, True)
        expect(not well and not refused, f"each of {len(caller.operations[service].known)} operations of {service} answers and refuses {well or ''} {refused or ''}")
    paths = {"content": "/points-of-interest", "messages": "/v1/templates", "reminders": "/v1/due", "recruitment": "/v1/positions", "payments": "/v1/webhooks"}
    for service, path in paths.items():
        end = services.fault(service, "errors")
        broken = [caller.send(service, "GET", path).status for _ in range(3)]
        end()
        expect(broken == [500] * 3, f"{service} fails {broken}")
    return went_on


def judge_lines(fire, services):
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()), format_checker=jsonschema.FormatChecker())
    records, wrong = [], []
    for line in services.lines:
        try:
            record = json.loads(line)
        except ValueError:
            wrong.append(line)
            continue
        records.append(record)
        wrong += [f"{error.message} in {line}" for error in validator.iter_errors(record)]
    expect(records and not wrong, f"{len(records)} lines on stdout are records as the schema wants them {wrong[:2] or ''}")
    names = collections.Counter(record["service.name"] for record in records)
    expect(set(PREFIXES) | {"gateway", "content-sync"} <= set(names), f"of {dict(names)}")
    stored = wait_for(lambda: (total := fire.get("/api/v1/logs", limit=1)["total"]) >= len(records) and total)
    expect(stored == len(records), f"the collector has as many: {stored or fire.get('/api/v1/logs', limit=1)['total']}")
    quarantined = fire.get("/api/v1/quarantine")["records"]
    expect(not quarantined, f"none is in quarantine {quarantined[:1] or ''}")
    return records


def all_traces(fire):
    """Every trace that the collector has, by its id: its spans, each by what matters here."""
    found = {}
    for service in fire.get("/jaeger/api/services")["data"]:
        asked = fire.get("/jaeger/api/traces", service=service, limit=5000, lookback="1h")["data"]
        for one in asked:
            found[one["traceID"]] = [told(span, one["processes"]) for span in one["spans"]]
        expect(len(asked) < 5000, f"{len(asked)} traces with {service}")
    return found


def told(span, processes):
    tags = {tag["key"]: tag["value"] for tag in span["tags"]}
    parents = [reference["spanID"] for reference in span["references"] if reference["refType"] == "CHILD_OF" and reference["traceID"] == span["traceID"]]
    links = [(reference["traceID"], reference["spanID"]) for reference in span["references"] if reference["refType"] == "FOLLOWS_FROM"]
    return {"id": span["spanID"], "parent": parents[0] if parents else None, "links": links, "name": span["operationName"],
            "service": processes[span["processID"]]["serviceName"], "kind": tags.get("span.kind", "internal"), "tags": tags, "ended": (span["startTime"] + span["duration"]) / 1e6, "failed": tags.get("error") is True}


def judge_calls(calls, traces):
    """Each request is one trace, whole, through the gateway and the service."""
    lost = [call for call in calls if call.trace not in traces]
    expect(not lost, f"each of {len(calls)} requests is a trace {[(call.method, call.path, call.status) for call in lost[:3]] or ''}")
    wrong = [(call.method, call.path, call.status, why) for call in calls if call not in lost for why in faults_of(call, traces[call.trace])]
    expect(not wrong, f"each goes on from its caller through the gateway to its service, and on from there {len(wrong)} {wrong[:4] or ''}")


def faults_of(call, spans):
    """What is wrong with the trace of a request."""
    by_id = {span["id"]: span for span in spans}
    of = lambda service, kind: [span for span in spans if span["service"] == service and span["kind"] == kind]
    roots = [span for span in spans if span["parent"] not in by_id]
    if [root["parent"] for root in roots] != [call.parent]:
        yield f"its roots are {[(root['service'], root['name'], root['parent']) for root in roots]}"
    gates, hops, served = of("gateway", "server"), of("gateway", "client"), of(call.service, "server")
    direct = [span for span in served if span["parent"] in {hop["id"] for hop in hops}]
    if len(gates) != 1 or gates[0]["parent"] != call.parent:
        yield f"{len(gates)} spans of the gateway"
    elif [hop for hop in hops if hop["parent"] != gates[0]["id"]]:
        yield "a call of the gateway's is not under its request"
    wanted = 1 if call.passed_on else 0
    if (len(hops), len(direct)) != (wanted, wanted):
        yield f"{len(hops)} calls to the service and {len(direct)} requests at it instead of {wanted}"
    for span in direct + gates:
        if span["tags"].get("http.response.status_code") != call.status:
            yield f"{span['service']} answered {span['tags'].get('http.response.status_code')}"
        if span["failed"] != (call.status >= 500):
            yield f"{span['service']} {'failed' if span['failed'] else 'went well'}"
    for span in spans:
        if "db.system.name" in span["tags"]:
            above = by_id.get(span["parent"])
            if not above or above["service"] != span["service"] or above["kind"] == "client":
                yield f"the statement {span['name']} is under {above and above['name']}"
    foreign = {span["service"] for span in spans} - {"gateway", call.service, call.service + "-worker"}
    if foreign:
        yield f"spans of {foreign}"


def judge_own(traces, calls):
    """What nobody asked for is whole, too, and is only what workers and providers begin."""
    asked = {call.trace for call in calls}
    wrong, begun, strangers = [], collections.Counter(), set()
    for trace, spans in traces.items():
        ids = {span["id"] for span in spans}
        if len(ids) != len(spans):
            wrong.append((trace, "an id is used twice"))
        if trace in asked:
            continue
        roots = [span for span in spans if span["parent"] not in ids]
        if len(roots) != 1 or roots[0]["parent"]:
            wrong.append((trace, [(span["service"], span["name"], span["parent"]) for span in roots]))
        begun.update((span["service"], span["name"]) for span in roots)
        strangers |= {(span["service"], span["name"]) for span in roots if not is_own(span)}
    expect(not wrong, f"{len(traces) - len(asked)} other traces have one root each and no orphan {wrong[:3] or ''}")
    expect(not strangers, f"they are begun by workers and providers: {', '.join(f'{count} {service} {name}' for (service, name), count in begun.most_common(9))} {strangers or ''}")


def is_own(span):
    """Whether a service begins it by itself, or a provider at a service."""
    if span["kind"] == "server":
        return (span["service"], span["tags"]["http.request.method"], span["tags"].get("http.route")) in PROVIDERS
    return span["service"] in WORKERS


def names(spans, service=None, kind=None):
    return {span["name"] for span in spans if service in (None, span["service"]) and kind in (None, span["kind"])}


def judge_work(traces, went_on, hook, calls):
    """What goes on after the answer is in the request's trace, or linked to it."""
    linked = collections.defaultdict(list)
    for trace, spans in traces.items():
        for span in spans:
            for to, _ in span["links"]:
                linked[to].append((trace, span))
    messages, payments = went_on["messages"], went_on["payments"]
    single = [names(traces[call.trace], "messages", "consumer") for call in messages["single"]]
    expect(single == [{"process email"}, {"process sms"}, {"process push"}, {"process email"}], f"a message is sent in the trace of its request: {single}")
    posts = [span for call in messages["single"][1:3] for span in traces[call.trace] if span["service"] == "messages" and span["kind"] == "client" and "db.system.name" not in span["tags"]]
    expect(len(posts) >= 2, f"with the call of its provider: {sorted({span['name'] for span in posts})}")
    batch = {trace for trace, span in linked[messages["batch"].trace] if span["name"] == "process sms"}
    expect(len(batch) == 3, f"each message of a batch has a trace of its own with a link to the request: {len(batch)}")
    commits = [trace for trace, span in linked[went_on["reminders"].trace] if span["name"] == "commit batch"]
    expect(len(commits) == 1 and names(traces[commits[0]], "reminders", "client"), f"a sending is linked from the batch that wrote it: {len(commits)}")
    for call in payments["accepted"]:
        found = names(traces[call.trace])
        if not {"POST /v1/payments", "send payments", "process payment.requested", "POST /v1/operations"} <= found:
            expect(False, f"a payment's outbox and provider are in its trace: {sorted(found)}")
    paid = names(traces[payments["paid"].trace])
    expect("process payment.captured" in paid, f"a payment goes on in its trace to the end: {sorted(paid)}")
    asked = {call.trace for call in calls if call.service == "payments"}
    strays = {parent for parent, _ in hook.told if not parent or parent.split("-")[1] not in asked}
    expect(hook.told and not strays, f"{len(hook.told)} webhooks tell in whose trace they are {list(strays)[:2] or ''}")
    spans = {span["id"] for trace in asked for span in traces[trace] if span["kind"] == "client"}
    expect(all(parent.split("-")[2] in spans for parent, _ in hook.told if parent), "and come from a span that is there")
    notified = [link for spans in traces.values() for span in spans if span["name"] == "settle notification" for link, _ in span["links"]]
    expect(notified and set(notified) <= asked, f"what a provider tells by itself is linked to the payment's trace: {len(notified)}")
    receipts = [span for trace in traces.values() for span in trace if (span["service"], span["name"]) in (("messages", "POST /v1/receipts/{provider}"), ("payments", "POST /v1/provider/notifications"))]
    expect({span["service"] for span in receipts if not span["failed"]} == {"messages", "payments"}, f"{len(receipts)} receipts and notifications of providers came")
    uploaded = names(traces[went_on["recruitment"].trace], "recruitment", "client")
    expect("INSERT documents" in uploaded, f"a document is written within its request: {sorted(uploaded)}")
    rounds = {span["name"] for spans in traces.values() for span in spans if span["service"] == "content-sync" and not span["parent"]}
    expect(len(rounds) == 7 and all(name.startswith("sync ") for name in rounds), f"each data set's round is a trace: {sorted(rounds)}")
    payment, message = went_on["poisoned"]
    tries = [[span for span in traces[call.trace] if span["kind"] == "consumer"] for call in (payment, message)]
    expect(all({True, False} == {span["failed"] for span in spans} for spans in tries),
           f"what was set aside and brought again goes on in the trace in which it began, after it failed there: {[sorted(names(spans)) for spans in tries]}")


def judge_logs(fire, calls, records):
    by_trace = collections.defaultdict(list)
    for record in records:
        by_trace[record.get("trace_id")].append(record)
    wrong = []
    for call in calls:
        own = [record for record in by_trace[call.trace] if record.get("request.id") == call.request]
        services = {record["service.name"] for record in own if " answered " in record["message"] and record["http.response.status_code"] == call.status}
        wanted = {"gateway", call.service} if call.passed_on else {"gateway"}
        if call.is_stranger:
            # Of those that are refused at the door the log tells in sum.
            continue
        if services != wanted:
            wrong.append((call.method, call.path, call.status, services))
        if call.status >= 500 and not [record for record in own if record.get("exception.type") and record["severity"] == "ERROR"]:
            wrong.append((call.method, call.path, call.status, "no exception"))
    expect(not wrong, f"the lines of each request carry its id and its trace {wrong[:3] or ''}")
    ids = {record.get("request.id") for record in records if record.get("request.id")}
    strays = [record for record in records if record.get("request.id") in {call.request for call in calls} and not record.get("trace_id")]
    expect(len(ids) >= len(calls) and not strays, f"{len(ids)} ids of requests, no line without a trace {strays[:1] or ''}")
    missed = []
    for call in calls[::7]:
        found = fire.get("/api/v1/logs", q=f"trace_id:{call.trace}", limit=1000)["records"]
        if sorted(record["message"] for record in found) != sorted(record["message"] for record in by_trace[call.trace]):
            missed.append((call.path, len(found), len(by_trace[call.trace])))
    expect(not missed, f"by the trace's id the collector finds the same lines {missed[:3] or ''}")


def count_of(labels):
    """The series of a histogram of requests, as one key."""
    return labels["job"], labels["http_request_method"], labels.get("http_route", ""), labels["http_response_status_code"]


def judge_counts(fire, caller, traces):
    expected = collections.Counter()
    for call in caller.calls:
        expected["gateway", call.method, PREFIXES[call.service] + (call.template or "/{*path}"), str(call.status)] += 1
        if call.passed_on:
            expected[call.service, call.method, call.template or "", str(call.status)] += 1
    # What providers called without the gateway is known from its spans alone.
    for spans in traces.values():
        for span in spans:
            key = (span["service"], span["tags"].get("http.request.method"), span["tags"].get("http.route"))
            if span["kind"] == "server" and key in PROVIDERS and not any(above["id"] == span["parent"] and above["service"] == "gateway" for above in spans):
                expected[(*key, str(span["tags"]["http.response.status_code"]))] += 1
    found = {count_of(series["metric"]): int(float(series["value"][1])) for series in fire.promql("http_server_request_duration_seconds_count")}
    differ = {key: (found.get(key), expected.get(key)) for key in expected.keys() | found.keys() if found.get(key) != expected.get(key)}
    expect(not differ, f"{sum(found.values())} requests by route, method and status are counted as they were sent, in {len(found)} series {dict(list(differ.items())[:5]) or ''}")
    refused = sum(float(one["value"][1]) for one in fire.promql('gateway_refusals_total{reason="unknown_key"}'))
    expect(refused == sum(call.is_stranger for call in caller.calls), f"{refused:.0f} were refused for a key that nobody has")
    now = time.time()
    told = fire.get("/prometheus/api/v1/query_exemplars", query="http_server_request_duration_seconds_bucket", start=now - 3600, end=now + 60)["data"]
    of_route = collections.defaultdict(set)
    for series in told:
        of_route[count_of(series["seriesLabels"])].update(exemplar["labels"].get("trace_id") for exemplar in series["exemplars"])
    without = [key for key in expected if not of_route[key]]
    expect(not without, f"each of these series has an exemplar {without[:3] or ''}")
    astray = [(key, trace) for key, ids in of_route.items() for trace in ids if not leads_to(traces.get(trace, []), key)]
    expect(not astray, f"{sum(map(len, of_route.values()))} exemplars lead to a trace of that very route and status {astray[:3] or ''}")


def leads_to(spans, key):
    tags = lambda span: (span["service"], span["tags"].get("http.request.method"), span["tags"].get("http.route", ""), str(span["tags"].get("http.response.status_code")))
    return any(span["kind"] == "server" and tags(span) == key for span in spans)


ROW = re.compile(
    r'<th scope="row" class="named"><a href="/services/([^"?]+)\?[^"]*">.*?</th><td>.*?</td><td class="r num">([^<]*)</td>.*?</td>'
    r'<td class="r num"><a [^>]*status:error[^>]*>([^<]*)</a>')


def judge_page(fire, traces):
    """The series that pages read count the very spans, and the page of services tells of those of its last interval."""
    served, failed = collections.Counter(), collections.Counter()
    end = int(max(span["ended"] for spans in traces.values() for span in spans)) + 3
    time.sleep(max(0, end - time.time()))
    for span in (span for spans in traces.values() for span in spans if span["kind"] == "server"):
        if span["ended"] < end - INTERVAL + 15:
            raise SystemExit(f"asking took too long for the page's interval of {INTERVAL} s")
        served[span["service"]] += 1
        failed[span["service"]] += span["failed"]
    counted = {(one["metric"]["service"], one["metric"]["status"]): int(float(one["value"][1]))
               for one in fire.promql('sum by (service, status) (traces_span_metrics_calls_total{kind="SPAN_KIND_SERVER"})')}
    wanted = {(service, status): count for service in served for status, count in
              (("STATUS_CODE_UNSET", served[service] - failed[service]), ("STATUS_CODE_ERROR", failed[service])) if count}
    expect(counted == wanted, f"the series made of spans count each once: {counted}{'' if counted == wanted else f' instead of {wanted}'}")
    stamp = lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    status, page = fire.ask("/services", view="list", start=stamp(end - INTERVAL), end=stamp(end))
    rows = {service: shown for service, *shown in ROW.findall(page.decode())}
    expect(status == 200 and set(served) <= set(rows), f"the page of services lists {sorted(rows)}")
    for service, count in sorted(served.items()):
        rate, share = (float(re.sub(r"[^0-9.]", "", text) or 0) for text in rows.get(service, ("0", "0")))
        expect(is_told(rate, count / INTERVAL) and is_told(share, 100 * failed[service] / count),
               f"{service}: {rows.get(service)} where {count / INTERVAL:.2f}/s came, {100 * failed[service] / count:.1f} % of which failed")
    calls = {(link["parent"], link["child"]): link["callCount"] for link in fire.get("/jaeger/api/dependencies", endTs=int(time.time() * 1000) + 60_000, lookback=3_600_000)["data"]}
    hops = collections.Counter(span["service"] for spans in traces.values() for span in spans if span["kind"] == "server" and span["parent"] in {above["id"] for above in spans if above["service"] == "gateway"})
    expect({service: calls.get(("gateway", service)) for service in PREFIXES} == dict(hops), f"the graph has each call of the gateway's: {dict(hops)}")


def is_told(shown, true):
    """PromQL's rates of few samples may be half as much again, and so one of them beside another."""
    return 0.65 * true - 0.01 <= shown <= 1.55 * true + 0.01


def main():
    fire, hook = Watchfire(sys.argv[1]), Hook()
    with tempfile.TemporaryDirectory() as folder:
        services = Services(sys.argv[1], fire, folder)
        caller = service_calls.Caller(services.addresses["gateway"], KEY)
        went_on = drive(services, caller, hook)
        service_calls.settle(caller)
        code = services.stop()
        expect(code == 0, f"a clean stop of the services {code}")
        records = judge_lines(fire, services)
        traces = all_traces(fire)
        judge_calls(caller.calls, traces)
        judge_own(traces, caller.calls)
        judge_work(traces, went_on, hook, caller.calls)
        judge_logs(fire, caller.calls, records)
        judge_counts(fire, caller, traces)
        judge_page(fire, traces)
    fire.stop()
    close()


main()
