"""W3C Trace Context on the HTTP layer that a service embeds: what a caller sends, and what the service then
hands on, rule by rule. Level 1 in full, and of level 2 the random flag and the wider keys.

    trace_context.py path/to/examples/trace_context [--suite path/to/w3c/trace-context/test]

With --suite, the consortium's own harness runs too (it needs aiohttp).
"""

import argparse
import http.client
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse

from server import close, expect

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
FORM = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")


class Callee(http.server.BaseHTTPRequestHandler):
    """Notes what each call carries, in the order of the calls."""

    seen = []

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        Callee.seen.append(self.headers)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Service:
    """The example as a process, and a callee for it."""

    def __init__(self, binary):
        self.callee = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Callee)
        threading.Thread(target=self.callee.serve_forever, daemon=True).start()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        self.process = subprocess.Popen(
            [binary, "127.0.0.1:0"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment
        )
        self.url = self.process.stderr.readline().strip()
        if not self.url:
            raise SystemExit("the example did not start")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def ask(self, body, headers=()):
        url = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        connection.putrequest("POST", url.path)
        connection.putheader("content-type", "application/json")
        connection.putheader("content-length", str(len(body)))
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def calls(self, headers, count=1):
        """What `count` calls carry that a request with these headers causes."""
        Callee.seen.clear()
        here = "http://127.0.0.1:%d/" % self.callee.server_port
        body = json.dumps([{"url": here + str(index), "arguments": []} for index in range(count)])
        status, answer = self.ask(body.encode(), headers)
        if status != 200 or len(Callee.seen) != count:
            raise SystemExit(f"{headers}: {status} {answer}, {len(Callee.seen)} calls")
        return [(FORM.match(seen["traceparent"] or ""), seen["tracestate"], seen) for seen in Callee.seen]

    def call(self, *headers):
        return self.calls(headers)[0]

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.callee.shutdown()


def parents(service):
    goes_on = {
        "a valid one": PARENT,
        "a later version": "01" + PARENT[2:],
        "a later version with more": "cc" + PARENT[2:] + "-what-comes-later",
        "blanks around it": f" \t{PARENT}\t ",
    }
    for what, parent in goes_on.items():
        found, _, _ = service.call(("traceparent", parent))
        expect(found and found[1] == TRACE and found[2] != SPAN, f"traceparent, {what}: the trace goes on under a span of our own")
    for name in ("TraceParent", "TRACEPARENT", "tRaCePaReNt"):
        found, _, _ = service.call((name, PARENT))
        expect(found and found[1] == TRACE, f"the header's name as {name}")
    begins = {
        "none": None,
        "version ff": "ff" + PARENT[2:],
        "version 00 with more": PARENT + "-more",
        "version 00 with a full stop": PARENT + ".",
        "a later version with more after a full stop": "cc" + PARENT[2:] + ".more",
        "a version of one digit": PARENT[1:],
        "a version of three digits": "0" + PARENT,
        "a version that is no number": ".0" + PARENT[2:],
        "a trace id of zeros": f"00-{'0' * 32}-{SPAN}-01",
        "a trace id in capitals": f"00-{TRACE.upper()}-{SPAN}-01",
        "a trace id too long": f"00-{TRACE}0-{SPAN}-01",
        "a trace id too short": f"00-{TRACE[1:]}-{SPAN}-01",
        "a trace id that is no number": f"00-.{TRACE[1:]}-{SPAN}-01",
        "a parent id of zeros": f"00-{TRACE}-{'0' * 16}-01",
        "a parent id too long": f"00-{TRACE}-{SPAN}0-01",
        "a parent id too short": f"00-{TRACE}-{SPAN[1:]}-01",
        "a parent id that is no number": f"00-{TRACE}-{SPAN[:-1]}.-01",
        "flags that are no number": f"00-{TRACE}-{SPAN}-.0",
        "flags too long": f"00-{TRACE}-{SPAN}-001",
        "flags too short": f"00-{TRACE}-{SPAN}-1",
        "nothing in it": "",
    }
    for what, parent in begins.items():
        headers = [("tracestate", "foo=1")] + ([("traceparent", parent)] if parent is not None else [])
        found, state, _ = service.call(*headers)
        new = found and found[1] not in (TRACE, "0" * 32) and found[2] != "0" * 16
        expect(new and state is None, f"traceparent, {what}: a new trace begins, without the caller's tracestate")
    found, _, _ = service.call(("traceparent", PARENT), ("traceparent", PARENT))
    expect(found and found[1] != TRACE, "two traceparent headers: a new trace begins")
    found, _, _ = service.call(("trace-parent", PARENT), ("trace.parent", PARENT))
    expect(found and found[1] != TRACE, "headers of like names mean nothing")


def flags(service):
    for came, expected in (("01", "01"), ("00", "00"), ("02", "02"), ("03", "03"), ("fd", "01")):
        found, _, _ = service.call(("traceparent", PARENT[:-2] + came))
        expect(found and found[1] == TRACE and found[3] == expected, f"flags {came} go on as {expected}")


def states(service):
    def check(what, expected, *lists):
        headers = [("traceparent", PARENT)] + [("tracestate", text) for text in lists]
        found, state, _ = service.call(*headers)
        expect(found and found[1] == TRACE and state == expected, f"tracestate, {what}" + ("" if state == expected else f": {state!r}"))

    check("one list", "foo=1,bar=2", "foo=1,bar=2")
    check("several headers are one list, in their order", "foo=1,bar=2,rojo=1,baz=3", "foo=1,bar=2", "rojo=1", "baz=3")
    check("blanks around members", "foo=1,bar=2,baz=3", " foo=1 \t , \t bar=2, \t baz=3\t")
    check("empty headers", "foo=1", "", "foo=1", "")
    check("nothing in it", None, "")
    check("a key twice", "foo=1,foo=2", "foo=1", "foo=2")
    value = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")
    for key in ("abcdefghijklmnopqrstuvwxyz0123456789_-*/", "0a@b_-*/", "a@", "a@@b", "a@b@c"):
        check(f"all characters that a value may have, under {key}", f"{key}={value}", f"{key}={value}")
    for what, text in {
        "a blank in a key": "foo =1",
        "capitals in a key": "FOO=1",
        "a full stop in a key": "foo.bar=1",
        "a key that begins with @": "@foo=1,bar=2",
        "= in a value": "foo=bar=baz",
        "no value": "foo=,bar=3",
        "no =": "foo",
    }.items():
        check(f"{what}: the list is dropped, the parent stays", None, text)
    key = "z" * 256
    check("a key of 256 characters", f"foo=1,{key}=1", "foo=1", f"{key}=1")
    check("a key of 257 characters", None, "foo=1", f"{key}z=1")
    check("a value of 257 characters", None, "foo=" + "v" * 257)
    members = [f"bar{n:02}={n}" for n in range(1, 34)]
    check("32 members", ",".join(members[:32]), ",".join(members[:20]), ",".join(members[20:32]))
    check("33 members", None, ",".join(members))
    for name in ("TraceState", "TRACESTATE"):
        _, state, _ = service.call(("traceparent", PARENT), (name, "foo=1"))
        expect(state == "foo=1", f"the header's name as {name}")


def several(service):
    found = [match for match, _, _ in service.calls([("traceparent", PARENT)], 3)]
    expect({match[1] for match in found} == {TRACE} and len({match[2] for match in found}) == 3, "three calls: one trace, three spans")
    found = [match for match, _, _ in service.calls([], 3)]
    expect(len({match[1] for match in found}) == 1 and len({match[2] for match in found}) == 3, "three calls without a parent: one new trace, three spans")
    _, _, seen = service.call(("traceparent", PARENT), ("baggage", "tier=gold;ttl=60"), ("baggage", "user=%C3%A9"))
    expect(seen.get_all("baggage") == ["tier=gold;ttl=60,user=%C3%A9"], "baggage goes on as it came")
    _, _, seen = service.call(("baggage", "tier=gold"))
    expect(seen.get_all("baggage") == ["tier=gold"], "baggage goes on without a parent")
    status, problem = service.ask(b'[{"url": 7}]')
    expect(status == 400 and "call 0" in problem, f"a call that is none is told: {problem}")


def suite(service, folder):
    """The harness of the W3C; it runs both levels."""
    for level in ("1", "2"):
        environment = {**os.environ, "SPEC_LEVEL": level, "STRICT_LEVEL": "2"}
        done = subprocess.run([sys.executable, "test.py", service.url], cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
        last = done.stderr.strip().splitlines()[-3:] or [done.stdout]
        expect(done.returncode == 0, f"the suite of the W3C, level {level}: {' '.join(last)}")
        if done.returncode:
            print("\n".join(line for line in done.stderr.splitlines() if line.startswith(("FAIL", "ERROR"))))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("example")
    arguments.add_argument("--suite")
    asked = arguments.parse_args()
    service = Service(asked.example)
    try:
        parents(service)
        flags(service)
        states(service)
        several(service)
        if asked.suite:
            suite(service, asked.suite)
    finally:
        service.stop()
    close()


main()
