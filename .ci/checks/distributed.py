"""One trace through processes of three kinds, each instrumented by its own official means: Node (auto-
instrumentations), Python (opentelemetry-instrument), and our own services behind their gateway. All of them
export OTLP to one Watchfire, which is then asked for the trace, its logs, exemplars and edges.

    distributed.py path/to/watchfire --node FOLDER

FOLDER has node_modules with @opentelemetry/auto-instrumentations-node, express and pino. This Python has flask,
requests and opentelemetry-distro with the instrumentations of both and of logging.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from server import Watchfire, close, expect

PATIENCE = 90

SHOP = """
const express = require('express')
const http = require('http')
const log = require('pino')()
const app = express()
const ask = (url) => new Promise((resolve, reject) => {
  http.get(url, (answer) => {
    let body = ''
    answer.on('data', (chunk) => { body += chunk })
    answer.on('end', () => resolve({ status: answer.statusCode, body }))
  }).on('error', reject)
})
app.get('/checkout/:mode', async (request, answer) => {
  log.info({ mode: request.params.mode }, 'checkout begins')
  const price = await ask(process.env.PRICING + '/price/' + request.params.mode)
  if (price.status >= 500) log.error('no price for this checkout')
  answer.status(price.status >= 500 ? 502 : 200).json({ price: price.body })
})
const server = app.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening'))
process.on('SIGTERM', () => server.close())
"""

PRICING = """
import logging, os
import flask, requests
app = flask.Flask("pricing")
log = logging.getLogger("pricing")
logging.getLogger().setLevel(logging.INFO)

class NoTariff(Exception):
    pass

@app.get("/price/<mode>")
def price(mode):
    log.info("price asked for")
    path = "/api/places/0" if mode == "lost" else "/api/places?page[size]=1"
    # Each is asked anew, or the gateway answers what it keeps and no other service is seen.
    place = requests.get(os.environ["GATEWAY"] + path, headers={"cache-control": "no-cache"}, timeout=30)
    if mode == "broken":
        raise NoTariff("no tariff for this place")
    return {"status": place.status_code, "baggage": flask.request.headers.get("baggage"),
            "traceparent": flask.request.headers.get("traceparent")}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Processes:
    """Ours, Python's and Node's, each told of where to export by the variables of OpenTelemetry."""

    def __init__(self, binary, node, fire, folder):
        self.running = []
        self.folder = folder
        plain = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        self.environment = plain | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + fire.addresses["otlp_http"],
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_TRACES_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_BSP_SCHEDULE_DELAY": "500", "OTEL_BLRP_SCHEDULE_DELAY": "500", "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        }
        ours = self.start([binary, "services", "--gateway=127.0.0.1:0", "--environment=check", "--print-addresses", f"--data-dir={folder}/services"], {})
        addresses = {}
        while "gateway" not in addresses:
            line = ours.stdout.readline()
            if not line:
                raise SystemExit("our services did not start")
            addresses = json.loads(line) if line.startswith("{") else {}
        pricing, self.shop = free_port(), free_port()
        self.write("app.py", PRICING)
        beside = os.path.join(os.path.dirname(sys.executable), "opentelemetry-instrument")
        self.start([beside, sys.executable, "-m", "flask", "--app", "app", "run", "--port", str(pricing)], {
            "OTEL_SERVICE_NAME": "pricing", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=check,service.version=2.1",
            "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "true", "GATEWAY": "http://" + addresses["gateway"],
        })
        self.write("shop.js", SHOP)
        self.start(["node", "--require", "@opentelemetry/auto-instrumentations-node/register", "shop.js"], {
            "OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=check,service.version=3.0",
            "OTEL_NODE_RESOURCE_DETECTORS": "env,host,process", "NODE_PATH": os.path.join(os.path.abspath(node), "node_modules"),
            "PORT": str(self.shop), "PRICING": f"http://127.0.0.1:{pricing}",
        })
        for port in (pricing, self.shop):
            self.wait_for(port)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)

    def start(self, command, more):
        name = f"{len(self.running)}.log"
        told = open(os.path.join(self.folder, name), "w+")
        process = subprocess.Popen(command, cwd=self.folder, env=self.environment | more, stdout=subprocess.PIPE if not self.running else told, stderr=told, text=True)
        self.running.append((process, told))
        return process

    def wait_for(self, port):
        until = time.time() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                ended = [told for process, told in self.running if process.poll() is not None]
                if ended or time.time() > until:
                    for told in ended:
                        told.seek(0)
                        print(told.read()[-3000:])
                    raise SystemExit(f"nothing listens on port {port}")
                time.sleep(0.2)

    def checkout(self, mode, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.shop}/checkout/{mode}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def stop(self):
        # Who calls ends before who is called, so that nothing is cut off.
        for process, told in reversed(self.running):
            process.terminate()
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
            told.close()


def wait_for(holds):
    until = time.time() + PATIENCE
    while True:
        found = holds()
        if found or time.time() > until:
            return found
        time.sleep(0.5)


class Trace:
    """A trace as Jaeger tells it, to walk in."""

    def __init__(self, data):
        self.spans = []
        for span in data["spans"]:
            process = data["processes"][span["processID"]]
            parents = [reference["spanID"] for reference in span["references"] if reference["refType"] == "CHILD_OF"]
            self.spans.append({
                "id": span["spanID"], "parent": parents[0] if parents else None, "name": span["operationName"],
                "service": process["serviceName"], "process": {tag["key"]: tag["value"] for tag in process["tags"]},
                "tags": {tag["key"]: tag["value"] for tag in span["tags"]}, "logs": span["logs"],
                "warnings": span["warnings"], "start": span["startTime"], "end": span["startTime"] + span["duration"],
            })
        self.by_id = {span["id"]: span for span in self.spans}

    def of(self, service, kind):
        return [span for span in self.spans if span["service"] == service and span["tags"].get("span.kind") == kind]

    def is_under(self, span, above):
        """Whether a span descends from another, however many inner spans lie between."""
        seen = set()
        while span and span["id"] not in seen:
            seen.add(span["id"])
            if span["id"] == above["id"]:
                return True
            span = self.by_id.get(span["parent"])
        return False


CHAIN = [("shop", "server"), ("shop", "client"), ("pricing", "server"), ("pricing", "client"), ("gateway", "server"), ("gateway", "client"), ("content", "server")]


def whole(fire, trace_id):
    def there():
        status, body = fire.ask("/jaeger/api/traces/" + trace_id)
        if status != 200:
            return None
        trace = Trace(json.loads(body)["data"][0])
        return trace if all(trace.of(*link) for link in CHAIN) else None
    return wait_for(there)


def judge_chain(fire, trace_id, what):
    trace = whole(fire, trace_id)
    if not trace:
        status, body = fire.ask("/jaeger/api/traces/" + trace_id)
        found = [(span["service"], span["tags"].get("span.kind"), span["name"]) for span in Trace(json.loads(body)["data"][0]).spans] if status == 200 else status
        expect(False, f"{what}: spans of all processes in one trace: {found}")
        return None
    ends = [trace.of(*link)[0] for link in CHAIN]
    expect(all(len(trace.of(*link)) == 1 for link in CHAIN), f"{what}: one span for each side of each call, {len(trace.spans)} in all")
    is_nested = all(trace.is_under(below, above) for above, below in zip(ends, ends[1:]))
    expect(is_nested, f"{what}: each under the one that caused it: " + " > ".join(f"{span['service']} {span['name']}" for span in ends))
    crossings = [(above, below) for above, below in zip(ends, ends[1:]) if above["service"] != below["service"]]
    expect(all(below["parent"] == above["id"] for above, below in crossings), f"{what}: across processes the caller's span is the very parent")
    expect(all(above["start"] <= below["start"] + 2_000 and below["end"] <= above["end"] + 2_000 for above, below in crossings), f"{what}: a call holds its answer")
    return trace


def judge_resources(trace):
    wanted = {
        "shop": {"telemetry.sdk.language": "nodejs", "service.version": "3.0", "deployment.environment.name": "check"},
        "pricing": {"telemetry.sdk.language": "python", "service.version": "2.1", "deployment.environment.name": "check"},
        "gateway": {"service.version": "1.4.0", "deployment.environment.name": "check"},
        "content": {"service.version": "1.4.0", "deployment.environment.name": "check"},
    }
    for service, attributes in wanted.items():
        found = next(span["process"] for span in trace.spans if span["service"] == service)
        told = {name: found.get(name) for name in attributes}
        expect(told == attributes, f"resource of {service}: {told}")


def judge_errors(ok, broken, lost):
    failed = lambda trace: sorted({(span["service"], span["tags"]["span.kind"]) for span in trace.spans if span["tags"].get("error") is True})
    expect(failed(ok) == [], f"what went well has no errors: {failed(ok)}")
    found = failed(broken)
    wanted = {("pricing", "server"), ("shop", "client"), ("shop", "server")}
    expect(wanted <= set(found) and not {service for service, _ in found} & {"gateway", "content"}, f"a failure in Python is an error there and above, not below: {found}")
    events = [tag["value"] for span in broken.of("pricing", "server") for log in span["logs"] for tag in log["fields"] if tag["key"] == "exception.type"]
    expect(any("NoTariff" in kind for kind in events), f"its exception stands in its span: {events}")
    found = failed(lost)
    expect(set(found) == {("gateway", "client"), ("pricing", "client")}, f"a place that is not there is an error of who asks, not of who answers: {found}")


def judge_logs(fire, trace_id):
    wanted = {"shop", "pricing", "gateway", "content"}
    def there():
        records = fire.get("/api/v1/logs", q=f"trace_id:{trace_id}", limit=200)["records"]
        return records if wanted <= {record["service.name"] for record in records} else None
    records = wait_for(there) or fire.get("/api/v1/logs", q=f"trace_id:{trace_id}", limit=200)["records"]
    services = sorted({record["service.name"] for record in records})
    expect(set(services) == wanted, f"logs of all by the trace's id: {len(records)} of {services}")
    return records


def judge_exceptions(fire):
    """Python tells it twice: as an event of the span and as a record of the log."""
    groups = wait_for(lambda: [group for group in fire.get("/api/v1/exceptions", limit=100)["exceptions"] if group["service"] == "pricing"])
    told = [(group["type"], group["count"]) for group in groups]
    expect(len(told) == 1 and told[0][1] == 1, f"an exception that a span and a log tell is one: {told}")


def judge_series(fire, traces):
    def exemplars():
        now = time.time()
        found = fire.get("/prometheus/api/v1/query_exemplars", query='{__name__=~"traces_span_metrics_duration_seconds_bucket|http_server_request_duration_seconds_bucket"}', start=now - 3600, end=now + 60)["data"]
        seen = {}
        for series in found:
            labels = series["seriesLabels"]
            service = labels.get("service") or labels.get("service_name") or labels.get("job")
            seen.setdefault(service, set()).update(exemplar["labels"].get("trace_id") for exemplar in series["exemplars"])
        return seen if all(seen.get(service, set()) & traces for service in ("shop", "pricing", "gateway", "content")) else None
    found = wait_for(exemplars)
    expect(found, "exemplars of each service lead to these traces")
    def edges():
        asked = {"endTs": int(time.time() * 1000) + 60_000, "lookback": 3_600_000}
        links = {(link["parent"], link["child"]) for link in fire.get("/jaeger/api/dependencies", **asked)["data"]}
        return links if {("shop", "pricing"), ("pricing", "gateway"), ("gateway", "content")} <= links else None
    found = wait_for(edges)
    expect(found, f"edges of the service graph: {sorted(found or [])}")


def judge_not_sampled(fire, processes):
    """Nobody records, and everybody hands the context on."""
    trace_id = os.urandom(16).hex()
    status, answer = processes.checkout("fine", traceparent=f"00-{trace_id}-00f067aa0ba902b7-00", tracestate="vendor@@x=1")
    told = json.loads(answer["price"])
    expect(status == 200 and told["traceparent"].startswith(f"00-{trace_id}-") and told["traceparent"].endswith("-00"), f"a trace that is not sampled goes on as such: {told['traceparent']}")
    def logs():
        records = fire.get("/api/v1/logs", q=f"trace_id:{trace_id}", limit=200)["records"]
        return records if {"gateway", "content"} <= {record["service.name"] for record in records} else None
    expect(wait_for(logs), "our services still log under its id")
    later = processes.checkout("fine", traceparent=f"00-{'d' * 31}1-00f067aa0ba902b7-01")
    expect(later[0] == 200 and whole(fire, "d" * 31 + "1"), "a sampled one after it is there")
    status, _ = fire.ask("/jaeger/api/traces/" + trace_id)
    expect(status == 404, "no process recorded a span of it")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--node", required=True)
    asked = arguments.parse_args()
    beside = os.path.join(os.path.dirname(sys.executable), "opentelemetry-instrument")
    modules = os.path.join(asked.node, "node_modules", "@opentelemetry", "auto-instrumentations-node")
    lacking = [what for what, there in (("node", shutil.which("node")), (beside, os.path.exists(beside)), (modules, os.path.exists(modules))) if not there]
    if lacking:
        is_needed = os.environ.get("CI") == "true"
        print("FAIL" if is_needed else "skipped", "no " + ", no ".join(lacking))
        raise SystemExit(1 if is_needed else 0)
    fire = Watchfire(asked.binary)
    with tempfile.TemporaryDirectory() as folder:
        processes = Processes(os.path.abspath(asked.binary), asked.node, fire, folder)
        try:
            traces = {mode: os.urandom(16).hex() for mode in ("fine", "broken", "lost")}
            for mode, trace_id in traces.items():
                parent = f"00-{trace_id}-00f067aa0ba902b7-01"
                status, answer = processes.checkout(mode, traceparent=parent, baggage="tier=gold,user=%C3%A9")
                expect(status == (502 if mode == "broken" else 200), f"{mode}: answered {status}")
                if mode == "fine":
                    told = json.loads(answer["price"])
                    expect(told["baggage"] == "tier=gold,user=%C3%A9" and told["status"] == 200, f"baggage is untouched: {told}")
            found = {mode: judge_chain(fire, trace_id, mode) for mode, trace_id in traces.items()}
            if all(found.values()):
                judge_resources(found["fine"])
                judge_errors(found["fine"], found["broken"], found["lost"])
            judge_logs(fire, traces["fine"])
            exceptions = [record.get("exception.type") for record in judge_logs(fire, traces["broken"])]
            expect(any(kind and "NoTariff" in kind for kind in exceptions), f"the exception is logged too: {exceptions}")
            judge_exceptions(fire)
            judge_series(fire, set(traces.values()))
            judge_not_sampled(fire, processes)
        finally:
            processes.stop()
    fire.stop()
    close()


main()
