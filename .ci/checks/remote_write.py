"""A real Prometheus scrapes and writes what it scrapes here; both must then answer alike, also after a crash.

    remote_write.py BINARY [--seconds 20] [--rules FILE…] [--shown 10]

It scrapes a node_exporter, itself and us, once a second. Asked are the expressions of `RULES`, and of rule
files in Prometheus' format if any are given, at instants that no sample touches. In between the server is
killed without warning and started anew: Prometheus sends again what was not acknowledged, and we must hold
all that was. At last what we refuse must not come back for ever.
"""

import argparse
import re
import subprocess
import tempfile
import time

from promql_answers import difference
from prometheus_peer import Api, Prometheus, free_port, wait_until
from server import Watchfire, close, expect
from write_request import VERSION, request, series

# Such as rules about machines are made of; windows as short as the check is.
RULES = r"""
up == 0
1 - up
node_filesystem_avail_bytes / node_filesystem_size_bytes * 100 < 50 and on (instance, device, mountpoint) node_filesystem_readonly == 0
node_filesystem_files_free / node_filesystem_files < 2
predict_linear(node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs"}[10s], 24 * 3600) < 1e15
100 - (avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[10s])) * 100) >= 0
sum by (mode) (rate(node_cpu_seconds_total[10s]))
count without (cpu, mode) (node_cpu_seconds_total{mode="idle"})
node_load1 / on (instance) count by (instance) (node_cpu_seconds_total{mode="system"})
(1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) * 100
node_memory_MemFree_bytes + node_memory_Buffers_bytes + node_memory_Cached_bytes
rate(node_vmstat_pgmajfault[10s])
rate(node_network_receive_bytes_total{device!="lo"}[10s]) / 1024
increase(node_network_transmit_errs_total[10s]) / increase(node_network_transmit_packets_total[10s]) > 0.01
sum by (device) (irate(node_network_receive_packets_total[5s]))
rate(node_disk_read_time_seconds_total[10s]) / rate(node_disk_reads_completed_total[10s])
rate(node_disk_io_time_seconds_total[10s]) < 2
node_filefd_allocated / node_filefd_maximum
rate(node_context_switches_total[10s]) / count without (cpu, mode) (node_cpu_seconds_total{mode="idle"})
(node_time_seconds - node_boot_time_seconds) / 3600
abs(node_time_seconds - timestamp(node_time_seconds)) < 5
changes(node_boot_time_seconds[10s]) == 0
node_timex_sync_status * on (instance) group_left (nodename) node_uname_info
count by (nodename) (node_uname_info) or vector(0)
process_resident_memory_bytes{job="prometheus"} > 1e6
rate(process_cpu_seconds_total[10s]) * 100
process_open_fds / process_max_fds
histogram_quantile(0.9, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[10s])))
histogram_quantile(0.99, sum by (le, handler) (rate(prometheus_http_request_duration_seconds_bucket[10s])))
prometheus_target_interval_length_seconds{quantile="0.99"} != 1
rate(prometheus_tsdb_head_samples_appended_total[10s]) > 0
topk(3, count by (__name__) ({job="node"}))
count({job="node"})
sum by (job) (scrape_samples_scraped)
avg_over_time(scrape_duration_seconds[10s]) < 10
max_over_time(node_load1[10s]) - min_over_time(node_load1[10s])
absent(up{job="node"})
absent(up{job="nope"})
label_replace(up, "host", "$1", "instance", "(.*):.*")
quantile(0.5, rate(node_cpu_seconds_total[10s]))
stddev by (mode) (node_cpu_seconds_total)
deriv(node_memory_MemFree_bytes[10s])
count_over_time(up[10s])
resets(node_cpu_seconds_total[10s])
max_over_time(rate(node_cpu_seconds_total{mode="user"}[5s])[10s:1s])
sort_desc(sum by (job) (up))
watchfire_tsdb_head_series{job="watchfire"} > 0
""".strip().splitlines()

CONFIG = """
global: {{scrape_interval: 1s, external_labels: {{cluster: here}}}}
remote_write:
  - url: http://{ours}/prometheus/api/v1/write
    queue_config: {{batch_send_deadline: 500ms, min_backoff: 50ms, max_backoff: 500ms, capacity: 50000}}
    metadata_config: {{send_interval: 2s}}
scrape_configs:
  - {{job_name: node, static_configs: [{{targets: ['{node}']}}]}}
  - {{job_name: prometheus, static_configs: [{{targets: ['{itself}']}}]}}
  - {{job_name: watchfire, static_configs: [{{targets: ['{ours}']}}]}}
"""


class Stage:
    """A node_exporter, a Prometheus that scrapes it and writes, and us."""

    def __init__(self, binary):
        self.binary, self.folder = binary, tempfile.TemporaryDirectory()
        self.listen = f"127.0.0.1:{free_port()}"
        node = f"127.0.0.1:{free_port()}"
        self.node = subprocess.Popen(
            ["prometheus-node-exporter", f"--web.listen-address={node}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.start()
        self.peer = Prometheus("global: {}\n", "--web.enable-lifecycle")
        with open(self.peer.config, "w") as file:
            file.write(CONFIG.format(ours=self.listen, node=node, itself=self.peer.host))
        status, _, answer = self.peer.api.send("POST", "/-/reload")
        expect(status == 200, f"Prometheus takes its configuration {answer[:300]!r}")

    def start(self):
        self.fire = Watchfire(self.binary, folder=self.folder.name, listen=self.listen)
        self.ours = Api(self.listen, "/prometheus")

    def caught_up(self, at):
        """Waits until all that was scraped up to a time is here."""
        def is_here():
            counts = [api.value('count_over_time(up{job="node"}[1h])', time=at) for api in (self.peer.api, self.ours)]
            newest = [api.value('timestamp(up{job="prometheus"})', time=at) for api in (self.peer.api, self.ours)]
            pending = self.peer.api.value("prometheus_remote_storage_samples_pending")
            return counts[0] and counts[0] == counts[1] and newest[0] == newest[1] and pending is not None
        wait_until(is_here, "what was scraped is here", lambda: str(self.peer.said()[-1500:]))

    def quiet_instant(self):
        """A time some seconds ago at which no target was scraped, nor whole seconds before."""
        result = self.peer.api.post("query", query="up[40s]")[1]["data"]["result"]
        taken = sorted({round(at * 1000) % 1000 for series in result for at, _ in series["values"]})
        gaps = [((b - a) % 1000 or 1000, a) for a, b in zip(taken, taken[1:] + taken[:1])]
        wide, after = max(gaps)
        return int(time.time()) - 4 + (after + wide // 2) % 1000 / 1000

    def stop(self):
        self.peer.stop()
        self.node.terminate()
        self.node.wait()
        self.fire.stop()
        self.folder.cleanup()


def judge(stage, expressions, what, shown):
    at = stage.quiet_instant()
    stage.caught_up(at)
    wrong = filled = 0
    patience = time.monotonic() + 30
    for expression in expressions:
        answers, difference_ = asked(stage, expression, at)
        # Samples are written by several senders: others may be later than those that were waited for.
        while difference_ and time.monotonic() < patience:
            time.sleep(1)
            answers, difference_ = asked(stage, expression, at)
        filled += bool(answers[0].get("data", {}).get("result"))
        wrong += difference_ is not None
        if difference_ and wrong <= shown:
            print(f"     {expression}\n       at {at:.3f}: {difference_[0]}: {difference_[1][:400]}")
    expect(wrong == 0, f"{what}: {len(expressions) - wrong} of {len(expressions)} expressions answered alike, {filled} of them with series")


def asked(stage, expression, at):
    """Both answers, and how they differ."""
    answers = [api.post("query", query=expression, time=f"{at:.3f}")[1] for api in (stage.peer.api, stage.ours)]
    return answers, difference(plain(answers[0]), plain(answers[1]))


def plain(answer):
    """Without the label that Prometheus adds to what it writes, and what we have beside it."""
    if answer["status"] != "success" or answer["data"]["resultType"] not in ("vector", "matrix"):
        return answer
    for series_ in answer["data"]["result"]:
        series_["metric"].pop("cluster", None)
    return answer


def counts(stage, at):
    """How many samples each of the scraped series has on both sides."""
    names = ["up", "node_cpu_seconds_total", "node_memory_MemFree_bytes", "scrape_samples_scraped", "prometheus_tsdb_head_series"]
    found = []
    for api in (stage.peer.api, stage.ours):
        answers = [plain(api.post("query", query=f"count_over_time({name}[1h])", time=f"{at:.3f}")[1]) for name in names]
        found.append({tuple(sorted(one["metric"].items())): one["value"][1] for answer in answers for one in answer["data"]["result"]})
    return found


def crash(stage, times):
    for _ in range(times):
        time.sleep(2)
        stage.fire.kill()
        stage.start()
    time.sleep(2)
    at = stage.quiet_instant()
    stage.caught_up(at)
    theirs, ours = counts(stage, at)
    lost = {labels: (count, ours.get(labels)) for labels, count in theirs.items() if ours.get(labels) != count}
    expect(theirs and not lost, f"killed {times} times under remote write: {len(theirs)} series have every sample {list(lost.items())[:3]}")


def refused(stage):
    """A sample that is refused is answered with 4xx, once; Prometheus drops it and goes on."""
    now = int(time.time() * 1000)
    old = series({"__name__": "refused_total", "job": "x"}, [(now, 1.0)])
    again = series({"__name__": "refused_total", "job": "x"}, [(now, 2.0)])
    first, second = (stage.ours.send("POST", "/api/v1/write", request([body]), VERSION) for body in (old, again))
    expect(first[0] == 204 and second[0] == 400, f"another value at the same time is refused: {second[0]} {second[2][:120]!r}")
    ages = series({"__name__": "refused_total", "job": "x"}, [(now - 30 * 86_400_000, 2.0)])
    status, _, answer = stage.ours.send("POST", "/api/v1/write", request([ages]), VERSION)
    expect(status == 400, f"a sample behind the window is refused: {status} {answer[:120]!r}")
    status, _, answer = stage.ours.send("POST", "/api/v1/write", b"no snappy", VERSION)
    expect(status == 400, f"what cannot be read is refused: {status} {answer[:120]!r}")


def no_loop(stage):
    """What Prometheus says of its queue: nothing failed, nothing dropped, nothing waits."""
    for name in ("samples_failed_total", "samples_dropped_total", "exemplars_failed_total"):
        value = stage.peer.api.value(f"sum(prometheus_remote_storage_{name})")
        expect(not value, f"prometheus_remote_storage_{name} is {value}")
    expect(stage.peer.api.value("sum(prometheus_remote_storage_samples_total)") > 0, "samples were sent")


def expressions_of(paths):
    """The expressions of rule files, as far as they are on one line, whole and without their threshold."""
    found = []
    for path in paths:
        with open(path) as file:
            lines = re.findall(r"^\s*-?\s*expr:\s*(?![|>])['\"]?(.+?)['\"]?\s*$", file.read(), re.M)
        found += [line for line in lines]
    # An alert that does not fire says nothing: what it compares is asked as well.
    bare = [re.sub(r"\s*(?:[<>]=?|[=!]=)\s*(?:bool\s*)?[-+\d.e]+\s*$", "", line) for line in found]
    return list(dict.fromkeys(found + bare))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    # No window may reach back to where a counter begins: there 2.42 extrapolates otherwise than 3 and we.
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rules", nargs="*", default=[])
    parser.add_argument("--shown", type=int, default=10)
    options = parser.parse_args()
    stage = Stage(options.binary)
    time.sleep(options.seconds)
    judge(stage, RULES, "rules about machines", options.shown)
    if options.rules:
        judge(stage, expressions_of(options.rules), "public alert rules", options.shown)
    no_loop(stage)
    crash(stage, 3)
    judge(stage, RULES, "after the crashes", options.shown)
    no_loop(stage)
    refused(stage)
    stage.stop()
    close()


if __name__ == "__main__":
    main()
