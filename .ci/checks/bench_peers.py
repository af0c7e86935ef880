"""Loads the lines of the bench into another engine and asks the same questions, in a process of its own.

    bench_peers.py {clickhouse,sqlite,ripgrep} FOLDER DATA [--runs 3]

Prints one JSON line: seconds to load, bytes on disk, and by question the answer and its times. What the
process took of CPU and memory, its parent knows. Engines run in the process, without HTTP; they
acknowledge nothing, and are told the columns in advance.
"""

import argparse
import json
import os
import resource
import sqlite3
import statistics
import subprocess
import time

from bench_answers import NEWEST
from bench_server import folder_bytes

KEYS = {
    "k8s.pod.name": "String", "thread.name": "String", "http.method": "String", "http.route": "String", "http.status": "Nullable(UInt16)",
    "dur_ms": "Nullable(Float64)", "client.ip": "String", "user.id": "String", "trace_id": "String", "span_id": "String",
    "exception.type": "String", "exception.message": "String", "exception.stacktrace": "String",
}
BATCH = 10_000


def batches(path):
    with open(path, "rb") as file:
        while lines := [line for _, line in zip(range(BATCH), file)]:
            yield lines


class ClickHouse:
    """In process (chdb): typed columns, a text index on message and exception, a filter on the trace id."""

    def __init__(self, data):
        from chdb import session

        self.data, self.session = data, session.Session(data)
        others = ", ".join(f"`{key}` {kind.replace('String', 'LowCardinality(String)') if key in LOW else kind}" for key, kind in KEYS.items())
        exception = "lower(concat(`exception.type`, ' ', `exception.message`, ' ', `exception.stacktrace`))"
        self.run(f"""create table logs (timestamp DateTime64(9, 'UTC') codec(Delta, ZSTD), severity LowCardinality(String),
            `service.name` LowCardinality(String), message String codec(ZSTD), {others},
            index words lower(message) type text(tokenizer = splitByNonAlpha), index thrown {exception} type text(tokenizer = splitByNonAlpha),
            index trace trace_id type bloom_filter(0.01)) engine = MergeTree order by timestamp""")
        self.exception = exception

    def run(self, query):
        return [line.split("\t") for line in str(self.session.query(query, "TSVRaw")).splitlines()]

    def load(self, path):
        for lines in batches(path):
            self.session.query("insert into logs settings date_time_input_format = 'best_effort' format JSONEachRow " + b"".join(lines).decode())
        while int(self.run("select count() from system.merges")[0][0]):
            time.sleep(0.2)

    def disk(self):
        return int(self.run("select sum(bytes_on_disk) from system.parts where active and table = 'logs'")[0][0])

    def questions(self, right):
        word = right["exc_word"].lower()
        count = lambda where: lambda: int(self.run(f"select count() from logs where {where}")[0][0])
        page = lambda where: lambda: [r[0] for r in self.run(f"select message from logs where {where} order by timestamp desc limit {NEWEST}")]
        token = lambda text: f"hasToken(lower(message), '{text}') and match(lower(message), '\\\\b{text}\\\\b')"
        phrase = " and ".join(f"hasToken(lower(message), '{part}')" for part in right["phrase"].split())
        minutes = "select toStartOfMinute(timestamp) m, severity, count() from logs group by m, severity"
        return {
            "one trace id": count(f"trace_id = '{right['needle_trace']}'"),
            "rare word": page(token(right["rare_word"])),
            "common word, newest 100": page(token(right["common_word"])),
            "phrase, count": count(f"{phrase} and lower(message) like '%{right['phrase']}%'"),
            "service and ERROR, newest 100": page(f"`service.name` = '{right['svc']}' and severity = 'ERROR'"),
            "prefix, count": count(f"match(lower(message), '\\\\b{right['prefix']}')"),
            "per minute by severity": lambda: summed((severity, int(n)) for _, severity, n in self.run(minutes)),
            "top services by errors": lambda: [[service, int(n)] for service, n in self.run(
                "select `service.name` s, count() n from logs where severity = 'ERROR' group by s order by n desc, s limit 10")],
            "numeric range, count": count(f"dur_ms > {right['slow_ms']}"),
            "exception word, newest 100": page(f"hasToken({self.exception}, '{word}') or hasToken(lower(message), '{word}')"),
        }


LOW = {"k8s.pod.name", "thread.name", "http.method", "http.route", "exception.type"}


class Sqlite:
    """One table with the indexes that the questions want, and FTS5 for the words."""

    def __init__(self, data):
        self.data = data
        self.db = sqlite3.connect(os.path.join(data, "logs.db"))
        self.db.executescript("""pragma journal_mode = wal; pragma synchronous = normal;
            create table logs (id integer primary key, minute integer, severity text, service text, trace_id text, dur_ms real, message text, line text);
            create virtual table words using fts5(message, exception, content='', tokenize="unicode61 tokenchars '_'");""")

    def load(self, path):
        n = 0
        for lines in batches(path):
            rows, words = [], []
            for line in lines:
                n += 1
                r = json.loads(line)
                minute = int(r["timestamp"][8:10]) * 1440 + int(r["timestamp"][11:13]) * 60 + int(r["timestamp"][14:16])
                rows.append((n, minute, r["severity"], r["service.name"], r.get("trace_id"), r.get("dur_ms"), r["message"], line))
                thrown = " ".join(r.get(f"exception.{part}", "") for part in ("type", "message", "stacktrace"))
                words.append((n, r["message"], thrown))
            with self.db:
                self.db.executemany("insert into logs values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
                self.db.executemany("insert into words(rowid, message, exception) values (?, ?, ?)", words)
        self.db.executescript("""create index trace on logs(trace_id) where trace_id is not null; create index slow on logs(dur_ms) where dur_ms is not null;
            create index level on logs(service, severity, id); create index minutes on logs(minute, severity); pragma wal_checkpoint(truncate);""")

    def disk(self):
        return folder_bytes(self.data)

    def questions(self, right):
        def run(query, *values):
            return self.db.execute(query, values).fetchall()

        count = lambda query, *values: lambda: run(query, *values)[0][0]
        page = lambda words: lambda: [m for (m,) in run(
            f"select message from logs where id in (select rowid from words where words match ? order by rowid desc limit {NEWEST}) order by id desc", words)]
        match = "select count(*) from words where words match ?"
        return {
            "one trace id": count("select count(*) from logs where trace_id = ?", right["needle_trace"]),
            "rare word": page(f"message:{right['rare_word']}"),
            "common word, newest 100": page(f"message:{right['common_word']}"),
            "phrase, count": count(match, f'message:"{right["phrase"]}"'),
            "service and ERROR, newest 100": lambda: [m for (m,) in run(
                f"select message from logs where service = ? and severity = 'ERROR' order by id desc limit {NEWEST}", right["svc"])],
            "prefix, count": count(match, f"message:{right['prefix']}*"),
            "per minute by severity": lambda: summed(run("select severity, count(*) from logs group by minute, severity")),
            "top services by errors": lambda: [list(r) for r in run(
                "select service, count(*) n from logs where severity = 'ERROR' group by service order by n desc, service limit 10")],
            "numeric range, count": count("select count(*) from logs where dur_ms > ?", right["slow_ms"]),
            "exception word, newest 100": page(right["exc_word"]),
        }


class Ripgrep:
    """No index: the lines compressed by zstd, and a search through all of them."""

    def __init__(self, data):
        self.file = os.path.join(data, "logs.ndjson.zst")

    def load(self, path):
        subprocess.run(["zstd", "-q", "-3", path, "-o", self.file], check=True)

    def disk(self):
        return os.path.getsize(self.file)

    def lines(self, *pattern):
        found = subprocess.run(["rg", "-z", "--no-filename", "--no-line-number", *pattern, self.file], capture_output=True, check=False)
        return found.stdout.splitlines()

    def questions(self, right):
        message = r'"message":"[^"]*'
        count = lambda *pattern: lambda: int((self.lines("-c", *pattern) or [0])[0])
        page = lambda *pattern: lambda: [json.loads(line)["message"] for line in reversed(self.lines(*pattern)[-NEWEST:])]
        return {
            "one trace id": count(f'"trace_id":"{right["needle_trace"]}"'),
            "rare word": page(rf"{message}\b{right['rare_word']}\b"),
            "common word, newest 100": page("-i", rf"{message}\b{right['common_word']}\b"),
            "phrase, count": count("-i", rf"{message}\b{right['phrase']}\b"),
            "service and ERROR, newest 100": page(rf'"severity":"ERROR".*"service.name":"{right["svc"]}"'),
            "prefix, count": count("-i", rf"{message}\b{right['prefix']}"),
            "exception word, newest 100": page(rf"\b{right['exc_word']}\b"),
        }


def summed(pairs):
    counts = {}
    for name, count in pairs:
        counts[name] = counts.get(name, 0) + count
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=["clickhouse", "sqlite", "ripgrep"])
    parser.add_argument("folder")
    parser.add_argument("data")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with open(os.path.join(options.folder, "logs.json")) as file:
        right = json.load(file)
    engine = {"clickhouse": ClickHouse, "sqlite": Sqlite, "ripgrep": Ripgrep}[options.engine](options.data)
    started = time.perf_counter()
    engine.load(os.path.join(options.folder, "logs.ndjson"))
    seconds = time.perf_counter() - started
    used = os.times()
    loaded = used.user + used.system + used.children_user + used.children_system
    told = {"seconds": seconds, "cpu_seconds": loaded, "disk": engine.disk(), "answers": {}, "p50_ms": {}}
    for name, ask in engine.questions(right).items():
        took = []
        for _ in range(options.runs):
            started = time.perf_counter()
            answer = ask()
            took.append((time.perf_counter() - started) * 1e3)
        told["answers"][name], told["p50_ms"][name] = answer, statistics.median(took)
    # Of this process or of one that it started.
    told["memory"] = 1024 * max(resource.getrusage(whose).ru_maxrss for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps(told))


main()
