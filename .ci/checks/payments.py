"""Payments through kills, a provider that fails in every way, and clients that send again.

    payments.py BINARY [--kills 4] [--payments 400] [--rate 200] [--seconds 5] [--postgres]

A provider of the check's own declines, is slow, fails before and after it did its work, does its work and
lets the caller time out, and tells of the same twice. Clients send each payment under a key of its own until
it is accepted, some of them several times at once, while the services are killed at random moments. In the
end each payment must be captured once at the provider or have ended cleanly, none lost and none twice, the
ledger must balance, and the provider's books must equal ours. With --postgres all of it is in a Postgres of the
check's own, which crashes and comes back as often as the services are killed.
"""

import argparse
import base64
import hashlib
import hmac
import http.client
import json
import os
import random
import socket
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from postgres import Postgres
from server import close, expect

SECRET = "the-provider-and-we-know-it"
PATIENCE = 150
ENDED = {"captured", "declined", "failed", "cancelled"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def signature(key, name, seconds, body):
    digest = hmac.new(key, f"{name}.{seconds}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        """A caller that was killed breaks off its connections."""


class Provider:
    """Its books are what counts: `done` holds each key once, with what it moved."""

    def __init__(self, wild=True):
        self.lock = threading.Lock()
        self.done, self.charges, self.asked, self.refused = {}, {}, {}, set()
        self.wild, self.unasked, self.strangers, self.notified = wild, [], 0, 0
        self.due = ThreadPoolExecutor(4)
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body=None):
                body = json.dumps(body or {}).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                self.answer(*provider.look_up(self.path.rsplit("/", 1)[-1]))

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.headers["authorization"] != f"Bearer {SECRET}":
                    provider.strangers += 1
                self.answer(*provider.operate(self.headers["idempotency-key"], body))

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def look_up(self, key):
        with self.lock:
            self.asked.setdefault(key, []).append("GET")
            found = self.done.get(key)
        return (200, found["operation"]) if found else (404, None)

    def operate(self, key, body):
        chance = random.Random("provider" + key)
        declined, early, late, lost, told = (chance.random() for _ in range(5))
        time.sleep(0.002 + 0.02 * chance.random() if self.wild else 0.005)
        with self.lock:
            before = self.asked.setdefault(key, [])
            if before and before[-1] == "POST":
                self.unasked.append(key)
            before.append("POST")
            if self.wild and early < 0.05 and key not in self.refused:
                self.refused.add(key)
                return 503, None
            if key in self.done:
                return 200, self.done[key]["operation"]
            operation = self.do(key, body, self.wild and declined < 0.05)
            self.done[key] = {**body, "operation": operation}
        if self.wild and told < 0.3:
            self.due.submit(self.notify, body["webhook_url"], operation)
        if self.wild and lost < 0.02:
            time.sleep(4)
        return (500, None) if self.wild and late < 0.03 else (200, operation)

    def do(self, key, body, declines):
        kind, amount, charge = body["type"], body["amount"], body.get("charge")
        if kind in ("charge", "authorise"):
            if declines or body["method"] == "tok_declined":
                return {"key": key, "status": "declined", "reason": "insufficient_funds"}
            charge = "ch_" + key
            self.charges[charge] = {"amount": amount, "captured": amount if kind == "charge" else 0, "refunded": 0,
                                    "payment": key.split(":")[0], "void": False}
        elif kind == "capture":
            self.charges[charge]["captured"] += amount
        elif kind == "void":
            self.charges[charge]["void"] = True
        else:
            self.charges[charge]["refunded"] += amount
        return {"key": key, "status": "succeeded", "charge": charge}

    def notify(self, url, operation):
        """Twice, and the second time no matter what became of the first."""
        name = "ntf_" + operation["key"]
        body = json.dumps({"id": name, "operation": operation}).encode()
        host, path = url.removeprefix("http://").split("/", 1)
        for _ in range(2):
            seconds = int(time.time())
            headers = {"content-type": "application/json", "webhook-id": name, "webhook-timestamp": str(seconds),
                       "webhook-signature": signature(SECRET.encode(), name, seconds, body)}
            try:
                connection = http.client.HTTPConnection(host, timeout=5)
                connection.request("POST", "/" + path, body, headers)
                self.notified += connection.getresponse().status == 200
                connection.close()
            except OSError:
                pass


class Subscriber:
    """A receiver of webhooks that fails now and then."""

    def __init__(self):
        self.lock, self.told, self.forged, self.key = threading.Lock(), {}, 0, None
        subscriber = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(subscriber.take(self.headers, body))
                self.send_header("content-length", "0")
                self.end_headers()

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, headers, body):
        event = json.loads(body)
        expected = signature(self.key, headers["webhook-id"], headers["webhook-timestamp"], body)
        with self.lock:
            self.forged += headers["webhook-signature"] != expected or headers["webhook-id"] != event["id"]
            seen = self.told.setdefault(event["data"]["payment"], [])
            if random.random() < 0.05:
                return 503
            if event["id"] not in [name for name, _ in seen]:
                seen.append((event["id"], event["type"]))
        return 200


class Services:
    def __init__(self, binary, provider, folder, postgres, name):
        self.binary, self.folder, self.port, self.postgres = binary, folder, free_port(), postgres
        self.database = [f"--database={postgres.database(name)}"] if postgres else []
        self.environment = {**os.environ, "WATCHFIRE_PAYMENTS_PROVIDER_URL": provider.url, "WATCHFIRE_PAYMENTS_PROVIDER": SECRET}
        self.log = open(os.path.join(folder, "log"), "ab")
        self.local = threading.local()
        self.start()

    def start(self):
        arguments = [self.binary, "services", "--only=payments,gateway", f"--data-dir={self.folder}/data", f"--gateway=127.0.0.1:{self.port}", *self.database]
        self.process = subprocess.Popen(arguments, stdout=self.log, stderr=self.log, env=self.environment)
        end = time.time() + PATIENCE
        while time.time() < end:
            try:
                if self.once("GET", "/v1/ledger/check")[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
        raise SystemExit("the services did not start")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def processor_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def once(self, method, path, body=None, key=None):
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = self.local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        headers = {"content-type": "application/json"} if body is not None else {}
        if key:
            headers["idempotency-key"] = key
        try:
            connection.request(method, "/payments" + path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self.local.connection = None
            raise

    def ask(self, method, path, body=None, key=None):
        """Until there is an answer that is final."""
        end = time.time() + PATIENCE
        while time.time() < end:
            try:
                status, answer = self.once(method, path, body, key)
                if status < 500 and status != 429:
                    return status, json.loads(answer or "null")
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(random.uniform(0.02, 0.2))
        raise SystemExit(f"no answer to {method} {path}")

    def all(self, path, plural):
        found, cursor = [], None
        while True:
            status, page = self.ask("GET", f"{path}?limit=200" + (f"&cursor={cursor}" if cursor else ""))
            if status != 200:
                raise SystemExit(f"GET {path}: {status} {page}")
            found += page[plural]
            cursor = page["next"]
            if cursor is None:
                return found


def order(number, **more):
    return {"amount": 100 + number, "currency": "EUR", "payer": "ann", "payee": "shop", "payment_method": "tok_visa",
            "reference": f"order {number}", **more}


def open_accounts(services):
    for name, currency in (("ann", "EUR"), ("shop", "EUR"), ("bob", "USD")):
        body = {"type": "liability", "currency": currency, "name": name}
        first, again = (services.ask("PUT", f"/v1/accounts/{name}", body)[0] for _ in range(2))
        expect((first, again) == (201, 200), f"account {name} is opened once ({first}, {again})")


def semantics(services, provider):
    """What a key means, and what is refused."""
    first = services.ask("POST", "/v1/payments", order(1), "semantics-1")
    expect(first[0] == 202 and services.ask("POST", "/v1/payments", order(1), "semantics-1") == first, "the same request again is given the same answer")
    expect(services.ask("POST", "/v1/payments", order(2), "semantics-1")[0] == 422, "another request under the same key is a 422")
    expect(services.ask("POST", "/v1/payments", order(1))[0] == 400, "a payment without a key is a 400")
    with ThreadPoolExecutor(20) as many:
        answers = list(many.map(lambda _: services.ask("POST", "/v1/payments", order(3), "semantics-3"), range(20)))
    expect(len({answer[1]["id"] for answer in answers}) == 1 and {answer[0] for answer in answers} == {202}, "20 at once under one key are one payment")
    for body, what in ((order(4, amount=0), "an amount of 0"), (order(4, amount=1.5), "a broken amount"), (order(4, currency="eur"), "an unknown currency"),
                       (order(4, payee="nobody"), "an unknown payee"), (order(4, payee="bob"), "another currency's payee"), (order(4, payee="ann"), "a payment to oneself"),
                       (order(4, payment_method="4242424242424242"), "a card number"), (order(4, more=1), "an unknown member")):
        status, problem = services.ask("POST", "/v1/payments", body, "semantics-4")
        expect(status == 422 and "4242" not in json.dumps(problem), f"{what} is a 422: {problem.get('detail', '')[:90]}")
    expect(len([key for key in provider.done if key.startswith(first[1]["id"])]) <= 1, "the provider was asked once")


def life(services, number, made):
    """One payment as a client sees it: sent until accepted, some twice at once, then captured, cancelled or refunded."""
    chance = random.Random(f"life{number}")
    manual = chance.random() < 0.15
    key = f"life-{number}"
    body = order(number, capture="manual" if manual else "automatic")
    if chance.random() < 0.1:
        twice = threading.Thread(target=lambda: services.ask("POST", "/v1/payments", body, key))
        twice.start()
    status, answer = services.ask("POST", "/v1/payments", body, key)
    if status != 202:
        raise SystemExit(f"payment {number}: {status} {answer}")
    name, follow = answer["id"], chance.random()
    made[number] = name
    if manual:
        if settled(services, name, {"authorised"} | ENDED)["state"] == "authorised":
            what = "capture" if follow < 0.7 else "cancel"
            services.ask("POST", f"/v1/payments/{name}/{what}", {}, key + what)
    elif follow < 0.15 and settled(services, name, ENDED)["state"] == "captured":
        half = body["amount"] // 2
        for turn, (part, expected) in enumerate(((half, 202), (body["amount"] - half, 202), (1, 422))):
            status, answer = services.ask("POST", f"/v1/payments/{name}/refunds", {"amount": part}, f"{key}-refund-{turn}")
            if status != expected:
                expect(False, f"refund of {part} of payment {number}: {status} {answer}")


def settled(services, name, states):
    end = time.time() + PATIENCE
    while time.time() < end:
        payment = services.ask("GET", f"/v1/payments/{name}")[1]
        if payment["state"] in states:
            return payment
        time.sleep(0.1)
    raise SystemExit(f"payment {name} is still {payment['state']}")


def killed(services, provider, count, kills):
    made, stopped = {}, threading.Event()

    def kill():
        for n in range(kills):
            time.sleep(random.uniform(0.7, 3))
            services.kill()
            services.start()
            if services.postgres:
                time.sleep(random.uniform(0.3, 1))
                services.postgres.crash()
                # With a pause that is longer than any request waits for a connection.
                time.sleep(random.choice((0, 3)))
                services.postgres.start()
        stopped.set()

    killer = threading.Thread(target=kill)
    killer.start()
    number = 1000
    with ThreadPoolExecutor(24) as clients:
        running = []
        while len(running) < count or not stopped.is_set():
            running.append(clients.submit(life, services, number, made))
            number += 1
            time.sleep(random.uniform(0, 0.02) if len(running) < count else 0.1)
        for client in running:
            client.result()
    killer.join()
    crashes = f", {kills} crashes of Postgres" if services.postgres else ""
    print(f"    {len(made)} payments, {kills} kills{crashes}", flush=True)
    return made


def drained(services):
    """Waits until every event has been taken."""
    end = time.time() + PATIENCE
    while time.time() < end:
        payments = services.all("/v1/payments", "payments")
        waiting = [payment for payment in payments if payment["state"] not in ENDED]
        if not waiting and not refunds_under_way(services, payments) and posted(services) >= moved(payments):
            return payments
        time.sleep(0.3)
    print("    still waiting:", [(payment["id"], payment["state"]) for payment in waiting][:5])
    return payments


def refunds_under_way(services, payments):
    for payment in payments:
        if payment["state"] == "captured" and payment["refunded"] != payment["captured"]:
            shown = services.ask("GET", f"/v1/payments/{payment['id']}")[1]
            if any(refund["state"] == "requested" for refund in shown["refunds"]):
                return True
    return False


def moved(payments):
    return sum(payment["captured"] + payment["refunded"] for payment in payments)


def posted(services):
    entries = services.all("/v1/ledger/entries", "entries")
    return sum(abs(entry["amount"]) for entry in entries if entry["account"].startswith("clearing:"))


def books(services, provider, subscriber, made, payments):
    ours = {payment["id"]: payment for payment in payments}
    expect(set(made.values()) <= set(ours), "no payment that was accepted is lost")
    expect(len(set(made.values())) == len(made), "each key made one payment")
    references = [payment["reference"] for payment in payments]
    expect(len(references) == len(set(references)), "no payment was made twice")
    states = sorted({payment["state"] for payment in payments})
    expect(set(states) <= ENDED, f"each payment has ended ({', '.join(states)})")
    by_payment = {}
    for charge in provider.charges.values():
        by_payment.setdefault(charge["payment"], []).append(charge)
    expect(all(len(charges) == 1 for charges in by_payment.values()), "no card was charged twice")
    theirs = {name: (charges[0]["captured"], charges[0]["refunded"]) for name, charges in by_payment.items() if charges[0]["captured"]}
    mine = {name: (payment["captured"], payment["refunded"]) for name, payment in ours.items() if payment["state"] == "captured"}
    expect(theirs == mine, f"the provider's books equal ours ({len(theirs)} captured there, {len(mine)} here)")
    expect(provider.unasked == [], f"nothing was sent again before it was asked for ({len(provider.unasked)} times)")
    expect(provider.strangers == 0, "the provider knows us")
    status, check = services.ask("GET", "/v1/ledger/check")
    expect(status == 200 and check["balanced"] and check["currencies"][0]["sum"] == 0, f"the ledger balances ({check})")
    net = sum(captured - refunded for captured, refunded in theirs.values())
    shop = services.ask("GET", "/v1/accounts/shop")[1]["balance"]
    due = services.ask("GET", "/v1/accounts/clearing:EUR")[1]["balance"]
    expect((-shop, due) == (net, net), f"the payee has what the provider took ({-shop}, {due}, {net})")
    letters = services.all("/v1/dead-letters", "dead_letters")
    expect(letters == [], f"there are no dead letters ({[(letter['consumer'], letter['last_error']) for letter in letters][:3]})")
    told(subscriber, ours, mine)


def told(subscriber, ours, mine):
    def is_told(name):
        return "payment.captured" in [kind for _, kind in subscriber.told.get(name, [])]

    end = time.time() + PATIENCE
    while time.time() < end and not all(is_told(name) for name in mine):
        time.sleep(0.3)
    expect(all(is_told(name) for name in mine), f"the subscriber was told of each of {len(mine)} captures")
    kinds = [[kind for _, kind in events] for events in subscriber.told.values()]
    ordered = [events.index("payment.captured") < min((events.index(kind) for kind in events if kind.startswith("refund")), default=99)
               for events in kinds if "payment.captured" in events]
    expect(all(ordered), "and of each payment in order")
    expect(subscriber.forged == 0, "all of it signed")


def load(binary, rate, seconds, postgres):
    """Open loop: latencies are taken from the moment at which a request was due."""
    provider, latencies, names, lock = Provider(wild=False), [], [], threading.Lock()
    with tempfile.TemporaryDirectory() as folder:
        services = Services(binary, provider, folder, postgres, "load")
        open_accounts(services)
        begin = time.time() + 0.5

        def send(number):
            due = begin + number / rate
            time.sleep(max(0, due - time.time()))
            status, answer = services.ask("POST", "/v1/payments", order(number), f"load-{number}")
            with lock:
                latencies.append(time.time() - due)
                names.append(answer["id"] if status == 202 else None)

        with ThreadPoolExecutor(48) as clients:
            list(clients.map(send, range(int(rate * seconds))))
        payments = drained(services)
        expect(None not in names and len(payments) == len(names), f"{len(names)} payments were accepted at {rate}/s")
        whole = sorted(seconds_of(payment["updated_at"]) - seconds_of(payment["created_at"]) for payment in payments)
        latencies.sort()
        at = lambda values, share: 1000 * values[min(len(values) - 1, int(share * len(values)))]
        print(f"    accepted: p50 {at(latencies, 0.5):.1f} ms, p95 {at(latencies, 0.95):.1f} ms; "
              f"to captured: p50 {at(whole, 0.5):.1f} ms, p95 {at(whole, 0.95):.1f} ms; "
              f"{1000 * services.processor_seconds() / len(names):.2f} ms of processor time each", flush=True)
        expect(at(latencies, 0.95) < 130, "accepting takes less than 130 ms at the 95th percentile")
        services.kill()


def seconds_of(text):
    whole, _, fraction = text.rstrip("Z").partition(".")
    clock = [int(part) for part in whole.split("T")[1].split(":")]
    return clock[0] * 3600 + clock[1] * 60 + clock[2] + float("0." + (fraction or "0"))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--kills", type=int, default=4)
    arguments.add_argument("--payments", type=int, default=400)
    arguments.add_argument("--rate", type=int, default=200)
    arguments.add_argument("--seconds", type=int, default=5)
    arguments.add_argument("--postgres", action="store_true")
    chosen = arguments.parse_args()
    postgres = Postgres() if chosen.postgres else None
    load(chosen.binary, chosen.rate, chosen.seconds, postgres)
    provider, subscriber = Provider(), Subscriber()
    with tempfile.TemporaryDirectory() as folder:
        services = Services(chosen.binary, provider, folder, postgres, "kills")
        open_accounts(services)
        status, webhook = services.ask("POST", "/v1/webhooks", {"url": subscriber.url})
        subscriber.key = base64.b64decode(webhook["secret"].removeprefix("whsec_"))
        expect(status == 201, "a webhook is made, and its secret told once")
        semantics(services, provider)
        made = killed(services, provider, chosen.payments, chosen.kills)
        payments = drained(services)
        books(services, provider, subscriber, made, payments)
        expect(provider.notified > 0, f"{provider.notified} notifications, each sent twice, were taken")
        services.process.terminate()
        expect(services.process.wait(60) == 0, "a clean stop")
        with open(os.path.join(folder, "log"), encoding="utf-8") as log:
            said = log.read()
        expect("tok_" not in said and SECRET not in said, f"no token and no secret in {len(said.splitlines())} lines of log")
        if postgres:
            stored = sorted(os.listdir(os.path.join(folder, "data"))) if os.path.isdir(os.path.join(folder, "data")) else []
            expect(not any(name.endswith(".sqlite") for name in stored), f"no SQLite file was made ({stored})")
    if postgres:
        postgres.stop()
    close()


if __name__ == "__main__":
    main()
