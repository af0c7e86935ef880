"""Queries that try to hurt: each is answered within its deadline or refused with a reason, and
meanwhile another user's query stays fast.

    hurt.py BINARY [--lines 60000] [--senders 8]
"""

import argparse
import http.client
import json
import random
import statistics
import tempfile
import threading
import time
import urllib.parse

from log_lines import rfc3339
from server import Watchfire, close, expect

HOURS = 24
DEADLINE = 5  # seconds that the server gives a query
LATEST = 3 * DEADLINE  # on a machine that others use as well
USUAL = 1.0  # the other user's median, at most


def lines(count, start):
    """Cheap to make, costly to search: many words, every number and id its own."""
    r = random.Random(7117)
    words = [f"{a}{b}{c}" for a in "abcdefghijklmnopqrst" for b in "aeiou" for c in "lmnrst"]
    for n in range(count):
        text = " ".join(r.choices(words, k=12))
        at = start + n * HOURS * 3600 * 10**9 // count
        yield {
            "timestamp": rfc3339(at), "severity": r.choice(["INFO", "INFO", "WARN", "ERROR"]), "service.name": f"s{n % 20}",
            "message": f"{text} {n}", "trace_id": f"{r.getrandbits(128) | 1:032x}", "user.id": r.randrange(10**6), "n": n,
            "dur_ms": r.random() * 1000, f"key_{n % 200}": r.choice(words),
        }


def hurtful():
    """(name, path, parameters)"""
    logs, histogram, fields = "/api/v1/logs", "/api/v1/logs/histogram", "/api/v1/logs/fields"
    letters = "abcdefghijklmnopqrst"
    prefixes = [f"{a}{b}*" for a in letters for b in "aeiou"]
    queries = {
        "everything": "*",
        "nothing but negation": "not *",
        "everything twenty times": " or ".join(["*"] * 20),
        "a* or b* …, 10,000 times": " or ".join(f"{letters[n % 20]}*" for n in range(10_000)),
        "a* or b* …, 900 times": " or ".join((prefixes * 9)[:900]),
        "a* and b* …, 900 times": " ".join((prefixes * 9)[:900]),
        "not a* or not b* …": " or ".join(f"not {prefix}" for prefix in prefixes),
        "one letter": "a*",
        "one letter, every field": " or ".join(f"key_{n}:a*" for n in range(200)),
        "negated letters": " ".join(f"-{letter}*" for letter in letters),
        "words by the hundred": " or ".join(f"{a}{b}{c}" for a in letters[:10] for b in "aeiou" for c in "lmnrst"),
        "deep brackets": "(" * 10_000 + "a",
        "deep, closed brackets": "(" * 60 + "a*" + ")" * 60,
        "deep not": "not " * 5_000 + "a",
        "deep dashes": "-" * 5_000 + "a",
        "deep groups of a field": "n:(" * 200 + "1" + ")" * 200,
        "a long phrase": '"' + "bal " * 5_000 + '"',
        "a long phrase's beginning": "\\ ".join(["bal"] * 500) + "\\ b*",
        "a long word": "a" * 50_000,
        "a megabyte": "a " * 500_000,
        "unknown fields": " or ".join(f"unknown_{n}:1" for n in range(900)),
        "a field with a long name": "x" * 20_000 + ":1",
        "a regular expression": "/(a+)+$/ message:/(x+x+)+y/",
        "stars": "a*b*c* ***",
        "ranges of everything": " or ".join(f"dur_ms:[{n} TO *]" for n in range(900)),
        "no numbers": "dur_ms:>NaN or dur_ms:<inf or dur_ms:[-inf TO 1e999]",
        "every trace": "trace_id:* not trace_id:" + "ab" * 16,
        "control characters": "\0\x01\x1b[2J\u202e\ufeff",
        "counted by every value": "* | count by n",
        "top of every value": "* | top trace_id",
        "a histogram of everything": "* | hist dur_ms",
        "pipes": "a" + " | count by n" * 500,
        "half a pipe": "a |",
    }
    for name, query in queries.items():
        yield name, logs, {"q": query}
    for name in ["everything", "a* or b* …, 900 times", "negated letters", "ranges of everything"]:
        yield f"{name}, over time", histogram, {"q": queries[name], "step": "0.000001"}
        yield f"{name}, top values", fields, {"q": queries[name], "field": "trace_id", "limit": "1000000"}
    yield "top messages", fields, {"q": "*", "field": "message"}
    yield "top of a number of its own", fields, {"q": "*", "field": "n", "limit": "100"}
    for name, more in {
        "a year": {"start": "2020-01-01T00:00:00Z"},
        "all of time": {"start": "1678-01-01T00:00:00Z", "end": "2261-01-01T00:00:00Z"},
        "from the end to the start": {"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
        "a limit beyond all": {"limit": "99999999999999999999"},
        "a large limit": {"limit": "1000000000"},
        "a limit below zero": {"limit": "-5"},
        "no limit": {"limit": "many"},
        "a cursor of nobody": {"cursor": "xyzzy"},
        "a cursor with a bomb": {"cursor": "9" * 10_000 + "_1-1"},
        "a cursor beyond time": {"cursor": "9223372036854775807_fffffffffff-fffff"},
        "a cursor before time": {"cursor": "-9223372036854775808_0-0"},
    }.items():
        yield name, logs, {"q": "a*", **more}
    yield "no UTF-8", logs, {"q": b"\xff\xfe\xed\xa0\x80"}


class User:
    """Asks the same modest question again and again, on a connection of its own."""

    def __init__(self, fire, start):
        self.connection = http.client.HTTPConnection(fire.addresses["listen"], timeout=60)
        range_ = {"start": rfc3339(start + (HOURS - 1) * 3600 * 10**9), "end": rfc3339(start + HOURS * 3600 * 10**9)}
        self.path = "/api/v1/logs?" + urllib.parse.urlencode({"q": "service:s7 severity:ERROR", "limit": 50, **range_})
        self.took, self.wrong, self.stopped = [], 0, False
        self.right = None

    def ask(self):
        started = time.perf_counter()
        self.connection.request("GET", self.path)
        answer = self.connection.getresponse()
        body = json.loads(answer.read())
        self.took.append(time.perf_counter() - started)
        found = [record["n"] for record in body.get("records", [])]
        self.right = self.right or found
        self.wrong += answer.status != 200 or body["partial"] or found != self.right

    def go_on(self):
        while not self.stopped:
            self.ask()
            time.sleep(0.02)


def attack(fire, cases, verdicts):
    while cases:
        try:
            name, path, parameters = cases.pop()
        except IndexError:
            return
        started = time.perf_counter()
        try:
            status, answer = fire.ask(path, timeout=120, **parameters)
        except OSError as error:
            verdicts.append((name, 0.0, f"no answer: {error}"))
            continue
        took = time.perf_counter() - started
        verdicts.append((name, took, objection(status, answer, took)))


def objection(status, answer, took):
    """What is wrong with an answer, if anything."""
    if took > LATEST:
        return f"took {took:.1f} s"
    if status in (414, 431):  # the address itself is too long: the status is all there is to say
        return None
    try:
        told = json.loads(answer)
    except ValueError:
        return f"{status} and no JSON: {answer[:200]}"
    if status == 200:
        return None
    if 400 <= status < 500 or status == 503:
        return None if told.get("detail") else f"{status} without a reason"
    return f"{status}: {told}"


def memory(fire):
    with open(f"/proc/{fire.process.pid}/status") as file:
        peak = next(line for line in file if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--lines", type=int, default=60_000)
    parser.add_argument("--senders", type=int, default=8)
    options = parser.parse_args()
    start = (int(time.time()) - HOURS * 3600) * 10**9
    folder = tempfile.TemporaryDirectory()
    made = [json.dumps(line) for line in lines(options.lines, start)]
    # The older half in splits, the newer one in memory.
    for half in (made[: len(made) // 2], made[len(made) // 2 :]):
        fire = Watchfire(options.binary, folder=folder.name)
        for at in range(0, len(half), 4000):
            fire.ingest("\n".join(half[at : at + 4000]).encode())
        if half[0] == made[0]:
            fire.stop()

    user = User(fire, start)
    for _ in range(50):
        user.ask()
    alone = statistics.median(user.took)
    user.took.clear()
    peace = threading.Thread(target=user.go_on)
    peace.start()
    cases = list(hurtful()) * 2
    random.Random(7117).shuffle(cases)
    count, verdicts, before = len(cases), [], memory(fire)
    attackers = [threading.Thread(target=attack, args=(fire, cases, verdicts)) for _ in range(options.senders)]
    started = time.perf_counter()
    for attacker in attackers:
        attacker.start()
    for attacker in attackers:
        attacker.join()
    lasted = time.perf_counter() - started
    user.stopped = True
    peace.join()

    for name, took, wrong in sorted(verdicts, key=lambda one: -one[1])[:5]:
        print(f"     {took:6.2f} s  {name}")
    for name, wrong in sorted({(name, wrong) for name, _, wrong in verdicts if wrong}):
        expect(False, f"{name}: {wrong}")
    right = sum(not wrong for _, _, wrong in verdicts)
    expect(right == count, f"{right} of {count} hurtful queries are answered in time or refused with a reason ({lasted:.0f} s)")
    took = sorted(user.took)
    expect(user.right and not user.wrong, f"the other user's {len(took)} answers are whole and right ({user.wrong} are not)")
    median, slow = statistics.median(took), took[len(took) * 95 // 100]
    expect(median <= USUAL, f"and come in {median * 1e3:.0f} ms, 95 % in {slow * 1e3:.0f} ms (alone {alone * 1e3:.1f} ms)")
    print(f"     memory {before / 1e6:.0f} MB before, {memory(fire) / 1e6:.0f} MB at most")
    expect(fire.ask("/healthz")[0] == 200, "the server is well")
    fire.stop()
    close()


main()
