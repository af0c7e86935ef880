"""Alerts beside Debian's Prometheus, as its conformance test of alert generators looks at them.

    alert_generator.py BINARY

Both scrape the same target, evaluate the same rules and tell an Alertmanager. Compared are the alerts that are told
(labels, annotations, startsAt, endsAt, and that both tell them again), the series ALERTS and ALERTS_FOR_STATE, and
what both APIs show. Then we alone are killed without warning while an alert is pending, and while it is kept firing:
`for` and `keep_firing_for` go on as if nothing had happened.
"""

import argparse
import datetime
import http.server
import json
import os
import tempfile
import threading
import time

from prometheus_peer import Prometheus, wait_until
from server import Watchfire, close, expect

SLACK = 10.0  # seconds that the two may be apart: both scrape and evaluate at times of their own
RESEND = 60.0

RULES = """groups:
- name: zero and small for
  interval: 2s
  rules:
  - alert: AtOnce
    expr: a{job="target"} > 0
    labels: {severity: error, rung: '{{ $labels.n }}'}
    annotations: {told: '{{ $labels.n }} is {{ $value | humanize }}', asked: '{{ with query "b" }}{{ . | first | value }}{{ end }}'}
  - alert: AfterASmallWhile
    expr: a{job="target"} > 0
    for: 1s
    labels: {severity: warning}
- name: pending, firing, resolved
  interval: 2s
  rules:
  - alert: AfterAWhile
    expr: a{job="target"} > 0
    for: 10s
    labels: {severity: error, job: other, alertname: another}
    annotations: {summary: '{{ define "s" }}{{ .arg0 }}!{{ end }}{{ template "s" (args $labels.n) }}'}
  - alert: NeverLongEnough
    expr: short{job="target"} > 0
    for: 40s
    labels: {severity: error}
  - alert: Never
    expr: a{job="target"} > 1000
    labels: {severity: error}
- name: order
  interval: 2s
  rules:
  - alert: First
    expr: sum by (n) (a{job="target"}) > 0
    for: 8s
    labels: {severity: error}
  - alert: Second
    expr: ALERTS{alertname="First", alertstate="firing"}
    labels: {severity: error}
"""

RESTARTED = """groups:
- name: restarted
  interval: 1s
  rules:
  - alert: Held
    expr: a{job="target"} > 0
    for: 20s
    keep_firing_for: 40s
    labels: {severity: info}
"""


class Outside:
    """A target that is scraped, and an Alertmanager that is told."""

    def __init__(self):
        self.metrics, self.told = {}, {"/theirs": [], "/ours": []}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                path = self.path.removesuffix("/api/v2/alerts")
                outer.told[path].extend((time.time(), alert) for alert in body)
                self.answer(b"")

            def do_GET(self):
                self.answer("".join(f"{name} {value}\n" for name, value in sorted(outer.metrics.items())).encode())

            def answer(self, body):
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_port}"

    def alerts(self, who):
        """What was told of each alert, in its order: (when, startsAt, endsAt, annotations)."""
        found = {}
        for at, alert in self.told[who]:
            key = json.dumps(alert["labels"], sort_keys=True)
            found.setdefault(key, []).append((at, seconds(alert["startsAt"]), seconds(alert["endsAt"]), alert.get("annotations", {})))
        return found


def seconds(text):
    head, _, rest = text.rstrip("Z").partition(".")
    whole = datetime.datetime.fromisoformat(head + "+00:00").timestamp()
    return whole + float("0." + (rest or "0"))


def config(address, rules, folder):
    path = os.path.join(folder, "scrape.yml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"scrape_configs: [{{job_name: target, scrape_interval: 1s, static_configs: [{{targets: ['{address}']}}]}}]\n")
    rule_path = os.path.join(folder, "rules.yml")
    with open(rule_path, "w", encoding="utf-8") as file:
        file.write(rules)
    return path, rule_path


def episodes(told):
    """The firing stretches of an alert: startsAt with what was said first and last."""
    stretches = {}
    for at, starts, ends, annotations in told:
        stretches.setdefault(starts, []).append((at, ends, annotations))
    return [(starts, *rest) for starts, rest in sorted((s, (r,)) for s, r in stretches.items())]


def compare(outside):
    theirs, ours = outside.alerts("/theirs"), outside.alerts("/ours")
    expect(theirs and sorted(ours) == sorted(theirs), f"the same {len(theirs)} alerts are told: only here {sorted(set(ours) - set(theirs))[:3]}, only there {sorted(set(theirs) - set(ours))[:3]}")
    repeated = 0
    for key in sorted(set(ours) & set(theirs)):
        name = json.loads(key)["alertname"]
        there, here = episodes(theirs[key]), episodes(ours[key])
        expect(len(here) == len(there), f"{name}: {len(there)} times, here {len(here)}")
        for (start_there, told_there), (start_here, told_here) in zip(there, here):
            expect(abs(start_there - start_here) <= SLACK, f"{name}: startsAt is {start_here - start_there:+.1f} s from theirs")
            expect(told_here[0][2] == told_there[0][2], f"{name}: annotations {told_here[0][2]}")
            # While it fires, an alert is valid for four resend delays from its evaluation.
            valid = lambda told: told[0][1] - told[0][0]
            expect(abs(valid(told_here) - valid(told_there)) <= SLACK, f"{name}: endsAt is {valid(told_here):.1f} s ahead, theirs {valid(told_there):.1f} s")
            over_here, over_there = told_here[-1][1], told_there[-1][1]
            expect(abs(over_here - over_there) <= SLACK + 2, f"{name}: the last endsAt is {over_here - over_there:+.1f} s from theirs")
            gaps = [later[0] - earlier[0] for earlier, later in zip(told_here, told_here[1:]) if later[1] > earlier[1] + 30]
            expect(all(RESEND - SLACK <= gap <= RESEND + SLACK for gap in gaps), f"{name}: told again after {[round(gap) for gap in gaps]} s")
            repeated += len(gaps)
    expect(repeated > 0, f"alerts that go on are told again ({repeated} times)")


def series(api, start, end):
    """The series of alerts without their times, each with about how many seconds it was there."""
    found = {}
    for name in ("ALERTS", "ALERTS_FOR_STATE"):
        _, answer = api("query_range", query=name, start=start, end=end, step=1)
        for one in answer["data"]["result"]:
            found[json.dumps(one["metric"], sort_keys=True)] = len(one["values"])
    return found


def beside_prometheus(binary):
    outside = Outside()
    with tempfile.TemporaryDirectory() as folder:
        scrape, rules = config(outside.address, RULES, folder)
        theirs = Prometheus(f"""global: {{scrape_interval: 1s, evaluation_interval: 2s}}
rule_files: [{json.dumps(rules)}]
alerting: {{alertmanagers: [{{path_prefix: /theirs, static_configs: [{{targets: ['{outside.address}']}}]}}]}}
scrape_configs: [{{job_name: target, static_configs: [{{targets: ['{outside.address}']}}]}}]
""", folder=folder)
        ours = Watchfire(binary, "serve", f"--scrape-config={scrape}", f"--rules={rules}", "--default-rules=false",
                         f"--alertmanager=http://{outside.address}/ours")
        start = time.time()

        def api(path, **parameters):
            status, answer = ours.ask(f"/prometheus/api/v1/{path}", **parameters)
            return status, json.loads(answer)

        def firing(api):
            _, answer = api("alerts")
            return sorted(json.dumps(alert["labels"], sort_keys=True) for alert in answer["data"]["alerts"] if alert["state"] == "firing")

        def both(holds, what):
            wait_until(lambda: holds(firing(api)) and holds(firing(theirs.api.get)), what)

        outside.metrics.update({"b": 7, 'a{n="1"}': 3, 'a{n="2"}': 0, 'short{n="1"}': 1})
        names = lambda found: {json.loads(one)["alertname"] for one in found}
        both(lambda found: {"AtOnce", "AfterASmallWhile", "AfterAWhile", "First", "Second"} <= names(found), "all alerts fire")
        same = lambda: firing(api) == firing(theirs.api.get)
        wait_until(same, "both show the same alerts firing")
        expect(same(), f"both show the same {len(firing(api))} alerts firing")
        outside.metrics['short{n="1"}'] = 0
        # Long enough that what goes on is told again.
        time.sleep(RESEND + 5)
        outside.metrics['a{n="1"}'] = 0
        both(lambda found: not found, "all alerts are over")
        outside.metrics['a{n="2"}'] = 5
        both(lambda found: {"AtOnce", "Second"} <= names(found), "a second alert fires")
        outside.metrics['a{n="2"}'] = 0
        both(lambda found: not found, "it is over")
        time.sleep(SLACK)
        compare(outside)
        end = time.time()
        there, here = series(theirs.api.get, start, end), series(api, start, end)
        expect(there and sorted(here) == sorted(there), f"the same {len(there)} series tell of alerts: only here {sorted(set(here) - set(there))[:3]}, only there {sorted(set(there) - set(here))[:3]}")
        apart = {key: (here.get(key), count) for key, count in there.items() if abs(here.get(key, 0) - count) > SLACK + 4}
        expect(not apart, f"they are there for as long: {list(apart.items())[:3]}")
        ours.stop()
        theirs.stop()


def restored(binary):
    outside = Outside()
    with tempfile.TemporaryDirectory() as folder:
        scrape, rules = config(outside.address, RESTARTED, folder)
        data = os.path.join(folder, "data")
        start = lambda: Watchfire(binary, "serve", f"--scrape-config={scrape}", f"--rules={rules}", "--default-rules=false", folder=data)

        def alert(fire):
            found = fire.get("/prometheus/api/v1/alerts")["data"]["alerts"]
            return found[0] if found else None

        outside.metrics["a"] = 1
        fire = start()
        wait_until(lambda: alert(fire), "the alert is pending")
        active = alert(fire)["activeAt"]
        fire.kill()
        fire = start()
        wait_until(lambda: alert(fire), "the alert is known after a crash")
        expect(alert(fire)["activeAt"] == active, f"it is true since {active}, as before: {alert(fire)['activeAt']}")
        wait_until(lambda: alert(fire)["state"] == "firing", "it fires")
        lasted = time.time() - seconds(active)
        expect(lasted >= 20, f"it fired once it had been true for 20 s ({lasted:.1f} s)")
        outside.metrics["a"] = 0
        wait_until(lambda: "keepFiringSince" in alert(fire), "it is kept firing")
        since = alert(fire)["keepFiringSince"]
        fire.kill()
        fire = start()
        wait_until(lambda: alert(fire), "it is known after another crash")
        found = alert(fire)
        expect(found["state"] == "firing" and found["activeAt"] == active and found.get("keepFiringSince") == since, f"it is kept firing since {since}: {found}")
        wait_until(lambda: alert(fire) is None, "it is over")
        kept = time.time() - seconds(since)
        expect(kept >= 40, f"it was kept for 40 s from when it was no longer true ({kept:.1f} s)")
        fire.stop()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--only", choices=["beside", "restored"])
    asked = arguments.parse_args()
    if asked.only != "restored":
        beside_prometheus(asked.binary)
    if asked.only != "beside":
        restored(asked.binary)
    close()


main()
