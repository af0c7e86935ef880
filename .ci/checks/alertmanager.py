"""Notifications beside Debian's Prometheus and Alertmanager: the same, in the same order, within seconds.

    alertmanager.py BINARY [--only rules|told|crash]

rules  Prometheus scrapes a target and evaluates rules, Alertmanager routes what fires. We scrape the same target,
       evaluate the same rules and route by the same file. One receiver takes the webhooks of both.
told   The same alerts are told to both over HTTP, in the ways in which Alertmanager tests itself: merged, repeated,
       batched, resolved, inhibited, silenced, muted, with a configuration that is read anew.
crash  Alerts are told to us alone, and we are killed without warning again and again: nothing that was
       acknowledged is lost, and nothing is repeated but what was under way.
"""

import argparse
import collections
import http.server
import json
import os
import random
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from prometheus_peer import PATIENCE, Prometheus, free_port, wait_until
from server import Watchfire, close, expect

SLACK = 4.0  # seconds that the two may be apart; both share this machine with much else


class Receiver:
    """Takes webhooks: /theirs/NAME and /ours/NAME; and gives metrics to be scraped."""

    def __init__(self):
        self.taken, self.metrics = [], {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.taken.append((time.time(), self.path, body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def do_GET(self):
                text = "".join(f"{name} {value}\n" for name, value in sorted(outer.metrics.items())).encode()
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self, side, begin):
        """By receiver and group: what each notification said, and when."""
        found = collections.defaultdict(list)
        for at, path, body in list(self.taken):
            _, whose, name = path.split("/")
            if whose == side:
                alerts = [
                    (json.dumps(a["labels"], sort_keys=True), a["status"], json.dumps(a["annotations"], sort_keys=True), a["fingerprint"])
                    for a in body["alerts"]
                ]
                shown = {key: body[key] for key in ["status", "receiver", "groupLabels", "commonLabels", "commonAnnotations", "version"]}
                found[name, body["groupKey"]].append((round(at - begin, 2), shown, alerts))
        return found


class Alertmanager:
    def __init__(self, folder, config):
        self.path, self.port = os.path.join(folder, "theirs.yml"), free_port()
        self.write(config)
        arguments = [
            "prometheus-alertmanager", f"--config.file={self.path}", f"--storage.path={folder}/am",
            f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address=", "--log.level=warn",
        ]
        self.log = open(os.path.join(folder, "am.log"), "w")
        self.process = subprocess.Popen(arguments, stdout=self.log, stderr=self.log)
        self.url = f"http://127.0.0.1:{self.port}"
        wait_until(lambda: post(self.url, "/-/ready", None)[0] == 200, "Alertmanager is ready")

    def write(self, config):
        with open(self.path, "w") as file:
            file.write(config)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)
        self.log.close()


def post(url, path, body, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"content-type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()


def sided(config, port, side):
    """The configuration with every receiver's own address."""
    return config.replace("HOOK", f"http://127.0.0.1:{port}/{side}")


def compared(receiver, begin, what, least, slack=SLACK):
    """Holds both sides' notifications to each other; prints where they differ."""
    theirs, ours = receiver.told("theirs", begin), receiver.told("ours", begin)
    groups, differing, apart = sorted({*theirs, *ours}), [], 0.0
    for group in groups:
        a, b = theirs.get(group, []), ours.get(group, [])
        same = [one[1:] for one in a] == [one[1:] for one in b]
        gaps = [abs(x[0] - y[0]) for x, y in zip(a, b)]
        apart = max([apart, *gaps])
        if not same or max([0, *gaps]) > slack:
            differing.append((group, a, b))
    for group, a, b in differing:
        print("---", group)
        for side, notices in [("theirs", a), ("ours", b)]:
            for at, shown, alerts in notices:
                labels = [(status, text) for text, status, *_ in alerts]
                print(f"    {side:6} {at:7.2f} s {shown['status']} {labels}")
    count = sum(map(len, theirs.values()))
    expect(not differing, f"{what}: {count} notifications of {len(groups)} groups are the same, at most {apart:.1f} s apart")
    expect(count >= least, f"{what}: enough of them ({count}, at least {least})")


RULES = """
groups:
- name: check
  interval: 1s
  rules:
  - alert: Down
    expr: check_down > 0
    labels: {severity: critical}
    annotations: {summary: '{{ $labels.instance_id }} is down', value: '{{ $value }}'}
  - alert: Slow
    expr: check_slow > 0
    for: 2s
    labels: {severity: warning}
    annotations: {summary: 'slow'}
  - alert: Quiet
    expr: check_quiet > 0
    labels: {severity: warning}
- name: more
  interval: 1s
  rules:
  - {alert: Repeats, expr: check_repeats > 0, labels: {severity: page}}
  - {alert: Muted, expr: check_muted > 0, labels: {severity: page}}
  - {alert: Silenced, expr: check_silenced > 0, labels: {severity: page}}
  - {alert: Alone, expr: check_alone > 0}
"""

BY_RULES = """
global: {resolve_timeout: 1m}
route:
  receiver: all
  group_by: [alertname]
  group_wait: 4s
  group_interval: 12s
  repeat_interval: 1h
  routes:
  - {match: {alertname: Repeats}, receiver: repeats, repeat_interval: 20s}
  - {matchers: ['alertname=~"Muted|Never"'], receiver: muted, mute_time_intervals: [always]}
  - {match: {alertname: Muted}, receiver: never}
  - {match: {alertname: Alone}, receiver: alone, group_by: ['...']}
  - {match: {severity: critical}, receiver: first, continue: true, group_by: [cluster, alertname]}
  - {match: {severity: critical}, receiver: second, group_by: [instance_id]}
inhibit_rules:
- {source_matchers: [alertname="Down"], target_matchers: [alertname="Slow"], equal: [instance_id]}
time_intervals:
- {name: always, time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]}
receivers:
- {name: all, webhook_configs: [{url: HOOK/all}]}
- {name: first, webhook_configs: [{url: HOOK/first, send_resolved: false}]}
- {name: second, webhook_configs: [{url: HOOK/second}]}
- {name: repeats, webhook_configs: [{url: HOOK/repeats}]}
- {name: muted, webhook_configs: [{url: HOOK/muted}]}
- {name: never, webhook_configs: [{url: HOOK/never}]}
- {name: alone, webhook_configs: [{url: HOOK/alone}]}
"""

# When each series changes, in seconds. A group that begins at t is flushed about t + 5 and then every 12 s:
# the changes lie between.
SERIES = [
    (2, 'check_down{instance_id="1"}', 1), (3, 'check_slow{instance_id="1"}', 1), (3, 'check_slow{instance_id="2"}', 1),
    (2, 'check_repeats{instance_id="1"}', 1), (2, 'check_muted{instance_id="1"}', 1), (2, 'check_silenced{instance_id="1"}', 1),
    (3, 'check_alone{instance_id="1"}', 1), (3, 'check_alone{instance_id="2"}', 1), (2, 'check_quiet{instance_id="1"}', 1),
    (4, 'check_quiet{instance_id="1"}', 0),
    (13, 'check_down{instance_id="2"}', 1), (14, 'check_alone{instance_id="1"}', 0), (13, 'check_repeats{instance_id="2"}', 1),
    (25, 'check_down{instance_id="1"}', 0), (26, 'check_slow{instance_id="2"}', 0), (37, 'check_repeats{instance_id="2"}', 0),
    (49, 'check_down{instance_id="2"}', 0), (50, 'check_slow{instance_id="1"}', 0), (61, 'check_repeats{instance_id="1"}', 0),
]
SILENCED_UNTIL = 38


def silence(matchers, seconds=3600):
    now = time.time()
    moment = lambda at: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + ".000Z"
    listed = [{"name": name, "value": value, "isRegex": False} for name, value in matchers.items()]
    return {"matchers": listed, "startsAt": moment(now - 1), "endsAt": moment(now + seconds), "createdBy": "check", "comment": "check"}


def by_rules(binary, folder):
    receiver = Receiver()
    rules, scrape, ours = (os.path.join(folder, name) for name in ["rules.yml", "scrape.yml", "ours.yml"])
    jobs = f"scrape_configs: [{{job_name: check, scrape_interval: 1s, static_configs: [{{targets: ['127.0.0.1:{receiver.port}']}}]}}]\n"
    for path, text in [(rules, RULES), (scrape, jobs), (ours, sided(BY_RULES, receiver.port, "ours"))]:
        with open(path, "w") as file:
            file.write(text)
    theirs = Alertmanager(folder, sided(BY_RULES, receiver.port, "theirs"))
    alerting = f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{theirs.port}']}}]}}]}}\n"
    prometheus = Prometheus(f"global: {{evaluation_interval: 1s}}\nrule_files: ['{rules}']\n{alerting}{jobs}")
    here = Watchfire(binary, "serve", "--default-rules=false", f"--rules={rules}", f"--scrape-config={scrape}", f"--alertmanager-config={ours}")
    receiver.metrics["check_begun"] = 1
    wait_until(lambda: here.promql("check_begun") and prometheus.api.value("check_begun"), "both scrape")
    made = {}
    for side, url in [("theirs", theirs.url), ("ours", here.url + "/alertmanager")]:
        status, answer = post(url, "/api/v2/silences", silence({"alertname": "Silenced"}))
        made[side] = (url, json.loads(answer)["silenceID"])
    begin = time.time()
    events = [(at, "metric", (name, value)) for at, name, value in SERIES] + [(SILENCED_UNTIL, "expire", None)]
    for at, kind, what in sorted(events, key=lambda event: event[0]):
        time.sleep(max(0, begin + at - time.time()))
        if kind == "metric":
            receiver.metrics[what[0]] = what[1]
        else:
            for url, name in made.values():
                post(url, f"/api/v2/silence/{name}", None, "DELETE")
    time.sleep(max(0, begin + 80 - time.time()))
    compared(receiver, begin, "rules", 16)
    silenced = [n for n in receiver.told("ours", begin) if "Silenced" in n[1]]
    expect(silenced, "what was silenced is told when the silence ends")
    here.stop()
    prometheus.stop()
    theirs.stop()


# Each case is a receiver of its own. (case, second, labels, starts and ends in seconds from the beginning or none)
TOLD = """
route:
  receiver: other
  group_by: [alertname]
  group_wait: 1s
  group_interval: 4s
  repeat_interval: 1h
  routes:
  - {match: {case: merge}, receiver: merge}
  - {match: {case: repeat}, receiver: repeat, repeat_interval: 6s}
  - {match: {case: batch}, receiver: batch, group_by: [], group_wait: 3s}
  - {match: {case: resolved}, receiver: resolved}
  - {match: {case: filtered}, receiver: filtered}
  - {match: {case: inhibit}, receiver: inhibit, group_by: ['...']}
  - {match: {case: itself}, receiver: itself}
  - {match: {case: silence}, receiver: silence}
  - {match: {case: muted}, receiver: muted, active_time_intervals: [never]}
  - {match: {case: both}, receiver: both, continue: true}
  - {match: {case: both}, receiver: both, group_by: [pod]}
  - {match: {case: late}, receiver: late, group_wait: 30s}
  - {match: {case: short}, receiver: short, group_wait: 6s}
  - {match: {case: again}, receiver: again}
  - {match: {case: timeout}, receiver: timeout}
inhibit_rules:
- {source_match: {severity: critical}, target_match: {severity: warning}, equal: [case, pod]}
- {source_match: {kind: both}, target_match: {kind: both}, equal: [case]}
time_intervals: [{name: never, time_intervals: [{years: ['1999']}]}]
receivers:
""" + "".join(
    f"- {{name: {name}, webhook_configs: [{{url: HOOK/{name}{', send_resolved: false' if name == 'filtered' else ''}}}]}}\n"
    for name in "other merge repeat batch resolved filtered inhibit itself silence muted both late short again timeout".split()
)


def told_cases():
    """(second, labels, seconds of its start and end or none)"""
    make = lambda at, case, start, end, **labels: (at, {"case": case, "alertname": labels.pop("alertname", "A"), **labels}, start, end)
    return [
        # One alert told with other starts is one.
        make(1, "merge", 1, None, pod="1"), make(2, "merge", -5, None, pod="1"), make(3, "merge", 2, None, pod="1"), make(11, "merge", 1, 11, pod="1"),
        make(1, "repeat", 1, 100, pod="1"), make(8, "repeat", 1, 100, pod="1"),
        *[make(1 + index * 0.3, "batch", None, None, alertname=f"A{index}") for index in range(5)], make(8, "batch", None, None, alertname="late"),
        make(1, "resolved", 1, None, pod="1"), make(1, "resolved", 1, None, pod="2"), make(8, "resolved", 1, 8, pod="1"), make(12, "resolved", 1, 12, pod="2"),
        make(1, "filtered", 1, None, pod="1"), make(1, "filtered", 1, None, pod="2"), make(8, "filtered", 1, 8, pod="1"), make(12, "filtered", 1, 12, pod="2"),
        make(16, "filtered", 16, None, pod="1"),
        make(1, "inhibit", 1, None, pod="1", severity="critical"), make(1, "inhibit", 1, None, pod="1", severity="warning"),
        make(1, "inhibit", 1, None, pod="2", severity="warning"), make(12, "inhibit", 1, 12, pod="1", severity="critical"),
        make(1, "itself", 1, None, pod="1", kind="both"), make(1, "itself", 1, None, pod="2", kind="both"),
        make(1, "silence", 1, None, pod="1"), make(1, "silence", 1, None, pod="2"),
        make(1, "muted", 1, None, pod="1"),
        make(1, "both", 1, None, pod="1"), make(1, "both", 1, None, pod="2"), make(8, "both", 1, 8, pod="1"),
        # One that has fired for longer than the group waits is told at once.
        make(1, "late", -60, None, pod="1"),
        # One that is over before its group is flushed is told to nobody.
        make(1, "short", 1, None, pod="1"), make(3, "short", 1, 3, pod="1"),
        make(1, "again", 1, None, pod="1"), make(8, "again", 1, 8, pod="1"), make(20, "again", 20, None, pod="1"),
        make(1, "timeout", 1, 9, pod="1"),
        make(1, "other", None, None, pod="ä\n\"x\\"), make(1, "other", None, None, alertname="", pod="1"),
    ]


def by_telling(binary, folder):
    receiver = Receiver()
    path = os.path.join(folder, "told.yml")
    with open(path, "w") as file:
        file.write(sided(TOLD, receiver.port, "ours"))
    theirs = Alertmanager(folder, sided(TOLD, receiver.port, "theirs"))
    here = Watchfire(binary, "serve", "--default-rules=false", f"--alertmanager-config={path}")
    urls = [theirs.url, here.url + "/alertmanager"]
    begin = time.time() + 1
    moment = lambda second: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(begin + second)) + ".000Z"
    silences = [json.loads(post(url, "/api/v2/silences", silence({"case": "silence", "pod": "2"}))[1])["silenceID"] for url in urls]
    events = collections.defaultdict(list)
    for at, labels, start, end in told_cases():
        times = {key: moment(value) for key, value in [("startsAt", start), ("endsAt", end)] if value is not None}
        events[at].append({"labels": labels, "annotations": {"of": labels["case"]}, "generatorURL": "http://check/", **times})
    events[11.5] = "expire"
    events[14.2] = "reload"
    for at in sorted(events):
        time.sleep(max(0, begin + at - time.time()))
        what = events[at]
        if what == "expire":
            for url, name in zip(urls, silences):
                post(url, f"/api/v2/silence/{name}", None, "DELETE")
        elif what == "reload":
            for url in urls:
                status, answer = post(url, "/-/reload", None, "POST")
                expect(status == 200, f"the configuration is read anew ({status} {answer})")
        else:
            answers = [post(url, "/api/v2/alerts", what)[0] for url in urls]
            if answers != [200, 200]:
                expect(False, f"both take what is told: {answers} {what}")
    time.sleep(max(0, begin + 30 - time.time()))
    compared(receiver, begin, "told", 35)
    groups = [json.loads(post(url, "/api/v2/alerts/groups", None)[1]) for url in urls]
    shown = [[(g["labels"], g["receiver"]["name"], [(a["labels"], [r["name"] for r in a["receivers"]], a["status"]["inhibitedBy"], a["fingerprint"]) for a in g["alerts"]]) for g in of] for of in groups]
    for of in shown:
        of.sort(key=str)
    expect(shown[0] == shown[1], f"both show the same {len(shown[1])} groups")
    if shown[0] != shown[1]:
        print([g for g in shown[0] if g not in shown[1]], "\n", [g for g in shown[1] if g not in shown[0]])
    here.stop()
    theirs.stop()


CRASH = """
route: {receiver: crash, group_by: [alertname], group_wait: 1s, group_interval: 2s, repeat_interval: 4h}
receivers: [{name: crash, webhook_configs: [{url: HOOK/crash}]}]
"""


def by_crashing(binary, folder, kills=6):
    receiver, dice = Receiver(), random.Random(7117)
    path, data = os.path.join(folder, "crash.yml"), os.path.join(folder, "data")
    with open(path, "w") as file:
        file.write(sided(CRASH, receiver.port, "ours"))
    listen = f"127.0.0.1:{free_port()}"
    start = lambda: Watchfire(binary, "serve", "--default-rules=false", f"--alertmanager-config={path}", folder=data, listen=listen)
    here, fired, begin = start(), [], time.time()
    for kill in range(kills):
        until = time.time() + dice.uniform(2, 4)
        while time.time() < until:
            name = f"{kill}-{len(fired)}"
            alert = {"labels": {"alertname": name}, "endsAt": "2999-01-01T00:00:00Z"}
            if post(here.url, "/alertmanager/api/v2/alerts", [alert])[0] == 200:
                fired.append(name)
            time.sleep(dice.uniform(0.05, 0.3))
        here.kill()
        here = start()
    heard = lambda status: collections.Counter(
        body["groupLabels"]["alertname"] for _, _, body in list(receiver.taken) if body["status"] == status
    )
    wait_until(lambda: set(fired) <= set(heard("firing")), "every alert is told", lambda: str(set(fired) - set(heard("firing"))))
    ends = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    for name in fired:
        alert = {"labels": {"alertname": name}, "startsAt": "2020-01-01T00:00:00Z", "endsAt": ends}
        while post(here.url, "/alertmanager/api/v2/alerts", [alert])[0] != 200:
            time.sleep(0.2)
    here.kill()
    here = start()
    expect(len(fired) > 20, f"crash: enough alerts are told ({len(fired)})")
    wait_until(lambda: set(fired) <= set(heard("resolved")), "every end is told", lambda: str(set(fired) - set(heard("resolved"))))
    # What would be repeated is, by now.
    time.sleep(5)
    for status in ["firing", "resolved"]:
        counts = heard(status)
        twice = sum(count - 1 for count in counts.values())
        expect(set(fired) <= set(counts), f"crash: {len(fired)} alerts told through {kills + 1} kills: none of them lost, {status}")
        expect(twice <= kills + 1 and max(counts.values(), default=0) <= 2, f"crash: none repeated but what was under way ({twice} twice), {status}")
    here.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--only", choices=["rules", "told", "crash"])
    options = parser.parse_args()
    for name, check in [("rules", by_rules), ("told", by_telling), ("crash", by_crashing)]:
        if options.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                check(options.binary, folder)
    close()


main()
