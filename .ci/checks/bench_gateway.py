"""What the gateway carries, and what telling of it costs.

Alternates runs with telemetry on (every request traced and logged, by OTLP to another process: to a
collector, and to a receiver that only takes what comes) and off (OTEL_SDK_DISABLED=true), on the same
paths, and compares the CPU of the services' process per request. What the receiver shows is what it
costs to tell; what the collector adds is the price of sharing two cores and their caches with one
that indexes everything at once. The load generator is wrk on one thread, whose CPU is told."""

import argparse
import http.server
import json
import multiprocessing
import os
import re
import resource
import statistics
import subprocess
import tempfile
import time
import urllib.request

from server import Watchfire

parser = argparse.ArgumentParser()
parser.add_argument("binary")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--seconds", type=float, default=5)
parser.add_argument("--connections", type=int, default=32)
parser.add_argument("--lines", action="store_true", help="log lines on stdout, too")
parser.add_argument("--least", type=float, help="fail below so many requests a second with telemetry")
parser.add_argument("--most", type=float, help="fail above this share of the CPU that telemetry takes")
parser.add_argument("paths", nargs="*", help="by default a cached page, one that is not, and their mix")
args = parser.parse_args()
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Seconds of CPU that a process has used, all its threads together."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Taking(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        left = int(self.headers["content-length"])
        while left > 0:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Receiver:
    """A process that takes all that is exported and does nothing with it."""

    def __init__(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self.process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
        self.process.start()
        self.addresses = {"otlp_http": f"127.0.0.1:{server.server_port}"}
        server.server_close()

    def stop(self):
        self.process.terminate()


class Services:
    def __init__(self, collector):
        self.folder = tempfile.TemporaryDirectory()
        environment = dict(os.environ)
        if collector:
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://" + collector.addresses["otlp_http"]
            if not args.lines:
                environment["OTEL_LOGS_EXPORTER"] = "otlp"
        else:
            environment |= {"OTEL_SDK_DISABLED": "true", "RUST_LOG": "off"}
        log = open(os.path.join(self.folder.name, "out"), "w+")
        command = [args.binary, "services", "--gateway=127.0.0.1:0", "--traffic=0", "--print-addresses", f"--data-dir={self.folder.name}"]
        self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.DEVNULL, env=environment)
        self.address = None
        patience = time.time() + 60
        while not self.address and time.time() < patience:
            time.sleep(0.1)
            log.seek(0)
            found = [line for line in log if line.startswith('{"gateway"') or '"gateway":"127' in line]
            self.address = json.loads(found[0])["gateway"] if found else None
        if not self.address:
            raise SystemExit("the services did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.folder.cleanup()


def load(services, paths, headers):
    """Requests a second, CPU seconds a request of the services, and CPU seconds of wrk."""
    script = os.path.join(services.folder.name, "mix.lua")
    with open(script, "w") as file:
        listed = ",".join(json.dumps(path) for path in paths)
        file.write(f"local paths = {{{listed}}}\nlocal n = 0\nrequest = function()\n  n = n + 1\n  return wrk.format('GET', paths[n % #paths + 1])\nend\n")
        file.writelines(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}\n" for name, value in headers.items())
    command = ["wrk", "-t1", f"-c{args.connections}", f"-d{args.seconds:g}s", "-s", script, f"http://{services.address}"]
    subprocess.run([*command[:3], "-d1s", *command[4:]], capture_output=True, check=True)
    used, before = cpu(services.process.pid), resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # What is still to be exported is part of the price.
    time.sleep(0.5)
    used = cpu(services.process.pid) - used
    requests = int(re.search(r"(\d+) requests in", said)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    if wrong:
        raise SystemExit(f"{wrong[1]} of {requests} requests failed: {said}")
    generator = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return rate, used / requests, generator / requests, requests


def listed(services, path):
    with urllib.request.urlopen(f"http://{services.address}{path}") as answer:
        status = answer.headers.get("cache-status", "none")
        return [place["id"] for place in json.load(answer)["data"]], status


def mixes(services):
    """Paths and headers by what is asked of them."""
    if args.paths:
        return {"the given paths": (args.paths, {})}
    ids, _ = listed(services, "/api/places?page[size]=50")
    shown = [f"/api/places/{id}" for id in ids]
    _, kept = listed(services, "/api/places?page[size]=50")
    if "hit" not in kept:
        raise SystemExit(f"the second of two equal requests was not answered from the cache: {kept}")
    fresh = {"cache-control": "no-cache"}
    return {
        "answered from the cache": (shown, {}),
        "one hop": ([f"/messages/openapi.json?n={n}" for n in range(500)], fresh),
        "one hop and a database": (shown, fresh),
    }


def main():
    modes = {"collector": Watchfire(args.binary), "receiver": Receiver(), "off": None}
    results = {}
    for number in range(args.rounds):
        names = list(modes)
        for mode in names[number % 3:] + names[:number % 3]:
            taker = modes[mode]
            services = Services(taker)
            for name, (paths, headers) in mixes(services).items():
                taken = cpu(taker.process.pid) if taker else 0
                rate, used, generator, requests = load(services, paths, headers)
                taken = (cpu(taker.process.pid) - taken) / requests if taker else 0
                results.setdefault(name, {}).setdefault(mode, []).append((rate, used, generator, taken))
                print(f"round {number + 1} {mode:9} {name}: {rate:,.0f} requests/s, CPU per request {used * 1e6:.1f} µs, "
                      f"wrk {generator * 1e6:.1f} µs, taker {taken * 1e6:.1f} µs", flush=True)
            services.stop()
    for taker in filter(None, modes.values()):
        taker.stop()
    failed = False
    share = lambda on, off: (on - off) / on
    for name, result in results.items():
        middle = {mode: [statistics.median(column) for column in zip(*runs)] for mode, runs in result.items()}
        # What else the machine does only adds: the least of the rounds is nearest to what a request takes.
        least = {mode: min(used for _, used, _, _ in runs) for mode, runs in result.items()}
        best = {mode: max(rate for rate, _, _, _ in runs) for mode, runs in result.items()}
        print(f"{name}: {middle['collector'][0]:,.0f} requests/s told to a collector (best round {best['collector']:,.0f}), "
              f"{middle['off'][0]:,.0f} untold ({best['off']:,.0f}); wrk {middle['collector'][2] * 1e6:.1f} µs")
        for mode in ("receiver", "collector"):
            on, off = middle[mode][1], middle["off"][1]
            print(f"  {mode}: CPU per request {on * 1e6:.1f} µs, {off * 1e6:.1f} µs without: telemetry takes {share(on, off):.1%} by medians, "
                  f"{share(least[mode], least['off']):.1%} by the least ({least[mode] * 1e6:.1f} µs, {least['off'] * 1e6:.1f} µs); the {mode} {middle[mode][3] * 1e6:.1f} µs")
        failed |= bool(args.least and best["collector"] < args.least)
        failed |= bool(args.most and share(least["receiver"], least["off"]) > args.most)
    raise SystemExit(1 if failed else 0)


main()
