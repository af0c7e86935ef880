"""Loads the spans of the bench and asks its questions: every answer must be right. Prints the figures of the
README's table.

    bench_traces.py BINARY FOLDER [--runs 20]

FOLDER holds traces.otlp and traces.json, as the generator of the workload writes them; to its spans is added
one trace of 50,000. They are loaded over OTLP; the questions are asked once while a part is still in memory,
and timed after a clean stop and a new start, when all is on disk. CPU seconds are those of the whole first
life without the questions: receive, derive series, log ahead, index, stop. The right answers come from a plain
reading of the same requests. Needs opentelemetry-proto.
"""

import argparse
import itertools
import json
import os
import tempfile
import time

from bench_server import Server, folder_bytes, frames, load, timed
from bench_span_answers import LARGE_TRACE, large_trace, read_spans, right_answers
from server import close, expect


def in_order(time):
    """A time that sorts as a text, however many digits it is written with."""
    seconds, _, fraction = time.removesuffix("Z").partition(".")
    return seconds, fraction.ljust(9, "0")


def questions(server, right):
    """By name: what to ask, and how to read the answer."""
    span = {"start": right["start"], "end": right["end"]}

    def ask(path, read, **parameters):
        return lambda: read(server.get("/api/v1/traces" + path, **span, **parameters))

    def newest(query):
        def read(answer):
            found = [span for trace in answer["traces"] for span in trace["spans"]]
            found.sort(key=lambda span: in_order(span["start"]), reverse=True)
            total = answer["total_spans"] if answer["total_is_exact"] else f"at least {answer['total_spans']}"
            return total, [span["span_id"] for span in found]

        return ask("", read, q=query, limit=100)

    def groups(answer):
        names = ("spans", "errors", "max_ms", "total_ms", "p50_ms", "p95_ms", "p99_ms")
        return {(group["values"]["service"], group["values"]["name"]): [group[name] for name in names] for group in answer["groups"]}

    def scatter(answer):
        spans, errors = (sum(cell[name] for cell in answer["cells"]) for name in ("spans", "errors"))
        slowest = [outlier["span_id"] for outlier in answer["outliers"][:10]]
        return answer["total_spans"], spans, errors, slowest

    def comparison(answer):
        first = answer["differences"][0]
        return answer["inside"], answer["outside"], first["field"], first["value"], first["inside_share"]

    def whole(answer):
        return answer["total_spans"], sorted(span["span_id"] for span in answer["spans"])

    traces = itertools.cycle(right["samples"])

    def one_trace():
        trace, _ = next(traces)
        return len(server.get(f"/api/v1/traces/{trace}")["spans"])

    return {
        "a trace by its id": one_trace,
        "service, operation, duration": newest(right["asked"]["operation"]),
        "status": newest("status:error"),
        "attribute, one in 50,000": newest(right["asked"]["attribute"]),
        "attribute and duration": newest("db.system:redis duration:>20ms"),
        "exception, by words of its message": newest("exception.message:upstream"),
        "roots of a status code": newest("root:true http.response.status_code:>=500"),
        "errors by service": ask("", lambda answer: dict(answer["table"]["rows"]), q="status:error | count by service"),
        "groups by operation": ask("/groups", groups, by="service,name", limit=1000),
        "scatter": ask("/scatter", scatter, columns=100, rows=40, outliers=10),
        "comparison with the slow ones": ask("/comparison", comparison, region=right["asked"]["region"]),
        "outline of 50,000 spans": lambda: whole(server.get(f"/api/v1/traces/{LARGE_TRACE}/outline")),
    }


def agree(name, found, expected):
    """Figures of groups within what they promise; a sample's share within what a sample of 10,000 tells."""
    if name == "groups by operation":
        def is_near(a, b):
            return abs(a - b) <= 0.004 * b + 1e-6

        exact = [(key, found[key][:3]) for key in sorted(found)] == [(key, expected[key][:3]) for key in sorted(expected)]
        return exact and all(is_near(a, b) for key in expected for a, b in zip(found[key][3:], expected[key][3:]))
    if name == "comparison with the slow ones":
        return found[:4] == expected[:4] and abs(found[4] - expected[4]) < 0.03
    return found == expected


def judge(server, asked, right, when):
    for name, expected in right["answers"].items():
        found = asked[name]()
        shown = "" if agree(name, found, expected) else f": {str(found)[:300]} for {str(expected)[:300]}"
        expect(not shown, f"{when}: {name}{shown}")
    for trace, count in right["samples"]:
        found = len(server.get(f"/api/v1/traces/{trace}")["spans"])
        if found != count:
            expect(False, f"{when}: trace {trace} has {found} spans for {count}")
    expect(True, f"{when}: {len(right['samples'])} traces by their ids")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("folder")
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    path = os.path.join(options.folder, "traces.otlp")
    large = large_trace()
    with open(os.path.join(options.folder, "traces.json")) as file:
        right = json.load(file)
    right = right_answers(right, read_spans(itertools.chain(frames(path), large)))
    with tempfile.TemporaryDirectory(dir=options.folder) as data:
        server = Server(options.binary, data)
        seconds, refused = load(server, "/v1/traces", itertools.chain(frames(path), large))
        before = server.cpu_seconds()
        judge(server, questions(server, right), right, "partly in memory")
        asking = server.cpu_seconds() - before
        stopped = time.monotonic()
        # What the kernel tells of a child at its end includes what this Python held when it began.
        memory = server.peak_memory()
        cpu, _ = server.stop()
        cpu, stopped = cpu - asking, time.monotonic() - stopped
        on_disk = folder_bytes(os.path.join(data, "events", "spans"))
        server = Server(options.binary, data)
        asked = questions(server, right)
        judge(server, asked, right, "on disk")
        count = right["spans"]
        print(f"{count} spans; {count / cpu:.0f} spans per CPU-second", end=" ")
        print(f"({cpu:.1f} s; {seconds:.1f} s to load, {stopped:.1f} s to stop; refused {refused} times)")
        print(f"{count / seconds:.0f} spans per second; {on_disk / count:.1f} bytes on disk per span; peak {memory / 1e6:.0f} MB")
        for name, ask in asked.items():
            p50, worst = timed(ask, options.runs)
            print(f"{name:36} p50 {p50:8.2f} ms   worst {worst:8.2f} ms")
        server.stop()
    close()


main()
