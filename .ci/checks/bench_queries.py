"""Loads log lines of the bench and asks the ten queries: every answer must be right.

    bench_queries.py BINARY FOLDER [--runs 10]

FOLDER holds logs.otlp, logs.ndjson and logs.json, as the generator of the workload writes them. The lines are loaded over OTLP;
the queries are asked once while a part is still in memory, and timed after a clean stop and a new
start, when all is on disk. CPU seconds are those of the whole first life without the queries:
receive, log ahead, index, stop.
"""

import argparse
import http.client
import json
import os
import queue
import re
import statistics
import struct
import subprocess
import tempfile
import threading
import time
import urllib.parse

from server import close, expect

CONNECTIONS = 4
NEWEST = 100


class Server:
    def __init__(self, binary, folder):
        addresses = ["--listen=127.0.0.1:0", "--otlp-grpc=127.0.0.1:0", "--otlp-http=127.0.0.1:0"]
        self.process = subprocess.Popen(
            [binary, "serve", *addresses, "--print-addresses", f"--data-dir={folder}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        said = json.loads(self.process.stdout.readline())
        self.console = http.client.HTTPConnection(said["listen"], timeout=120)
        self.otlp = said["otlp_http"]

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def get(self, path, **parameters):
        self.console.request("GET", path + "?" + urllib.parse.urlencode(parameters))
        answer = self.console.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"GET {path} {parameters}: {answer.status} {body.decode()}")
        return json.loads(body)

    def stop(self):
        """CPU seconds and peak memory of its whole life."""
        self.process.terminate()
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        expect(self.process.returncode == 0, f"a clean stop (exit code {self.process.returncode})")
        return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def frames(path):
    with open(path, "rb") as file:
        while header := file.read(4):
            yield file.read(struct.unpack("<I", header)[0])


def load(server, path):
    """Seconds, and how often the server asked to come again."""
    waiting, refused, failed = queue.Queue(maxsize=2 * CONNECTIONS), [], []

    def send():
        connection = http.client.HTTPConnection(server.otlp, timeout=120)
        while (body := waiting.get()) is not None:
            while True:
                connection.request("POST", "/v1/logs", body, {"content-type": "application/x-protobuf"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status not in (429, 503):
                    break
                refused.append(answer.status)
                time.sleep(float(answer.headers["retry-after"]))
            if answer.status != 200 or text:
                failed.append((answer.status, text))

    senders = [threading.Thread(target=send) for _ in range(CONNECTIONS)]
    for sender in senders:
        sender.start()
    started = time.monotonic()
    for body in frames(path):
        waiting.put(body)
    for _ in senders:
        waiting.put(None)
    for sender in senders:
        sender.join()
    expect(not failed, f"every request is wholly accepted {failed[:1]}")
    return time.monotonic() - started, len(refused)


def newest(path, matches):
    """The newest lines that match; lines are in the order of time."""
    with open(path, "rb") as file:
        found, rest, at = [], b"", file.seek(0, os.SEEK_END)
        while at > 0 and len(found) < NEWEST:
            size = min(at, 4 << 20)
            at -= size
            file.seek(at)
            lines = (file.read(size) + rest).split(b"\n")
            rest = lines.pop(0)
            if at == 0:
                lines.insert(0, rest)
            found += [record for line in reversed(lines) if line and matches(record := json.loads(line))]
    return [row(record) for record in found[:NEWEST]]


def row(record):
    """What is compared of a record; its time may be written with fewer digits."""
    seconds, _, fraction = record["timestamp"].removesuffix("Z").partition(".")
    return seconds, fraction.ljust(9, "0"), record["message"]


def questions(server, right, lines):
    """By name: what to ask, how to read the answer, and the right one."""
    span = {"start": right["start"], "end": right["end"]}

    def ask(path, read, **parameters):
        return lambda: read(server.get(path, **span, **parameters))

    def page(answer):
        return [row(record) for record in answer["records"]]

    def total(answer):
        return sum(sum(bar["counts"].values()) for bar in answer["bars"])

    def by_severity(answer):
        counts = {}
        for bar in answer["bars"]:
            for severity, count in bar["counts"].items():
                counts[severity] = counts.get(severity, 0) + count
        return {severity: count for severity, count in counts.items() if count}

    def values(answer):
        return [(value["value"], value["count"]) for value in answer["values"]]

    def search(query, matches):
        return ask("/api/v1/logs", page, q=query, limit=NEWEST), newest(lines, matches)

    def count(query, expected):
        return ask("/api/v1/logs/histogram", total, q=query, step=86400), expected

    def words(record):
        return re.findall(r"\w+", record["message"].lower())

    trace, svc, word = right["needle_trace"], right["svc"], right["exc_word"]
    by_errors = sorted(right["errors_by_service"].items(), key=lambda one: (-one[1], one[0]))[:10]
    return {
        "one trace id": count(f"trace_id:{trace}", right["needle_rows"]),
        "one trace id, records": search(f"trace_id:{trace}", lambda r: r.get("trace_id") == trace),
        "rare word": search(right["rare_word"], lambda r: right["rare_word"] in r["message"]),
        "common word, newest 100": search(f"message:{right['common_word']}", lambda r: right["common_word"] in words(r)),
        "common word, count": count(f"message:{right['common_word']}", right["common_rows"]),
        "phrase, count": count(f'"{right["phrase"]}"', right["phrase_rows"]),
        "service and ERROR, newest 100": search(
            f"service:{svc} severity:ERROR",
            lambda r: r["service.name"] == svc and r["severity"] == "ERROR",
        ),
        "service and ERROR, count": count(f"service:{svc} severity:ERROR", right["svc_error_rows"]),
        "prefix, count": count(f"{right['prefix']}*", right["prefix_rows"]),
        "per minute by severity": (
            ask("/api/v1/logs/histogram", by_severity, q="", step=60),
            right["by_severity"],
        ),
        "top services by errors": (
            ask("/api/v1/logs/fields", values, q="severity:ERROR", field="service", limit=10),
            by_errors,
        ),
        "numeric range, count": count(f"dur_ms:>{right['slow_ms']}", right["slow_rows"]),
        "exception word, newest 100": search(
            word,
            lambda r: any(word in r.get(f"exception.{part}", "") for part in ("type", "message", "stacktrace"))
            or word in r["message"],
        ),
        "exception word, count": count(word, right["exc_rows"]),
    }


def judge(asked, when):
    for name, (ask, expected) in asked.items():
        found = ask()
        shown = "" if found == expected else f": {str(found)[:300]} for {str(expected)[:300]}"
        expect(found == expected, f"{when}: {name}{shown}")


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("folder")
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()
    with open(os.path.join(options.folder, "logs.json")) as file:
        right = json.load(file)
    lines = os.path.join(options.folder, "logs.ndjson")
    with tempfile.TemporaryDirectory(dir=options.folder) as data:
        server = Server(options.binary, data)
        seconds, refused = load(server, os.path.join(options.folder, "logs.otlp"))
        before = server.cpu_seconds()
        judge(questions(server, right, lines), "partly in memory")
        asking = server.cpu_seconds() - before
        stopped = time.monotonic()
        cpu, memory = server.stop()
        cpu, stopped = cpu - asking, time.monotonic() - stopped
        on_disk = folder_bytes(os.path.join(data, "events", "logs"))

        server = Server(options.binary, data)
        asked = questions(server, right, lines)
        judge(asked, "on disk")
        print(f"{right['lines']} lines; {right['lines'] / cpu:.0f} lines per CPU-second", end=" ")
        print(f"({cpu:.1f} s; {seconds:.1f} s to load, {stopped:.1f} s to stop; refused {refused} times)")
        print(f"{on_disk / right['json_bytes']:.3f} bytes on disk per raw byte; peak {memory / 1e6:.0f} MB")
        for name, (ask, _) in asked.items():
            took = []
            for _ in range(options.runs):
                started = time.perf_counter()
                ask()
                took.append((time.perf_counter() - started) * 1e3)
            print(f"{name:30} p50 {statistics.median(took):8.2f} ms   worst {max(took):8.2f} ms")
        server.stop()
    close()


main()
