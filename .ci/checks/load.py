"""Do load and replay send what they say, when they say it, and count it right? Both are driven against a
server of this check that notes every arrival and can stall, plain and over TLS. Replay reads records that this
check sends in, and those that our own gateway writes of requests that it answered.

    load.py path/to/watchfire
"""

import asyncio
import collections
import datetime
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from server import Watchfire, close, expect

PATIENCE = 90
Arrival = collections.namedtuple("Arrival", "at connection method path headers body")


class Target:
    """Speaks HTTP/1.1, notes what arrives, answers by `answers`, and does not answer while it stalls."""

    def __init__(self, tls=None):
        self.tls = tls
        self.arrivals, self.connections = [], 0
        self.answers = {}
        self.stalled_until = 0.0
        self.stall_after = None
        self.loop = asyncio.new_event_loop()
        bound = threading.Event()
        threading.Thread(target=self.run, args=(bound,), daemon=True).start()
        bound.wait()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def run(self, bound):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=4096, ssl=self.tls))
        self.port = server.sockets[0].getsockname()[1]
        bound.set()
        self.loop.run_forever()

    async def serve(self, reader, writer):
        self.connections += 1
        connection = self.connections
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split(" ", 2)
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.arrivals.append(Arrival(time.monotonic(), connection, method, path, headers, body))
                if self.stall_after == len(self.arrivals):
                    self.stalled_until = time.monotonic() + 2
                while (left := self.stalled_until - time.monotonic()) > 0:
                    await asyncio.sleep(left)
                status = self.answers.get(path, 200)
                length = 0 if method == "HEAD" else 2
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n".encode() + b"ok"[:length])
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def forget(self, answers=None, stall_after=None):
        self.arrivals, self.connections, self.answers = [], 0, answers or {}
        self.stall_after, self.stalled_until = stall_after, 0.0


def run(binary, *words, expected=0, stop_after=None, as_json=True):
    """The document it prints, and what it says besides."""
    process = subprocess.Popen([binary, *words, *["--json"] * as_json], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if stop_after is not None:
        stop_after(process)
    out, said = process.communicate(timeout=PATIENCE)
    if process.returncode != expected:
        expect(False, f"{' '.join(words)}: exit code {process.returncode}, not {expected}: {said} {out[-500:]}")
    return (json.loads(out) if out.startswith("{\n") else out), said


def counts_and_schedule(binary, target):
    target.forget()
    found, _ = run(binary, "load", target.url + "/a", "--rate", "200", "--duration", "3s")
    arrivals = target.arrivals
    expect(len(arrivals) == 600 == found["requests"]["answered"] == found["requests"]["sent"], f"every request arrives once and is counted once: {len(arrivals)} {found['requests']}")
    expect(found["statuses"] == {"200": 600} and found["failures"] == {}, "statuses as answered")
    span = arrivals[-1].at - arrivals[0].at
    expect(span >= 2.9, f"evenly over its time, never early: {span:.2f} s")
    early = [number for number, arrival in enumerate(arrivals) if arrival.at - arrivals[0].at < number / 200 - 0.5]
    expect(not early, f"each at its moment: {early[:5]}")
    received = found["bytes"]["received"]
    expect(received == 600 * len("HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\nok"), f"bytes are those of the wire: {received}")
    expect(sum(part["ended"] for part in found["slices"]) == 600, "tenths of the run hold all of it")
    cpu = found["cpu"]
    expect(abs(cpu["micros_per_request"] - cpu["seconds"] * 1e6 / 600) < 1, f"it tells what it used itself: {cpu}")
    out, _ = run(binary, "load", target.url + "/a", "--rate", "200", "--duration", "1s", as_json=False)
    expect(re.search(r"own CPU +\d+\.\d+ s, \d+\.\d µs a request, \d+ % of a core", out), "in the table as well")


def stall(binary, target):
    """A server that stalls for 2 s while 200 requests/s are due."""
    target.forget(stall_after=200)
    found, _ = run(binary, "load", target.url + "/", "--rate", "200", "--duration", "5s")
    begun = target.arrivals[199].at
    meanwhile = sum(1 for arrival in target.arrivals[200:] if arrival.at < begun + 2)
    expect(meanwhile >= 200, f"an open loop: {meanwhile} of 400 requests arrive while nothing is answered")
    expect(len(target.arrivals) == 1000 == found["requests"]["answered"], "none is lost by it")
    expect(found["latency_ms"]["corrected"]["p99"] >= 1500, f"who came meanwhile waited: p99 {found['latency_ms']['corrected']['p99']}")

    target.forget(stall_after=200)
    found, _ = run(binary, "load", target.url + "/", "--rate", "200", "--duration", "5s", "--connections", "1")
    corrected, service = found["latency_ms"]["corrected"], found["latency_ms"]["service"]
    expect(target.connections == 1 == found["connections"]["opened"], "one connection is one")
    expect(corrected["p99"] >= 1500 and corrected["p90"] >= 1000, f"with one connection the wait shows in the corrected times: p90 {corrected['p90']}, p99 {corrected['p99']}")
    expect(service["p99"] < corrected["p99"] / 2 and service["max"] >= 1900, f"while the time from the sending shows one slow answer: p99 {service['p99']}, max {service['max']}")
    expect(found["connections"]["waited_for"] >= 200, f"it says how many waited: {found['connections']['waited_for']}")


def peak_and_targets(binary, target, folder):
    target.forget()
    found, _ = run(binary, "load", target.url + "/", "--profile", "hourly-peak", "--at-once", "2000", "--rate", "50", "--duration", "2s", "--connections", "100")
    expect(len(target.arrivals) == 2050 == found["requests"]["answered"], f"2,000 at once and a tail of 50: {len(target.arrivals)}")
    expect(target.connections <= 100, f"over no more connections than allowed: {target.connections}")
    expect(found["slices"][0]["ended"] >= 2000, "all on the mark")

    with open(os.path.join(folder, "ids"), "w") as ids:
        ids.write("one\ntwo words\n")
    with open(os.path.join(folder, "targets.toml"), "w") as file:
        file.write(f'[[target]]\nname = "read"\nweight = 3\nurl = "{target.url}/r/{{{{pick @ids}}}}?n={{{{seq}}}}"\n'
                   f'[[target]]\nname = "write"\nurl = "{target.url}/w"\nmethod = "POST"\nexpect = "201"\n'
                   'headers = { "idempotency-key" = "{{uuid}}" }\nbody = \'{"n": {{int 5 7}}}\'\n')
    target.forget(answers={"/w": 201})
    found, _ = run(binary, "load", "--targets", file.name, "--rate", "400", "--duration", "1s", "--trace", "--header", "x-api-key: k", "--max-error-share", "0")
    reads = [arrival for arrival in target.arrivals if arrival.method == "GET"]
    writes = [arrival for arrival in target.arrivals if arrival.method == "POST"]
    expect(len(reads) + len(writes) == 400 and 250 <= len(reads) <= 350, f"three to one: {len(reads)} and {len(writes)}")
    expect({arrival.path.split("?")[0] for arrival in reads} == {"/r/one", "/r/two%20words"}, "picked from a file")
    expect(len({arrival.path.split("n=")[1] for arrival in reads}) == len(reads), "each with a number of its own")
    expect({arrival.body for arrival in writes} == {b'{"n": 5}', b'{"n": 6}', b'{"n": 7}'}, "bodies from a template")
    keys = {arrival.headers["idempotency-key"] for arrival in writes}
    expect(len(keys) == len(writes) and all(re.fullmatch(r"[0-9a-f-]{36}", key) for key in keys), "and keys")
    parents = {arrival.headers.get("traceparent", "") for arrival in target.arrivals}
    expect(len(parents) == 400 and all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", parent) for parent in parents), "a trace each")
    slowest = {one["trace_id"] for one in found["slowest"]}
    expect(slowest and slowest <= {parent[3:35] for parent in parents}, "the slowest are told by their traces")
    expect([part["ended"] for part in found["targets"]] == [len(reads), len(writes)], "targets are told apart")
    expect(all(arrival.headers["x-api-key"] == "k" for arrival in target.arrivals), "a header for all")


def verdicts(binary, target):
    target.forget(answers={"/missing": 404})
    found, _ = run(binary, "load", target.url + "/missing", target.url + "/", "--rate", "100", "--duration", "1s", "--max-error-share", "10%", expected=1)
    share = found["requests"]["unexpected_share"]
    expect(0.2 < share < 0.8 and not all(one["holds"] for one in found["expectations"]), f"too many wrong answers end it with 1: {share}")
    run(binary, "load", target.url + "/missing", "--rate", "50", "--duration", "1s", "--max-error-share", "0", "--expect", "404")
    expect(True, "what is expected is no error")
    target.forget(stall_after=1)
    run(binary, "load", target.url, "--rate", "50", "--duration", "1s", "--max-p99", "500ms", expected=1)
    expect(True, "a slow p99 ends it with 1")
    target.forget(stall_after=15)
    found, _ = run(binary, "load", target.url, "--rate", "20", "--duration", "1s", "--timeout", "300ms", "--connections", "50")
    expect(found["failures"].get("timeout", 0) >= 1, f"what takes too long is told: {found['failures']}")
    found, _ = run(binary, "load", "http://127.0.0.1:1/", "--rate", "20", "--duration", "1s", expected=1)
    expect(found["failures"] == {"refused": 20}, f"and where nobody listens: {found['failures']}")
    for words in (["load"], ["load", "ftp://a"], ["load", target.url, "--rate", "fast"], ["load", target.url, "--expect", "ok"], ["load", target.url + "/{{what}}"], ["load", target.url, "--ramp", "1h"], ["replay"], ["replay", "--to", target.url, "--speed", "0"], ["replay", "--from", "http://127.0.0.1:1", "--list"]):
        _, said = run(binary, *words, expected=2)
        expect(said.strip(), f"bad use ends with 2: {' '.join(words)}")

    def interrupt(process):
        until = time.monotonic() + PATIENCE
        while len(target.arrivals) < 20 and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)

    target.forget()
    found, _ = run(binary, "load", target.url, "--rate", "50", "--duration", "10m", stop_after=interrupt)
    expect(found["stopped_early"] and 20 <= found["requests"]["answered"] == len(target.arrivals) < 30000, f"an interrupt ends it with its figures: {found['requests']}")


def certify(folder, authority, server):
    """An authority, and a certificate of 127.0.0.1 that it vouches for."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for words in (
        ["req", "-x509", *key, "-keyout", f"{authority}.key", "-out", f"{authority}.crt", "-days", "2", "-subj", f"/CN={authority}"],
        ["req", *key, "-keyout", f"{server}.key", "-out", f"{server}.csr", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        ["x509", "-req", "-in", f"{server}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-CAcreateserial", "-out", f"{server}.crt", "-days", "2", "-copy_extensions", "copy"],
    ):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    return os.path.join(folder, f"{authority}.crt")


def over_tls(binary, fire, folder):
    """A server whose certificate an authority of this check vouches for."""
    good, other = certify(folder, "good", "server"), certify(folder, "other", "unused")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, "server.crt"), os.path.join(folder, "server.key"))
    target = Target(context)
    found, _ = run(binary, "load", target.url + "/t", "--rate", "200", "--duration", "2s", "--ca", good, "--max-error-share", "0")
    expect(len(target.arrivals) == 400 == found["requests"]["answered"], f"each request arrives over TLS: {len(target.arrivals)}")
    opened = found["connections"]["opened"]
    expect(0 < opened < 400 and found["bytes"]["received"] == 400 * len("HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\nok"), f"over {opened} connections that are used again")
    target.forget()
    for words in (["--ca", other], []):
        _, said = run(binary, "load", target.url, *words, "--rate", "50", "--duration", "1s", expected=2)
        expect("nobody that is trusted vouches for" in said and "--ca FILE" in said and not target.arrivals, f"who is not vouched for is told and sent nothing: {said.strip()}")
    _, said = run(binary, "load", target.url.replace("127.0.0.1", "localhost"), "--ca", good, "--rate", "50", "--duration", "1s", expected=2)
    expect("does not hold" in said and "localhost" in said and not target.arrivals, f"nor who has another's name: {said.strip()}")
    _, said = run(binary, "load", fire.url.replace("http:", "https:"), "--ca", good, "--rate", "50", "--duration", "1s", expected=2)
    expect("does not speak TLS" in said, f"nor who speaks no TLS: {said.strip()}")
    for file, why in (("/nowhere.pem", "/nowhere.pem"), (os.path.join(folder, "good.key"), "holds no certificate")):
        _, said = run(binary, "load", target.url, "--ca", file, "--rate", "50", "--duration", "1s", expected=2)
        expect(why in said, f"a file that is no authority's is told: {said.strip()}")
    found, _ = run(binary, "load", "https://127.0.0.1:1/", "--ca", good, "--rate", "20", "--duration", "1s", expected=1)
    expect(found["failures"] == {"refused": 20}, f"one that is not there is a figure of the run: {found['failures']}")

    start = recorded(fire, "tls")
    until = time.monotonic() + PATIENCE
    while fire.get("/api/v1/logs", q="service:tls", start=start, limit=100)["total"] < 30 and time.monotonic() < until:
        time.sleep(0.2)
    common = ["replay", "--from", fire.url, "--to", target.url, "--query", "service:tls", "--start", start, "--speed", "max"]
    found, _ = run(binary, *common, "--ca", good)
    expect(len(target.arrivals) == 30 == found["comparison"]["same"] and found["summary"]["cpu"], f"a replay goes over TLS too: {len(target.arrivals)}")
    _, said = run(binary, *common, "--ca", other, expected=2)
    expect("nobody that is trusted vouches for" in said and len(target.arrivals) == 30, "and trusts no other")


def rfc3339(nanos):
    seconds, nanos = divmod(nanos, 10**9)
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + f".{nanos:09}Z"


def record(arrived, took_millis, path, **more):
    """As our HTTP layer writes it: when the answer is there."""
    return {
        "timestamp": rfc3339(arrived + took_millis * 10**6), "severity": "INFO", "service.name": "edge",
        "message": f"GET {path} answered", "http.request.method": "GET", "url.path": path, "http.route": "/p/{id}",
        "http.response.status_code": 200, "http.server.request.duration": took_millis / 1000, **more,
    }


def recorded(fire, service="edge"):
    """Thirty requests 100 ms apart, told in another order than they arrived in, and what is no request."""
    first = (time.time_ns() // 10**9 - 60) * 10**9
    lines = [record(first + n * 10**8, 350 if n % 3 else 10, f"/p/{n}", **({"url.query": f"lang=de&n={n}"} if n % 2 else {}), **{"service.name": service}) for n in range(30)]
    within = first + 15 * 10**8
    lines += [
        record(within, 5, "/write", **{"http.request.method": "POST"}),
        record(within, 5, "/secret", **{"url.query": "token=REDACTED"}),
        record(within, 5, "/elsewhere", **{"service.name": "other"}),
        {key: value for key, value in record(within, 5, "/beside").items() if key != "http.server.request.duration"},
    ]
    fire.ingest("\n".join(json.dumps(line) for line in lines).encode())
    return rfc3339(first - 10**9)


def replay(binary, fire, target):
    start = recorded(fire)
    common = ["replay", "--from", fire.url, "--to", target.url, "--query", "service:edge", "--start", start]
    until = time.monotonic() + PATIENCE
    while fire.get("/api/v1/logs", q="service:edge", start=start, limit=100)["total"] < 33 and time.monotonic() < until:
        time.sleep(0.2)
    wanted = [f"/p/{n}" + (f"?lang=de&n={n}" if n % 2 else "") for n in range(30)]
    target.forget()
    found, said = run(binary, *common, "--connections", "1")
    paths = [arrival.path for arrival in target.arrivals]
    expect(paths == wanted, f"the same requests in the order in which they arrived: {paths if paths != wanted else len(paths)}")
    expect(found["left_out"] == {"method": 1, "redacted": 1} and "left out" in said and "secret" in said, f"what is left out is told: {found['left_out']}")
    expect(found["comparison"]["same"] == 30 and found["comparison"]["differences"] == [], "answered as recorded")
    as_recorded = target.arrivals[-1].at - target.arrivals[0].at
    expect(as_recorded >= 2.7, f"with the recorded spacing: {as_recorded:.2f} s for 2.9 s")

    target.forget()
    run(binary, *common, "--speed", "10x")
    quick = target.arrivals[-1].at - target.arrivals[0].at
    expect(0.2 <= quick < as_recorded and sorted(paths) == sorted(arrival.path for arrival in target.arrivals), f"ten times as fast: {quick:.2f} s")

    target.forget(answers={"/p/4": 404, "/p/6": 404})
    found, _ = run(binary, *common, "--speed", "max", "--fail-on-difference", expected=1)
    differences = [(one["route"], one["recorded"], one["now"], one["count"]) for one in found["comparison"]["differences"]]
    expect(differences == [("/p/{id}", 200, "404", 2)], f"differences are told and end it with 1: {differences}")
    times = found["comparison"]["routes"][0]
    expect(abs(times["recorded_ms"]["p99"] - 350) < 10 and times["now_ms"]["count"] == 30, "times beside the recorded ones")

    target.forget()
    out, said = run(binary, *common, "--methods", "POST", "--speed", "max")
    expect([arrival.method for arrival in target.arrivals] == ["POST"] and "without their bodies" in said, "a method that is asked for is sent, and what it lacks is told")
    target.forget()
    listed, _ = run(binary, *common, "--list")
    uris = [json.loads(line)["uri"] for line in listed.splitlines()]
    expect(uris == wanted and not target.arrivals, "a list sends nothing")


def many(binary, fire, target):
    """More than a page of records, all within one second."""
    first = (time.time_ns() // 10**9 - 30) * 10**9
    lines = [json.dumps(record(first + n * 400_000, 1, f"/m/{n}", **{"service.name": "many"})) for n in range(2500)]
    fire.ingest("\n".join(lines).encode())
    until = time.monotonic() + PATIENCE
    while fire.get("/api/v1/logs", q="service:many", start=rfc3339(first - 10**9), limit=1)["total"] < 2500 and time.monotonic() < until:
        time.sleep(0.2)
    target.forget()
    common = ["replay", "--from", fire.url, "--to", target.url, "--query", "service:many", "--start", rfc3339(first - 10**9), "--speed", "max", "--connections", "1"]
    run(binary, *common)
    expect([arrival.path for arrival in target.arrivals] == [f"/m/{n}" for n in range(2500)], f"page by page, each once and in order: {len(target.arrivals)}")
    target.forget()
    _, said = run(binary, *common, "--limit", "1200")
    expect([arrival.path for arrival in target.arrivals] == [f"/m/{n}" for n in range(1300, 2500)] and "--limit" in said, "a limit keeps the newest and says so")


def own_services(binary, fire, folder):
    """Requests that our own gateway answered and told of, sent to it again."""
    data = os.path.join(folder, "services")
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + fire.addresses["otlp_http"], "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    process = subprocess.Popen([binary, "services", "--data-dir", data, "--gateway", "127.0.0.1:0", "--print-addresses"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        # Its log lines come the same way.
        told = (json.loads(line) for line in process.stdout)
        gateway = "http://" + next(line["gateway"] for line in told if "gateway" in line)
        threading.Thread(target=collections.deque, args=(process.stdout, 0), daemon=True).start()
        wanted = ["/api/nowhere?lang=de&token=hunter2", "/api/places?page%5Bsize%5D=2", "/api/nowhere"]
        for path in wanted:
            try:
                urllib.request.urlopen(gateway + path, timeout=30).read()
            except urllib.error.HTTPError:
                pass
        common = ["replay", "--from", fire.url, "--to", gateway, "--query", "service:gateway url.path:/api/*", "--since", "10m"]
        until, listed = time.monotonic() + PATIENCE, ""
        while len(listed.splitlines()) < 2 and time.monotonic() < until:
            listed, said = run(binary, *common, "--list")
            time.sleep(0.5)
        uris = [json.loads(line)["uri"] for line in listed.splitlines()]
        expect(uris == wanted[1:], f"our gateway's records hold path and query: {uris}")
        expect("1 requests are left out whose query held a secret" in said, "and no secret")
        found, _ = run(binary, *common, "--fail-on-difference")
        expect(found["comparison"]["same"] == 2, f"answered again as recorded: {found['comparison']['differences']}")
        spans = json.dumps(fire.get("/jaeger/api/traces", service="gateway", limit=100))
        expect("token=REDACTED" in spans and "hunter2" not in spans, "the secret is in no span")
        expect(fire.get("/api/v1/logs", q="hunter2", limit=10)["total"] == 0, "and in no log")
    finally:
        process.terminate()
        process.wait(timeout=60)


def main():
    binary = os.path.abspath(sys.argv[1])
    target = Target()
    with tempfile.TemporaryDirectory() as folder:
        counts_and_schedule(binary, target)
        stall(binary, target)
        peak_and_targets(binary, target, folder)
        verdicts(binary, target)
        fire = Watchfire(binary)
        try:
            replay(binary, fire, target)
            many(binary, fire, target)
            over_tls(binary, fire, folder)
            own_services(binary, fire, folder)
        finally:
            fire.stop()
    close()


main()
