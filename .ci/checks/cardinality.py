"""A deploy puts a user's id into a label: a flood of new series. The server must stay what it was.

    cardinality.py BINARY [--series 1000000] [--budget 1GiB]

Known series keep being written and asked for while as many new ones arrive; memory stays within the budget,
what is above the limit is refused and counted, the status says so and names the label. After a crash the
same holds.
"""

import argparse
import re
import tempfile
import time

from prometheus_peer import Api, cpu_seconds, memory, wait_until
from server import Watchfire, close, expect
from write_request import VERSION, field, label, request, sample, series, snappy

KNOWN = 2000
BATCH = 5000
UNITS = {"MiB": 2**20, "GiB": 2**30}


def known(t, value):
    return [series({"__name__": "known_total", "job": "shop", "instance": f"i{at}"}, [(t, value)]) for at in range(KNOWN)]


def flood(start, count, t):
    """New series, each of a user of its own."""
    head, rest = label("__name__", "logins_total") + label("job", "shop"), sample(1.0, t)
    return snappy(b"".join(field(1, head + label("user_id", f"u-{at:09d}") + rest) for at in range(start, start + count)))


def write(api, body):
    """The status; again where it is too busy."""
    while True:
        status, headers, answer = api.send("POST", "/api/v1/write", body, VERSION)
        if status != 503:
            return status, answer
        time.sleep(float(headers.get("retry-after") or 1) / 10)


def refused(fire):
    """Samples that were not taken, by reason: those of which the sender was told, and those that were found too
    late for that."""
    _, text = fire.ask("/metrics")
    families = r"^watchfire_(?:collector_drops|tsdb_refused_samples)_total"
    counts = {}
    for reason, count in re.findall(families + r'\{.*?reason="(\w+)".*?\} (\d+)', text.decode(), re.M):
        counts[reason] = counts.get(reason, 0) + int(count)
    return {reason: count for reason, count in counts.items() if count}


def alive(fire, api, when, now):
    status, answer = api.get("query", query="count(known_total)", time=now / 1000)
    expect(status == 200 and answer["data"]["result"][0]["value"][1] == str(KNOWN), f"{when}: the known series are there")
    status, answer = api.get("query", query="sum(increase(known_total[10m]))", time=now / 1000)
    expect(status == 200 and float(answer["data"]["result"][0]["value"][1]) > 0, f"{when}: they are asked for by rate")
    expect(fire.ask("/readyz")[0] == 200, f"{when}: it is ready")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--series", type=int, default=1_000_000)
    parser.add_argument("--budget", default="1GiB")
    options = parser.parse_args()
    number, unit = re.fullmatch(r"(\d+)(\w+)", options.budget).groups()
    budget = int(number) * UNITS[unit]
    with tempfile.TemporaryDirectory() as folder:
        fire = Watchfire(options.binary, "serve", f"--memory-budget={options.budget}", folder=folder)
        api = Api(fire.addresses["listen"], "/prometheus")
        now = int(time.time() * 1000)
        statuses, started = {}, time.monotonic()
        expect(write(api, request(known(now - 300_000, 1.0)))[0] == 204, "the known series are taken")
        for at in range(0, options.series, BATCH):
            status, answer = write(api, flood(at, min(BATCH, options.series - at), now))
            statuses[status] = statuses.get(status, 0) + 1
            if at % (BATCH * 50) == 0:
                expect(write(api, request(known(now - 200_000 + at // 100, 2.0 + at)))[0] == 204, f"after {at} new series the known ones are taken")
        seconds = time.monotonic() - started
        print(f"     {options.series} new series in {seconds:.1f} s, {cpu_seconds(fire.process.pid):.1f} CPU seconds; answers by status {statuses}")
        count = lambda: int(api.value("count(logins_total)", time=now / 1000 + 1) or 0)
        above = lambda: sum(refused(fire).get(reason, 0) for reason in ("series_limit", "memory_limit"))
        wait_until(lambda: count() + above() >= options.series, "every new series is taken or counted", lambda: f"{count()} {refused(fire)}")
        taken = count()
        expect(set(statuses) <= {204, 400}, f"every request was answered: {statuses}")
        expect(taken + above() == options.series, f"{taken} were taken, {refused(fire)} refused and counted")
        expect((400 in statuses) == (above() > 0), "what was refused was said to the sender")
        alive(fire, api, "in the flood", now)
        if above():
            page = fire.ask("/status")[1].decode()
            expect("New time series are refused" in page and "user_id" in page, "the page of the status warns and names the label")
        statistics(api)
        used = memory(fire.process.pid)
        expect(used <= budget, f"memory stayed within the budget: {used / 2**20:.0f} MiB of {budget / 2**20:.0f}")
        fire.kill()
        fire = Watchfire(options.binary, "serve", f"--memory-budget={options.budget}", folder=folder)
        api = Api(fire.addresses["listen"], "/prometheus")
        wait_until(lambda: count() == taken, f"all {taken} series are there after a crash", lambda: str(count()))
        alive(fire, api, "after a crash", now)
        used = memory(fire.process.pid)
        expect(used <= budget, f"memory stayed within the budget: {used / 2**20:.0f} MiB of {budget / 2**20:.0f}")
        fire.stop()
    close()


def statistics(api):
    """What tells an operator which label it was."""
    status, answer = api.get("status/tsdb")
    data = answer["data"]
    expect(data["headStats"]["numSeries"] >= KNOWN, f"the status counts {data['headStats']['numSeries']} series")
    tops = {name: [one["name"] for one in data[name]] for name in ("labelValueCountByLabelName", "seriesCountByMetricName")}
    expect(tops["labelValueCountByLabelName"][:1] == ["user_id"], f"and names the label {tops['labelValueCountByLabelName'][:3]}")
    expect(tops["seriesCountByMetricName"][:1] == ["logins_total"], f"and the metric {tops['seriesCountByMetricName'][:3]}")


if __name__ == "__main__":
    main()
