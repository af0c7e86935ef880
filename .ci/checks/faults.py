"""The switchboard of faults on a running demo: each kind is begun from the command line, and found over the API as
what it is: exceptions, slow answers, an incident, a change, lines in quarantine, a dead letter, a clock that is off.

    faults.py path/to/watchfire [--within SECONDS]
"""

import argparse
import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request

from server import Watchfire, close, expect

# What is asked for all the time, so that a fault meets somebody at once. Any answer will do.
ASKED = ["/api/places?page[size]=2", "/api/points-of-interest?page[size]=2", "/payments/v1/accounts", "/messages/v1/queues",
         "/recruitment/v1/positions", "/reminders/v1/due"]


class Demo:
    def __init__(self, binary, within):
        self.binary, self.within = binary, within
        self.fire = Watchfire(binary, "demo", "--gateway=127.0.0.1:0", "--no-schedule")
        self.gateway = "http://" + self.fire.addresses["gateway"]
        self.is_over = False
        for path in ASKED:
            threading.Thread(target=self.keep_asking, args=(path,), daemon=True).start()

    def keep_asking(self, path):
        while not self.is_over:
            self.ask(path)
            time.sleep(0.2)

    def ask(self, path):
        try:
            with urllib.request.urlopen(self.gateway + path, timeout=20) as answer:
                return json.loads(answer.read() or b"null")
        except (urllib.error.URLError, OSError, ValueError):
            return None

    def fault(self, *arguments):
        command = [self.binary, "fault", *arguments, f"--gateway={self.gateway}"]
        plain = {name: value for name, value in os.environ.items() if name != "WATCHFIRE_GATEWAY_URL"}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=plain, timeout=60)

    def try_fault(self, service, kind, what, found, *more):
        """Begins a fault, waits until it is found, and ends it."""
        began = time.time()
        done = self.fault("begin", f"--service={service}", f"--kind={kind}", *more)
        expect(done.returncode == 0 and kind in done.stdout, f"{kind} of {service} begins {done.stderr.strip()}")
        seen = None
        while not seen and time.time() < began + self.within:
            seen = found(began)
            time.sleep(0.5)
        expect(seen, f"{kind} of {service} is seen after {time.time() - began:.0f} s: {what} {seen or ''}")
        expect(self.fault("end", f"--service={service}").returncode == 0, f"{kind} of {service} ends")

    def promql(self, query):
        return [float(sample["value"][1]) for sample in self.fire.promql(query)]


def exceptions(demo, service, kind):
    def found(_):
        groups = demo.fire.get("/api/v1/exceptions")["exceptions"]
        of = [group for group in groups if group["service"] == service and kind in group["type"]]
        return of and f"{of[0]['type']}, {of[0]['count']} times"
    return found


def incident(demo, service):
    def found(began):
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(began))
        of = [one for one in demo.fire.get("/api/v1/incidents")["incidents"] if service in one["services"] and one["detected_at"] > at]
        return of and of[0]["title"]
    return found


def slow(demo, service):
    query = f'histogram_quantile(0.9, sum by (le) (rate(traces_span_metrics_duration_seconds_bucket{{service="{service}",kind="SPAN_KIND_SERVER"}}[30s])))'

    def found(_):
        quantile = [value for value in demo.promql(query) if value > 0.5]
        return quantile and f"one in ten takes over {quantile[0]:.2f} s"
    return found


def leak(demo, service):
    memory = f'process_resident_memory_bytes{{job="{service}"}}'
    files = f'process_open_fds{{job="{service}"}}'
    before = [max(demo.promql(query), default=0) for query in (memory, files)]

    def found(_):
        now = [max(demo.promql(query), default=0) for query in (memory, files)]
        told = demo.fire.get("/api/v1/logs", q=f'service:{service} "for memory"', limit=1)["records"]
        grown = now[0] > before[0] + (10 << 20) and now[1] > before[1] + 5
        return told and grown and f"{(now[0] - before[0]) / 1e6:.0f} MB, {now[1] - before[1]:.0f} files more; {told[0]['message']}"
    return found


def change(demo, service, kind):
    def found(_):
        changes = demo.fire.get("/api/v1/changes")["changes"]
        of = [change for change in changes if change["service"] == service and change["kind"] == kind]
        return of and of[0]["summary"]
    return found


def quarantine(demo, service):
    def found(_):
        records = [record for record in demo.fire.get("/api/v1/quarantine")["records"] if service in json.dumps(record)]
        counted = demo.promql(f'sum(schema_violations_total{{service="{service}"}})')
        return records and counted and counted[0] > 0 and f"{counted[0]:.0f} lines are counted"
    return found


def dead_letter(demo):
    def found(_):
        letters = demo.ask("/payments/v1/dead-letters") or {}
        rows = next((rows for rows in letters.values() if isinstance(rows, list)), [])
        return rows and json.dumps(rows[0])[:200]
    return found


def poisoned_message(demo):
    def found(_):
        rows = demo.fire.get("/api/v1/logs", q="service:messages severity:ERROR poison", limit=1)["records"]
        return rows and rows[0]["message"]
    return found


def skew(demo, service):
    def found(_):
        # The newest record's own time is off; its trace tells by how much.
        rows = demo.fire.get("/api/v1/logs", q=f"service:{service} trace_id:*", limit=20)["records"]
        for row in rows:
            status, page = demo.fire.ask("/traces/" + row["trace_id"])
            text = page.decode()
            at = text.lower().find("clocks of")
            if status == 200 and at >= 0:
                return " ".join(text[at:at + 90].split())
        return None
    return found


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--within", type=float, default=45, help="seconds in which a fault must be seen")
    options = arguments.parse_args()
    demo = Demo(options.binary, options.within)
    listed = demo.fault("list")
    expect(listed.returncode == 0 and "no fault is on" in listed.stdout, "nothing is broken at first")
    refused = demo.fault("begin", "--service=orders", "--kind=errors")
    expect(refused.returncode == 1 and "orders" in refused.stderr, f"a service that is not there is named: {refused.stderr.strip()}")

    leaking = leak(demo, "content")
    demo.try_fault("content", "dependency-down", "an exception", exceptions(demo, "content", "StoreError"))
    demo.try_fault("content", "errors", "an exception", exceptions(demo, "content", "OpeningHours"))
    demo.try_fault("reminders", "errors", "an exception", exceptions(demo, "reminders", "InjectedFault"))
    demo.try_fault("recruitment", "errors", "an incident", incident(demo, "recruitment"))
    demo.try_fault("recruitment", "latency", "the histogram", slow(demo, "recruitment"), "--delay=900ms")
    demo.try_fault("content", "bad-deploy", "a deploy", change(demo, "content", "deploy"))
    demo.try_fault("payments", "bad-deploy", "a configuration", change(demo, "payments", "config"), "--share=0.5")
    demo.try_fault("payments", "poison-message", "a dead letter", dead_letter(demo))
    demo.try_fault("messages", "poison-message", "an error", poisoned_message(demo))
    demo.try_fault("messages", "schema-break", "the quarantine", quarantine(demo, "messages"))
    demo.try_fault("reminders", "clock-skew", "the trace's page", skew(demo, "reminders"), "--offset=-7")
    demo.try_fault("content", "slow-leak", "memory, files and words", leaking, "--leak=8", "--delay=60ms")
    short = demo.fault("begin", "--service=gateway", "--kind=latency", "--share=0.01", "--for=1s")
    until = time.time() + 30
    while "no fault is on" not in demo.fault("list").stdout and time.time() < until:
        time.sleep(0.5)
    expect(short.returncode == 0 and time.time() < until, "a fault with a time ends by itself")
    demo.is_over = True
    demo.fire.stop()
    close()


main()
