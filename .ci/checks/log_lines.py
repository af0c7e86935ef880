"""Log lines made by seed, and what a query may find in each: an own reading of the contract.

Nothing here knows how Watchfire works inside; it follows the contract of a log line and the
description of the query language.
"""

import json
import random
import struct
from datetime import datetime, timezone
from decimal import Decimal

SEVERITIES = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
SERVICES = ["checkout", "payment", "search", "Front End", "größe", "a.b-c"]
WORDS = (
    "connection reset by peer timeout order placed refused retry retries request request_id requests user users "
    "disk full slow Slow SLOW cache miss hit payment captured failed node 10.0.0.1 sync_in_progress=1 x 5 5.0 17 404 "
    "ÄÖÜ Straße naïve café Ωmega Σίσυφος ДЕНЬ день 東京 日本語 İstanbul ﬁle e\u0301clair 🔥 — … and or not TO AND \\d \"quoted\" "
    "http://example.com/a?b=c /api/v1/pay foo-bar foo_bar FooBar a:b key=value [x] {y} (z) * %20 <tag> C++ c# 100% ²³ Ⅷ"
).split()
ROUTES = ["/pay", "/orders/{id}", "/", "/tiles/{z}/{x}"]
TEXTS = ["eu-west", "eu", "EU", "5", "5.0", "true", "a b", "", "ünïcode", "c:\\x", 'say "hi"', "x" * 9000, "x" * 8192, "*", "42x", "  padded "]
NUMBERS = [0, 1, -1, 5, 5.0, 5.5, 42, 404, 1e300, 0.1, -0.0, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), 1e17, 123456.789]
KEYS = ["region", "user.id", "dur_ms", "ok", "tags", "ctx", "http.status", "with space", "schlüssel", "a-b", "deep", "UPPER", "n2"]
PROMOTED = {"deployment.environment.name", "host.name", "http.route"}
EXCEPTIONS = ["java.net.SocketTimeoutException", "ValueError", "Timeout", "fault.Größe"]
NOT_ATTRIBUTES = {
    "timestamp", "severity", "severity_number", "service.name", "message", "event_name", "trace_id", "span_id",
    "exception.type", "exception.message", "exception.stacktrace", "exception_group", "pattern_id",
}


def rfc3339(nanos):
    at = datetime.fromtimestamp(nanos // 10**9, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{at}.{nanos % 10**9:09d}Z"


class Lines:
    """Lines over `hours` hours after `start` (seconds), many of them at equal times."""

    def __init__(self, seed, start, hours=3):
        self.random = random.Random(seed)
        self.start = start * 10**9
        self.length = hours * 3600 * 10**9
        self.traces = [f"{self.random.getrandbits(128):032x}" for _ in range(40)]
        self.made = 0

    def time(self):
        r = self.random
        if r.random() < 0.3:  # equal times, on the minute
            return self.start + r.randrange(self.length // (60 * 10**9)) * 60 * 10**9
        if r.random() < 0.1:  # on the second
            return self.start + r.randrange(self.length // 10**9) * 10**9
        return self.start + r.randrange(self.length)

    def message(self):
        r = self.random
        separators = [" ", " ", " ", " ", ", ", ": ", "-", "/", "\n", "\t", "…"]
        words = [r.choice(WORDS) for _ in range(r.choice([0, 1, 2, 3, 5, 8, 12]))]
        text = "".join(word + r.choice(separators) for word in words)
        if r.random() < 0.005:
            text += "y" * 300 + " end"
        return text

    def value(self, depth=0):
        r = self.random
        kind = r.random()
        if kind < 0.3:
            return r.choice(NUMBERS)
        if kind < 0.6:
            return r.choice(TEXTS)
        if kind < 0.7:
            return r.choice([True, False, None])
        if depth > 2:
            return r.randrange(10)
        if kind < 0.85:
            return [self.value(depth + 1) for _ in range(r.randrange(4))]
        return {r.choice(["a", "b", "c.d", "id", "e f"]): self.value(depth + 1) for _ in range(r.randrange(4))}

    def one(self):
        """A line as an emitter writes it: flat or nested."""
        r = self.random
        severity = r.choices(SEVERITIES, [2, 10, 50, 10, 8, 1])[0]
        line = {"timestamp": rfc3339(self.time()), "severity": severity, "message": self.message(), "seq": self.made}
        self.made += 1
        if r.random() < 0.2:
            line["severity_number"] = SEVERITIES.index(severity) * 4 + r.randint(1, 4)
        service = r.choice(SERVICES)
        line.update(r.choice([{"service.name": service}, {"service": {"name": service}}]))
        if r.random() < 0.5:
            line["trace_id"] = r.choice(self.traces)
            if r.random() < 0.3:
                line["trace_id"] = line["trace_id"].upper()
        if r.random() < 0.2:
            line["span_id"] = f"{r.getrandbits(64) | 1:016x}"
        if r.random() < 0.2:
            line["event_name"] = r.choice(["order.placed", "sync", "Sync"])
        if r.random() < 0.5:
            line["host"] = {"name": r.choice(["node-1", "node-2", "node-11"])}
        if r.random() < 0.5:
            line["http.route"] = r.choice(ROUTES)
        if r.random() < 0.3:
            line["deployment.environment.name"] = r.choice(["prod", "staging", ""])
        if severity in ("ERROR", "FATAL") or r.random() < 0.02:
            parts = {"type": r.choice(EXCEPTIONS), "message": self.message(), "stacktrace": f"at x.y.Z.run(Z.java:7)\n at {self.message()}"}
            parts = {name: part for name, part in parts.items() if r.random() < 0.8}
            line.update(r.choice([{"exception": parts}, {f"exception.{name}": part for name, part in parts.items()}]))
        for _ in range(r.randrange(5)):
            line[r.choice(KEYS)] = self.value()
        return line


class Record:
    """What a query may ask of one line."""

    def __init__(self, line):
        flat = flatten(line)
        self.seq = flat["seq"]
        self.time = nanos(flat["timestamp"])
        self.severity = SEVERITIES.index(flat["severity"])
        self.severity_number = flat.get("severity_number", self.severity * 4 + 1)
        self.trace_id = flat["trace_id"].lower() if "trace_id" in flat else None
        self.span_id = flat.get("span_id")
        self.keywords = {
            "service": [flat["service.name"]],
            "event_name": [flat["event_name"]] if "event_name" in flat else [],
            "exception.type": [flat["exception.type"]] if flat.get("exception.type") else [],
        }
        for key in PROMOTED:
            self.keywords[key] = [flat[key]] if key in flat else []
        parts = ["message", "exception.type", "exception.message", "exception.stacktrace"]
        self.texts = {part: flat.get(part, "") for part in parts}
        self.words = {part: tokens(text) for part, text in self.texts.items()}
        self.attributes = {}
        for key, value in flat.items():
            if key not in NOT_ATTRIBUTES and key not in PROMOTED:
                for path, scalar in scalars(key, value):
                    self.attributes.setdefault(path, []).append(scalar)


def flatten(line):
    """Objects become dotted keys; a key that was flat already wins."""
    nested = {key: value for key, value in line.items() if isinstance(value, dict) and value}
    flat = {key: value for key, value in line.items() if key not in nested}
    for key in sorted(nested, key=lambda key: key.encode()):
        for path, leaf in flatten(nested[key]).items():
            flat.setdefault(f"{key}.{path}", leaf)
    return flat


def scalars(key, value):
    """Each value under a key: arrays fall apart, objects within them get dotted paths."""
    if isinstance(value, list):
        for element in value:
            yield from scalars(key, element)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from scalars(f"{key}.{name}", member)
    elif isinstance(value, str):
        yield key, cut(value)
    elif value is not None:
        yield key, value if isinstance(value, bool) else number(value)


def number(value):
    """`5` and `5.0` are one; beyond 64 bits it is the nearest float."""
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else number(float(value))
    return int(value) if value.is_integer() and -(2.0**63) <= value < 2.0**64 else value


def cut(text):
    """A text counts by its first 8192 bytes."""
    return text.encode()[:8192].decode(errors="ignore")


def tokens(text):
    """Runs of letters, digits and underscores in lower case, each cut at 200 bytes."""
    found, word = [], ""
    for c in text + " ":
        if c.isalnum() or c == "_":
            # What comes in whole after the limit is left out.
            word += c.lower() if len(word.encode()) < 200 else ""
        elif word:
            found.append(word)
            word = ""
    return found


def nanos(text):
    text = text.removesuffix("Z")
    seconds, _, fraction = text.partition(".")
    at = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return int(at.timestamp()) * 10**9 + int(fraction.ljust(9, "0") or 0)


def as_text(scalar):
    """A value as a query writes it."""
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    if isinstance(scalar, float):
        return format(Decimal(repr(scalar)), "f")
    return str(scalar)


def as_float(n):
    return struct.unpack("<d", struct.pack("<d", n))[0]


def ndjson(lines):
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode()
