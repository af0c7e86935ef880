"""The calls of Grafana's Prometheus data source, to us and to a real Prometheus that holds the same samples.

    grafana_calls.py BINARY [--seed 7117]

Status, type and shape of each answer must be the same, and where the samples decide it, the answer itself.
"""

import argparse
import json
import time
import urllib.parse

from promql_answers import difference
from promql_differential import PEER_FLAGS, load
from promql_samples import SPAN, Samples
from prometheus_peer import Api, Prometheus, wait_until
from server import Watchfire, close, expect
from write_request import VERSION, metadata, request, series

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
FORM = {"content-type": "application/x-www-form-urlencoded"}

# What 3 has and 2.42 does not, or holds otherwise.
NEWER = {"infos", "warnings", "droppedTargetCounts"}


# How series begin that a Prometheus has of itself.
OWN = ("go_", "process_", "prometheus_", "promhttp_", "net_conntrack_", "scrape_")


def shape(value):
    """The types of a JSON value; of a list those of its entries, each once."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items() if name not in NEWER}
    if isinstance(value, list):
        return sorted({json.dumps(shape(inner), sort_keys=True) for inner in value})
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def calls(start, end):
    """(what, method, path, parameters, how to compare): as the data source sends them."""
    span = [("start", start), ("end", end)]
    selector = ("match[]", '{job="api"}')
    form = lambda query, **more: [("query", query), ("start", start + 0.5), ("end", end + 0.5), ("step", "60"), *more.items()]
    return [
        ("health", "POST", "query", [("query", "1+1"), ("time", "4")], "same"),
        ("health by GET", "GET", "query", [("query", "1+1"), ("time", "4")], "same"),
        ("build information", "GET", "status/buildinfo", [], "shape"),
        ("names of metrics", "GET", "label/__name__/values", span, "names"),
        ("names that match", "GET", "label/__name__/values", [*span, ("match[]", '{__name__=~"lat.*|c.p"}')], "same"),
        ("metadata", "GET", "metadata", [("limit", "40000")], "values"),
        ("metadata of one", "GET", "metadata", [("metric", "nope")], "same"),
        ("labels", "GET", "labels", [*span, selector], "same"),
        ("labels by form", "POST", "labels", [*span, selector, ("match[]", "odd")], "same"),
        ("values", "GET", "label/instance/values", [*span, selector], "same"),
        ("values of a name that is none", "GET", "label/nope/values", span, "same"),
        ("series", "GET", "series", [*span, ("match[]", 'http_requests_total{job="api"}')], "same"),
        ("series by form", "POST", "series", [*span, ("match[]", "cap"), ("match[]", "odd")], "same"),
        ("series without a selector", "GET", "series", span, "error"),
        ("range", "POST", "query_range", form("sum by (job) (rate(http_requests_total[5m]))"), "result"),
        ("range by GET", "GET", "query_range", form("temp"), "result"),
        ("range with a timeout", "POST", "query_range", form("up", timeout="30s"), "result"),
        ("range in RFC 3339", "POST", "query_range", [("query", "up"), ("start", rfc3339(start)), ("end", rfc3339(end)), ("step", "1m30s")], "result"),
        ("range of odd values", "POST", "query_range", form("odd"), "result"),
        ("range of nothing", "POST", "query_range", form("nope"), "same"),
        ("range of a scalar", "POST", "query_range", form("1"), "result"),
        ("too many points", "POST", "query_range", [("query", "up"), *span, ("step", "0.1")], "error"),
        ("a step of nothing", "POST", "query_range", [("query", "up"), *span, ("step", "0")], "error"),
        ("an end before its start", "POST", "query_range", [("query", "up"), ("start", end), ("end", start), ("step", "15")], "error"),
        ("no step", "POST", "query_range", [("query", "up"), *span], "error"),
        ("instant", "POST", "query", [("query", "topk(3, mem_bytes)"), ("time", start + 3000.5)], "result"),
        ("instant of a string", "POST", "query", [("query", '"x"'), ("time", start)], "same"),
        ("instant of a range", "POST", "query", [("query", "temp[3m]"), ("time", start + 3000.5)], "result"),
        ("no expression", "POST", "query", [("query", "")], "error"),
        ("no PromQL", "POST", "query", [("query", "sum(")], "error"),
        ("an unknown function", "POST", "query", [("query", "nope(up)")], "error"),
        ("a failing expression", "POST", "query", [("query", "up + on (job) up"), ("time", start + 3000.5)], "error"),
        ("a time that is none", "POST", "query", [("query", "up"), ("time", "soon")], "error"),
        ("exemplars", "GET", "query_exemplars", [("query", "rate(seen_total[5m]) + other_total"), *span], "same"),
        ("exemplars by form", "POST", "query_exemplars", [("query", "seen_total"), *span], "same"),
        ("exemplars of none", "GET", "query_exemplars", [("query", "up"), *span], "same"),
        ("format", "GET", "format_query", [("query", 'sum(rate(up{job="a"}[5m]))by(job)/2')], "same"),
        ("format what is none", "GET", "format_query", [("query", "sum(")], "error"),
        ("targets", "GET", "targets", [("state", "dropped")], "shape"),
        ("targets by state", "GET", "targets", [("state", "active"), ("scrapePool", "nope")], "keys"),
        ("runtime", "GET", "status/runtimeinfo", [], "keys"),
        ("configuration", "GET", "status/config", [], "shape"),
        ("flags", "GET", "status/flags", [], "object"),
        ("statistics", "GET", "status/tsdb", [], "keys"),
        ("alertmanagers", "GET", "alertmanagers", [], "shape"),
        ("rules", "GET", "rules", [], "keys"),
        ("rules of alerts", "GET", "rules", [("type", "alert")], "keys"),
        ("alerts", "GET", "alerts", [], "keys"),
        ("an unknown page", "GET", "nope", [], "status"),
    ]


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.500Z", time.gmtime(seconds))


def send(api, method, path, parameters):
    text = urllib.parse.urlencode(parameters)
    if method == "POST":
        return api.send("POST", f"/api/v1/{path}", text, FORM)
    return api.send("GET", f"/api/v1/{path}?{text}" if text else f"/api/v1/{path}")


def differs(theirs, ours, how):
    """How two answers differ, or nothing."""
    (status, headers, body), (our_status, our_headers, our_body) = theirs, ours
    if status != our_status:
        return f"status {status} for {our_status}: {body[:200]} for {our_body[:200]}"
    if how == "status":
        return None
    if headers["content-type"] != our_headers["content-type"]:
        return f"type {headers['content-type']} for {our_headers['content-type']}"
    a, b = json.loads(body), json.loads(our_body)
    if how == "error":
        same = a["status"] == b["status"] == "error" and a["errorType"] == b["errorType"]
        return None if same and shape(a) == shape(b) else f"{a} for {b}"
    if how == "result":
        return difference(a, b)
    if how == "same":
        return None if a == b else f"{str(a)[:400]} for {str(b)[:400]}"
    if how == "names":
        # Both hold series about themselves beside.
        missing = [name for name in a["data"] if name not in b["data"] and not name.startswith(OWN)]
        return f"missing {missing}" if missing else None
    if how == "values":
        one = lambda data: shape(next(iter(data.values())))
        return None if one(a["data"]) == one(b["data"]) else f"{one(a['data'])} for {one(b['data'])}"
    if how == "keys":
        missing = a["data"].keys() - b["data"].keys()
        return f"missing {sorted(missing)}" if missing else None
    if how == "object":
        return None if isinstance(b["data"], dict) else f"{b['data']}"
    return None if shape(a) == shape(b) else f"{shape(a)} for {shape(b)}"


def with_exemplars(start):
    t = (start + SPAN - 60) * 1000 + 123
    seen = lambda id, value, millis: ({"trace_id": id, "more": "m"}, value, millis)
    return [
        series({"__name__": "seen_total", "job": "api"}, [(t, 5.0), (t + 15_000, 7.0)], [seen(TRACE, 0.25, t), seen(TRACE[::-1], 1.5, t + 15_000)]),
        series({"__name__": "other_total", "job": "api"}, [(t, 1.0)], [seen(TRACE, 3.0, t)]),
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seed", type=int, default=7117)
    options = parser.parse_args()
    start = (int(time.time()) - SPAN - 1200) // 60 * 60
    samples = Samples(options.seed, start)
    config = "scrape_configs: [{job_name: itself, scrape_interval: 1s, static_configs: [{targets: ['127.0.0.1:PORT']}]}]\n"
    flags = ["--enable-feature=exemplar-storage", *PEER_FLAGS]
    fire, peer = Watchfire(options.binary), Prometheus("storage: {exemplars: {max_exemplars: 1000}}\n", *flags)
    ours = Api(fire.addresses["listen"], "/prometheus")
    load(samples, ours, peer.api)
    body = request([*with_exemplars(start), metadata("http_requests_total", 1, "Requests so far")])
    for api in (peer.api, ours):
        status, _, answer = api.send("POST", "/api/v1/write", body, VERSION)
        expect(status in (200, 204), f"{api.host} takes exemplars {answer[:200]!r}")
    # A Prometheus knows metadata of what it scrapes alone.
    with open(peer.config, "a") as file:
        file.write(config.replace("PORT", str(peer.port)))
    peer.process.send_signal(1)
    wait_until(lambda: peer.api.get("metadata")[1]["data"], "Prometheus has scraped itself")
    for what, method, path, parameters, how in calls(start, start + SPAN):
        wrong = differs(*(send(api, method, path, parameters) for api in (peer.api, ours)), how)
        expect(not wrong, f"{what}: {method} {path} {wrong or ''}")
    health_and_pages(peer.api, ours)
    peer.stop()
    fire.stop()
    close()


def health_and_pages(theirs, ours):
    for path in ("/-/healthy", "/-/ready"):
        expect(theirs.send("GET", path)[0] == ours.send("GET", path)[0] == 200, f"GET {path}")
    answers = [api.send("OPTIONS", "/api/v1/query", headers={"origin": "http://grafana.example"}) for api in (theirs, ours)]
    expect(answers[0][0] == answers[1][0] == 204, "OPTIONS is answered")
    expect(answers[1][1]["access-control-allow-origin"] is None, "a page of an origin we do not know may not read")


if __name__ == "__main__":
    main()
