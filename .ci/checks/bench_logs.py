"""Loads the log lines of the bench and asks its questions: every answer must be right. Prints the figures of
the README's table, with the peers' beside them from the same run.

    bench_logs.py BINARY FOLDER [--runs 10] [--peers clickhouse,sqlite,ripgrep]

FOLDER holds logs.otlp, logs.ndjson and logs.json, as the generator of the workload writes them. The lines are
loaded over OTLP; the questions are asked once while a part is still in memory, and timed after a clean stop
and a new start, when all is on disk. CPU seconds are those of the whole first life without the questions:
receive, log ahead, index, stop. A peer runs in this Python's environment: chdb from pip, rg and zstd.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

from bench_answers import NEWEST, TABLE, right_answers, row
from bench_server import Server, folder_bytes, frames, load, timed
from server import close, expect

PEERS = {"clickhouse": "ClickHouse (chdb)", "sqlite": "SQLite FTS5", "ripgrep": "ripgrep over zstd"}


def questions(server, right):
    """By name: what to ask, and how to read the answer."""
    span = {"start": right["start"], "end": right["end"]}

    def ask(path, read, **parameters):
        return lambda: read(server.get(path, **span, **parameters))

    def by_severity(answer):
        counts = {}
        for bar in answer["bars"]:
            for severity, count in bar["counts"].items():
                counts[severity] = counts.get(severity, 0) + count
        return {severity: count for severity, count in counts.items() if count}

    def search(query):
        return ask("/api/v1/logs", lambda answer: [row(record) for record in answer["records"]], q=query, limit=NEWEST)

    def count(query):
        read = lambda answer: sum(sum(bar["counts"].values()) for bar in answer["bars"])
        return ask("/api/v1/logs/histogram", read, q=query, step=86400)

    trace, svc, word, common = (right[key] for key in ("needle_trace", "svc", "exc_word", "common_word"))
    return {
        "one trace id": count(f"trace_id:{trace}"),
        "one trace id, records": search(f"trace_id:{trace}"),
        "rare word": search(right["rare_word"]),
        "common word, newest 100": search(f"message:{common}"),
        "common word, count": count(f"message:{common}"),
        "phrase, count": count(f'"{right["phrase"]}"'),
        "service and ERROR, newest 100": search(f"service:{svc} severity:ERROR"),
        "service and ERROR, count": count(f"service:{svc} severity:ERROR"),
        "prefix, count": count(f"{right['prefix']}*"),
        "per minute by severity": ask("/api/v1/logs/histogram", by_severity, q="", step=60),
        "top services by errors": ask(
            "/api/v1/logs/fields",
            lambda answer: [(value["value"], value["count"]) for value in answer["values"]],
            q="severity:ERROR", field="service", limit=10,
        ),
        "numeric range, count": count(f"dur_ms:>{right['slow_ms']}"),
        "exception word, newest 100": search(word),
        "exception word, count": count(word),
    }


def judge(asked, answers, when):
    for name, expected in answers.items():
        found = asked[name]()
        shown = "" if found == expected else f": {str(found)[:300]} for {str(expected)[:300]}"
        expect(found == expected, f"{when}: {name}{shown}")


def watchfire(binary, folder, data, right, answers, runs):
    """Its figures."""
    server = Server(binary, data)
    seconds, refused = load(server, "/v1/logs", frames(os.path.join(folder, "logs.otlp")))
    before = server.cpu_seconds()
    judge(questions(server, right), answers, "partly in memory")
    asking = server.cpu_seconds() - before
    stopped = time.monotonic()
    cpu, memory = server.stop()
    cpu, stopped = cpu - asking, time.monotonic() - stopped
    on_disk = folder_bytes(os.path.join(data, "events", "logs"))

    server = Server(binary, data)
    asked = questions(server, right)
    judge(asked, answers, "on disk")
    print(f"{right['lines']} lines; {right['lines'] / cpu:.0f} lines per CPU-second", end=" ")
    print(f"({cpu:.1f} s; {seconds:.1f} s to load, {stopped:.1f} s to stop; refused {refused} times)")
    print(f"{on_disk / right['json_bytes']:.3f} bytes on disk per raw byte; peak {memory / 1e6:.0f} MB")
    p50 = {}
    for name, ask in asked.items():
        p50[name], worst = timed(ask, runs)
        print(f"{name:30} p50 {p50[name]:8.2f} ms   worst {worst:8.2f} ms")
    server.stop()
    return {"seconds": seconds, "cpu_seconds": cpu, "memory": memory, "disk": on_disk, "p50_ms": p50}


def peer(name, folder, data, answers):
    """A peer's figures; a wrong answer has no time."""
    script = os.path.join(os.path.dirname(__file__), "bench_peers.py")
    process = subprocess.run([sys.executable, script, name, folder, data], stdout=subprocess.PIPE, text=True, check=False)
    if process.returncode != 0:
        print(f"{name} could not be measured (exit code {process.returncode})")
        return None
    told = json.loads(process.stdout.splitlines()[-1])
    for question, found in told["answers"].items():
        right = answers[question]
        if isinstance(right, list):
            # Its newest lines are compared by their messages.
            right = [list(one) if len(one) == 2 else one[2] for one in right]
        if found != right:
            print(f"{name} answers {question} wrongly: {str(found)[:200]} for {str(right)[:200]}")
            del told["p50_ms"][question]
    return told


def table(right, columns):
    """The README's, by engine."""
    lines, raw = right["lines"], right["json_bytes"]
    rows = [
        ("lines taken per CPU-second", lambda it: f"{lines / it['cpu_seconds']:,.0f}"),
        ("lines taken per second", lambda it: f"{lines / it['seconds']:,.0f}"),
        ("disk bytes per raw byte", lambda it: f"{it['disk'] / raw:.3f}"),
        ("peak memory", lambda it: f"{it['memory'] / 1e9:.2f} GB"),
    ]
    for name in TABLE:
        rows.append((name, lambda it, name=name: told(it["p50_ms"].get(name))))
    yield "| " + " | ".join(["", *columns]) + " |"
    yield "|" + "---|" + "---:|" * len(columns)
    for title, cell in rows:
        yield "| " + " | ".join([title, *(cell(it) for it in columns.values())]) + " |"


def told(milliseconds):
    if milliseconds is None:
        return "-"
    digits = 2 if milliseconds < 1 else 1 if milliseconds < 100 else 0
    return f"{milliseconds:,.{digits}f} ms"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("folder")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--peers", default="", help="of clickhouse, sqlite, ripgrep; with commas between")
    options = parser.parse_args()
    right, answers = right_answers(options.folder)
    with tempfile.TemporaryDirectory(dir=options.folder) as data:
        columns = {"Watchfire": watchfire(options.binary, options.folder, data, right, answers, options.runs)}
    for name in filter(None, options.peers.split(",")):
        with tempfile.TemporaryDirectory(dir=options.folder) as data:
            if measured := peer(name, options.folder, data, answers):
                columns[PEERS[name]] = measured
    print()
    print("\n".join(table(right, columns)))
    print()
    close()


main()
