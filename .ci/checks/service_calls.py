"""What is asked of the application services so that each of their operations answers well once and refuses once.

Each call carries ids of its own, and what is known of it is kept: the operation by the service's OpenAPI document, the
status, and the trace that it belongs to.
"""

import hashlib
import json
import os
import pathlib
import re
import time

from application_services import PREFIXES, ask

DOCUMENTS = pathlib.Path(__file__).resolve().parents[2] / "schemas" / "openapi"
NOBODY = "0192f4c8-6f00-7000-8000-000000000001"
PATIENCE = 60


class Operations:
    """The operations of one service as its document names them."""

    def __init__(self, service):
        self.document = json.loads((DOCUMENTS / f"{service}.v1.json").read_text())
        self.known = {}
        for template, item in self.document["paths"].items():
            pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template) + "$")
            for method in item.keys() & {"get", "put", "post", "patch", "delete"}:
                self.known[method.upper(), template] = (pattern, item[method])

    def of(self, method, path):
        """A template without parameters before one with them."""
        found = [template for (known, template), (pattern, _) in self.known.items() if known == method and pattern.match(path)]
        return min(found, key=lambda template: template.count("{"), default="/openapi.json" if path == "/openapi.json" else None)

    def refuses(self, method, template):
        """Whether the caller may be at fault, other than by asking too often."""
        operation = self.known[method, template][1]
        statuses = {status for status in operation["responses"] if status.startswith("4")} - {"429"}
        takes_something = operation.get("parameters") or "{" in template or "requestBody" in operation or "401" in statuses
        return statuses and takes_something


class Call:
    """One request that was sent, and what came of it."""

    def __init__(self, service, method, path, template):
        self.service, self.method, self.path, self.template = service, method, path, template
        self.trace, self.parent, self.request = os.urandom(16).hex(), os.urandom(8).hex(), "check-" + os.urandom(6).hex()
        self.status = self.headers = self.body = None
        self.is_stranger = False

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def passed_on(self):
        """Whether the gateway asked the service, instead of answering itself."""
        return "hit" not in (self.headers["cache-status"] or "") and not self.is_stranger


class Caller:
    def __init__(self, gateway, key):
        self.gateway, self.key = "http://" + gateway, key
        self.calls, self.operations = [], {service: Operations(service) for service in PREFIXES}

    def send(self, service, method, path, body=None, bearer=None, stranger=False, anonymous=False, **headers):
        """Every second call shows the gateway a key, if it may; a stranger shows one that nobody was given."""
        template = self.operations[service].of(method, path.split("?")[0])
        call = Call(service, method, path, template)
        call.is_stranger = stranger
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        told |= {"traceparent": f"00-{call.trace}-{call.parent}-01", "x-request-id": call.request}
        if stranger or (len(self.calls) % 2 and not anonymous):
            told["x-api-key"] = "wf_nobody" if stranger else self.key
        if bearer:
            told["authorization"] = "Bearer " + bearer
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        if body is not None:
            told.setdefault("content-type", "application/json")
        call.status, call.headers, call.body = ask(self.gateway + PREFIXES[service] + path, method, told, body)
        self.calls.append(call)
        return call

    def until(self, holds, *what, **more):
        """Asks again until the answer is as it should be."""
        end = time.time() + PATIENCE
        while not holds(call := self.send(*what, **more)):
            if time.time() > end:
                raise SystemExit(f"{' '.join(what[:3])} stays as it is: {call.status} {call.body[:500]}")
            time.sleep(0.2)
        return call

    def never(self, service, refused):
        """Operations that did not answer well, or did not refuse though they can."""
        known = self.operations[service].known
        seen = [call for call in self.calls if call.service == service]
        well = {(call.method, call.template) for call in seen if call.status < 400}
        ill = {(call.method, call.template) for call in seen if call.status >= 400}
        if refused:
            return [operation for operation in known if operation not in ill and self.operations[service].refuses(*operation)]
        return [operation for operation in known if operation not in well]


def ask_content(caller):
    def get(path, **headers):
        return caller.send("content", "GET", path, **headers)
    ids = {}
    for _, template in caller.operations["content"].known:
        if template == "/openapi.json":
            get(template)
            continue
        name = template.split("/")[1]
        if "{" not in template:
            ids[name] = get(f"/{name}?page[size]=2").json["data"][0]["id"]
            get(f"/{name}?filter[none-such]=1")
    for _, template in caller.operations["content"].known:
        if "{" in template:
            path = template.replace("{id}", ids[template.split("/")[1]])
            get(path)
            get(path + "?include=none-such")
    first = get("/places/world", anonymous=True)
    assert get("/places/world", anonymous=True, if_none_match=first.headers["etag"]).status == 304
    assert "hit" in get("/places/world", anonymous=True).headers["cache-status"]


def told_of(caller, message):
    """Until its provider has told what became of it; of some the stand-ins tell that they did not arrive."""
    caller.until(lambda call: call.json["state"] in ("delivered", "undelivered"), "messages", "GET", f"/v1/messages/{message}")


def ask_messages(caller):
    def send(method, path, body=None, **headers):
        return caller.send("messages", method, path, body, **headers)
    for name in ("plain", "loud"):
        send("PUT", f"/v1/templates/{name}", {"channel": "email", "default_locale": "en", "locales": {"en": {"subject": "Order {{order}}", "text": name}}})
    send("POST", "/v1/experiments", {"name": "loudness", "channel": "email", "outcome": "opened", "variants": [
        {"name": "control", "template": "plain", "weight": 1}, {"name": "loud", "template": "loud", "weight": 1}]})
    sent = [send("POST", "/v1/messages", {"channel": "email", "to": "ann@example.org", "template": "plain", "variables": {"order": 7}}),
            send("POST", "/v1/messages", {"channel": "sms", "to": "+41791234567", "content": {"text": "on its way"}}),
            send("POST", "/v1/messages", {"channel": "push", "to": "device-0123456789abcdef", "content": {"subject": "now", "text": "here"}}),
            send("POST", "/v1/messages", {"channel": "email", "to": "ben@example.org", "experiment": "loudness", "variables": {"order": 8}})]
    batch = send("POST", "/v1/messages/batch", {"messages": [{"channel": "sms", "to": f"+4179123450{n}", "content": {"text": "one of three"}} for n in range(3)]})
    later = send("POST", "/v1/messages", {"channel": "sms", "to": "+41791234000", "content": {"text": "later"}, "send_at": "2999-01-01T00:00:00Z"})
    if later.status >= 400:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
        later = send("POST", "/v1/messages", {"channel": "sms", "to": "+41791234000", "content": {"text": "later"}, "send_at": at})
    send("POST", f"/v1/messages/{later.json['id']}/cancel")
    send("POST", f"/v1/messages/{later.json['id']}/retry")
    for path in ("/v1/messages?limit=3", "/v1/templates", "/v1/templates/plain", "/v1/templates/plain/versions", "/v1/experiments",
                 "/v1/experiments/loudness", "/v1/suppressions", "/v1/queues", "/openapi.json"):
        send("GET", path)
    for recipient in ("sms/+41790000001", "sms/+41790000002"):
        send("PUT", f"/v1/suppressions/{recipient}", {"scope": "all", "reason": "complained"})
    send("GET", "/v1/suppressions/sms/+41790000001")
    send("DELETE", "/v1/suppressions/sms/+41790000001")
    suppressed = send("POST", "/v1/messages", {"channel": "sms", "to": "+41790000002", "content": {"text": "to nobody"}})
    assert suppressed.json["state"] == "suppressed", suppressed.body
    for method, path in (("GET", "/v1/messages?limit=x"), ("GET", "/v1/messages/none"), ("POST", "/v1/messages/none/cancel"), ("POST", "/v1/messages/none/retry"),
                         ("GET", "/v1/templates/none"), ("GET", "/v1/templates/none/versions"), ("GET", "/v1/experiments/none"),
                         ("GET", "/v1/suppressions?limit=x"), ("GET", "/v1/suppressions/pigeon/x"), ("DELETE", "/v1/suppressions/pigeon/x")):
        send(method, path)
    for method, path in (("POST", "/v1/messages"), ("POST", "/v1/messages/batch"), ("PUT", "/v1/templates/plain"), ("POST", "/v1/experiments"),
                         ("PUT", "/v1/suppressions/sms/+41790000003"), ("POST", "/v1/receipts/sms-primary")):
        send(method, path, b"{")
    ids = [call.json["id"] for call in sent]
    for id in ids:
        told_of(caller, id)
    for one in batch.json["messages"]:
        told_of(caller, one["id"])
    return {"single": sent, "batch": batch}


def ask_reminders(caller):
    def send(method, path, body=None, **headers):
        return caller.send("reminders", method, path, body, **headers)
    session = send("POST", "/v1/sessions", {"person": "ann", "device": "phone"}).json["token"]
    reminder = {"title": "Ramipril", "about": {"kind": "medication", "name": "Ramipril", "dose": "5 mg"},
                "schedule": {"zone": "Europe/Berlin", "starts_on": "2026-01-01", "times": ["08:00", "20:00"]}}
    change = {"op": "put_reminder", "base_version": 0, "id": "morning", "reminder": reminder}
    sent = send("POST", "/v1/sync/send", {"changes": [change | {"change_id": "one"}]}, bearer=session)
    send("POST", "/v1/sync/send", {"changes": [change | {"change_id": "two", "reminder": reminder | {"title": "Metformin"}}]}, bearer=session)
    fetched = send("GET", "/v1/sync/fetch?limit=10", bearer=session)
    assert [one["id"] for one in fetched.json["changes"]] == ["morning"], fetched.body
    same = send("GET", f"/v1/sync/fetch?token={fetched.json['token']}", bearer=session)
    assert send("GET", f"/v1/sync/fetch?token={fetched.json['token']}", bearer=session, if_none_match=same.headers["etag"]).status == 304
    for path in ("/v1/reminders/morning", "/v1/reminders/morning/superseded", "/v1/due", "/openapi.json"):
        send("GET", path, bearer=session)
        if path != "/openapi.json":
            send("GET", path, bearer="wfs1.forged")
    send("GET", "/v1/sync/fetch?token=forged", bearer=session)
    send("POST", "/v1/sessions", b"{")
    send("POST", "/v1/sync/send", b"{", bearer=session)
    return sent


class Recruiting:
    """Who asks, with which token, and the ways that need several calls."""

    def __init__(self, caller, secret):
        self.caller, self.tokens = caller, {None: None}
        for subject, role in (("rita", "recruiter"), ("mia", "hiring-manager"), ("ivo", "interviewer"), ("ada", "admin"), ("audrey", "auditor")):
            self.tokens[subject] = caller.send("recruitment", "POST", "/v1/tokens", {"subject": subject, "role": role}, bearer=secret).json["token"]

    def ask(self, who, method, path, body=None, tag=None, **headers):
        headers |= {"if_match": tag} if tag else {}
        return self.caller.send("recruitment", method, path, body, bearer=self.tokens[who], **headers)

    def position(self):
        new = {"title": "Engineer", "department": "platform", "location": "Berlin", "headcount": 2, "stages": ["screening", "offer"], "manager": "mia"}
        draft = self.ask("rita", "POST", "/v1/positions", new)
        path = f"/v1/positions/{draft.json['id']}"
        return path, self.ask("rita", "POST", path + "/opening", tag=draft.headers["etag"])

    def application(self, position, email):
        stamp = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        new = {"name": "Zebedee Quill", "email": email, "source": "referral", "consent": {"purpose": "application", "given_at": stamp(-60)}}
        candidate = self.ask("rita", "POST", "/v1/candidates", new | {"retain_until": stamp(86_400)})
        application = self.ask("rita", "POST", "/v1/applications", {"candidate": candidate.json["id"], "position": position.json["id"]})
        return f"/v1/candidates/{candidate.json['id']}", candidate, f"/v1/applications/{application.json['id']}", application

    def documents(self, path):
        content = b"%PDF-1.7 of this check\n" * 2000
        digest = hashlib.sha256(content).hexdigest()
        put = self.ask("rita", "PUT", f"{path}/documents/{digest}?kind=cv", content, content_type="application/pdf")
        document = f"/v1/documents/{put.json['id']}"
        link = self.ask("rita", "POST", document + "/links").json["url"].removeprefix("/recruitment")
        read = self.caller.send("recruitment", "GET", link)
        assert read.body == content, read.status
        assert self.caller.send("recruitment", "GET", link, range="bytes=5-9").status == 206
        assert self.caller.send("recruitment", "GET", link[:-3] + "AAA").status == 403
        self.ask("rita", "GET", path + "/documents")
        self.ask("rita", "GET", document)
        self.ask("rita", "DELETE", document)
        self.ask("rita", "PUT", f"{path}/documents/{digest}?kind=cv", b"<script>", content_type="application/pdf")
        return put


def ask_recruitment(caller, secret):
    of = Recruiting(caller, secret)
    path, position = of.position()
    candidate_path, candidate, application_path, application = of.application(position, "zebedee@example.org")
    _, _, rejected_path, rejected = of.application(position, "yolanda@example.org")
    _, _, withdrawn_path, withdrawn = of.application(position, "xavier@example.org")
    put = of.documents(application_path)
    of.ask("mia", "PUT", application_path + "/interviewers/ivo")
    of.ask("ivo", "POST", application_path + "/assessments", {"score": 4, "note": "calm"})
    for who, one in (("rita", path), ("rita", "/v1/positions"), ("rita", "/v1/candidates"), ("rita", candidate_path), ("rita", "/v1/candidates/duplicates"),
                     ("mia", application_path), ("rita", "/v1/applications"), ("mia", application_path + "/interviewers"), ("mia", application_path + "/assessments"),
                     ("ada", "/v1/clean-up?unreferenced_seconds=0"), ("audrey", "/v1/audit"), ("audrey", "/v1/audit/verify"), (None, "/openapi.json")):
        of.ask(who, "GET", one)
    of.ask("mia", "DELETE", application_path + "/interviewers/ivo")
    position = of.ask("rita", "PATCH", path, {"headcount": 3}, position.headers["etag"])
    of.ask("rita", "PATCH", candidate_path, {"phone": "+44 20 7946 0958"}, candidate.headers["etag"])
    of.ask("rita", "POST", "/v1/candidates/search", {"email": "zebedee@example.org"})
    moved = of.ask("mia", "POST", application_path + "/moves", {"to": "offer"}, application.headers["etag"])
    of.ask("mia", "POST", application_path + "/hire", tag=moved.headers["etag"])
    of.ask("rita", "POST", rejected_path + "/rejection", {"reason": "experience"}, rejected.headers["etag"])
    of.ask("rita", "POST", withdrawn_path + "/withdrawal", tag=withdrawn.headers["etag"])
    of.ask("rita", "POST", candidate_path + "/erasure")
    of.ask("ada", "POST", "/v1/clean-up", {"unreferenced_seconds": 0})
    of.ask("rita", "POST", path + "/closing", tag=of.ask("rita", "GET", path).headers["etag"])
    # Nobody may do anything without a token.
    for method, template in caller.never("recruitment", True):
        of.ask(None, method, re.sub(r"\{[^}]+\}", NOBODY, template))
    return put


def ask_payments(caller, hook, is_notified):
    def send(method, path, body=None, key=None, **headers):
        headers |= {"idempotency_key": key} if key else {}
        return caller.send("payments", method, path, body, **headers)
    told = send("POST", "/v1/webhooks", {"url": hook})
    spare = send("POST", "/v1/webhooks", {"url": hook + "/spare"})
    send("DELETE", f"/v1/webhooks/{spare.json['id']}")
    for account in ("ann", "shop"):
        send("PUT", f"/v1/accounts/{account}", {"type": "liability", "currency": "EUR", "name": account})
    order = {"amount": 1250, "currency": "EUR", "payer": "ann", "payee": "shop", "payment_method": "tok_visa", "reference": "order 17"}
    final = ("captured", "declined", "failed", "cancelled")

    def ended(call, states):
        path = f"/v1/payments/{call.json['id']}"
        return caller.until(lambda seen: seen.json["state"] in states, "payments", "GET", path), path
    captured = [send("POST", "/v1/payments", order, f"pay-{n}") for n in range(4)]
    # The stand-in tells of one in ten by itself.
    while not is_notified() and len(captured) < 400:
        captured.append(send("POST", "/v1/payments", order, f"pay-{len(captured)}"))
        ended(captured[-1], final)
    held = [send("POST", "/v1/payments", order | {"capture": "manual"}, f"hold-{n}") for n in range(4)]
    paid, path = next((call, path) for call in captured for seen, path in [ended(call, final)] if seen.json["state"] == "captured")
    authorised = [path for call in held for seen, path in [ended(call, final + ("authorised",))] if seen.json["state"] == "authorised"]
    send("POST", path + "/refunds", {"amount": 250}, "refund")
    send("POST", authorised[0] + "/capture", {"amount": 1000}, "capture")
    send("POST", authorised[1] + "/cancel", key="cancel")
    caller.until(lambda seen: seen.json["refunded"] == 250, "payments", "GET", path)
    for one, state in ((authorised[0], "captured"), (authorised[1], "cancelled")):
        caller.until(lambda seen: seen.json["state"] == state, "payments", "GET", one)
    for one in ("/v1/payments?limit=2", "/v1/accounts", "/v1/accounts/shop", "/v1/ledger/entries", "/v1/ledger/check", "/v1/dead-letters", "/v1/webhooks"):
        send("GET", one)
    for method, one in (("GET", "/v1/payments?limit=x"), ("GET", "/v1/accounts?limit=x"), ("GET", "/v1/accounts/none"), ("GET", "/v1/payments/none"),
                         ("GET", "/v1/ledger/entries?limit=x"), ("GET", "/v1/dead-letters?limit=x"), ("POST", "/v1/dead-letters/none/redrive"), ("DELETE", "/v1/webhooks/none")):
        send(method, one)
    for method, one in (("POST", "/v1/payments"), ("POST", path + "/capture"), ("POST", path + "/refunds"), ("POST", path + "/cancel"),
                         ("PUT", "/v1/accounts/shop"), ("POST", "/v1/webhooks"), ("POST", "/v1/provider/notifications")):
        send(method, one, b"{", "ill")
    return {"paid": paid, "accepted": captured + held, "webhook": told}


def set_aside(caller, poison):
    """An event of a payment and a message that are poisoned become dead letters, and go on when they are brought again.

    What asked for both."""
    order = {"amount": 700, "currency": "EUR", "payer": "ann", "payee": "shop", "payment_method": "tok_visa", "reference": "poisoned"}
    ends = [poison("payments"), poison("messages")]
    payment = caller.send("payments", "POST", "/v1/payments", order, idempotency_key="poisoned")
    message = caller.send("messages", "POST", "/v1/messages", {"channel": "sms", "to": "+41791234999", "content": {"text": "poisoned"}})
    path = f"/v1/messages/{message.json['id']}"
    letters = caller.until(lambda call: call.json["dead_letters"], "payments", "GET", "/v1/dead-letters")
    caller.until(lambda call: call.json["state"] == "failed", "messages", "GET", path)
    for end in ends:
        end()
    for letter in letters.json["dead_letters"]:
        caller.send("payments", "POST", f"/v1/dead-letters/{letter['id']}/redrive")
    caller.send("messages", "POST", path + "/retry")
    caller.until(lambda call: call.json["state"] not in ("requested", "capturing"), "payments", "GET", f"/v1/payments/{payment.json['id']}")
    told_of(caller, message.json["id"])
    # It may have been an event of a payment before it that its consumers took first.
    of_payments = [call for call in caller.calls if (call.method, call.template, call.status) == ("POST", "/v1/payments", 202)]
    return [call for call in of_payments if call.json["id"] == letters.json["dead_letters"][0]["payment"]][0], message


def settle(caller):
    """Until nothing waits any more."""
    def is_quiet(call):
        return all(queue["ready"] == queue["sending"] == 0 for queue in call.json["queues"])
    caller.until(is_quiet, "messages", "GET", "/v1/queues")
