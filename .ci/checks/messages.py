"""The messages service as a client and as its providers see it: stand-ins of our own take what it sends, by HTTP and
by SMTP, fail as they are told to, and tell receipts.

    messages.py path/to/watchfire [--messages 2000] [--direct]

With --direct the service itself is asked, without the gateway.
"""

import argparse
import base64
import collections
import concurrent.futures
import email
import email.policy
import hashlib
import hmac
import http.client
import http.server
import json
import math
import os
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from server import close, expect

PATIENCE = 60
SECRETS = {"email": "smtp-secret-5d1e7a", "sms": "sms-secret-91c0b2", "push": "push-secret-77aa03"}
DEVICE = "device-token-0123456789"


class Taken:
    """What the providers were handed: (at, provider, key, body, traceparent)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.calls = []
        self.kept = collections.defaultdict(list)
        self.moods = {}
        self.wrong_credentials = 0

    def note(self, provider, key, body, headers=None):
        with self.lock:
            self.calls.append((time.time(), provider, key, body, (headers or {}).get("traceparent")))

    def keep(self, provider, key):
        with self.lock:
            self.kept[key].append(provider)

    def of(self, provider=None, key=None):
        with self.lock:
            return [call for call in self.calls if provider in (None, call[1]) and key in (None, call[2])]


TAKEN = Taken()


class HttpProvider(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        provider = self.path.strip("/")
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers["authorization"] != "Bearer " + SECRETS[provider.split("-")[0]]:
            TAKEN.wrong_credentials += 1
        key = self.headers["idempotency-key"]
        TAKEN.note(provider, key, body, self.headers)
        mood = TAKEN.moods.get(provider, "takes")
        if mood.startswith("throttles"):
            return self.answer(429, {}, {"retry-after": mood.split()[1]})
        if mood == "fails":
            return self.answer(503, {})
        if mood == "refuses":
            return self.answer(422, {"error": "no such recipient"})
        if mood.startswith("delays"):
            time.sleep(float(mood.split()[1]))
        known = key in TAKEN.kept
        if not known:
            TAKEN.keep(provider, key)
        if mood == "breaks off" and not known:
            # Taken, and the answer never arrives.
            self.connection.shutdown(2)
            self.close_connection = True
            return None
        return self.answer(202, {"id": "p-" + key})

    def answer(self, status, body, headers=None):
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(text)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class SmtpProvider(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.say("220 check ESMTP")
        while line := self.rfile.readline():
            command = line.split()[0].upper() if line.split() else b""
            if command == b"EHLO":
                self.say("250-check\r\n250-AUTH PLAIN\r\n250 8BITMIME")
            elif command == b"AUTH":
                plain = base64.b64decode(line.split()[2]).split(b"\0")
                if plain[1:] != [b"mailer", SECRETS["email"].encode()]:
                    TAKEN.wrong_credentials += 1
                self.say("235 welcome")
            elif command == b"DATA":
                self.say("354 go on")
                lines = []
                while (text := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(text[1:] if text.startswith(b".") else text)
                self.take(b"".join(lines))
            elif command == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 OK")

    def take(self, raw):
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        key = mail["message-id"].strip("<>").split("@")[0]
        TAKEN.note("email-primary", key, mail)
        if TAKEN.moods.get("email-primary") == "fails":
            return self.say("451 try again")
        TAKEN.keep("email-primary", key)
        return self.say("250 OK " + key)


class Threaded(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def handle_error(self, *_):
        """A client that is killed is no fault of the provider."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*_)


def serve(handler):
    server = Threaded(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


class Service:
    """The running services, behind their gateway."""

    def __init__(self, binary, folder, http_port, smtp_port, direct):
        self.binary, self.direct = binary, direct
        self.prefix = "" if direct else "/messages"
        names = [name + "-" + rank for name in ("email", "sms", "push") for rank in ("primary", "secondary")]
        urls = {name: f"http://127.0.0.1:{http_port}/{name}" for name in names}
        urls["email-primary"] = f"smtp://mailer@127.0.0.1:{smtp_port}"
        variable = lambda name, what: f"WATCHFIRE_MESSAGES_{name.upper().replace('-', '_')}_{what}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
            **{variable(name, "URL"): url for name, url in urls.items()},
            **{variable(name, "RATE"): "2000" for name in names},
            "WATCHFIRE_MESSAGES_SMTP": SECRETS["email"], "WATCHFIRE_MESSAGES_SMS": SECRETS["sms"],
            "WATCHFIRE_MESSAGES_PUSH": SECRETS["push"], "WATCHFIRE_MESSAGES_RETRY_BASE_MS": "200",
            "WATCHFIRE_MESSAGES_ATTEMPTS": "4",
        }
        self.command = [binary, "services", "--only=messages,gateway", "--gateway=127.0.0.1:0", f"--data-dir={folder}", "--print-addresses"]
        self.said = []
        self.local = threading.local()
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment)
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("the services did not start: " + "".join(self.said[-5:]))
            self.said.append(line)
            told = json.loads(line) if line.startswith("{") else {}
            if "gateway" in told:
                self.gateway = told["gateway"]
                self.address = told["messages" if self.direct else "gateway"]
                break
        out, said = self.process.stdout, self.said
        threading.Thread(target=lambda: said.extend(out), daemon=True).start()
        self.local = threading.local()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=60)

    def ask(self, method, path, body=None, headers=None):
        """The status and the answer, whatever they are; again where the gateway asks for patience."""
        raw = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        headers = {"content-type": "application/json", **(headers or {})}
        while True:
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = self.local.connection = http.client.HTTPConnection(self.address, timeout=30)
            try:
                connection.request(method, self.prefix + path, raw, headers)
                answer = connection.getresponse()
                text = answer.read()
            except (http.client.HTTPException, OSError):
                self.local.connection = None
                raise
            if answer.status != 429:
                break
            time.sleep(float(answer.headers.get("retry-after", "1")))
        self.headers = answer.headers
        return answer.status, json.loads(text) if text else None

    def send(self, **message):
        status, answer = self.ask("POST", "/v1/messages", message)
        if status != 202:
            raise SystemExit(f"a message was not accepted: {status} {answer}")
        return answer["id"]

    def fault(self, *arguments):
        subprocess.run([self.binary, "fault", *arguments, f"--gateway=http://{self.gateway}"], check=True, stdout=subprocess.DEVNULL)

    def message(self, id):
        return self.ask("GET", "/v1/messages/" + id)[1]

    def wait(self, id, *states):
        wait_for(lambda: self.message(id)["state"] in states)
        return self.message(id)

    def receipts(self, provider, *events, secret=None, age=0):
        body = json.dumps({"events": [dict(zip(("id", "message", "type", "at"), event)) for event in events]}).encode()
        call, at = f"call-{time.time_ns()}", str(int(time.time()) - age)
        key = (secret or SECRETS[provider.split("-")[0]]).encode()
        signed = hmac.new(key, f"{call}.{at}.".encode() + body, hashlib.sha256).digest()
        headers = {"webhook-id": call, "webhook-timestamp": at, "webhook-signature": "v1," + base64.b64encode(signed).decode()}
        return self.ask("POST", "/v1/receipts/" + provider, body, headers)


def wait_for(holds, patience=PATIENCE):
    until = time.time() + patience
    while time.time() < until:
        if found := holds():
            return found
        time.sleep(0.05)
    return holds()


def at(seconds=0.0):
    moment = time.time() + seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03}Z"


def judge_channels(service):
    wording = {"subject": "Order {{order}}", "text": "Hello {{name}}", "html": "<p>Hello {{name}}</p>"}
    template = {"channel": "email", "default_locale": "en", "locales": {"en": wording, "de": {**wording, "text": "Guten Tag {{name}}"}}}
    status, first = service.ask("PUT", "/v1/templates/shipped", template)
    expect(status == 201 and first["version"] == 1 and first["variables"]["en"] == ["name", "order"], "a template is made, and names its variables")
    expect(service.ask("PUT", "/v1/templates/shipped", template)[1]["version"] == 1, "the same template again is the same version")
    template["locales"]["de"]["text"] = "Grüezi {{name}}"
    expect(service.ask("PUT", "/v1/templates/shipped", template)[1]["version"] == 2, "another wording is another version")
    trace = "1af7651916cd43dd8448eb211c80319c"
    body = {"channel": "email", "to": "ada@example.com", "template": "shipped", "locale": "de-CH", "variables": {"name": "<Ada & Co>", "order": 7}}
    status, answer = service.ask("POST", "/v1/messages", body, {"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    expect(status == 202 and service.headers["location"] == f"{service.prefix}/v1/messages/{answer['id']}", "a message is accepted, and its place told")
    mail_id = answer["id"]
    sms = service.send(channel="sms", to="+41791234567", content={"text": "Your code is 1234"})
    push = service.send(channel="push", to=DEVICE, content={"subject": "Hi", "text": "There"})
    for id, provider in ((mail_id, "email-primary"), (sms, "sms-primary"), (push, "push-primary")):
        sent = service.wait(id, "sent")
        expect(sent["state"] == "sent" and sent["provider"] == provider and TAKEN.of(provider, id), f"{provider} was handed it")
    mail = TAKEN.of(key=mail_id)[0][3]
    parts = {part.get_content_type(): part.get_content().strip() for part in mail.iter_parts()}
    expect(mail["subject"] == "Order 7" and parts["text/plain"] == "Grüezi <Ada & Co>", "the e-mail is in the nearest locale")
    expect(parts["text/html"] == "<p>Hello &lt;Ada &amp; Co&gt;</p>", "its HTML is escaped")
    expect(mail["to"] == "ada@example.com" and service.message(mail_id)["locale"] == "de", "it goes to its recipient")
    sms_call = TAKEN.of("sms-primary", sms)[0]
    expect(sms_call[3]["to"] == "+41791234567" and sms_call[3]["content"] == {"text": "Your code is 1234"}, "an SMS is handed over as asked")
    traced = service.send(channel="sms", to="+41791234568", content={"text": "t"}) if not sms_call[4] else None
    status, answer = service.ask("POST", "/v1/messages", {"channel": "sms", "to": "+41791234567", "content": {"text": "t"}}, {"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    service.wait(answer["id"], "sent")
    parent = TAKEN.of(key=answer["id"])[0][4] or ""
    expect(traced is None and parent.split("-")[1:2] == [trace], "the provider is called in the trace of the request")
    return {"email": mail_id, "sms": sms, "push": push}


def judge_receipts(service, ids):
    events = [("e1", ids["email"], "clicked", at()), ("e2", ids["email"], "delivered", at(-2)), ("e3", ids["email"], "opened", at(-1))]
    status, answer = service.receipts("email-primary", *events)
    expect(status == 200 and answer == {"new": 3, "duplicates": 0, "unknown": 0}, "receipts are taken out of order")
    expect(service.receipts("email-primary", *events)[1] == {"new": 0, "duplicates": 3, "unknown": 0}, "and are harmless again")
    message = service.message(ids["email"])
    times = [message[name + "_at"] for name in ("delivered", "opened", "clicked")]
    expect(message["state"] == "delivered" and times == sorted(times) and len(message["receipts"]) == 3, "a message shows its receipts")
    expect([attempt["outcome"] for attempt in message["attempts"]] == ["sent"], "and its attempts")
    service.receipts("email-primary", ("e4", ids["email"], "undelivered", at(-3)))
    expect(service.message(ids["email"])["state"] == "delivered", "what was delivered stays so")
    service.receipts("sms-primary", ("s1", ids["sms"], "delivered", at()))
    service.receipts("push-primary", ("p1", ids["push"], "undelivered", at()))
    expect([service.message(ids[channel])["state"] for channel in ("sms", "push")] == ["delivered", "undelivered"], "each channel has its receipts")
    event = ("x", ids["sms"], "opened", at())
    expect(service.receipts("sms-primary", event, secret="other")[0] == 401, "a wrong signature is refused")
    expect(service.receipts("sms-primary", event, age=1000)[0] == 401, "an old call is refused")
    expect(service.receipts("sms-primary", ("y", "no-such-message", "opened", at()))[1]["unknown"] == 1, "an unknown message is told")
    status, problem = service.receipts("sms-primary", ("z", ids["sms"], "lost", at()))
    expect(status == 422 and "lost" in problem["detail"], "an unknown kind of receipt is named")
    expect(service.receipts("fax-primary", event, secret="other")[0] == 404, "an unknown provider is not there")


def judge_failover(service):
    TAKEN.moods["sms-primary"] = "fails"
    ids = [service.send(channel="sms", to=f"+4179100{n:04}", content={"text": "failover"}) for n in range(30)]
    messages = [service.wait(id, "sent", "failed") for id in ids]
    expect({message["state"] for message in messages} == {"sent"} and {message["provider"] for message in messages} == {"sms-secondary"}, "the second provider takes over")
    calls = len(TAKEN.of("sms-primary"))
    sms = [queue for queue in service.ask("GET", "/v1/queues")[1]["queues"] if queue["channel"] == "sms"][0]
    expect(sms["providers"][0]["breaker"] != "closed", f"the first is let alone: {sms['providers'][0]}")
    more = [service.send(channel="sms", to=f"+4179101{n:04}", content={"text": "open"}) for n in range(20)]
    for id in more:
        service.wait(id, "sent")
    asked = len(TAKEN.of("sms-primary")) - calls
    expect(asked <= 5, f"while it is open it is hardly asked ({asked} calls for 20 messages)")
    TAKEN.moods["sms-primary"] = "takes"

    def back():
        id = service.send(channel="sms", to="+41791020000", content={"text": "back"})
        return service.wait(id, "sent")["provider"] == "sms-primary"
    expect(wait_for(back), "and is asked again when it has recovered")


def judge_retry(service):
    for rank in ("primary", "secondary"):
        TAKEN.moods["push-" + rank] = "throttles 2"
    id = service.send(channel="push", to=DEVICE, content={"text": "throttled"})
    wait_for(lambda: len(TAKEN.of(key=id)) >= 2)
    for rank in ("primary", "secondary"):
        TAKEN.moods["push-" + rank] = "takes"
    service.wait(id, "sent")
    by_provider = collections.defaultdict(list)
    for call in TAKEN.of(key=id):
        by_provider[call[1]].append(call[0])
    gaps = [later - earlier for calls in by_provider.values() for earlier, later in zip(calls, calls[1:])]
    total = max(max(calls) for calls in by_provider.values()) - min(min(calls) for calls in by_provider.values())
    expect(all(gap >= 1.95 for gap in gaps) and total >= 1.95, f"Retry-After is kept: {[round(gap, 2) for gap in gaps]}, {total:.2f} s in all")
    TAKEN.moods["sms-primary"] = "breaks off"
    id = service.send(channel="sms", to="+41791030000", content={"text": "unclear"})
    message = service.wait(id, "sent", "failed")
    outcomes = [(attempt["provider"], attempt["outcome"]) for attempt in message["attempts"]]
    expect(outcomes == [("sms-primary", "unclear"), ("sms-primary", "sent")] and len(TAKEN.kept[id]) == 1, f"what may have been taken is asked of the same provider by the same key: {outcomes}")
    TAKEN.moods["sms-primary"] = "refuses"
    id = service.send(channel="sms", to="+41791040000", content={"text": "refused"})
    message = service.wait(id, "failed")
    expect(message["state"] == "failed" and len(message["attempts"]) == 1 and "422" in message["reason"], "a refusal for good is not tried again")
    TAKEN.moods["sms-primary"] = "takes"
    TAKEN.moods.update({"email-primary": "fails", "email-secondary": "fails"})
    id = service.send(channel="email", to="dead@example.com", content={"subject": "s", "text": "t"})
    message = service.wait(id, "failed")
    expect(message["state"] == "failed" and message["attempt_count"] == 4 and message["reason"], f"after four attempts it is a dead letter: {message['reason']}")
    failed = service.ask("GET", "/v1/messages?state=failed&channel=email")[1]["messages"]
    expect([message["id"] for message in failed] == [id], "dead letters are listed")
    TAKEN.moods.update({"email-primary": "takes", "email-secondary": "takes"})
    expect(service.ask("POST", f"/v1/messages/{id}/retry")[0] == 200 and service.wait(id, "sent")["state"] == "sent", "and can be sent after all")
    expect(service.ask("POST", f"/v1/messages/{id}/retry")[0] == 409, "but not one that was sent")


def judge_idempotency(service):
    body = {"channel": "sms", "to": "+41791050000", "content": {"text": "once"}}
    key = {"idempotency-key": "order-77"}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.ask("POST", "/v1/messages", body, key), range(24)))
    ids = {answer["id"] for _, answer in answers}
    expect({status for status, _ in answers} == {202} and len(ids) == 1, "24 requests with one key make one message")
    service.wait(ids.pop(), "sent")
    expect(len([call for call in TAKEN.of() if isinstance(call[3], dict) and call[3]["to"] == "+41791050000"]) == 1, "which is sent once")
    other = service.ask("POST", "/v1/messages", {**body, "content": {"text": "twice"}}, key)
    expect(other[0] == 422, "the key with another request is refused")
    batch = {"messages": [{**body, "to": f"+4179106{n:04}"} for n in range(5)]}
    twice = [service.ask("POST", "/v1/messages/batch", batch, {"idempotency-key": "batch-1"})[1]["messages"] for _ in range(2)]
    expect([message["id"] for message in twice[0]] == [message["id"] for message in twice[1]], "a batch is known by its key too")


def judge_suppression(service):
    entry = "/v1/suppressions/email/no%40example.com"
    status, answer = service.ask("PUT", entry, {"scope": "marketing", "reason": "unsubscribed by letter"})
    expect(status == 200 and answer["scope"] == "marketing", "an address is put on the suppression list")
    mail = {"channel": "email", "to": "no@example.com", "content": {"subject": "s", "text": "t"}}
    marketing = service.ask("POST", "/v1/messages", {**mail, "category": "marketing"})[1]
    expect(marketing["state"] == "suppressed" and marketing["reason"] == "unsubscribed by letter", "it gets no marketing")
    needed = service.send(**mail)
    expect(service.wait(needed, "sent")["state"] == "sent", "but what it needs")
    service.receipts("email-primary", ("bounce", needed, "bounced", at()))
    expect(service.ask("GET", entry)[1]["scope"] == "all", "a bounce stops everything")
    expect(service.ask("POST", "/v1/messages", mail)[1]["state"] == "suppressed", "from then on")
    expect(service.ask("DELETE", entry)[0] == 204 and service.ask("GET", entry)[0] == 404, "until it is taken off the list")


def judge_schedule(service):
    later = service.send(channel="push", to=DEVICE, content={"text": "later"}, send_at=at(2))
    taken_back = service.send(channel="push", to=DEVICE, content={"text": "never"}, send_at=at(600))
    expect(service.ask("POST", f"/v1/messages/{taken_back}/cancel")[1]["state"] == "canceled", "what is not due can be canceled")
    due = time.time() + 1.9
    service.wait(later, "sent")
    call = TAKEN.of(key=later)[0]
    expect(call[0] >= due - 0.1, f"a message waits for its time ({call[0] - due:.2f} s after it)")
    expect(service.ask("POST", f"/v1/messages/{later}/cancel")[0] == 409, "what was sent cannot be canceled")
    for rank in ("primary", "secondary"):
        TAKEN.moods["push-" + rank] = "throttles 3"
    brief = service.send(channel="push", to=DEVICE, content={"text": "brief"}, expires_at=at(1.5))
    expect(service.wait(brief, "expired")["state"] == "expired", "a message is not sent after its time")
    for rank in ("primary", "secondary"):
        TAKEN.moods["push-" + rank] = "takes"


def score_bound(successes, n, upper):
    """The end of Wilson's interval, as the root of the score equation, by bisection."""
    z = 1.959963984540054
    rate = successes / n
    low, high = (rate, 1.0) if upper else (0.0, rate)
    for _ in range(200):
        middle = (low + high) / 2
        inside = abs(rate - middle) <= z * math.sqrt(middle * (1 - middle) / n)
        if inside == upper:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def judge_experiment(service):
    for name, subject in (("plain", "News"), ("shouting", "NEWS!")):
        wording = {"subject": subject, "text": "Hello {{name}}"}
        service.ask("PUT", "/v1/templates/" + name, {"channel": "email", "default_locale": "en", "locales": {"en": wording}})
    variants = [{"name": "control", "template": "plain", "weight": 2}, {"name": "loud", "template": "shouting", "weight": 1}]
    experiment = {"name": "subject-line", "channel": "email", "outcome": "opened", "variants": variants}
    status, _ = service.ask("POST", "/v1/experiments", experiment)
    expect(status == 201 and service.ask("POST", "/v1/experiments", experiment)[0] == 409, "an experiment is made once")
    message = lambda n: {"channel": "email", "to": f"reader{n}@example.com", "experiment": "subject-line", "category": "marketing", "variables": {"name": f"r{n}"}}
    ids = []
    for first in range(0, 300, 100):
        ids += [told["id"] for told in service.ask("POST", "/v1/messages/batch", {"messages": [message(n) for n in range(first, first + 100)]})[1]["messages"]]
    sent = [service.wait(id, "sent") for id in ids]
    again = service.wait(service.send(**message(0)), "sent")
    expect(again["variant"] == sent[0]["variant"], "a recipient always gets the same variant")
    opened = [id for n, id in enumerate(ids) if (n * 7919) % 100 < (40 if sent[n]["variant"] == "control" else 25)]
    for first in range(0, len(opened), 100):
        service.receipts("email-primary", *[("o" + id, id, "opened", at()) for id in opened[first:first + 100]])
    results = {result["variant"]: result for result in service.ask("GET", "/v1/experiments/subject-line")[1]["results"]}
    counts = {}
    for name in ("control", "loud"):
        of = [id for n, id in enumerate(ids) if sent[n]["variant"] == name]
        counts[name] = (len(set(of) & set(opened)), len(of))
        low, high = (score_bound(*counts[name], upper) for upper in (False, True))
        told = results[name]
        right = (told["successes"], told["recipients"]) == counts[name] and abs(told["interval"]["low"] - low) < 1e-9 and abs(told["interval"]["high"] - high) < 1e-9
        expect(right, f"{name}: {counts[name][0]} of {counts[name][1]}, {told['rate']:.3f} [{low:.3f}, {high:.3f}] as computed anew")
    expect(150 <= counts["control"][1] <= 250, "the recipients are shared out by weight")
    (x1, n1), (x2, n2) = counts["loud"], counts["control"]
    l1, u1, l2, u2 = (score_bound(*counts[name], upper) for name in ("loud", "control") for upper in (False, True))
    difference = x1 / n1 - x2 / n2
    low = difference - math.sqrt((x1 / n1 - l1) ** 2 + (u2 - x2 / n2) ** 2)
    high = difference + math.sqrt((u1 - x1 / n1) ** 2 + (x2 / n2 - l2) ** 2)
    told = results["loud"]["difference"]
    expect(abs(told["rate"] - difference) < 1e-9 and abs(told["interval"]["low"] - low) < 1e-9 and abs(told["interval"]["high"] - high) < 1e-9, f"the difference {difference:+.3f} [{low:+.3f}, {high:+.3f}] as computed anew")


def judge_bad_input(service):
    sms = {"channel": "sms", "to": "+41791234567", "content": {"text": "t"}}
    mail = {"channel": "email", "to": "a@example.com", "template": "shipped", "variables": {"name": "a", "order": 1}}
    for body, pointer in (
        ({**sms, "to": "079"}, "/to"), ({**sms, "content": {"text": ""}}, "/content/text"), ({**sms, "content": {"text": "t", "html": "h"}}, "/content/html"),
        ({**mail, "variables": {"name": "a"}}, "/variables/order"), ({**mail, "variables": {"name": [], "order": 1}}, "/variables/name"),
        ({**mail, "template": "none"}, "/template"), ({**mail, "template_version": 9}, "/template_version"), ({**mail, "content": {"text": "t"}}, ""),
        ({**sms, "send_at": at(40 * 86400)}, "/send_at"), ({**sms, "expires_at": at(-5)}, "/expires_at"), ({**mail, "channel": "sms", "to": "+41791234567"}, "/channel"),
    ):
        status, problem = service.ask("POST", "/v1/messages", body)
        named = [error["pointer"] for error in problem.get("errors", [])]
        expect(status == 422 and named == [pointer] and problem["trace_id"], f"{pointer or 'the whole'} is pointed at: {problem['errors'][0]['detail']}")
    for body, words in (({**sms, "chanel": 1}, "chanel"), ({**sms, "channel": "fax"}, "fax"), ({"channel": "sms"}, "to"), ({**sms, "send_at": "soon"}, "send_at")):
        status, problem = service.ask("POST", "/v1/messages", body)
        expect(status == 422 and words in problem["detail"], f"{words} is named")
    expect(service.ask("POST", "/v1/messages", b"{")[0] == 400, "what is not JSON is no request")
    expect(service.ask("POST", "/v1/messages", sms, {"content-type": "text/plain"})[0] == 415, "nor another type")
    expect(service.ask("POST", "/v1/messages", sms, {"idempotency-key": "k" * 300})[0] == 400, "a key that is too long is refused")
    status, problem = service.ask("POST", "/v1/messages/batch", {"messages": [sms, {**sms, "to": "1"}, {**sms, "to": "2"}]})
    expect(status == 422 and [error["pointer"] for error in problem["errors"]] == ["/messages/1/to", "/messages/2/to"], "a batch names all that is wrong, and takes nothing")
    expect(service.ask("POST", "/v1/messages/batch", {"messages": []})[0] == 422, "an empty batch is none")
    for path, expected in (("/v1/messages/none", 404), ("/v1/messages?limit=0", 400), ("/v1/messages?cursor=!", 400), ("/v1/messages?colour=red", 400), ("/v1/templates/none", 404), ("/v1/experiments/none", 404)):
        expect(service.ask("GET", path)[0] == expected, f"{path} is {expected}")
    status, problem = service.ask("PUT", "/v1/templates/broken", {"channel": "sms", "default_locale": "en", "locales": {"en": {"text": "Hello {{name"}}})
    expect(status == 422 and problem["errors"][0]["pointer"] == "/locales/en/text", "a template with open braces is pointed at")
    first = service.ask("GET", "/v1/messages?limit=3")[1]
    second = service.ask("GET", "/v1/messages?limit=3&cursor=" + urllib.parse.quote(first["next"]))[1]
    ids = [message["id"] for page in (first, second) for message in page["messages"]]
    expect(len(set(ids)) == 6 and ids == sorted(ids, reverse=True), "lists are paged, the newest first")


def judge_faults(service):
    service.fault("begin", "--service=messages", "--kind=poison-message")
    poison = service.send(channel="sms", to="+41791070000", content={"text": "poison"})
    wait_for(lambda: service.message(poison)["attempt_count"] > 0)
    others = [service.send(channel="sms", to=f"+4179107{n:04}", content={"text": "no poison"}) for n in range(1, 21)]
    states = {service.wait(id, "sent", "failed")["state"] for id in others}
    message = service.wait(poison, "failed")
    expect(states == {"sent"} and not TAKEN.of(key=poison), "a poison message holds nobody up")
    expect(message["state"] == "failed" and [attempt["outcome"] for attempt in message["attempts"]] == ["poison"] * 3, f"and is set aside: {message['reason']}")
    service.fault("end", "--service=messages")
    service.ask("POST", f"/v1/messages/{poison}/retry")
    expect(service.wait(poison, "sent")["state"] == "sent", "it can be sent when the fault is over")
    service.fault("begin", "--service=messages", "--kind=dependency-down")
    status, problem = service.ask("POST", "/v1/messages", {"channel": "sms", "to": "+41791080000", "content": {"text": "down"}})
    expect(status == 503 and problem["trace_id"] and service.headers["retry-after"], "without its database it accepts nothing, and says when to come again")
    service.fault("end", "--service=messages")
    expect(service.wait(service.send(channel="sms", to="+41791080000", content={"text": "up"}), "sent")["state"] == "sent", "and goes on when it is back")


def judge_kill(service, count):
    """Killed in the middle, twice: what was accepted arrives, and by its key only once."""
    TAKEN.moods["sms-primary"] = "delays 0.02"
    accepted, begun = [], time.time()
    for first in range(0, count, 200):
        batch = [{"channel": "sms", "to": f"+4170{n:07}", "content": {"text": f"number {n}"}} for n in range(first, min(first + 200, count))]
        status, answer = service.ask("POST", "/v1/messages/batch", {"messages": batch})
        accepted += [message["id"] for message in answer["messages"]]
        if first == count // 2 // 200 * 200:
            service.kill()
            service.start()
    print(f"    {count} accepted in {time.time() - begun:.1f} s, a kill between")
    unsent = lambda: [id for id in accepted if id not in TAKEN.kept]
    wait_for(lambda: len(unsent()) < count * 3 // 4)
    service.kill()
    under_way = len(unsent())
    service.start()
    begun = time.time()
    expect(under_way > 0, f"killed with {under_way} of {count} not sent")
    wait_for(lambda: not unsent(), 120)
    took = time.time() - begun
    expect(not unsent(), f"none is lost: {count - len(unsent())} of {count} arrived, the last {under_way} in {took:.1f} s")
    wait_for(lambda: not service.ask("GET", "/v1/messages?state=sending")[1]["messages"])
    seen = collections.Counter(call[2] for call in TAKEN.of("sms-primary") if call[2] in set(accepted))
    repeated = sum(times > 1 for times in seen.values())
    expect(all(len(TAKEN.kept[id]) == 1 for id in accepted), f"none is sent twice: {repeated} were asked for again under their keys, of one provider")
    TAKEN.moods["sms-primary"] = "takes"


def judge_rates(service):
    begun, count = time.time(), 4000
    def post(first):
        batch = [{"channel": "push", "to": DEVICE + str(n), "content": {"text": "rate"}} for n in range(first, first + 200)]
        return [message["id"] for message in service.ask("POST", "/v1/messages/batch", {"messages": batch})[1]["messages"]]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        ids = [id for some in pool.map(post, range(0, count, 200)) for id in some]
    stored = time.time() - begun
    expect(wait_for(lambda: all(id in TAKEN.kept for id in ids), 120), f"{count / stored:.0f} a second are accepted and {count / (time.time() - begun):.0f} a second delivered, by batches of 200, with the providers of this check on the same machine")


def judge_log(service):
    log = "".join(service.said)
    told = [secret for secret in (*SECRETS.values(), "ada@example.com", "+41791234567", DEVICE) if secret in log]
    expect(not told, f"no secret and no recipient is in the log: {told}")
    records = [json.loads(line) for line in service.said if line.startswith("{")]
    ours = [record for record in records if record.get("service.name") == "messages"]
    wrong = [record for record in ours if record.get("http.response.status_code", 0) == 500]
    expect(ours and not wrong, f"{len(ours)} records, and no answer of 500: {wrong[:1]}")
    dead = [record for record in ours if "is set aside after 4 attempts" in record["message"]]
    expect(dead and dead[0]["severity"] == "ERROR" and dead[0].get("message.id"), "a dead letter is an ERROR record with its id")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--messages", type=int, default=2000)
    arguments.add_argument("--direct", action="store_true")
    asked = arguments.parse_args()
    http_port, smtp_port = serve(HttpProvider), serve(SmtpProvider)
    with tempfile.TemporaryDirectory() as folder:
        service = Service(os.path.abspath(asked.binary), folder, http_port, smtp_port, asked.direct)
        try:
            ids = judge_channels(service)
            judge_receipts(service, ids)
            judge_idempotency(service)
            judge_failover(service)
            judge_retry(service)
            judge_suppression(service)
            judge_schedule(service)
            judge_experiment(service)
            judge_bad_input(service)
            judge_faults(service)
            judge_kill(service, asked.messages)
            judge_rates(service)
            expect(TAKEN.wrong_credentials == 0, "every provider was shown its own credentials")
            expect(service.stop() == 0, "a clean stop")
            judge_log(service)
        finally:
            if service.process.poll() is None:
                service.kill()
    close()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    main()
