"""Loads the series of the bench by remote write and asks questions of them; the peers do the same in the
same run. Answers must be equal. Prints the figures of the README's table.

    bench_metrics.py BINARY FOLDER [--peers prometheus,victoria-metrics] [--runs 15] [--step 15]

FOLDER holds metrics.rw (framed remote-write requests) and metrics.json, as the generator of the workload
writes them. CPU seconds are those of the server from its start until it is quiet again after the last
request. Only we acknowledge after the samples are on disk. Peers are Debian's packages.
"""

import argparse
import json
import os
import queue
import signal
import statistics
import struct
import subprocess
import tempfile
import threading
import time

from bench_server import folder_bytes
from prometheus_peer import Api, cpu_seconds, free_port, memory, wait_until
from promql_answers import difference
from server import close, expect
from write_request import VERSION

CONNECTIONS = 4
QUIET = 0.05  # of a core, over two seconds


class Engine:
    """A server's process, where it is written to and asked."""

    def __init__(self, name, folder, arguments):
        self.name, self.folder = name, folder
        self.arguments, self.prefix, self.write_path = arguments, "", "/api/v1/write"

    def start(self):
        self.log = open(os.path.join(self.folder, "log"), "a")
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, stderr=self.log)
        self.host = self.find_host()
        self.api = Api(self.host, self.prefix)
        wait_until(self.is_ready, f"{self.name} is ready")

    def find_host(self):
        return self.arguments[-1].split("=", 1)[1]

    def is_ready(self):
        try:
            return self.api.get("query", query="1")[0] == 200
        except OSError:
            return False

    def settle(self):
        """Waits until the server has nothing to do."""
        while True:
            before = cpu_seconds(self.process.pid)
            time.sleep(2)
            if cpu_seconds(self.process.pid) - before < 2 * QUIET:
                return

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=300)


class Watchfire(Engine):
    def __init__(self, binary, folder):
        addresses = ["--listen=127.0.0.1:0", "--otlp-grpc=127.0.0.1:0", "--otlp-http=127.0.0.1:0"]
        super().__init__("Watchfire", folder, [binary, "serve", *addresses, "--print-addresses", f"--data-dir={folder}/data"])
        self.prefix = "/prometheus"

    def find_host(self):
        return json.loads(self.process.stdout.readline())["listen"]

    def block_bytes(self):
        """All is in blocks once it has been stopped and started."""
        self.stop()
        self.start()
        self.settle()
        places = [root for root, _, _ in os.walk(self.folder) if os.path.basename(root) == "blocks"]
        return sum(map(folder_bytes, places))


class Prometheus(Engine):
    def __init__(self, folder):
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w") as file:
            file.write("global: {}\n")
        super().__init__("Prometheus", folder, [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data", "--web.enable-remote-write-receiver",
            "--storage.tsdb.retention.time=90d", "--web.enable-admin-api", f"--web.listen-address=127.0.0.1:{free_port()}",
        ])

    def block_bytes(self):
        status, answer = self.api.post("admin/tsdb/snapshot")
        expect(status == 200, "Prometheus wrote its head as a block")
        return folder_bytes(os.path.join(self.folder, "data", "snapshots", answer["data"]["name"]))


class VictoriaMetrics(Engine):
    def __init__(self, folder):
        super().__init__("VictoriaMetrics", folder, [
            "victoria-metrics", f"-storageDataPath={folder}/data", "-retentionPeriod=12", "-search.latencyOffset=0s",
            "-search.disableCache", f"-httpListenAddr=127.0.0.1:{free_port()}",
        ])

    def block_bytes(self):
        for path in ("/internal/force_flush", "/internal/force_merge"):
            self.api.send("GET", path)
        self.settle()
        return folder_bytes(os.path.join(self.folder, "data", "data")) + folder_bytes(os.path.join(self.folder, "data", "indexdb"))


def frames(path):
    with open(path, "rb") as file:
        while header := file.read(4):
            yield file.read(struct.unpack("<I", header)[0])


def load(engine, path, said):
    """Seconds from the first request to the last answer. A series always goes the same way, as a real sender
    has it: requests of one series must not overtake each other."""
    ways = [queue.Queue(maxsize=2) for _ in range(CONNECTIONS)]
    failed, again = [], []

    def send(waiting):
        api = Api(engine.host, engine.prefix)
        while (body := waiting.get()) is not None:
            while True:
                status, headers, text = api.send("POST", engine.write_path, body, VERSION)
                if status not in (429, 503):
                    break
                again.append(status)
                time.sleep(float(headers.get("retry-after") or 1))
            if status not in (200, 204):
                failed.append((status, text[:200]))

    senders = [threading.Thread(target=send, args=[way]) for way in ways]
    for sender in senders:
        sender.start()
    started = time.monotonic()
    of_a_step = said["frames"] // said["steps"]
    for at, body in enumerate(frames(path)):
        ways[at % of_a_step % CONNECTIONS].put(body)
    for way in ways:
        way.put(None)
    for sender in senders:
        sender.join()
    expect(not failed, f"{engine.name} took every request {failed[:1]}, {len(again)} of them not at once")
    return time.monotonic() - started


def questions(said, step):
    # Where no sample lies: 2.42 takes the left edge of a range, we do not.
    span = {"start": said["start_s"] + 0.24, "end": said["end_s"] - 14.76, "step": step}
    instant = {"time": said["end_s"] - 30.76}
    whole = lambda query: ("query_range", {"query": query, **span})
    now = lambda query: ("query", {"query": query, **instant})
    one = 'http_requests_total{pod=~"cart-.*",route="/cart",code="200"}'
    return {
        "sum by (job) (rate), 1 h": whole("sum by (job) (rate(http_requests_total[5m]))"),
        "p99 by route, 1 h": whole("histogram_quantile(0.99, sum by (le, route) (rate(http_request_duration_seconds_bucket[5m])))"),
        "errors over requests by job, 1 h": whole(
            'sum by (job) (rate(http_requests_total{code="500"}[5m])) / sum by (job) (rate(http_requests_total[5m]))'),
        "rate of one job's pods, 1 h": whole(f"rate({one}[5m])"),
        "one gauge, all pods, 1 h": whole("app_metric_003_ratio"),
        "max_over_time subquery, 1 h": whole('max_over_time(sum(rate(http_requests_total{job="cart"}[1m]))[10m:1m])'),
        "count by (job), instant": now('count by (job) ({__name__=~"http_.+"})'),
        "topk, instant": now("topk(10, rate(http_requests_total[5m]))"),
        "sum by (job) (rate), instant": now("sum by (job) (rate(http_requests_total[5m]))"),
        "single series, instant": now('app_metric_000_total{instance="10.1.0.7:9090"}'),
        "label values": ("label/pod/values", {"start": said["start_s"], "end": said["end_s"]}),
        "series of one job": ("series", {"match[]": 'http_requests_total{job="cart"}', "start": said["start_s"], "end": said["end_s"]}),
    }


def ask(engine, asked, runs):
    """By question the answer and its times in milliseconds."""
    answers, times = {}, {}
    for name, (path, parameters) in asked.items():
        times[name] = []
        for _ in range(runs):
            started = time.monotonic()
            status, answer = engine.api.get(path, **parameters)
            times[name].append((time.monotonic() - started) * 1000)
            expect_silently(status == 200, f"{engine.name}, {name}: {status} {str(answer)[:300]}")
        answers[name] = answer
    return answers, times


def expect_silently(holds, what):
    if not holds:
        expect(False, what)


def measure(engine, options, said):
    """All figures of one engine, and its answers."""
    engine.start()
    seconds = load(engine, os.path.join(options.folder, "metrics.rw"), said)
    engine.settle()
    figures = {"seconds": seconds, "cpu": cpu_seconds(engine.process.pid), "load RSS": memory(engine.process.pid)}
    asked = questions(said, options.step)
    figures["fresh"] = ask(engine, asked, options.runs)[1]
    figures["RSS"] = memory(engine.process.pid)
    figures["disk"] = folder_bytes(os.path.join(engine.folder, "data"))
    figures["blocks"] = engine.block_bytes()
    before = cpu_seconds(engine.process.pid)
    answers, figures["times"] = ask(engine, asked, options.runs)
    figures["query cpu"] = cpu_seconds(engine.process.pid) - before
    engine.stop()
    return figures, answers


def same(theirs, ours, said):
    """Without the first minutes: there 2 and 3 extrapolate differently to the zero that counters begin with."""
    for answer in (theirs, ours):
        for one in answer["data"]["result"] if "resultType" in answer["data"] else []:
            if "values" in one:
                one["values"] = [point for point in one["values"] if point[0] > said["start_s"] + 330]
    if isinstance(theirs["data"], list):
        key = lambda one: json.dumps(one, sort_keys=True)
        return sorted(map(key, theirs["data"])) == sorted(map(key, ours["data"]))
    return difference(theirs, ours) is None


def table(measured, said):
    names = list(measured)
    line = lambda name, cell: print(f"| {name} | " + " | ".join(cell(measured[engine]) for engine in names) + " |")
    print("| | " + " | ".join(names) + " |\n" + "|---" * (len(names) + 1) + "|")
    samples = said["samples"]
    line("samples per CPU-second", lambda it: f"{samples / it['cpu']:,.0f}")
    line("samples per second", lambda it: f"{samples / it['seconds']:,.0f}")
    line("bytes per sample in blocks", lambda it: f"{it['blocks'] / samples:.2f}")
    line("bytes per sample on disk after the load", lambda it: f"{it['disk'] / samples:.2f}")
    line("peak RSS of the load, MB", lambda it: f"{it['load RSS'] / 1e6:,.0f}")
    line("peak RSS with the questions, MB", lambda it: f"{it['RSS'] / 1e6:,.0f}")
    for name in questions(said, 15):
        cell = lambda it: f"{statistics.median(it['times'][name]):,.1f} ({statistics.median(it['fresh'][name]):,.1f})"
        line(f"{name}, p50 ms (before blocks)", cell)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("folder")
    parser.add_argument("--peers", default="prometheus,victoria-metrics")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--step", type=int, default=15)
    options = parser.parse_args()
    with open(os.path.join(options.folder, "metrics.json")) as file:
        said = json.load(file)
    kinds = {"prometheus": Prometheus, "victoria-metrics": VictoriaMetrics}
    makers = [lambda folder: Watchfire(options.binary, folder), *(kinds[peer] for peer in options.peers.split(",") if peer)]
    measured, answers = {}, {}
    for make in makers:
        with tempfile.TemporaryDirectory() as folder:
            engine = make(folder)
            measured[engine.name], answers[engine.name] = measure(engine, options, said)
            print(f"     {engine.name}: {measured[engine.name]['seconds']:.1f} s, {measured[engine.name]['cpu']:.1f} CPU seconds", flush=True)
    for name in answers["Watchfire"] if "Prometheus" in answers else []:
        expect(same(answers["Prometheus"][name], answers["Watchfire"][name], said), f"Prometheus answers alike: {name}")
    table(measured, said)
    close()


if __name__ == "__main__":
    main()
