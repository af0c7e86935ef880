"""Does scraping give what Prometheus' own gives? Both scrape the same scripted targets with the same
file; then the series of both are compared: labels, values and which of them have ended.

    scrape.py path/to/watchfire
"""

import base64
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from server import Watchfire, close, expect

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4"
# What a target says first, and what it says later.
EARLY, LATE = 0, 1
phase = EARLY

TARGETS = {
    "/plain": (TEXT, """# HELP requests_total Requests, by\\nroute \\\\ and code.
# TYPE requests_total counter
requests_total{route="/a\\\\b",code="200"} 1027
requests_total{route="say \\"hi\\"\\n",code="500"} 3
# TYPE temperature gauge
temperature -2.5e-1
not_a_number NaN
endless{sign="+"} +Inf
endless{sign="-"} -Inf
spaced{ a = "b" , } 1.5e3
empty_label{a="",b="c"} 7
# TYPE rpc_seconds summary
rpc_seconds{quantile="0.5"} 0.02
rpc_seconds{quantile="0.99"} 0.9
rpc_seconds_sum 17.5
rpc_seconds_count 27
""", None),
    "/open": (OPENMETRICS, """# TYPE latency_seconds histogram
# UNIT latency_seconds seconds
# HELP latency_seconds How long.
latency_seconds_bucket{le="0.1"} 8 # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 0.067
latency_seconds_bucket{le="+Inf"} 11
latency_seconds_count 11
latency_seconds_sum 3.25
# TYPE jobs counter
jobs_total{queue="mail"} 5
jobs_created{queue="mail"} 1.6e9
# TYPE build info
build_info{version="1.2"} 1
# TYPE mode stateset
mode{mode="on"} 1
# EOF
""", None),
    "/comes_and_goes": (TEXT, 'here 1\nbrief{a="1"} 2\nbrief{a="2"} 3\n', 'here 4\nbrief{a="2"} 5\nnew 6\n'),
    "/breaks": (TEXT, "whole 1\n", "broken{ 2\nwhole 1\n"),
    "/fails": (TEXT, "fine 1\n", 503),
    "/no_end": (OPENMETRICS, "# TYPE a gauge\na 1\n# EOF\n", "# TYPE a gauge\n"),
    "/conflicts": (TEXT, 'clash{job="theirs",instance="theirs",exported_job="deep",env="x"} 1\n', None),
    "/many": (TEXT, "".join(f'm{{n="{n}"}} {n}\n' for n in range(20)), None),
    "/packed": (TEXT, "packed 1\n", None),
    "/secret": (TEXT, "secret 1\n", None),
    "/federate": (TEXT, "params 1\n", None),
    "/moved": (TEXT, "moved 1\n", None),
    "/slow": (TEXT, "slow 1\n", None),
}


class Target(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        path = url.path
        if path == "/old":
            self.send_response(302)
            self.send_header("Location", "/moved")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        kind, early, late = TARGETS[path]
        body = late if phase == LATE and late is not None else early
        status = body if isinstance(body, int) else 200
        wanted = "Basic " + base64.b64encode(b"user:pass").decode()
        if path == "/secret" and self.headers["Authorization"] != wanted:
            status = 401
        if path == "/federate" and urllib.parse.parse_qs(url.query) != {"match[]": ['{a="b c"}', "up"], "x": ["1"]}:
            status = 400
        if path == "/slow" and phase == LATE:
            time.sleep(3)
        data = b"" if isinstance(body, int) else body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if path == "/packed":
            data = gzip.compress(data)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data)
        except OSError:
            pass

    def log_message(self, *_):
        pass


def configuration(address, folder):
    def job(name, **more):
        return {"job_name": name, "metrics_path": f"/{name}", "static_configs": [{"targets": [address]}], **more}

    label = {"targets": [address], "labels": {"env": "prod", "__meta_team": "web", "zone": "Z1"}}
    with open(f"{folder}/targets_1.json", "w", encoding="utf-8") as file:
        json.dump([label], file)
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "900ms", "external_labels": {"site": "x"}},
        "scrape_configs": [
            job("plain"), job("open"), job("comes_and_goes"), job("breaks"), job("fails"), job("no_end"), job("packed"), job("slow"),
            job("conflicts", file_sd_configs=[{"files": [f"{folder}/targets_*.json"]}], relabel_configs=[
                {"source_labels": ["__meta_team", "zone"], "separator": "-", "target_label": "team"},
                {"source_labels": ["zone"], "target_label": "zone", "action": "lowercase"},
                {"source_labels": ["__address__"], "modulus": 7, "target_label": "shard", "action": "hashmod"},
                {"regex": "__meta_(.+)", "replacement": "from_$1", "action": "labelmap"}]),
            job("conflicts_honoured", metrics_path="/conflicts", honor_labels=True),
            job("many", sample_limit=19),
            job("many_dropped", metrics_path="/many", sample_limit=19, metric_relabel_configs=[
                {"source_labels": ["n"], "regex": "1.", "action": "drop"},
                {"source_labels": ["__name__", "n"], "regex": "m;(.*)", "target_label": "__name__", "replacement": "m_$1"},
                {"regex": "n", "action": "labeldrop"}]),
            job("limited", metrics_path="/plain", label_value_length_limit=4),
            job("secret", basic_auth={"username": "user", "password": "pass"}),
            job("secret_refused", metrics_path="/secret"),
            job("federate", params={"match[]": ['{a="b c"}', "up"], "x": ["1"]}),
            job("old"), job("old_refused", metrics_path="/old", follow_redirects=False),
            job("nobody", static_configs=[{"targets": ["127.0.0.1:1"]}]),
            job("dropped", relabel_configs=[{"source_labels": ["__address__"], "regex": ".*", "action": "drop"}]),
        ],
    }


class Prometheus:
    """Debian's own, in a folder."""

    def __init__(self, folder):
        self.url = "http://127.0.0.1:19118/api/v1"
        self.log = open(f"{folder}/prometheus.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/scrape.yml", f"--storage.tsdb.path={folder}/prometheus",
             "--web.listen-address=127.0.0.1:19118"], stdout=self.log, stderr=self.log)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def series(url, without="nobody else"):
    """What can be seen now: values by labels. Durations differ from machine to machine."""
    query = f'{{__name__=~".+",__name__!~"scrape_duration_seconds|ALERTS.*",job!~"host|watchfire|probe|{without}"}}'
    with urllib.request.urlopen(f"{url}/query?{urllib.parse.urlencode({'query': query})}", timeout=20) as answer:
        result = json.load(answer)["data"]["result"]
    return {json.dumps(one["metric"], sort_keys=True): one["value"][1] for one in result}


def settled(left, right, holds, patience=60, **which):
    """Both series sets once they are equal and hold what is asked for; else the last ones."""
    deadline = time.time() + patience
    while True:
        try:
            ours, theirs = series(left, **which), series(right, **which)
        except (OSError, urllib.error.HTTPError):
            ours, theirs = {}, {}
        if (ours == theirs and holds(ours)) or time.time() > deadline:
            return ours, theirs
        time.sleep(0.5)


def compare(what, ours, theirs):
    differences = [f"{labels}: {ours.get(labels)} here, {theirs.get(labels)} there"
                   for labels in sorted(ours.keys() | theirs.keys()) if ours.get(labels) != theirs.get(labels)]
    expect(theirs and not differences, f"{what}: {len(theirs)} series are equal" + "".join("\n     " + one for one in differences[:20]))


def main():
    global phase
    server = ThreadingHTTPServer(("127.0.0.1", 0), Target)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/scrape.yml"
        config = configuration(f"127.0.0.1:{server.server_port}", folder)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        check = subprocess.run([sys.argv[1], "check", "scrape", path], capture_output=True, text=True, check=False)
        expect(check.returncode == 0, f"the file is sound: {check.stdout}{check.stderr}")
        prometheus = Prometheus(folder)
        fire = Watchfire(sys.argv[1], "serve", f"--scrape-config={path}", "--default-rules=false")
        ours = fire.url + "/prometheus/api/v1"
        try:
            def has(name, **labels):
                return lambda found: any(json.loads(one).get("__name__") == name and labels.items() <= json.loads(one).items() for one in found)

            early = settled(ours, prometheus.url, has("slow"))
            expect(len(early[1]) > 100, f"Prometheus has {len(early[1])} series")
            compare("while all is well", *early)
            phase = LATE
            late = settled(ours, prometheus.url, lambda found: has("new")(found) and not has("whole")(found) and not has("slow")(found))
            compare("when targets break", *late)
            phase = EARLY
            compare("when they are back", *settled(ours, prometheus.url, has("slow")))

            config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] != "open"]
            config["scrape_configs"][0]["metric_relabel_configs"] = [{"regex": "route", "action": "labeldrop"}]
            with open(path, "w", encoding="utf-8") as file:
                json.dump(config, file)
            os.remove(f"{folder}/targets_1.json")
            for process in (fire.process, prometheus.process):
                process.send_signal(signal.SIGHUP)
            # Prometheus forgets to end the series of a job that is no longer configured.
            has_ended = lambda found: not has("jobs_total")(found) and not has("clash", env="prod")(found)
            here, there = settled(ours, prometheus.url, has_ended, without="open")
            compare("after a change of the file", here, there)
            expect(not any(json.loads(one)["job"] == "open" for one in series(ours)), "the series of a job that is gone have ended")
            with open(path, "w", encoding="utf-8") as file:
                file.write("scrape_configs: [{job_name: x, docker_sd_configs: []}]")
            status, answer = fire.ask("/-/reload", b"")
            expect(status == 422 and "Prometheus knows `docker_sd_configs`" in answer.decode(), f"a bad file is refused: {status} {answer}")
            fire.stop()
        finally:
            prometheus.stop()
            fire.process.kill()
    close()


main()
