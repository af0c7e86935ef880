"""A real incident of the demo, judged as an engineer on call reads it: the page names the faulty
service, when it began, what changed and a trace that shows it; then people act on it, and it is
written down. A second failure is made by hand: a service with a bad release, known to the second.

    incident.py path/to/watchfire
"""

import html
import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone

from server import Watchfire, close, expect

SEEDS = "7117"


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")[:26] + "+00:00").timestamp()


def wait(patience, wanted):
    until = time.time() + patience
    while time.time() < until:
        found = wanted()
        if found:
            return found
        time.sleep(1)
    return None


def begun(fire, kind):
    """When the demo began a fault of this kind, as it says itself."""
    for line in fire.said:
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if said.get("message") == "fault begins" and kind in said.get("fault", ""):
            return seconds(said["timestamp"])
    return None


def send(fire, path, body, method="PATCH", headers=None):
    headers = {"content-type": "application/json", **(headers or {})}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(fire.url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def text_of(page):
    """A page without its markup."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def brief(page):
    found = re.search(r'<div class="brief">(.*?)<section', page, re.S)
    return found.group(1) if found else ""


def judged(fire, incident, fault_at, service):
    """What the first screen says."""
    status, page = fire.ask(f"/incidents/{incident['id']}")
    page = page.decode()
    top = text_of(brief(page))
    expect(status == 200 and service in top, f"the first screen names {service}: {top[:160]}")
    onset = incident["onset"]
    earliest, latest = seconds(onset["earliest"]) - 10, seconds(onset["latest"]) + 10
    expect(earliest <= fault_at <= latest, f"the fault of {fault_at:.0f} lies within the onset's interval {onset['earliest']} to {onset['latest']} (and 10 s)")
    expect(onset["at"][11:19] in top, "the onset stands on it to the second")
    links = re.findall(r'href="(/traces/[0-9a-f]{32})[?"]', brief(page))
    expect(links, "a trace to look at first")
    if links:
        trace = fire.get("/api/v1" + links[0])
        failed = [span for span in trace["spans"] if span.get("status", {}).get("code") == "error"]
        expect(failed, f"the trace failed: {len(failed)} of {len(trace['spans'])} spans")
    for anchor in ("exceptions", "changes", "traces", "radius", "logs", "neighbours", "onset", "timeline", "acts"):
        if f'id="{anchor}"' not in page:
            expect(False, f"the page has a section {anchor}")
    return page


def acted(fire, incident):
    path = f"/api/v1/incidents/{incident}"
    status, answer = send(fire, path, {"who": "ada", "severity": "grave"})
    expect(status == 400 and json.loads(answer)["parameter"] == "severity", f"a bad member is named: {answer[:120]}")
    before = fire.get(path)
    status, answer = send(fire, path, {"who": "ada", "note": "never kept", "merge": {"into": "nosuch"}})
    expect(status == 404 and fire.get(path)["timeline"] == before["timeline"], "a change is whole or nothing")
    change = {"who": "ada", "status": "acknowledged", "note": "looking", "assignee": "ada",
              "cause": {"kind": "dependency", "text": "the database was away"},
              "link": {"url": "https://example.com/pull/7", "text": "the fix"}}
    status, answer = send(fire, path, change)
    after = json.loads(answer)
    expect(status == 200 and after["acknowledged_by"] == "ada" and after["cause"]["kind"] == "dependency", "several acts at once")
    form = urllib.parse.urlencode({"who": "ada", "text": "by the form, without scripts"}).encode()
    status, _ = send(fire, f"/incidents/{incident}/note", form, "POST", {"content-type": "application/x-www-form-urlencoded"})
    notes = [entry["text"] for entry in fire.get(path)["timeline"] if entry["kind"] == "note"]
    expect(status == 200 and "by the form, without scripts" in notes, f"notes by API and form: {notes}")


def written_down(fire, incident):
    status, document = fire.ask(f"/api/v1/incidents/{incident}/export", format="md")
    document = document.decode()
    missing = [part for part in ("# ", "## Times (UTC)", "| onset |", "## Impact", "## What changed", "## Timeline (UTC)", "## Delivery proof", "## Follow-ups") if part not in document]
    expect(status == 200 and not missing, f"a post-mortem of {len(document)} characters, missing {missing}")
    whole = fire.get(f"/api/v1/incidents/{incident}/export", format="json")
    expect(whole["incident"]["id"] == incident and whole["facts"]["impact"]["requests"] > 0, "the same as JSON")
    status, _ = fire.ask(f"/api/v1/incidents/{incident}/export", format="pdf")
    expect(status == 400, "another format is refused")


def spans_of(version, failed, at):
    """One answered request, as OTLP."""
    nanos = int(at * 1e9)
    trace = f"{nanos & ((1 << 100) - 1):032x}"
    span = {"traceId": trace, "spanId": trace[-16:], "name": "POST /pay", "kind": 2,
            "startTimeUnixNano": str(nanos), "endTimeUnixNano": str(nanos + 20_000_000),
            "status": {"code": 2, "message": "no such column: total"} if failed else {}}
    attributes = [{"key": "service.name", "value": {"stringValue": "till"}},
                  {"key": "service.version", "value": {"stringValue": version}}]
    return {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [span]}]}


def pay(fire, version, failed, times, since, length):
    """So many requests, spread over a time that is past."""
    spans = [spans_of(version, failed, since + length * at / times) for at in range(times)]
    body = json.dumps({"resourceSpans": spans}).encode()
    request = urllib.request.Request(f"http://{fire.addresses['otlp_http']}/v1/traces", body, {"content-type": "application/json"})
    urllib.request.urlopen(request, timeout=60).read()


def bad_release(binary):
    """A service fails from the second on in which version 2 takes over."""
    fire = Watchfire(binary, "serve")
    now = time.time()
    pay(fire, "1.0.0", False, 6000, now - 1200, 1195)
    fault_at = time.time()
    deploy = {"service": "till", "summary": "sums in the database", "version": "2.0.0", "at": datetime.fromtimestamp(fault_at - 2, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    send(fire, "/api/v1/changes", deploy, "POST")
    incident = None
    for _ in range(120):
        pay(fire, "2.0.0", True, 5, time.time() - 1, 0.9)
        found = fire.get("/api/v1/incidents")["incidents"]
        incident = next((one for one in found if one["severity"] in ("error", "critical") and "till" in one["services"]), None)
        if incident and time.time() - fault_at > 30:
            break
        time.sleep(1)
    expect(incident, "a bad release of one's own service is an incident")
    if not incident:
        print("".join(fire.said[-20:]))
        fire.kill()
        return
    page = judged(fire, fire.get(f"/api/v1/incidents/{incident['id']}"), fault_at, "till")
    top = text_of(brief(page))
    expect("till 2.0.0" in top and "candidate" in top, "the release is named as a candidate")
    candidate = fire.get(f"/api/v1/incidents/{incident['id']}/facts")["candidates"][0]
    on, off = candidate["on"], candidate["off"]
    expect(on["failed"] == on["requests"] > 0 and off["failed"] == 0 < off["requests"], f"its version fails, the other does not: {on} {off}")
    expect(not re.search(r"(root )?cause is|caused by", top), "no verdict is given")
    fire.stop()


def main():
    binary = sys.argv[1]
    bad_release(binary)
    fire = Watchfire(binary, "demo", "--gateway=127.0.0.1:0", "--seed", SEEDS)
    paged = wait(90, lambda: next((one for one in fire.get("/api/v1/incidents")["incidents"] if one["notified_at"]), None))
    expect(paged, "the demo's first fault is an incident and paged")
    if not paged:
        fire.kill()
        close()
    incident = paged["id"]
    # The later alerts join within seconds.
    wait(30, lambda: len(fire.get(f"/api/v1/incidents/{incident}")["joins"]) > 3)
    known = fire.get(f"/api/v1/incidents/{incident}")
    judged(fire, known, begun(fire, "dependency-down"), "content")
    reasons = {join["reason"] for join in known["joins"]}
    expect("opened" in reasons and len(known["joins"]) == len(known["alerts"]), f"each alert says why it is here: {sorted(reasons)}")
    expect(len([one for one in fire.get("/api/v1/incidents")["incidents"]]) == 1, "one failure, one incident")
    acted(fire, incident)
    status, answer = send(fire, f"/api/v1/incidents/{incident}", {"who": "ada", "status": "resolved"})
    expect(status == 200 and json.loads(answer)["status"] == "resolved", "resolved by hand")
    written_down(fire, incident)
    took = []
    for _ in range(20):
        began = time.time()
        fire.ask(f"/incidents/{incident}")
        took.append((time.time() - began) * 1000)
    print(f"the page took {sorted(took)[10]:.0f} ms (median), {sorted(took)[18]:.0f} ms (p95)")
    listed = fire.get("/api/v1/incidents", status="resolved", service="content", limit=1)
    expect([one["id"] for one in listed["incidents"]] == [incident] and listed["next"] is None, "the list is filtered")
    fire.stop()
    close()


main()
