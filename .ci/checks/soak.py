"""Ingest at full speed with queries running, for as long as it is told: memory, disk and answers.

    soak.py BINARY [--seconds 3600] [--rate LINES_PER_SECOND] [--disk-limit 2GB] [--most-memory MIB]

One writer sends log lines as fast as they are taken (or at a rate), one reader asks cheap queries,
four ask hurtful ones. Every ten seconds it says what came, how long the cheap queries took, what
became of the hurtful ones, and what the server holds in memory and on disk. Fails if a cheap query
is not answered, if a hurtful one ends in anything but an answer or a refusal with a reason, if the
disk limit is passed, or if the memory that is not mapped files passes --most-memory.
"""

import argparse
import collections
import http.client
import json
import os
import random
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.parse

LINES = 1000
SERVICES = [f"service-{n}" for n in range(20)]
WORDS = "timeout refused upstream cache replica order basket payment retry shard lease quorum".split()
SIZES = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
HURTFUL = [
    "*",
    " OR ".join(f"{chr(97 + n % 26)}*" for n in range(10_000)),
    " OR ".join(f"{chr(97 + n % 26)}{n}*" for n in range(900)),
    " ".join(f"-{chr(97 + n % 26)}*" for n in range(90)),
    " OR ".join(f"duration_ms:>{n}" for n in range(900)),
    '"' + "upstream cache " * 300 + '"',
    "(" * 5000,
    "e*",
]
CHEAP = ["timeout", "service:service-3 severity:error", "trace_id:%032x" % 5, '"upstream cache"', "kaboom"]


def line(number, rng):
    words = " ".join(rng.choice(WORDS) for _ in range(6))
    record = {
        "timestamp": "@@TIME@@",
        "severity": rng.choices(["INFO", "DEBUG", "WARN", "ERROR"], [80, 10, 6, 4])[0],
        "service.name": rng.choice(SERVICES),
        "message": f"request {rng.randrange(10**9)} {words} took {rng.randrange(900)} ms",
        "trace_id": "%032x" % rng.getrandbits(128),
        "span_id": "%016x" % rng.getrandbits(64),
        "http.route": rng.choice(["/pois", "/places/{id}", "/sync", "/tiles/{z}/{x}"]),
        "duration_ms": rng.randrange(900),
        "user.id": rng.randrange(50_000),
        "host.name": f"node-{rng.randrange(12)}",
    }
    return json.dumps(record)


class Soak:
    def __init__(self, binary, folder, arguments):
        self.arguments = arguments
        flags = ["--listen=127.0.0.1:0", "--otlp-grpc=127.0.0.1:0", "--otlp-http=127.0.0.1:0"]
        flags += ["--print-addresses", f"--data-dir={folder}", f"--disk-limit={arguments.disk_limit}"]
        self.folder = folder
        self.process = subprocess.Popen(
            [binary, "serve", *flags], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.address = json.loads(self.process.stdout.readline())["listen"]
        self.ends = time.monotonic() + arguments.seconds
        self.lock = threading.Lock()
        self.accepted = 0
        self.refused = 0
        self.took = []
        self.hurtful = collections.Counter()
        self.failures = []

    def goes_on(self):
        return time.monotonic() < self.ends and self.process.poll() is None

    def request(self, connection, method, path, body=None):
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return 0, str(error).encode()

    def write(self):
        rng = random.Random(7117)
        bodies = [("\n".join(line(n, rng) for n in range(LINES))).encode() for _ in range(20)]
        connection = http.client.HTTPConnection(self.address, timeout=60)
        started, sent = time.monotonic(), 0
        while self.goes_on():
            now = time.time()
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f"{now % 1:.9f}"[1:] + "Z"
            body = rng.choice(bodies).replace(b"@@TIME@@", stamp.encode())
            status, _ = self.request(connection, "POST", "/api/v1/ingest/logs", body)
            with self.lock:
                self.accepted += LINES * (status == 200)
                self.refused += LINES * (status != 200)
            sent += LINES
            ahead = sent / self.arguments.rate - (time.monotonic() - started) if self.arguments.rate else 0
            if status != 200 or ahead > 0:
                time.sleep(max(ahead, 0.1 if status != 200 else 0))

    def ask_cheap(self):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        for number in range(10**12):
            if not self.goes_on():
                return
            began = time.monotonic()
            query = urllib.parse.urlencode({"q": CHEAP[number % len(CHEAP)], "limit": 100})
            status, body = self.request(connection, "GET", f"/api/v1/logs?{query}")
            if not self.goes_on():
                return
            with self.lock:
                self.took.append(time.monotonic() - began)
                if status != 200:
                    self.failures.append(f"cheap query: {status} {body[:200]}")
            time.sleep(0.05)

    def ask_hurtful(self, number):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        rng = random.Random(number)
        while self.goes_on():
            query = {"q": rng.choice(HURTFUL), "start": "2026-01-01T00:00:00Z", "limit": 1000}
            path = rng.choice(["/api/v1/logs", "/api/v1/logs/histogram", "/api/v1/logs/fields"])
            if path.endswith("fields"):
                query["field"] = "user.id"
            status, body = self.request(connection, "GET", path + "?" + urllib.parse.urlencode(query))
            if not self.goes_on():
                return
            with self.lock:
                partial = status == 200 and json.loads(body).get("partial", False)
                self.hurtful[f"{status} partial" if partial else str(status)] += 1
                if status not in (200, 400, 414, 431, 503, 504):
                    self.failures.append(f"{path} {query['q'][:40]}: {status} {body[:200]}")
            time.sleep(0.2)

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        return {name: int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon", "VmHWM")}

    def disk(self):
        sizes = []
        for at, _, names in os.walk(self.folder):
            for name in names:
                try:
                    sizes.append(os.path.getsize(os.path.join(at, name)))
                except FileNotFoundError:
                    pass
        return sum(sizes)

    def watch(self):
        most_anon = most_disk = 0
        last, at = 0, time.monotonic()
        while self.goes_on():
            time.sleep(min(10, max(0.1, self.ends - time.monotonic())))
            if self.process.poll() is not None:
                self.failures.append(f"the server ended with {self.process.returncode}")
                break
            memory, disk, now = self.memory(), self.disk(), time.monotonic()
            most_anon, most_disk = max(most_anon, memory["RssAnon"]), max(most_disk, disk)
            with self.lock:
                took, self.took = sorted(self.took), []
                accepted, refused, hurtful = self.accepted, self.refused, dict(self.hurtful)
            rate = (accepted - last) / (now - at)
            last, at = accepted, now
            p50 = statistics.median(took) * 1e3 if took else float("nan")
            p99 = took[int(len(took) * 0.99)] * 1e3 if took else float("nan")
            print(
                f"{accepted} lines ({rate:.0f}/s), refused {refused}; cheap p50 {p50:.1f} p99 {p99:.1f} ms; "
                f"hurtful {hurtful}; rss {memory['VmRSS']:.0f} anon {memory['RssAnon']:.0f} "
                f"peak {memory['VmHWM']:.0f} MiB; disk {disk / 1e6:.0f} MB",
                flush=True,
            )
        return most_anon, most_disk

    def run(self):
        jobs = [threading.Thread(target=self.write), threading.Thread(target=self.ask_cheap)]
        jobs += [threading.Thread(target=self.ask_hurtful, args=(n,)) for n in range(4)]
        for job in jobs:
            job.start()
        most_anon, most_disk = self.watch()
        for job in jobs:
            job.join()
        self.process.terminate()
        _, _, used = os.wait4(self.process.pid, 0)
        limit = self.arguments.disk_limit.upper()
        unit = next((unit for unit in SIZES if limit.endswith(unit)), "")
        allowed = int(limit.removesuffix(unit)) * SIZES.get(unit, 1)
        if most_disk > allowed:
            self.failures.append(f"{most_disk} bytes on disk, {allowed} allowed")
        if self.arguments.most_memory and most_anon > self.arguments.most_memory:
            self.failures.append(f"{most_anon:.0f} MiB of memory, {self.arguments.most_memory} allowed")
        print(f"peak RSS {used.ru_maxrss / 1024:.0f} MiB, without mapped files {most_anon:.0f} MiB")
        for failure in self.failures[:20]:
            print("FAILED", failure)
        return not self.failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--disk-limit", default="2GB")
    parser.add_argument("--most-memory", type=float, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        raise SystemExit(0 if Soak(arguments.binary, folder, arguments).run() else 1)


main()
