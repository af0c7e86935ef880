"""Delivery against receivers that fail in every way, kills in between, and calls from outside.

    delivery.py BINARY [--kills 4] [--captured FILE]

Groups of alerts go to webhooks that answer 429 with Retry-After or 500 for a while, hang, reset the
connection, are dead at first, or say 410; incidents go to PagerDuty, Slack (hook and app), a
webhook and mail. Every notification has to arrive at least once and in order for each group, none
twice but for a kill, and no destination may hold up another. Calls that PagerDuty and Slack signed
acknowledge and resolve the incident; forged and repeated ones do nothing.
"""

import argparse
import base64
import email
import hashlib
import hmac
import json
import os
import signal
import socket
import socketserver
import struct
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from server import Watchfire

PATIENCE = 150
GROUPS = 12
KEY = "0123456789abcdef0123456789abcdef"
HOOK_SECRET, SLACK_SECRET = "pagerduty-hush", "slack-hush"
failed = []


def check(good, what):
    print("ok  " if good else "FAIL", what, flush=True)
    if not good:
        failed.append(what)


def until(what, is_so, patience=PATIENCE):
    end = time.time() + patience
    while time.time() < end:
        found = is_so()
        if found:
            return found
        time.sleep(0.1)
    check(False, f"{what} (waited {patience} s)")
    return None


class Receivers:
    """Every receiver on one port: what a path does is said by its last part."""

    def __init__(self, captured=None):
        self.seen, self.lock, self.captured = [], threading.Lock(), captured
        self.tries, self.behaviour = {}, {}
        receivers = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                receivers.take(self, body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, request, body):
        path = request.path
        with self.lock:
            count = self.tries[path] = self.tries.get(path, 0) + 1
        status, headers, answer = self.behaviour.get(path, lambda _: (200, {}, b"{}"))(count)
        if status == "reset":
            linger = struct.pack("ii", 1, 0)
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            request.connection.close()
            request.close_connection = True
            return
        if status == "hang":
            time.sleep(30)
            request.close_connection = True
            return
        if status < 300:
            with self.lock:
                self.seen.append((time.time(), path, dict(request.headers), body))
            if self.captured:
                entry = {"path": path, "headers": dict(request.headers), "body": body.decode(), "status": status}
                self.captured.write(json.dumps(entry) + "\n")
                self.captured.flush()
        request.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            request.send_header(name, value)
        request.send_header("content-length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def of(self, path):
        with self.lock:
            return [json.loads(body) for _, at, _, body in self.seen if at == path]


class Mail(socketserver.StreamRequestHandler):
    """A mail server that takes everything."""

    taken = []

    def handle(self):
        say = lambda line: self.wfile.write(line.encode() + b"\r\n")
        say("220 ready")
        while line := self.rfile.readline().decode().strip():
            word = line.split(" ")[0].upper()
            if word == "EHLO":
                say("250-me\r\n250 AUTH PLAIN")
            elif word == "AUTH":
                known = base64.b64decode(line.split(" ")[2]) == b"\0ops\0hush"
                say("235 welcome" if known else "535 no")
            elif word == "DATA":
                say("354 go on")
                mail = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    mail += part[1:] if part.startswith(b"..") else part
                Mail.taken.append(email.message_from_bytes(mail))
                say("250 taken")
            elif word == "QUIT":
                return say("221 bye")
            else:
                say("250 fine")


def post(url, body, headers):
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def rfc3339(at):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03}Z"


def alerts(watchfire, kind, numbers, firing):
    now = time.time()
    sent = [
        {
            "labels": {"alertname": "Down", "kind": kind, "n": str(n), "severity": "warning"},
            "annotations": {"summary": f"{n} is down"},
            "startsAt": rfc3339(now - 5),
            "endsAt": rfc3339(now + 3600 if firing else now - 1),
        }
        for n in numbers
    ]
    body = json.dumps(sent).encode()
    status = post(watchfire.url + "/alertmanager/api/v2/alerts", body, {"content-type": "application/json"})
    if status != 200:
        raise SystemExit(f"alerts were refused: {status}")


def configuration(folder, receivers, kinds):
    """A receiver for each kind of failure, each group an alert."""
    lines = ["route:", "  receiver: rest", "  group_by: [kind, n]", "  group_wait: 0s", "  group_interval: 1s", "  repeat_interval: 4h", "  routes:"]
    for kind in kinds:
        lines.append(f"  - {{receiver: {kind}, matchers: ['kind=\"{kind}\"']}}")
    lines += ["receivers:", "- name: rest"]
    for kind, url in kinds.items():
        lines += [f"- name: {kind}", "  webhook_configs:", f"  - url: {url}"]
    path = os.path.join(folder, "alertmanager.yml")
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


def statuses(receivers, path):
    """What each group was told, in the order of arrival."""
    told = {}
    for message in receivers.of(path):
        told.setdefault(message["groupLabels"]["n"], []).append(message["status"])
    return told


def is_complete(receivers, path, count):
    told = statuses(receivers, path)
    return len(told) == count and all(each[-1] == "resolved" for each in told.values())


def judge(receivers, path, kind, kills=0):
    """Each group was told of both, in order, and once more at most for each kill in between."""
    told = statuses(receivers, path)
    ordered = all(each == sorted(each) and set(each) == {"firing", "resolved"} for each in told.values())
    doubled = sum(len(each) - 2 for each in told.values())
    most = max((each.count(status) for each in told.values() for status in each), default=0)
    check(ordered and len(told) == GROUPS, f"{kind}: all {GROUPS} groups were told that they fire, then that they do not")
    check(most <= 1 + kills, f"{kind}: {doubled} of {2 * GROUPS} came again, none oftener than {kills} times")


def failing(binary, receivers, folder):
    """Receivers that fail for a while, beside one that works."""
    dead = socket.socket()
    dead.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    dead.bind(("127.0.0.1", 0))
    dead_port = dead.getsockname()[1]
    hook = lambda kind: f"{receivers.url}/hook/{kind}"
    kinds = {kind: hook(kind) for kind in ("good", "limited", "broken", "resetting", "hanging")}
    kinds["dead"] = f"http://127.0.0.1:{dead_port}/hook/dead"
    path = configuration(folder, receivers, kinds)
    receivers.behaviour.update({
        "/hook/limited": lambda n: (429, {"Retry-After": "2"}, b"") if n % 5 == 1 else (200, {}, b""),
        "/hook/broken": lambda n: (500, {}, b"") if n <= 3 else (200, {}, b""),
        "/hook/resetting": lambda n: ("reset", {}, b"") if n <= 3 else (200, {}, b""),
        "/hook/hanging": lambda n: ("hang", {}, b"") if n <= 2 else (200, {}, b""),
    })
    watchfire = Watchfire(binary, "serve", f"--alertmanager-config={path}", "--default-rules=false", folder=folder)
    try:
        for kind in kinds:
            alerts(watchfire, kind, range(GROUPS), True)
        until("the one that works is told", lambda: len(statuses(receivers, "/hook/good")) == GROUPS, 60)
        check(not statuses(receivers, "/hook/dead"), "the one that works was told while another was dead")
        for kind in kinds:
            if kind != "dead":
                until(f"{kind} is told", lambda: len(statuses(receivers, f"/hook/{kind}")) == GROUPS)
        for kind in kinds:
            alerts(watchfire, kind, range(GROUPS), False)
        for kind in kinds:
            if kind != "dead":
                until(f"{kind} is told of the end", lambda: is_complete(receivers, f"/hook/{kind}", GROUPS))
                judge(receivers, f"/hook/{kind}", kind)
        dead.close()
        revived = ThreadingHTTPServer(("127.0.0.1", dead_port), receivers.server.RequestHandlerClass)
        threading.Thread(target=revived.serve_forever, daemon=True).start()
        # What was attempted may have arrived: it is told of both. The rest is over before it began.
        metrics = lambda: watchfire.ask("/metrics")[1].decode()
        until("the dead one is told when it lives", lambda: 'watchfire_notify_queue_depth{destination="dead/webhook/0"} 0' in metrics())
        told = statuses(receivers, "/hook/dead")
        check(told and all(each == ["firing", "resolved"] for each in told.values()), f"dead: {len(told)} groups that were attempted were told of both, in order")
        status = metrics()
        check('watchfire_notify_failures_total{destination="limited/webhook/0",reason="rate_limited"}' in status, "failures are counted by reason")
    finally:
        watchfire.process.terminate()
        watchfire.process.wait(60)


def killed(binary, receivers, folder, kills):
    """Killed between commit and send, and between send and mark."""
    slow = {"killed": f"{receivers.url}/hook/killed"}
    receivers.behaviour["/hook/killed"] = lambda _: (time.sleep(0.05), (200, {}, b""))[1]
    path = configuration(folder, receivers, slow)
    start = lambda: Watchfire(binary, "serve", f"--alertmanager-config={path}", "--default-rules=false", folder=folder)
    watchfire = start()
    for firing in (True, False):
        alerts(watchfire, "killed", range(GROUPS), firing)
        for _ in range(kills // 2):
            before = len(receivers.of("/hook/killed"))
            until("something arrives", lambda: len(receivers.of("/hook/killed")) > before or is_told(receivers, firing), 60)
            watchfire.process.send_signal(signal.SIGKILL)
            watchfire.process.wait()
            watchfire = start()
        until("all are told", lambda: is_told(receivers, firing), 90)
    # Half of the kills fell upon each of the two.
    judge(receivers, "/hook/killed", f"killed {kills} times", kills // 2)
    watchfire.process.terminate()
    watchfire.process.wait(60)


def is_told(receivers, firing):
    told = statuses(receivers, "/hook/killed")
    return len(told) == GROUPS and all(firing or each[-1] == "resolved" for each in told.values())


RULES = """groups:
- name: check
  interval: 1s
  rules:
  - alert: FlagUp
    expr: check_flag > 0
    labels: {severity: critical, service: shop}
    annotations: {summary: the flag is up, runbook_url: 'https://runbooks.example/flag'}
"""


def flag(watchfire, value):
    point = {"asDouble": value, "timeUnixNano": str(time.time_ns())}
    metric = {"name": "check_flag", "gauge": {"dataPoints": [point]}}
    service = {"key": "service.name", "value": {"stringValue": "shop"}}
    body = {"resourceMetrics": [{"resource": {"attributes": [service]}, "scopeMetrics": [{"metrics": [metric]}]}]}
    url = "http://" + watchfire.addresses["otlp_http"] + "/v1/metrics"
    return post(url, json.dumps(body).encode(), {"content-type": "application/json"})


def destinations(receivers, mail_port):
    slack_app = f"{receivers.url}/slack-app"
    return f"""
fallback = "standby"
[hooks]
pagerduty_secrets = ["retired", "{HOOK_SECRET}"]
slack_signing_secret = "{SLACK_SECRET}"
[[destination]]
kind = "pagerduty"
name = "pager"
routing_key = "{KEY}"
url = "{receivers.url}/pd/v2/enqueue"
changes = true
[[destination]]
kind = "slack"
name = "chat"
url = "{receivers.url}/slack/hook"
[[destination]]
kind = "slack_bot"
name = "bot"
token = "xoxb-hush"
channel = "#ops"
url = "{slack_app}/"
[[destination]]
kind = "webhook"
name = "hook"
url = "{receivers.url}/hook/incident"
secret = "whsec_aHVzaGh1c2g="
[[destination]]
kind = "webhook"
name = "gone"
url = "{receivers.url}/hook/gone"
[[destination]]
kind = "webhook"
name = "standby"
standby = true
url = "{receivers.url}/hook/standby"
[[destination]]
kind = "email"
name = "mail"
smarthost = "127.0.0.1:{mail_port}"
from = "Watchfire <watchfire@example.org>"
to = "ada@example.org, grace@example.org"
username = "ops"
password = "hush"
require_tls = false
"""


def pagerduty_call(watchfire, dedup_key, event, identity, secret=HOOK_SECRET, occurred=None):
    body = json.dumps({"event": {
        "id": identity, "event_type": event, "resource_type": "incident", "occurred_at": rfc3339(occurred or time.time()),
        "agent": {"id": "P1", "type": "user_reference", "summary": "Ada Lovelace"}, "client": None,
        "data": {"id": "Q1", "type": "incident", "incident_key": dedup_key, "status": "acknowledged"},
    }}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "X-PagerDuty-Signature": f"v1={'0' * 64},v1={signature}", "X-Webhook-Id": identity}
    return post(watchfire.url + "/hooks/pagerduty", body, headers)


def slack_call(watchfire, incident, action, secret=SLACK_SECRET, at=None):
    payload = {"type": "block_actions", "user": {"id": "U1", "name": "grace"}, "actions": [{"action_id": action, "value": incident, "action_ts": str(time.time())}]}
    body = urllib.parse.urlencode({"payload": json.dumps(payload)}).encode()
    stamp = str(int(at or time.time()))
    signature = "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}
    return post(watchfire.url + "/hooks/slack", body, headers)


def incidents(binary, receivers, folder):
    mail = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail)
    threading.Thread(target=mail.serve_forever, daemon=True).start()
    receivers.behaviour.update({
        "/pd/v2/enqueue": lambda _: (202, {}, b'{"status":"success"}'),
        "/pd/v2/change/enqueue": lambda _: (202, {}, b'{"status":"success"}'),
        "/slack/hook": lambda _: (200, {}, b"ok"),
        "/slack-app/chat.postMessage": lambda n: (200, {}, json.dumps({"ok": True, "channel": "C1", "ts": f"17.{n}"}).encode()),
        "/slack-app/chat.update": lambda _: (200, {}, b'{"ok":true,"channel":"C1","ts":"17.1"}'),
        "/hook/gone": lambda _: (410, {}, b""),
    })
    config, rules = os.path.join(folder, "watchfire.toml"), os.path.join(folder, "rules.yml")
    with open(config, "w") as file:
        file.write(destinations(receivers, mail.server_address[1]))
    with open(rules, "w") as file:
        file.write(RULES)
    more = [f"--config={config}", f"--rules={rules}", "--default-rules=false", "--evaluation-interval=1s", "--group-wait=1s", "--quiet=1h"]
    watchfire = Watchfire(binary, "serve", *more, folder=folder)
    stop = threading.Event()

    def wave():
        while not stop.wait(0.5):
            flag(watchfire, 1)

    try:
        deploy = json.dumps({"at": rfc3339(time.time()), "service": "shop", "summary": "new basket", "version": "1.2"}).encode()
        status, _ = watchfire.ask("/api/v1/changes", deploy)
        threading.Thread(target=wave, daemon=True).start()
        opened = until("PagerDuty is told", lambda: receivers.of("/pd/v2/enqueue"))
        if not opened:
            return
        trigger = opened[0]
        incident = trigger["dedup_key"].removeprefix("watchfire-")
        check(trigger["event_action"] == "trigger" and trigger["routing_key"] == KEY, "PagerDuty has a trigger with its key")
        change = until("PagerDuty is told of the deploy", lambda: receivers.of("/pd/v2/change/enqueue"), 60)
        check(bool(change) and "new basket" in change[0]["payload"]["summary"], "a deploy is a change event")
        for path in ("/slack/hook", "/slack-app/chat.postMessage", "/hook/incident", "/hook/standby"):
            until(f"{path} is told", lambda: receivers.of(path), 60)
        until("mail is sent", lambda: Mail.taken, 60)
        stood_in = receivers.of("/hook/standby")[0]
        check(stood_in["alerts"][0]["labels"]["alertname"] == "FlagUp", "what says 410 is replaced by its fallback")
        metrics = watchfire.ask("/metrics")[1].decode()
        check('watchfire_notify_dead_total{destination="gone",reason="gone"} 1' in metrics, "what died is counted")
        buttons(receivers, incident)
        signature(receivers)
        hooks(watchfire, receivers, incident, trigger["dedup_key"])
        threads(receivers)
    finally:
        stop.set()
        watchfire.process.terminate()
        watchfire.process.wait(60)


def buttons(receivers, incident):
    message = receivers.of("/slack-app/chat.postMessage")[0]
    elements = [e for block in message["blocks"] if block["type"] == "actions" for e in block["elements"]]
    values = [e.get("value") for e in elements if e["action_id"].startswith("watchfire_")]
    check(message["channel"] == "#ops" and values == [incident, incident], "the app's message has buttons that name the incident")


def signature(receivers):
    _, _, headers, body = next(it for it in receivers.seen if it[1] == "/hook/incident")
    names = {name.lower(): value for name, value in headers.items()}
    signed = f"{names['webhook-id']}.{names['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(b"hushhush", signed, hashlib.sha256).digest()).decode()
    check(names["webhook-signature"] == expected, "the webhook is signed as in Standard Webhooks")


def hooks(watchfire, receivers, incident, key):
    shown = lambda: watchfire.get(f"/api/v1/incidents/{incident}")
    told = lambda kind: [entry for entry in shown()["timeline"] if entry["kind"] == kind]
    check(pagerduty_call(watchfire, key, "incident.acknowledged", "e0", "forged") == 401, "a forged call of PagerDuty is refused")
    check(pagerduty_call(watchfire, "other", "incident.acknowledged", "e1") == 202, "an incident that is not ours is taken")
    done_at = round(time.time() - 1, 3)
    detected = shown()["detected_at"]
    check(pagerduty_call(watchfire, key, "incident.acknowledged", "e2", occurred=done_at) == 202, "an acknowledgement is taken")
    taken = until("it is acknowledged", lambda: shown()["acknowledged_at"], 60)
    check(shown()["acknowledged_by"] == "Ada Lovelace", "it was Ada")
    check(taken[:19] == max(rfc3339(done_at), detected)[:19], "it counts from when she did it")
    check(pagerduty_call(watchfire, key, "incident.acknowledged", "e2", occurred=done_at) == 202, "the same call again is taken")
    check(pagerduty_call(watchfire, key, "incident.annotated", "e3") == 202, "what says nothing is taken")
    until("Slack's message says so", lambda: "Acknowledged" in json.dumps(receivers.of("/slack-app/chat.update")), 60)
    check(len(told("acknowledged")) == 1, "it was done once")
    actions = [event["event_action"] for event in receivers.of("/pd/v2/enqueue")]
    check("acknowledge" not in actions, "PagerDuty hears no echo")
    check(slack_call(watchfire, incident, "watchfire_resolve", "forged") == 401, "a forged call of Slack is refused")
    check(slack_call(watchfire, incident, "watchfire_resolve", at=time.time() - 600) == 401, "an old call of Slack is refused")
    check(slack_call(watchfire, incident, "open_0") == 200, "a button that is a link does nothing")
    check(shown()["resolved_at"] is None, "it is still open")
    check(slack_call(watchfire, incident, "watchfire_resolve") == 200, "a button is taken")
    until("it is resolved", lambda: shown()["resolved_at"], 60)
    until("PagerDuty is told of the end", lambda: any(e["event_action"] == "resolve" for e in receivers.of("/pd/v2/enqueue")), 60)
    until("Slack's message says so", lambda: "Resolved" in json.dumps(receivers.of("/slack-app/chat.update")), 60)
    check(any(entry.get("actor") == "grace" for entry in told("resolved")), "it was Grace")


def threads(receivers):
    until("mail tells of the end", lambda: len(Mail.taken) >= 2, 60)
    first, last = Mail.taken[0], Mail.taken[-1]
    check(last["In-Reply-To"] == first["Message-ID"], "the mails of an incident are one thread")
    check([part.get_content_type() for part in first.get_payload()] == ["text/plain", "text/html"], "a mail has both parts")
    until("what stood in is told of the end", lambda: any(m["status"] == "resolved" for m in receivers.of("/hook/standby")), 60)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--kills", type=int, default=4)
    arguments.add_argument("--captured", type=argparse.FileType("w"))
    a = arguments.parse_args()
    receivers = Receivers(a.captured)
    for part in (incidents, failing, lambda *all: killed(*all, a.kills)):
        with tempfile.TemporaryDirectory() as folder:
            part(a.binary, receivers, folder)
    if failed:
        raise SystemExit(f"{len(failed)} failed")


if __name__ == "__main__":
    main()
