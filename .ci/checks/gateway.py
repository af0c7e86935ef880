"""The gateway, before an upstream of this check's own that answers, stalls and dies as it is told."""

import concurrent.futures
import http.client
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

from server import Watchfire, close, expect

PARTNER, SLOW_KEY = "wf_partner0123456789", "wf_limited0123456789"
POLICY = {
    "keys": [
        {"key": PARTNER, "consumer": "acme", "class": "partner"},
        {"key": SLOW_KEY, "consumer": "slow", "class": "internal", "requests_per_second": 1, "burst": 5},
    ],
    "classes": {"anonymous": {"in_flight": 4, "waiting": 2}},
    "in_flight": 40,
}


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mode, calls, seen, gate, lock = "well", {}, [], threading.Event(), threading.Lock()

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.do_GET()

    def do_GET(self):
        path = self.path.split("?")[0]
        with self.lock:
            Upstream.calls[path] = Upstream.calls.get(path, 0) + 1
            Upstream.seen.append(dict(self.headers))
        if self.mode == "dies" and path != "/kept":
            self.close_connection = True
            return
        if path == "/held":
            self.gate.wait(30)
        headers = {"content-type": "application/json"}
        if path == "/kept":
            headers |= {"cache-control": "max-age=60", "etag": '"v1"'}
        if path == "/lasting":
            headers |= {"cache-control": "max-age=1, stale-while-revalidate=60, stale-if-error=60"}
        body = json.dumps({"path": self.path}).encode()
        self.send_response(200)
        for name, value in (headers | {"content-length": str(len(body)), "connection": "keep-alive"}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def gateway(binary, collector, upstream, policy):
    environment = dict(os.environ) | {
        "WATCHFIRE_GATEWAY_KEYS_FILE": policy,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + collector.addresses["otlp_http"],
        "OTEL_LOGS_EXPORTER": "otlp",
    }
    folder = os.path.join(os.path.dirname(policy), "services")
    command = [binary, "services", "--only=gateway", f"--upstream=content={upstream}", "--gateway=127.0.0.1:0", "--traffic=0", "--print-addresses", f"--data-dir={folder}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    for line in process.stdout:
        if '"gateway":"' in line:
            return process, json.loads(line)["gateway"]
    raise SystemExit("the gateway did not start")


def ask(address, path, method="GET", body=None, timeout=30, **headers):
    connection = http.client.HTTPConnection(address, timeout=timeout)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    told = {name.lower(): value for name, value in answer.getheaders()}
    return answer.status, told, answer.read()


def metric(address, name, **labels):
    text = ask(address, "/metrics")[2].decode()
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    lines = [line for line in text.splitlines() if line.startswith(name) and all(label in line for label in wanted)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def until(holds, patience=30):
    end = time.time() + patience
    while time.time() < end:
        if holds():
            return True
        time.sleep(0.1)
    return False


def check_keys(address):
    status, _, body = ask(address, "/api/who", x_api_key="wf_nobody0123456789")
    expect(status == 401 and json.loads(body)["trace_id"], "an unknown key is 401, with the trace's id")
    status, _, _ = ask(address, "/api/who", x_consumer="root", x_consumer_class="internal")
    seen = {name.lower(): value for name, value in Upstream.seen[-1].items()}
    expect((seen["x-consumer"], seen["x-consumer-class"]) == ("anonymous", "anonymous"), "nobody names himself a consumer")
    ask(address, "/api/who", authorization="Bearer " + PARTNER)
    seen = {name.lower(): value for name, value in Upstream.seen[-1].items()}
    expect((seen["x-consumer"], seen["x-consumer-class"]) == ("acme", "partner"), "a key names its consumer")
    expect("authorization" not in seen and PARTNER not in str(seen), "the key goes no further")
    ask(address, "/api/who", authorization="Bearer of-a-service")
    expect(Upstream.seen[-1].get("authorization") == "Bearer of-a-service", "a service's own token goes on")


def check_limit(address):
    answers = [ask(address, "/api/who", x_api_key=SLOW_KEY) for _ in range(12)]
    beyond = [told for status, told, _ in answers if status == 429]
    expect(answers[0][0] == 200 and beyond, f"beyond the burst it is 429 ({len(beyond)} of 12)")
    expect(all("retry-after" in told and told["ratelimit"].startswith('"consumer";r=0') for told in beyond), "a 429 says when to come again")
    expect(answers[0][1]["ratelimit-policy"] == '"consumer";q=5;w=5', "the limit is told")
    expect(ask(address, "/api/who", x_api_key=PARTNER)[0] == 200, "others are not limited by it")


def check_cache(address):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(address, "/api/kept"), range(4)))
    expect(all(status == 200 for status, _, _ in answers) and Upstream.calls["/kept"] == 1, "many who ask at once are one call")
    status, told, _ = ask(address, "/api/kept")
    expect(told["cache-status"] == "watchfire; hit" and "age" in told and told["etag"] == '"v1"', "what is kept is told so, with its age")
    expect(ask(address, "/api/kept", if_none_match='"v1"')[0] == 304, "who has it already gets 304")
    ask(address, "/api/kept", authorization="Bearer x")
    expect(Upstream.calls["/kept"] == 2, "who shows who it is is never answered from the cache")
    ask(address, "/api/lasting")
    time.sleep(1.2)
    status, told, _ = ask(address, "/api/lasting")
    expect(told["cache-status"] == "watchfire; hit; detail=stale", "a stale answer is shown while a new one is fetched")
    expect(until(lambda: Upstream.calls["/lasting"] == 2), "and is fetched")


def check_bodies(address):
    large = b"x" * (600 << 10)
    expect(ask(address, "/api/who", "POST", large)[0] == 200, "a large body passes through")
    status, told, body = ask(address, "/api/who", "POST", b"x" * 10, content_length=str(5 << 20))
    expect(status == 413 and told["content-type"] == "application/problem+json", "one that is too large is 413")


def check_rooms(address):
    Upstream.gate.clear()
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        flood = [pool.submit(ask, address, f"/api/held?n={n}") for n in range(20)]
        expect(until(lambda: metric(address, "gateway_refusals_total", reason="bulkhead_full") >= 14), "a full room refuses")
        expect(ask(address, "/api/who", x_api_key=PARTNER)[0] == 200, "partners are not touched by it")
        more = [pool.submit(ask, address, f"/api/held?n={n}", x_api_key=PARTNER) for n in range(40)]
        expect(until(lambda: metric(address, "gateway_refusals_total", reason="overloaded") >= 5), "beyond what it holds the gateway refuses at once")
        expect(ask(address, "/healthz")[0] == 200, "health is never refused")
        Upstream.gate.set()
        answers = [one.result() for one in flood + more]
    statuses = {status for status, _, _ in answers}
    expect(statuses == {200, 503}, f"no other answer than 200 and 503 ({statuses})")
    expect(all("retry-after" in told for status, told, _ in answers if status == 503), "each 503 says when to come again")
    return next(json.loads(body)["trace_id"] for status, _, body in answers if status == 503)


def check_breaker(address):
    Upstream.mode = "dies"
    answers = []
    # What went well in the seconds before counts, too.
    while len(answers) < 300 and not any(status == 503 for status, _, _ in answers[-5:]):
        answers.append(ask(address, f"/api/who?n={len(answers)}"))
    statuses = [status for status, _, _ in answers]
    expect(statuses[0] == 502 and statuses[-1] == 503, f"an upstream that fails is 502, then rested ({statuses.count(502)} and {statuses.count(503)})")
    expect(metric(address, "gateway_circuit_state", upstream="content") == 2, "the circuit is open")
    made = metric(address, "gateway_retries_total", outcome="made")
    refused = metric(address, "gateway_retries_total", outcome="over_budget")
    # Two a second over ten seconds, and one to five calls within these.
    most = 20 + sum(Upstream.calls.values()) / 5
    expect(0 < made <= most and refused > 0, f"retries keep to their budget ({made:g} made of {most:g}, {refused:g} not)")
    expect(ask(address, "/api/lasting")[0] == 200, "what is kept is shown all the same")
    Upstream.mode = "well"
    expect(until(lambda: ask(address, "/api/who")[0] == 200 and metric(address, "gateway_circuit_state", upstream="content") == 0), "and closes when it is well again")


def main():
    binary = sys.argv[1]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    collector = Watchfire(binary)
    with tempfile.TemporaryDirectory() as folder:
        policy = os.path.join(folder, "keys.json")
        with open(policy, "w") as file:
            json.dump(POLICY, file)
        process, address = gateway(binary, collector, f"http://127.0.0.1:{server.server_port}", policy)
        check_keys(address)
        check_limit(address)
        check_cache(address)
        check_bodies(address)
        trace = check_rooms(address)
        check_breaker(address)
        expect(until(lambda: collector.ask(f"/api/v1/traces/{trace}")[0] == 200), "a refusal's trace id is found in the collector")
        process.terminate()
        expect(process.wait(timeout=60) == 0, "a clean stop")
    collector.stop()
    close()


main()
