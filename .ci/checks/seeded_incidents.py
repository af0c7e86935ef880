"""Incidents of three months, written into the database that a Watchfire made: durations as skewed as
those of real incidents are, and a time to detect that falls in the middle.

    seeded_incidents.py DATA-DIR [--incidents 48] [--days 90]     (stop the Watchfire before)
"""

import argparse
import calendar
import json
import math
import random
import sqlite3
import time

SERVICES = ["content", "gateway", "payments", "search", "sync-worker"]
TITLES = ["{} fails 31 % of requests", "{} answers slowly", "{} has stopped", "{} refuses connections"]


def text(at):
    """RFC 3339 with milliseconds of a time in seconds."""
    whole = math.floor(at)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{min(round((at - whole) * 1e3), 999):03d}Z"


def alert(service, severity, team, active_at, fired_at):
    labels = [["alertname", "ErrorRatio"], ["service", service], ["severity", severity], ["team", team]]
    annotations = [["summary", f"{service} fails"]]
    return {"rule_key": "default/ErrorRatio/0", "rule": "ErrorRatio", "labels": labels, "annotations": annotations,
            "state": "inactive", "value": 0.3, "active_at": text(active_at), "fired_at": text(fired_at), "resolved_at": None}


def incident(number, began, chance, now):
    """One row of the table of incidents."""
    is_recent = now - began < 45 * 86_400
    skewed = lambda median: median * math.exp(chance.gauss(0, 1.25))
    # Whole milliseconds, as a machine's clock and a reader's arithmetic agree on.
    ttd, tta, repair = (round(skewed(median), 3) for median in (35 if is_recent else 420, 95, 780))
    severity = chance.choice(["critical", "error", "error", "warning"])
    service, team = chance.choice(SERVICES), chance.choice(["maps", "shop"])
    pages = severity != "warning"
    detected = began + ttd
    first_true = detected - min(15.0, ttd / 2)
    page_due = detected + 5 if pages else None
    notified = page_due + 0.4 if pages else None
    recovered = detected + 5.4 + tta + repair
    resolved = recovered + 300
    acknowledged = notified + tta if pages and chance.random() > 0.15 else None
    if resolved > now or number == 0:
        recovered = resolved = None
        acknowledged = acknowledged if acknowledged and acknowledged < now else None
    elif chance.random() < 0.05:
        # Closed by hand before the telemetry was quiet.
        resolved, recovered = recovered, None
    source = chance.choices(["estimated", "human", "rule_first_true"], [85, 8, 7])[0]
    spread = (10.0, 20.0) if source == "estimated" else (0.0, 0.0)
    method = {"estimated": "step_v1", "human": "human", "rule_first_true": "rule_first_true"}[source]
    onset = {"at": text(began), "earliest": text(began - spread[1]), "latest": text(min(began + spread[0], detected)),
             "source": source, "method": method}
    if source == "human":
        onset |= {"set_by": "ada", "reason": "the deploy log"}
    changes = []
    if chance.random() < 0.3:
        changes.append({"id": f"deploy-{number}", "at": text(began - 200), "kind": "deploy", "service": service,
                        "summary": "a new version", "version": f"2.{number}.0"})
    body = {"title": chance.choice(TITLES).format(service), "services": [service], "onset": onset,
            "alerts": [alert(service, severity, team, first_true, detected)], "exceptions": [], "changes": changes,
            "runbook": None, "signals": [], "paged": severity if pages else None,
            "page_due": text(page_due) if page_due else None, "onset_looks": 2, "interval_seconds": 15.0}
    nanos = lambda at: None if at is None else round(at * 1000) * 1_000_000
    status = "resolved" if resolved else ("acknowledged" if acknowledged else "triggered")
    row = (f"0192{number:08x}-7000-8000-{number:012x}", status, severity, nanos(began), nanos(detected), nanos(notified),
           nanos(acknowledged), "ada" if acknowledged else None, nanos(recovered), nanos(resolved), json.dumps(body))
    return row, changes


def seed(folder, count=48, days=90, now=None, key=7117):
    """Writes `count` incidents that began in the last `days` days, and a deploy every other day."""
    now = math.floor(now or time.time())
    chance = random.Random(key)
    with sqlite3.connect(f"{folder}/watchfire.db") as database:
        deploys = []
        for number in range(count):
            began = now - 600 - (number + chance.random()) * (days * 86_400 - 1200) / count
            row, changes = incident(number, round(began, 3), chance, now)
            database.execute("INSERT INTO incidents (id, status, severity, onset_at, detected_at, notified_at, acknowledged_at, "
                             "acknowledged_by, recovered_at, resolved_at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            deploys += changes
        for number in range(days // 2):
            at = now - 3600 - number * 2 * 86_400
            committed = [text(at - chance.lognormvariate(9.5, 1)) for _ in range(chance.randint(1, 3))]
            attributes = {"committed_at": committed} | ({"status": "rolled_back"} if number % 9 == 4 else {})
            deploys.append({"id": f"routine-{number}", "at": text(at), "kind": "deploy", "service": SERVICES[number % 5],
                            "summary": "a new version", "version": f"3.{number}.0", "attributes": attributes})
        for deploy in deploys:
            whole, fraction = deploy["at"][:-1].split(".")
            at = calendar_seconds(whole) * 1_000_000_000 + int(fraction) * 1_000_000
            database.execute("INSERT INTO changes (id, at, service, body) VALUES (?, ?, ?, ?)",
                             (deploy["id"], at, deploy["service"], json.dumps(deploy)))


def calendar_seconds(whole):
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder")
    arguments.add_argument("--incidents", type=int, default=48)
    arguments.add_argument("--days", type=int, default=90)
    options = arguments.parse_args()
    seed(options.folder, options.incidents, options.days)
