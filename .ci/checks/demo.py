"""The demo, as a newcomer meets it: within a minute an incident with its onset is open and paged;
then the fault ends, and the incident resolves by itself. With --pages each page is opened in a
real browser as well.

    demo.py path/to/watchfire [--pages pages.js --shots folder]
"""

import argparse
import json
import subprocess
import tempfile
import time
import urllib.request

from server import Watchfire, close, expect

PATHS = ["/", "/incidents", "/exceptions", "/logs", "/traces", "/traces?last=6h&region=status:error&wait=1", "/services", "/services/content", "/explore", "/explore?view=metrics", "/alerts",
         "/reliability", "/schemas", "/status", "/settings"]


def wait(fire, seconds, wanted):
    """The newest incident once it is as wanted, or None."""
    until = time.time() + seconds
    while time.time() < until:
        incidents = fire.get("/api/v1/incidents")["incidents"]
        for incident in incidents:
            if wanted(incident):
                return incident
        time.sleep(1)
    return None


def looked_at(fire, incident, script, shots):
    trace = fire.get("/api/v1/logs", q="severity:ERROR trace_id:*", limit=1)["records"][0]["trace_id"]
    group = fire.get("/api/v1/exceptions")["exceptions"][0]["id"]
    paths = [*PATHS, f"/incidents/{incident}", f"/exceptions/{group}", f"/traces/{trace}"]
    found = subprocess.run(["node", script, fire.url, shots, *paths], capture_output=True, text=True, check=False)
    print(found.stdout, found.stderr, end="")
    expect(found.returncode == 0, f"{len(paths)} pages at two widths, light and dark")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--pages")
    arguments.add_argument("--shots", default=tempfile.gettempdir())
    arguments.add_argument("--within", type=float, default=60, help="seconds from the start to the page")
    options = arguments.parse_args()
    fire = Watchfire(options.binary, "demo", "--gateway=127.0.0.1:0")
    print(f"started in {time.time() - fire.started:.1f} s: {fire.addresses}")
    with urllib.request.urlopen(f"http://{fire.addresses['gateway']}/api/places?page[size]=2", timeout=10) as answer:
        expect(len(json.load(answer)["data"]) == 2, "the gateway serves the content API")

    left = fire.started + options.within - time.time()
    incident = wait(fire, left, lambda incident: incident["notified_at"])
    expect(incident, f"an incident is open and paged {time.time() - fire.started:.0f} s after the start")
    if not incident:
        print("".join(fire.said[-40:]))
        close()
    print(json.dumps({key: incident[key] for key in ("title", "severity", "onset", "ttd_seconds")})[:400])
    expect(incident["ttd_seconds"] and incident["ttd_seconds"] > 0, f"TTD is {incident['ttd_seconds']} s")
    expect(incident["exceptions"], "its exceptions are listed")
    if options.pages:
        looked_at(fire, incident["id"], options.pages, options.shots)

    closed = wait(fire, 300, lambda other: other["id"] == incident["id"] and other["status"] == "resolved")
    expect(closed and closed["ttr_seconds"] > 0, f"it resolves by itself, TTR {closed and closed['ttr_seconds']} s")
    logs = fire.get("/api/v1/logs", limit=1)
    expect(logs["total"] > 10_000, f"{logs['total']} log records")
    quarantined = fire.get("/api/v1/quarantine")["records"]
    expect(not quarantined, f"every line of every service keeps the contract: {quarantined[:1]}")
    fire.stop()
    close()


main()
