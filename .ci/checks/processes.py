"""The application services in processes of their own, each exporting OTLP to one Watchfire: a request is one trace
through the gateway and the service behind it, each process has a switchboard that only its own machine reaches, and no
secret that they were given stands in anything that they tell.

    processes.py path/to/watchfire
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from server import Watchfire, close, expect

PATIENCE = 60
NAMES = ["payments.provider", "messages.smtp", "messages.sms", "messages.push", "sessions.key", "recruitment.tokens"]
SECRETS = {name: f"known-{name.replace('.', '-')}-4711aabbccddeeff00112233" for name in NAMES}


class Service:
    """One process. What it tells goes to a file."""

    def __init__(self, binary, folder, fire, name, *more):
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "WATCHFIRE_"))}
        given = {"WATCHFIRE_" + key.upper().replace(".", "_"): value for key, value in SECRETS.items()}
        given["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://" + fire.addresses["otlp_grpc"]
        given["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc"
        self.told = os.path.join(folder, name + ".log")
        arguments = [binary, "services", f"--only={name}", f"--data-dir={folder}/{name}", "--environment=check", "--print-addresses",
                     f"--server={fire.url}", *more]
        self.file = open(self.told, "w")
        self.process = subprocess.Popen(arguments, stdout=self.file, stderr=self.file, env=plain | given)
        self.address = self.wait_for_address(name)

    def wait_for_address(self, name):
        until = time.time() + PATIENCE
        while time.time() < until and self.process.poll() is None:
            with open(self.told) as told:
                for line in told:
                    if line.startswith("{") and name in (found := json.loads(line)) and "message" not in found:
                        return found[name]
            time.sleep(0.1)
        with open(self.told) as told:
            sys.exit(f"{name} did not start: {told.read()[-2000:]}")

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=PATIENCE)
        self.file.close()
        return code


def ask(url, method="GET", body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    sent = {"content-type": "application/json"} if data else {}
    request = urllib.request.Request(url, data, sent | {name.replace("_", "-"): value for name, value in headers.items()}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait_for(holds):
    until = time.time() + PATIENCE
    while not (found := holds()) and time.time() < until:
        time.sleep(0.5)
    return found


def trace(fire, trace_id):
    status, body = fire.ask("/jaeger/api/traces/" + trace_id)
    if status != 200:
        return None
    data = json.loads(body)["data"][0]
    spans = {}
    for span in data["spans"]:
        service = data["processes"][span["processID"]]["serviceName"]
        kind = next((tag["value"] for tag in span["tags"] if tag["key"] == "span.kind"), "internal")
        parents = [reference["spanID"] for reference in span["references"]]
        spans.setdefault((service, kind), []).append((span["spanID"], parents))
    wanted = [("gateway", "server"), ("gateway", "client"), ("payments", "server"), ("payments", "client")]
    return spans if all(key in spans for key in wanted) else None


def judge_trace(fire, gateway):
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    status, body = ask(f"http://{gateway}/payments/v1/accounts", traceparent=f"00-{trace_id}-00f067aa0ba902b7-01")
    expect(status == 200, f"payments answers through the gateway: {status} {body[:100]}")
    spans = wait_for(lambda: trace(fire, trace_id))
    expect(spans, "one trace through both processes and the database")
    if spans:
        client, _ = spans["gateway", "client"][0]
        expect(client in spans["payments", "server"][0][1], "payments' span is under the gateway's call")


def judge_switch(fire, gateway, payments):
    fault = {"service": "payments", "kind": "bad-deploy", "share": 1, "for_seconds": 3}
    status, body = ask(f"http://{payments}/admin/faults", "PUT", fault)
    expect(status == 200 and "bad-deploy" in body, f"payments has a switchboard of its own: {status} {body[:150]}")
    status, _ = ask(f"http://{gateway}/payments/admin/faults")
    expect(status in (403, 404), f"the gateway leads nobody there: {status}")
    status, _ = ask(f"http://{gateway}/payments/metrics")
    expect(status == 404, f"nor to its metrics: {status}")
    status, body = ask(f"http://{gateway}/payments/v1/accounts")
    expect(status == 500 and "trace_id" in body, f"what is broken fails: {status} {body[:120]}")
    changes = wait_for(lambda: [change for change in fire.get("/api/v1/changes")["changes"] if change["service"] == "payments"])
    expect(changes, f"the change is told: {changes and changes[0]['summary']}")
    healed = wait_for(lambda: ask(f"http://{gateway}/payments/v1/accounts")[0] == 200)
    expect(healed, "the fault ends by itself")


def make_work(gateway):
    """Traffic that uses every secret, refusals and failures with them."""
    base = f"http://{gateway}"
    for account in ("ann", "shop"):
        ask(f"{base}/payments/v1/accounts/{account}", "PUT", {"type": "liability", "currency": "EUR", "name": account})
    payment = {"amount": 1250, "currency": "EUR", "payer": "ann", "payee": "shop", "payment_method": "tok_visa", "reference": "order 17"}
    for number in range(30):
        ask(f"{base}/payments/v1/payments", "POST", payment, idempotency_key=f"work-{number}")
    for channel, to in (("email", "a@example.org"), ("sms", "+41791234567"), ("push", "device-0123456789abcdef")) * 5:
        ask(f"{base}/messages/v1/messages", "POST", {"channel": channel, "to": to, "content": {"subject": "s" if channel != "sms" else None, "text": "t"}})
    session = ask(f"{base}/reminders/v1/sessions", "POST", {"person": "ann", "device": "phone"})
    token = json.loads(session[1]).get("token", "") if session[0] == 201 else ""
    ask(f"{base}/reminders/v1/sync/fetch", authorization=f"Bearer {token}")
    issued = {"subject": "rita", "role": "recruiter"}
    status, _ = ask(f"{base}/recruitment/v1/tokens", "POST", issued, authorization="Bearer " + SECRETS["recruitment.tokens"])
    expect(status == 201, f"the admin's secret is known to recruitment: {status}")
    for secret in SECRETS.values():
        for service in ("recruitment/v1/positions", "reminders/v1/sync/fetch", "payments/v1/accounts", "messages/v1/queues"):
            ask(f"{base}/{service}", authorization=f"Bearer {secret}")


def everything(fire):
    """All log records and the newest traces of each service."""
    told, cursor = [], None
    while True:
        page = fire.get("/api/v1/logs", limit=1000, **({"cursor": cursor} if cursor else {}))
        told.extend(json.dumps(record) for record in page["records"])
        cursor = page.get("next")
        if not cursor:
            break
    records = len(told)
    for service in fire.get("/jaeger/api/services")["data"]:
        traces = fire.get("/jaeger/api/traces", service=service, limit=500, lookback="1h")["data"]
        told.extend(json.dumps(one) for one in traces)
    return told, records


def main():
    binary = sys.argv[1]
    refused = subprocess.run([binary, "services", "--only=payments", "--data-dir=/nonexistent"], capture_output=True, text=True, check=False, timeout=PATIENCE,
                             env={key: value for key, value in os.environ.items() if not key.startswith("WATCHFIRE_")})
    expect(refused.returncode != 0 and "WATCHFIRE_PAYMENTS_PROVIDER" in refused.stderr, f"a secret that is missing is named: {refused.stderr.strip()[:160]}")
    fire = Watchfire(binary)
    with tempfile.TemporaryDirectory() as folder:
        behind = {name: Service(binary, folder, fire, name) for name in ("content", "messages", "reminders", "recruitment", "payments")}
        upstreams = [f"--upstream={name}=http://{service.address}" for name, service in behind.items()]
        gateway = Service(binary, folder, fire, "gateway", "--gateway=127.0.0.1:0", *upstreams)
        expect(True, f"six processes: {gateway.address} before {', '.join(behind)}")
        judge_trace(fire, gateway.address)
        judge_switch(fire, gateway.address, behind["payments"].address)
        make_work(gateway.address)
        for service in behind.values():
            for fault in ("errors", "dependency-down"):
                name = next(key for key, value in behind.items() if value is service)
                ask(f"http://{service.address}/admin/faults", "PUT", {"service": name, "kind": fault})
                make_work(gateway.address) if name == "messages" else ask(f"http://{gateway.address}/{name}/v1/none")
                ask(f"http://{service.address}/admin/faults", "DELETE")
        exposed = [ask(f"http://{service.address}/metrics")[1] for service in (gateway, *behind.values())]
        codes = [service.stop() for service in (gateway, *behind.values())]
        expect(codes == [0] * 6, f"clean stops: {codes}")
        told, records = everything(fire)
        for service in (gateway, *behind.values()):
            with open(service.told) as lines:
                told.append(lines.read())
        expect(records > 100, f"{records} records and {len(told) - records} other texts are looked through")
        for name, secret in SECRETS.items():
            found = [text for text in told + exposed if secret in text]
            expect(not found, f"{name} is told nowhere {found and found[0][:300]}")
    fire.stop()
    close()


main()
