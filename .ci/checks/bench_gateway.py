"""What the gateway carries, and what telling of it costs.

Alternates runs with telemetry on (every request traced and logged, by OTLP to a collector in another
process) and off (OTEL_SDK_DISABLED=true), on the same paths, and compares the CPU of the services'
process per request. The load generator is wrk on one thread, whose CPU is told."""

import argparse
import json
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


class Services:
    def __init__(self, telemetry, collector):
        self.folder = tempfile.TemporaryDirectory()
        environment = dict(os.environ)
        if telemetry:
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


def load(services, paths):
    """Requests a second, CPU seconds a request of the services, and CPU seconds of wrk."""
    script = os.path.join(services.folder.name, "mix.lua")
    with open(script, "w") as file:
        listed = ",".join(json.dumps(path) for path in paths)
        file.write(f"local paths = {{{listed}}}\nlocal n = 0\nrequest = function()\n  n = n + 1\n  return wrk.format('GET', paths[n % #paths + 1])\nend\n")
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
    if args.paths:
        return {"the given paths": args.paths}
    ids, _ = listed(services, "/api/places?page[size]=50")
    shown = [f"/api/places/{id}" for id in ids]
    with urllib.request.urlopen(f"http://{services.address}{shown[0]}") as _:
        pass
    with urllib.request.urlopen(f"http://{services.address}{shown[0]}") as answer:
        kept = "hit" in answer.headers.get("cache-status", "")
    hop = "/messages/openapi.json"
    found = {"places, " + ("cached" if kept else "not cached"): shown}
    try:
        urllib.request.urlopen(f"http://{services.address}{hop}").read()
        found["one hop, not cached"] = [hop + f"?n={n}" for n in range(500)]
    except urllib.error.HTTPError:
        pass
    return found


def main():
    collector = Watchfire(args.binary)
    results = {}
    for number in range(args.rounds):
        order = (True, False) if number % 2 == 0 else (False, True)
        for telemetry in order:
            services = Services(telemetry, collector)
            for name, paths in mixes(services).items():
                taken = cpu(collector.process.pid)
                rate, used, generator, requests = load(services, paths)
                taken = (cpu(collector.process.pid) - taken) / requests
                results.setdefault(name, {True: [], False: []})[telemetry].append((rate, used, generator, taken))
                print(f"round {number + 1} {'on ' if telemetry else 'off'} {name}: {rate:,.0f} requests/s, "
                      f"CPU per request {used * 1e6:.1f} µs, wrk {generator * 1e6:.1f} µs, collector {taken * 1e6:.1f} µs", flush=True)
            services.stop()
    collector.stop()
    failed = False
    for name, result in results.items():
        middle = {on: [statistics.median(column) for column in zip(*runs)] for on, runs in result.items()}
        with_it, without = middle[True][1], middle[False][1]
        share = (with_it - without) / with_it
        pairs = [(on[1] - off[1]) / on[1] for on, off in zip(result[True], result[False])]
        print(f"{name}: {middle[True][0]:,.0f} requests/s with telemetry, {middle[False][0]:,.0f} without; "
              f"CPU per request {with_it * 1e6:.1f} µs and {without * 1e6:.1f} µs: telemetry takes {share:.1%} "
              f"(rounds {min(pairs):.1%} to {max(pairs):.1%}); wrk {middle[True][2] * 1e6:.1f} µs, collector {middle[True][3] * 1e6:.1f} µs")
        failed |= bool(args.least and middle[True][0] < args.least) or bool(args.most and share > args.most)
    raise SystemExit(1 if failed else 0)


main()
