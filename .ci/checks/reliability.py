"""Are the figures of /reliability what the incidents say? Three months of incidents are written into a
database; every figure of the API is computed anew from the incidents' own timestamps, by numpy, scipy
and a Kaplan-Meier of our own, and compared. Then an incident is resolved and must be found as series.

    reliability.py path/to/watchfire [--incidents 60] [--pages pages.js --shots folder] [--time 20]

--pages looks at the page in a browser, --time says how long it takes that many times.
"""

import argparse
import csv
import datetime
import io
import math
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import numpy
import scipy.stats

from seeded_incidents import seed, text
from server import Watchfire, close, expect

MEASURES = ["ttd", "ttn", "tta", "ttr", "time_to_resolve"]
PHASES = ["data_delay", "evaluation", "hold", "grouping", "delivery", "human", "repair"]


def nanos(told):
    """Of a time as the API tells it, exactly; None of none."""
    if told is None:
        return None
    whole, _, fraction = told.rstrip("Z").partition(".")
    at = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return int(at.timestamp()) * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))


def seconds(told):
    return None if told is None else nanos(told) / 1e9


def read(incident, now):
    """(seconds, is over) of each measure; None where its clock never began."""
    at = {name: nanos(incident[name + "_at"]) for name in ("detected", "notified", "acknowledged", "recovered", "resolved")}
    onset = nanos(incident["onset"]["at"])
    is_paged = incident["severity"] in ("critical", "error")
    ends = {"ttd": (onset, at["detected"]), "ttn": (at["detected"] if is_paged else None, at["notified"]),
            "tta": (at["notified"], at["acknowledged"]), "ttr": (onset, at["recovered"]), "time_to_resolve": (at["detected"], at["resolved"])}
    times = {}
    for name, (start, end) in ends.items():
        over = end is not None
        last = end if over else at["resolved"] if at["resolved"] is not None else round(now * 1e9)
        times[name] = None if start is None else (max(last - start, 0) / 1e9, over)
    return times


def kaplan_meier(observations):
    """Time, share that survives, and its 95 % interval by log(-log S), at each end."""
    steps, surviving, greenwood, z = [], 1.0, 0.0, scipy.stats.norm.ppf(0.975)
    for at in sorted({t for t, over in observations if over}):
        risk = sum(t >= at for t, _ in observations)
        ended = sum(t == at and over for t, over in observations)
        surviving *= 1 - ended / risk
        if risk > ended:
            greenwood += ended / (risk * (risk - ended))
            half = z * math.sqrt(greenwood) / abs(math.log(surviving))
            steps.append((at, surviving, surviving ** math.exp(half), surviving ** math.exp(-half)))
        else:
            steps.append((at, 0.0, None, None))
    return steps


def first(steps, column, share):
    return next((step[0] for step in steps if step[column] is not None and step[column] <= share + 1e-12), None)


def summary(observations):
    """What the API should say of a measure."""
    over = sorted(t for t, is_over in observations if is_over)
    told = {"n": len(over), "censored": len(observations) - len(over), "median": None, "p90": None, "geometric_mean": None, "interval": None}
    if over:
        logs = numpy.log(numpy.maximum(over, 1.0))
        told |= {"median": numpy.quantile(over, 0.5), "p90": numpy.quantile(over, 0.9), "geometric_mean": math.exp(logs.mean())}
        if len(over) >= 5:
            half = scipy.stats.t.ppf(0.975, len(over) - 1) * logs.std(ddof=1) / math.sqrt(len(over))
            told["interval"] = [math.exp(logs.mean() - half), math.exp(logs.mean() + half)]
    steps = kaplan_meier(observations)
    enough = len(observations) >= 5
    ends = lambda share: [first(steps, 2, share), first(steps, 3, share)] if enough else None
    told["kaplan_meier"] = {"median": first(steps, 1, 0.5), "median_interval": ends(0.5), "p90": first(steps, 1, 0.1), "p90_interval": ends(0.1)}
    return told


def same(found, expected, running=0.0):
    """Equal but for rounding; what still runs is as much longer as the question came later."""
    if isinstance(expected, dict):
        return all(same(found[key], value, running) for key, value in expected.items())
    if isinstance(expected, list):
        return found is not None and len(found) == len(expected) and all(map(lambda f, e: same(f, e, running), found, expected))
    if expected is None or found is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=1e-6, abs_tol=1e-6 + running)


def check_reports(fire, incidents, now):
    pages = [one for one in incidents if one["severity"] in ("critical", "error")]
    for by, keys in [(None, None), ("service", lambda one: one["services"]), ("severity", lambda one: [one["severity"]]),
                     ("team", lambda one: sorted({alert_label(one, "team")}))]:
        answer = fire.get("/api/v1/reliability", last="90d", **({"by": by} if by else {}))
        told_apart = incidents if by == "severity" else pages
        groups = {}
        for one in told_apart:
            for key in keys(one) if keys else [None]:
                groups.setdefault(key, []).append(one)
        expect({report["key"] for report in answer["reports"]} == set(groups), f"reports by {by}: {sorted(map(str, groups))}")
        for report in answer["reports"]:
            held = [read(one, now) for one in groups[report["key"]]]
            for measure in MEASURES:
                expected = summary([times[measure] for times in held if times[measure]])
                if not same(report[measure], expected):
                    expect(False, f"{measure} of {report['key']}: {report[measure]} is not {expected}")
                    return
        expect(True, f"every figure by {by} is that of the incidents")
    report = fire.get("/api/v1/reliability", last="90d")["reports"][0]
    frequency = report["frequency"]
    expect(same(frequency["per_week"], len(pages) / 90 * 7, 1e-3) and same(frequency["between_failures"], 90 * 86_400 / len(pages), 1.0),
           f"{frequency['per_week']:.2f} incidents a week")


def alert_label(one, name):
    labels = one["alerts"][0]["labels"]
    return dict(labels)[name] if isinstance(labels, list) else labels[name]


def check_phases(fire, incidents):
    pages = [one for one in incidents if one["severity"] in ("critical", "error")]
    report = fire.get("/api/v1/reliability", last="90d")["reports"][0]
    sums = {name: sum(p["seconds"] for one in pages for p in one["phases"] if p["name"] == name) for name in PHASES}
    told = {phase["name"]: phase["seconds"] for phase in report["phases"]}
    expect(all(math.isclose(told[name], sums[name], rel_tol=1e-6) for name in PHASES), f"phases add up: {told}")
    longest = max((p["seconds"], one["id"]) for one in pages for p in one["phases"] if p["name"] == "human")
    worst = next(phase for phase in report["phases"] if phase["name"] == "human")["worst"][0]
    expect(worst["incident"] == longest[1], "the longest wait for a human is named")


def check_comparison(fire, incidents, now):
    middle = round(now - 45 * 86_400)
    pages = [one for one in incidents if one["severity"] in ("critical", "error")]
    answer = fire.get("/api/v1/reliability/compare", before_start=text(now - 90 * 86_400), before_end=text(middle), after_start=text(middle), after_end=text(now))
    onset = lambda one: seconds(one["onset"]["at"])
    arms = [one for one in pages if onset(one) < middle], [one for one in pages if onset(one) >= middle]
    for told in answer["measures"]:
        measure = told["measure"]
        over = [[times[0] for times in (read(one, now)[measure] for one in arm) if times and times[1]] for arm in arms]
        before, after = (numpy.log(numpy.maximum(arm, 1.0)) for arm in over)
        expected = {"ratio": math.exp(after.mean() - before.mean()), "shift": math.exp(numpy.median(numpy.subtract.outer(after, before)))}
        if max(after.std(), before.std()) > 1e-6:
            welch = scipy.stats.ttest_ind(after, before, equal_var=False)
            interval = welch.confidence_interval()
            expected |= {"interval": [math.exp(interval.low), math.exp(interval.high)], "p_value": welch.pvalue}
            drawn = scipy.stats.permutation_test((before, after), lambda b, a, axis: numpy.abs(a.mean(axis) - b.mean(axis)), permutation_type="independent",
                                                 vectorized=True, n_resamples=9_999, alternative="greater", rng=numpy.random.default_rng(1)).pvalue
            expect(abs(told["permutation_p_value"] - drawn) < 0.02, f"{measure}: p by permutation {told['permutation_p_value']:.4f}, scipy {drawn:.4f}")
        expect(same(told, expected, 1e-9), f"{told['verdict']}")
        if measure == "ttd":
            log_medians = lambda b, a, axis=-1: numpy.median(a, axis=axis) - numpy.median(b, axis=axis)
            bootstrap = scipy.stats.bootstrap((before, after), log_medians, n_resamples=9_999, method="BCa", rng=numpy.random.default_rng(1)).confidence_interval
            near = all(abs(math.log(found) - end) < 0.25 for found, end in zip(told["median_ratio_interval"], bootstrap))
            expect(near, f"BCa of medians {told['median_ratio_interval']}, scipy {[math.exp(end) for end in bootstrap]}")
            wide, narrow = told["interval_with_onset"], told["interval"]
            expect(wide[0] < narrow[0] < narrow[1] < wide[1], "unsure onsets widen the interval")
            expect(told["stratified"] and told["visible_ratio"] < 1, f"strata {told['stratified']}")
    kinds = [warning["kind"] for warning in answer["warnings"]]
    expect("confounders" in kinds and "overlap" not in kinds, f"warnings {kinds}")
    overlapping = fire.get("/api/v1/reliability/compare", before_start=text(now - 90 * 86_400), before_end=text(now), after_start=text(middle), after_end=text(now))
    expect("overlap" in [warning["kind"] for warning in overlapping["warnings"]], "an overlap is told")


def check_dora(fire, incidents, now):
    answer = fire.get("/api/v1/reliability/dora", last="90d")
    since = text(now - 90 * 86_400)
    changes = [change for change in fire.get("/api/v1/changes", limit=1000, start=since)["changes"] if change["kind"] == "deploy"]
    made = {}
    for one in incidents:
        if one["severity"] in ("critical", "error"):
            blamed = [change for change in one["changes"] if change["service"] in one["services"] and seconds(change["at"]) <= seconds(one["onset"]["latest"])]
            if blamed:
                made.setdefault(blamed[0]["id"], []).append(one)
    failed = {change["id"] for change in changes if change["id"] in made or change.get("attributes", {}).get("status") == "rolled_back"}
    rate = answer["all"]["change_failure_rate"]
    wilson = scipy.stats.binomtest(len(failed), len(changes)).proportion_ci(method="wilson")
    expect(rate["hits"] == len(failed) and rate["n"] == len(changes) and same(rate["interval"], [wilson.low, wilson.high]),
           f"change failure rate {rate['share']:.3f} ({rate['hits']} of {rate['n']})")
    leads = [seconds(change["at"]) - seconds(at) for change in changes for at in change.get("attributes", {}).get("committed_at", [])]
    lead = answer["all"]["change_lead_time"]
    expect(lead["n"] == len(leads) and same(lead["median"], numpy.median(leads)), f"change lead time {lead['median']:.0f} s of {lead['n']} commits")
    recoveries = [max(seconds(one["recovered_at"]) for one in made[change["id"]]) - seconds(change["at"]) for change in changes
                  if change["id"] in made and all(one["recovered_at"] for one in made[change["id"]])]
    recovery = answer["all"]["failed_deployment_recovery_time"]
    expect(recovery["n"] == len(recoveries) and same(recovery["median"], numpy.median(recoveries)), f"failed deployment recovery time {recovery['median']:.0f} s")
    expect(sum(keys["deployments"] for keys in answer["services"]) == answer["all"]["deployments"] == len(changes), f"{len(changes)} deploys")


def check_csv(fire, incidents):
    status, body = fire.ask("/api/v1/reliability/incidents.csv?last=90d")
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    pages = {one["id"]: one for one in incidents if one["severity"] in ("critical", "error")}
    expect(status == 200 and {row["id"] for row in rows} == set(pages), f"{len(rows)} incidents as CSV")
    held = all(row["detected_at"] == pages[row["id"]]["detected_at"] and float(row["ttd_seconds"]) == pages[row["id"]]["ttd_seconds"] for row in rows)
    expect(held, "with the moments of the API")


def check_refusals(fire):
    for path, parameter in [("?by=age", "by"), ("?last=soon", "last"), ("?severity=bad", "severity"), ("/compare", "before_start"),
                            ("/compare?before_start=2026-01-01T00:00:00Z", "before_end"), ("/compare?at=2999-01-01T00:00:00Z", "at"), ("/dora?start=x", "start")]:
        status, body = fire.ask("/api/v1/reliability" + path)
        expect(status == 400 and f'"parameter":"{parameter}"' in body.decode().replace(" ", ""), f"{path} is refused by name: {body.decode()[:90]}")


def check_series(fire):
    """What a human resolves now is a sample a moment later, and a count on /metrics."""
    open_one = fire.get("/api/v1/incidents", open="true")["incidents"][0]
    request = urllib.request.Request(fire.url + "/api/v1/incidents/" + open_one["id"], b'{"who":"ada","status":"resolved"}',
                                     {"content-type": "application/json"}, method="PATCH")
    urllib.request.urlopen(request, timeout=20).read()
    metric = f'watchfire_incident_last_ttd_seconds{{service="{open_one["services"][0]}"}}'
    until, found = time.time() + 60, []
    while not found and time.time() < until:
        found = fire.promql(f"last_over_time({metric}[10m])")
        time.sleep(0.5)
    expect(found and same(float(found[0]["value"][1]), open_one["ttd_seconds"]), f"TTD as a sample: {found}")
    native = fire.promql("histogram_count(last_over_time(watchfire_incident_ttd_seconds[10m]))")
    classic = fire.promql("last_over_time(watchfire_incident_ttd_seconds_count[10m])")
    expect(native and classic and native[0]["value"][1] == classic[0]["value"][1], "native and classic histograms count the same")
    grown = fire.promql("max_over_time(watchfire_incident_ttd_seconds_count[10m]) - min_over_time(watchfire_incident_ttd_seconds_count[10m])")
    expect(grown, "and both can be asked over time")
    exposed = fire.ask("/metrics")[1].decode()
    resolved = sum(one["status"] == "resolved" for one in fire.get("/api/v1/incidents", limit=1000, last="95d")["incidents"])
    counted = sum(float(line.split()[-1]) for line in exposed.splitlines() if line.startswith("watchfire_incident_ttd_seconds_count{"))
    expect(counted == resolved, f"/metrics counts {counted:.0f} resolved incidents of {resolved}")


def check_time(fire, times):
    for path in ("/reliability?last=90d", "/reliability?last=90d&at=" + urllib.parse.quote(text(time.time() - 45 * 86_400)) + "&days=45", "/api/v1/reliability?last=90d&by=service"):
        took = []
        for _ in range(times):
            start = time.perf_counter()
            status, body = fire.ask(path)
            took.append((time.perf_counter() - start) * 1e3)
            assert status == 200, body[:200]
        print(f"     {path}: p50 {numpy.quantile(took, 0.5):.0f} ms, p95 {numpy.quantile(took, 0.95):.0f} ms, {len(body) / 1e3:.0f} kB")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--incidents", type=int, default=60)
    arguments.add_argument("--pages")
    arguments.add_argument("--shots", default=tempfile.gettempdir())
    arguments.add_argument("--time", type=int)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Watchfire(options.binary, folder=folder).stop()
        seed(folder, options.incidents)
        fire = Watchfire(options.binary, folder=folder)
        if options.time:
            check_time(fire, options.time)
            fire.stop()
            close()
        answer = fire.get("/api/v1/incidents", limit=1000, last="95d")
        now = time.time()
        incidents = answer["incidents"]
        expect(len(incidents) == options.incidents and answer["next"] is None, f"{len(incidents)} incidents")
        check_reports(fire, incidents, now)
        check_phases(fire, incidents)
        check_comparison(fire, incidents, now)
        check_dora(fire, incidents, now)
        check_csv(fire, incidents)
        check_refusals(fire)
        if options.pages:
            middle = urllib.parse.quote(text(now - 45 * 86_400))
            paths = [f"/reliability?last=90d&at={middle}&days=45", "/reliability?last=90d&by=team&severity=critical", "/reliability?last=90d&service=nosuch"]
            found = subprocess.run(["node", options.pages, fire.url, options.shots, *paths], capture_output=True, text=True, check=False)
            print(found.stdout, found.stderr, end="")
            expect(found.returncode == 0, "the page full, narrowed and empty, at two widths, light and dark")
        check_series(fire)
        fire.stop()
    close()


main()
