"""Recordings of a system of services through an outage: spans and log lines, read from files that somebody
published, or made from a seed.

A recording is a list of spans and a list of lines, as dictionaries; times are nanoseconds.
"""

import csv
import glob
import json
import os
import random
import re

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5


def nezha(folder):
    """What Nezha's authors published of Online Boutique and Train Ticket: `*_trace.csv` and `*_log.csv`. No kinds and
    no statuses are recorded: kinds follow from who calls whom."""
    csv.field_size_limit(1 << 24)
    spans, lines = [], []
    for path in sorted(glob.glob(os.path.join(folder, "**", "*_trace.csv"), recursive=True)):
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                ids = (row["TraceID"], row["SpanID"])
                if not re.fullmatch("[0-9a-f]{32}", ids[0]) or not re.fullmatch("[0-9a-f]{16}", ids[1]):
                    continue
                parent = row["ParentID"] if re.fullmatch("[0-9a-f]{16}", row["ParentID"]) else None
                spans.append({"trace": ids[0], "id": ids[1], "parent": parent, "service": of_pod(row["PodName"]),
                              "name": row["OperationName"], "start": int(row["StartTimeUnixNano"]),
                              "end": max(int(row["EndTimeUnixNano"]), int(row["StartTimeUnixNano"])), "kind": INTERNAL})
    for path in sorted(glob.glob(os.path.join(folder, "**", "*_log.csv"), recursive=True)):
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                said = json.loads(row["Log"]).get("log", "").strip() if row["Log"].startswith("{") else row["Log"]
                level = re.search(r"\b(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)", said)
                valid = re.fullmatch("[0-9a-f]{32}", row["TraceID"]) and re.fullmatch("[0-9a-f]{16}", row["SpanID"])
                lines.append({"at": int(row["TimeUnixNano"]), "service": of_pod(row["PodName"]), "text": said or "(nothing)",
                              "severity": level.group(1) if level else "INFO",
                              **({"trace": row["TraceID"], "span": row["SpanID"]} if valid else {})})
    with_kinds(spans)
    # Some lines were recorded with the year 1: they were written while their span ran.
    ends = {(span["trace"], span["id"]): span["end"] for span in spans}
    for line in lines:
        if line["at"] <= 0:
            line["at"] = ends.get((line.get("trace"), line.get("span")), 0)
    return spans, [line for line in lines if line["at"] > 0]


def of_pod(name):
    return re.sub(r"-[0-9a-f]+-[0-9a-z]{5}$", "", name)


def with_kinds(spans):
    """A span with a parent in another service answers a request, that parent made one; so does the first of a trace
    answer one."""
    by_id = {(span["trace"], span["id"]): span for span in spans}
    for span in spans:
        parent = by_id.get((span["trace"], span["parent"]))
        if span["parent"] is None:
            span["kind"] = SERVER
        elif parent and parent["service"] != span["service"]:
            span["kind"] = SERVER
            parent["kind"] = CLIENT


class Made:
    """An order system of which payments fail for the middle third of its time."""

    def __init__(self, seed, traces):
        self.random, self.spans, self.lines, self.waiting = random.Random(seed), [], [], []
        self.virtual, self.thrown = {}, {}
        begin = 1_700_000_000_000_000_000
        for number in range(traces):
            self.broken = traces // 3 <= number < 2 * traces // 3
            self.trace = self.hex(32)
            self.order(begin + number * 100_000_000, number)
            if len(self.waiting) == 5:
                self.mail(begin + number * 100_000_000)

    def hex(self, length):
        return f"{self.random.getrandbits(4 * length) | 1:0{length}x}"

    def took(self, millis):
        return int(self.random.lognormvariate(0, 0.6) * millis * 1_000_000)

    def span(self, parent, service, name, kind, start, took, error=False, **more):
        span = {"trace": self.trace, "id": self.hex(16), "parent": parent and parent["id"], "service": service, "name": name,
                "kind": kind, "start": start, "end": start + took, "error": error, **more}
        self.spans.append(span)
        return span

    def call(self, parent, service, other, name, at, took, error=False):
        client = self.span(parent, service, "HTTP POST", CLIENT, at, took + 2_000_000, error, attributes={"server.address": other})
        return client, self.span(client, other, name, SERVER, at + 1_000_000, took, error)

    def say(self, span, severity, text, **more):
        self.lines.append({"at": span["end"] - 1000, "service": span["service"], "severity": severity, "text": text,
                           "trace": span["trace"], "span": span["id"], **more})

    def order(self, at, number):
        pays = self.took(200 if self.broken else 40)
        refused = self.broken and self.random.random() < 0.7
        root = self.span(None, "gateway", f"POST /orders/{number}", SERVER, at, pays + 60_000_000, refused)
        client, orders = self.call(root, "gateway", "orders", "POST /orders", at + 2_000_000, pays + 50_000_000, refused)
        self.say(orders, "INFO", f"order {number} came")
        stock, _ = self.call(orders, "orders", "stock", "reserve", at + 4_000_000, self.took(8))
        self.span(self.spans[-1], "stock", "SELECT stock", CLIENT, stock["start"] + 2_000_000, self.took(3),
                  attributes={"db.system.name": "postgresql", "db.namespace": "stock"})
        paying, payments = self.call(orders, "orders", "payments", "POST /charge", at + 20_000_000, pays, refused)
        bank = self.span(payments, "payments", "POST", CLIENT, payments["start"] + 1000, max(pays - 2000, 1), refused,
                         attributes={"url.full": "https://api.bank.example/v1/charge"})
        edge = self.virtual.setdefault(("payments", "api.bank.example"), [0, 0])
        edge[0], edge[1] = edge[0] + 1, edge[1] + refused
        if refused:
            # It is noted where it is thrown and on each span of the process that it goes through, and logged.
            told = {"exception.type": "BankRefused", "exception.message": f"charge {number} was refused by the bank"}
            for span in (bank, payments):
                span["exception"] = told
            self.say(payments, "ERROR", "charge failed", **told)
            self.thrown["payments"] = self.thrown.get("payments", 0) + 1
        else:
            self.say(payments, "INFO", f"order {number} is paid")
            sent = self.span(orders, "orders", "orders publish", PRODUCER, orders["end"] - 2_000_000, 1_000_000,
                             attributes={"messaging.system": "kafka", "messaging.destination.name": "paid"})
            self.waiting.append((sent["trace"], sent["id"]))

    def mail(self, at):
        self.trace = self.hex(32)
        self.span(None, "mailer", "paid process", CONSUMER, at + 500_000_000, self.took(30), links=list(self.waiting),
                  attributes={"messaging.system": "kafka", "messaging.destination.name": "paid"})
        self.waiting.clear()


def edges(spans, virtual=None):
    """(client, server) to calls and failures, by what the recording says."""
    by_id = {(span["trace"], span["id"]): span for span in spans}
    found = {}

    def count(client, server, error):
        edge = found.setdefault((client, server), [0, 0])
        edge[0], edge[1] = edge[0] + 1, edge[1] + bool(error)

    for span in spans:
        if span["kind"] in (SERVER, CONSUMER):
            callers = [(span["trace"], span["parent"])] if span["parent"] else []
            callers += span.get("links", [])
            if not callers and span["kind"] == SERVER:
                count("user", span["service"], span.get("error"))
            for caller in map(by_id.get, callers):
                if caller and caller["kind"] in (CLIENT, PRODUCER):
                    count(caller["service"], span["service"], caller.get("error") or span.get("error"))
        said = span.get("attributes", {})
        if span["kind"] == CLIENT and "db.namespace" in said:
            count(span["service"], f"{said['db.namespace']} ({said['db.system.name']})", span.get("error"))
    for edge, (calls, failed) in (virtual or {}).items():
        found[edge] = [calls, failed]
    return found
