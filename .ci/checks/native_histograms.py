"""Native histograms, sent to us and to a real Prometheus, come back the same.

    native_histograms.py BINARY [--seed 7117]

Compared are the JSON of the histograms themselves and the answers of questions whose meaning 3 left as it was
in 2.42: how a quantile lies within a bucket it did not, and `irate`, `avg` and `last_over_time` knew none.
Remote read must give what was sent (2.42 gives none as samples), and a chunk of a single histogram is held to
Prometheus' byte by byte.
"""

import argparse
import random
import time

from promql_answers import alike
from prometheus_peer import Api, Prometheus, wait_until
from remote_read import READ, fields, labels_of, number_at, read_request, unsnappy
from server import Watchfire, close, expect
from write_request import VERSION, float_histogram, histogram_series, request, whole_histogram

STEPS = 60
QUESTIONS = [
    "whole", "fraction", "alone", "whole[2m]", "histogram_count(whole)", "histogram_sum(whole)",
    "rate(whole[3m])", "increase(fraction[3m])", "delta(fraction[3m])", "sum by (job) (whole)", "sum(rate(whole[3m]))",
    "histogram_count(sum(rate(whole[5m])))", "histogram_sum(sum(rate(whole[5m]))) / histogram_count(sum(rate(whole[5m])))",
    "histogram_fraction(-1, 1, alone) * 0", "count(whole)", "count_over_time(whole[5m])", "whole + whole",
]


def counts(r, before, schema):
    """A histogram of more than the one before, in the same buckets."""
    grow = lambda side: (side[0], [count + r.randint(0, 9) for count in side[1]])
    zero, positive, negative = before
    return (zero[0], zero[1] + r.randint(0, 3)), grow(positive), grow(negative)


def histograms(r, start, make):
    """One series: buckets with gaps, a reset in the middle."""
    schema = r.choice([-1, 0, 2, 3])
    fresh = lambda: ((0.001, 0), ([(-2, 2), (0, 1), (3, 2)], [0] * 5), ([(1, 2)], [0] * 2))
    state, total, made = counts(r, fresh(), schema), 0.0, []
    for step in range(STEPS):
        state = counts(r, fresh() if step == STEPS // 2 else state, schema)
        total = r.uniform(0, 9) if step == STEPS // 2 else total + r.uniform(0, 9)
        made.append(make((start + step * 15) * 1000 + 137, schema, *state, total))
    return made


def same(a, b):
    """Two values of JSON, numbers in texts to the tolerance."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, str) and isinstance(b, str) and a != b:
        try:
            return alike(a, b)
        except ValueError:
            return False
    return a == b


def by_metric(answer):
    result = answer["data"]["result"]
    return {tuple(sorted(one.pop("metric").items())): one for one in result}


def ask(theirs, ours, path, **parameters):
    a, b = (api.post(path, **parameters)[1] for api in (theirs, ours))
    if a["status"] != "success" or b["status"] != "success":
        return a["status"] == b["status"], f"{str(a)[:300]} for {str(b)[:300]}"
    a, b = by_metric(a), by_metric(b)
    return same(a, b), f"{str(a)[:600]} for {str(b)[:600]}"


def by_number(message):
    """The fields of a histogram that are not zero, but for what is known of resets, which each finds out."""
    found = {}
    for number, value in fields(message):
        if number != 14 and value:
            found.setdefault(number, []).append(value)
    return found


def read_back(api, name, start, end):
    """The histograms of a series as they were sent, by remote read."""
    _, _, body = api.send("POST", "/api/v1/read", read_request([("__name__", "=", name)], start, end, False), READ)
    return {labels_of(one): [by_number(value) for number, value in fields(one) if number == 4]
            for _, result in fields(unsnappy(body)) for _, one in fields(result)}


def chunks(api, name, start, end):
    """Type and bytes of the chunks of a series."""
    _, _, body = api.send("POST", "/api/v1/read", read_request([("__name__", "=", name)], start, end, True), READ)
    found, at = [], 0
    while at < len(body):
        length, at = number_at(body, at)
        for number, one in fields(body[at + 4 : at + 4 + length]):
            if number == 1:
                found += [(dict(fields(chunk))[3], bytes(dict(fields(chunk))[4])) for number, chunk in fields(one) if number == 2]
        at += 4 + length
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seed", type=int, default=7117)
    options = parser.parse_args()
    r = random.Random(options.seed)
    start = int(time.time()) - STEPS * 15 - 30
    labels = lambda name, instance: {"__name__": name, "job": "api", "instance": instance}
    alone = float_histogram(start * 1000 + 137, 3, (2**-128, 1.5), ([(-7, 2), (5, 1)], [2.25, 0.0, 8.0]), ([(900, 1)], [0.5]), -3.75)
    sent = {"fraction": histograms(r, start, float_histogram), "alone": [alone]}
    body = request([
        *(histogram_series(labels("whole", instance), histograms(r, start, whole_histogram)) for instance in "ab"),
        *(histogram_series(labels(name, "a"), histograms_) for name, histograms_ in sent.items()),
    ])
    peer = Prometheus("global: {}\n", "--enable-feature=native-histograms", "--web.enable-remote-write-receiver")
    fire = Watchfire(options.binary)
    ours = Api(fire.addresses["listen"], "/prometheus")
    for api in (peer.api, ours):
        status, _, answer = api.send("POST", "/api/v1/write", body, VERSION)
        expect(status in (200, 204), f"{api.host} takes native histograms {answer[:300]!r}")
    end = start + STEPS * 15
    wait_until(lambda: ours.value("count(whole)", time=end), "the histograms are there")
    for question in QUESTIONS:
        at = start + 100 if "alone" in question else end - 100
        right, told = ask(peer.api, ours, "query", query=question, time=at + 0.5)
        expect(right, f"{question} {'' if right else told}")
    for question in QUESTIONS:
        if "[2m]" not in question or "(" in question:
            right, told = ask(peer.api, ours, "query_range", query=question, start=start + 0.5, end=end + 0.5, step=37)
            expect(right, f"over time: {question} {'' if right else told}")
    for name, histograms_ in sent.items():
        found = list(read_back(ours, name, start * 1000, end * 1000).values())
        right = [by_number(body) for one in histograms_ for _, body in fields(one)]
        expect(found == [right], f"remote read of {name} gives {len(right)} histograms as they were sent {'' if found == [right] else (str(found)[:300], str(right)[:300])}")
    a, b = (chunks(api, "alone", start * 1000, end * 1000) for api in (peer.api, ours))
    expect(a == b and a, f"a chunk of one histogram is Prometheus' own {'' if a == b else (a, b)}")
    peer.stop()
    fire.stop()
    close()


if __name__ == "__main__":
    main()
