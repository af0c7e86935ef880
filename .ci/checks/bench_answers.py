"""The right answers to the questions of the bench, from its manifest and its lines."""

import json
import os
import re

NEWEST = 100
# The ten of the table; the others are asked for their answers.
TABLE = [
    "one trace id", "rare word", "common word, newest 100", "phrase, count", "service and ERROR, newest 100", "prefix, count",
    "per minute by severity", "top services by errors", "numeric range, count", "exception word, newest 100",
]


def row(record):
    """What is compared of a record; its time may be written with fewer digits."""
    seconds, _, fraction = record["timestamp"].removesuffix("Z").partition(".")
    return seconds, fraction.ljust(9, "0"), record["message"]


def newest(path, contains, matches):
    """The newest lines that match; lines are in the order of time. Those that do not contain a text are not parsed."""
    needle = contains.encode()
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
            for line in reversed(lines):
                if needle in line and matches(record := json.loads(line)):
                    found.append(record)
    return [row(record) for record in found[:NEWEST]]


def right_answers(folder):
    """The manifest, and the answer to each question by its name."""
    with open(os.path.join(folder, "logs.json")) as file:
        right = json.load(file)
    lines = os.path.join(folder, "logs.ndjson")
    trace, svc, word, rare, common = (right[key] for key in ("needle_trace", "svc", "exc_word", "rare_word", "common_word"))

    def words(record):
        return re.findall(r"\w+", record["message"].lower())

    def throws(record):
        return any(word in record.get(f"exception.{part}", "") for part in ("type", "message", "stacktrace")) or word in record["message"]

    by_errors = sorted(right["errors_by_service"].items(), key=lambda one: (-one[1], one[0]))[:10]
    return right, {
        "one trace id": right["needle_rows"],
        "one trace id, records": newest(lines, trace, lambda r: r.get("trace_id") == trace),
        "rare word": newest(lines, rare, lambda r: rare in r["message"]),
        "common word, newest 100": newest(lines, common, lambda r: common in words(r)),
        "common word, count": right["common_rows"],
        "phrase, count": right["phrase_rows"],
        "service and ERROR, newest 100": newest(lines, f'"{svc}"', lambda r: r["service.name"] == svc and r["severity"] == "ERROR"),
        "service and ERROR, count": right["svc_error_rows"],
        "prefix, count": right["prefix_rows"],
        "per minute by severity": right["by_severity"],
        "top services by errors": by_errors,
        "numeric range, count": right["slow_rows"],
        "exception word, newest 100": newest(lines, word, throws),
        "exception word, count": right["exc_rows"],
    }
