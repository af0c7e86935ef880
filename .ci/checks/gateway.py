"""The gateway, before an upstream of this check's own that answers, stalls and dies as it is told; and
several gateways that share a cache, with a Redis that is killed in between, is full and never replies.

    gateway.py path/to/watchfire
"""

import concurrent.futures
import http.client
import http.server
import json
import os
import signal
import socket
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
        if path == "/kept" or path.startswith("/shared/"):
            headers |= {"cache-control": "max-age=60", "etag": '"v1"'}
        if path == "/short":
            headers |= {"cache-control": "max-age=2"}
        if path.startswith("/shared/") and self.headers.get("if-none-match") == '"v1"':
            return self.answer(304, headers, b"")
        if path == "/lasting":
            headers |= {"cache-control": "max-age=1, stale-while-revalidate=60, stale-if-error=60"}
        self.answer(200, headers, json.dumps({"path": self.path}).encode())

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in (headers | {"content-length": str(len(body)), "connection": "keep-alive"}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def gateway(binary, collector, upstream, policy, name="services", **more):
    environment = dict(os.environ) | more | {
        "WATCHFIRE_GATEWAY_KEYS_FILE": policy,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + collector.addresses["otlp_http"],
        "OTEL_LOGS_EXPORTER": "otlp",
    }
    folder = os.path.join(os.path.dirname(policy), name)
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


PASSWORD = "hunter2-of-the-cache"


class Redis:
    """A server of this check's own, with a password, plain and over TLS."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as plain, socket.socket() as tls:
            plain.bind(("127.0.0.1", 0))
            tls.bind(("127.0.0.1", 0))
            self.port, self.tls_port = plain.getsockname()[1], tls.getsockname()[1]
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/1"
        certify(folder)
        self.start()

    def start(self):
        tls = ["--tls-port", self.tls_port, "--tls-cert-file", "server.crt", "--tls-key-file", "server.key", "--tls-ca-cert-file", "ca.crt", "--tls-auth-clients", "no"]
        command = ["redis-server", "--bind", "127.0.0.1", "--port", self.port, *tls, "--requirepass", PASSWORD, "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen([str(word) for word in command], cwd=self.folder, stdout=subprocess.DEVNULL)
        if not until(lambda: self.ask("PING") == "+PONG"):
            raise SystemExit("redis-server did not start")

    def ask(self, *words):
        """The reply's first line, or the value of a bulk string."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection, connection.makefile("rwb") as file:
                for command in (["AUTH", PASSWORD], ["SELECT", "1"], words):
                    file.write(f"*{len(command)}\r\n".encode() + b"".join(f"${len(str(word))}\r\n{word}\r\n".encode() for word in command))
                    file.flush()
                    line = file.readline().decode().strip()
                return file.read(int(line[1:])).decode() if line.startswith("$") and line != "$-1" else line
        except OSError:
            return None

    def kill(self):
        self.process.kill()
        self.process.wait()


def certify(folder):
    """An authority, and a certificate of 127.0.0.1 that it vouches for."""
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    for words in (
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=check"],
        ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key", "-out", "server.csr", *name],
        ["x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.crt", "-days", "2", "-copy_extensions", "copy"],
    ):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def outcome(told):
    return told.get("cache-status", "")


def check_shared_cache(binary, collector, upstream, policy):
    folder = os.path.dirname(policy)
    redis = Redis(folder)
    secret = os.path.join(folder, "cache.url")
    with open(secret, "w") as file:
        file.write(redis.url + "\n")
    one = gateway(binary, collector, upstream, policy, "one", WATCHFIRE_GATEWAY_CACHE_FILE=secret)
    tls = f"rediss://:{PASSWORD}@127.0.0.1:{redis.tls_port}/1"
    two = gateway(binary, collector, upstream, policy, "two", WATCHFIRE_GATEWAY_CACHE=tls, SSL_CERT_FILE=os.path.join(folder, "ca.crt"))
    processes, (first, second) = [one[0], two[0]], [one[1], two[1]]
    both = (first, second)

    def are_up():
        return all(metric(address, "gateway_shared_cache_up") == 1 for address in both)

    def calls(address, **labels):
        return metric(address, "gateway_shared_cache_calls_total", **labels)

    def shared(path):
        """Asked at the first gateway until the Redis has it; a busy machine may be too slow for a call."""
        for n in range(100):
            if ask(first, f"/api{path}?n={n}")[0] == 200 and until(lambda: redis.ask("EXISTS", f"watchfire:v1:/api{path}?n={n}") == ":1", 1):
                return f"/api{path}?n={n}"
        raise SystemExit("nothing was ever stored")

    expect(until(are_up), "both gateways hold a line to the cache, one of them over TLS")
    path = shared("/shared/a")
    # The second may be too slow as well: then it asks the service, and that is no hit.
    before = Upstream.calls["/shared/a"]
    status, told, body = ask(second, path)
    if calls(second, operation="GET", outcome="timeout") == 0:
        expect(outcome(told) == "watchfire; hit" and Upstream.calls["/shared/a"] == before, f"what one gateway fetched another shows: {outcome(told)}")
    expect((status, told["etag"], told["content-type"]) == (200, '"v1"', "application/json") and "age" in told, "whole, with its ETag and its age")
    expect(ask(second, path, if_none_match='"v1"')[0] == 304, "and who has it gets 304 there too")
    value = redis.ask("GET", "watchfire:v1:" + path)
    head = json.loads(value.split("\n")[0])
    expect(head["address"] == path and head["answers"][0]["status"] == 200 and "stored_at" in head, f"its value can be read: {sorted(head)}")
    left = int(redis.ask("PTTL", "watchfire:v1:" + path)[1:])
    expect(0 < left <= 60_000, f"and is there as long as it is fresh: {left} ms")
    redis.ask("DEL", "watchfire:v1:" + path)
    before = Upstream.calls["/shared/a"]
    expect(until(lambda: ask(second, path)[0] == 200 and Upstream.calls["/shared/a"] > before), "what is taken out is asked for anew, though it is fresh")
    short = until(lambda: [ask(address, "/api/short") for address in both] and Upstream.calls["/short"] >= 3)
    expect(short, "what is no longer fresh is fetched anew")
    ask(first, "/api/kept", authorization="Bearer x")
    expect(redis.ask("EXISTS", "watchfire:v1:/api/kept") == ":0", "what is for one is not shared")

    stop, answers = threading.Event(), []

    def asking(address):
        n = 0
        while not stop.is_set():
            n += 1
            answers.append(ask(address, f"/api/shared/load?n={n % 40}")[0])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(asking, address) for address in both * 2]
        until(lambda: len(answers) > 100)
        redis.kill()
        expect(until(lambda: not any(metric(address, "gateway_shared_cache_up") for address in both)), "a Redis that is killed is seen to be gone")
        dead = len(answers)
        until(lambda: len(answers) > dead + 200)
        redis.start()
        expect(until(are_up), "and to be there again, by itself")
        redis.process.send_signal(signal.SIGSTOP)
        stalled = len(answers)
        expect(until(lambda: len(answers) > stalled + 200), "one that stalls holds nobody up")
        redis.process.send_signal(signal.SIGCONT)
        expect(until(are_up), "and is used again when it answers")
        stop.set()
        for one in asked:
            one.result()
    expect(set(answers) == {200}, f"no request fails by any of it: {len(answers)} answered {set(answers)}")
    before = sum(calls(address, outcome="hit") for address in both)

    def is_hit_again():
        ask(second, shared("/shared/b"))
        return sum(calls(address, outcome="hit") for address in both) > before

    expect(until(is_hit_again), "hits come back")

    def fault(*words):
        subprocess.run([binary, "fault", *words, "--service=gateway", f"--gateway=http://{first}"], check=True, capture_output=True, timeout=60)

    fault("begin", "--kind=dependency-down")
    expect(until(lambda: ask(first, f"/api/shared/fault?n={time.time()}")[0] == 200 and metric(first, "gateway_shared_cache_up") == 0), "a fault of the switchboard takes the cache away, and fails no request")
    expect(metric(second, "gateway_shared_cache_up") == 1, "from the one gateway alone")
    fault("end")
    expect(until(are_up), "until it ends")
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    refused = [ask(first, f"/api/shared/full?n={n}")[0] for n in range(20)]
    expect(until(lambda: calls(first, operation="SET", outcome="refused") > 0) and set(refused) == {200}, "one that is full fails no request")
    redis.ask("CONFIG", "SET", "maxmemory", "0")

    def lines(query):
        return [record["message"] for record in collector.get("/api/v1/logs", q=f"service:gateway {query}", limit=500)["records"]]

    expect(until(lambda: any("refuses SET" in line for line in lines("severity:WARN"))), "which is told in the log")
    told = lines("severity:WARN")
    downs = [line for line in told if "is out of use" in line]
    # Killed and stalled once each, before two gateways; a busy machine may add some of its own.
    expect(2 <= len(downs) <= 20 < len(answers), f"so is that it is gone, once each time: {len(downs)} lines for {len(answers)} requests")
    expect(any("is in use again after" in line for line in lines("severity:INFO")), "and that it is back")

    def spans():
        traces = collector.get("/jaeger/api/traces", service="gateway", limit=500)["data"]
        return [(trace, span) for trace in traces for span in trace["spans"] if span["operationName"].startswith(("GET 127.0.0.1", "SET 127.0.0.1"))]

    expect(until(lambda: {span["operationName"][:3] for _, span in spans()} == {"GET", "SET"}), "GET and SET are spans")
    for trace, span in spans()[:20]:
        tags = {tag["key"]: tag["value"] for tag in span["tags"]}
        if (tags["db.system.name"], tags["db.operation.name"], tags["span.kind"]) != ("redis", span["operationName"][:3], "client") or not span["references"]:
            expect(False, f"a client span of Redis within its request's trace: {tags} {span['references']}")
    for process in processes:
        process.terminate()
        expect(process.wait(timeout=60) == 0, "a clean stop")
    expect(PASSWORD not in json.dumps(spans()) and collector.get("/api/v1/logs", q=PASSWORD, limit=10)["total"] == 0, "the password is told nowhere")
    redis.kill()
    for given, said in ((f"redis://:{PASSWORD}@127.0.0.1/x", "no number"), (PASSWORD, "no address")):
        command = [binary, "services", "--only=gateway", f"--upstream=content={upstream}", "--gateway=127.0.0.1:0", f"--data-dir={folder}/wrong"]
        for words, environment in (([f"--cache={given}"], {}), ([], {"WATCHFIRE_GATEWAY_CACHE": given})):
            ended = subprocess.run(command + words, capture_output=True, text=True, env=dict(os.environ) | environment, timeout=60)
            expect(ended.returncode != 0 and said in ended.stderr and PASSWORD not in ended.stdout + ended.stderr, f"an address that is none is told without it: {ended.stderr.strip()[-200:]}")


def main():
    binary = os.path.abspath(sys.argv[1])
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
        Upstream.calls.clear()
        check_shared_cache(binary, collector, f"http://127.0.0.1:{server.server_port}", policy)
    collector.stop()
    close()


main()
