"""Log shippers send in the forms that they know: Elastic's official client of Python by bulk, and Loki's
push in JSON and in protobuf. What they sent is found again under the names of the contract.

    log_shippers.py path/to/watchfire
"""

import gzip
import json
import struct
import sys
import time
import urllib.error
import urllib.request

from elasticsearch import Elasticsearch, helpers

from server import Watchfire, close, expect

NOW = time.time_ns()


def post(url, body, **headers):
    request = urllib.request.Request(url, body, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def entry(nanos, line, **metadata):
    at = varint(1 << 3) + varint(nanos // 10**9) + varint(2 << 3) + varint(nanos % 10**9)
    pairs = b"".join(field(3, field(1, k.encode()) + field(2, v.encode())) for k, v in metadata.items())
    return field(2, field(1, at) + field(2, line.encode()) + pairs)


def snappy(data):
    """Literals only, which every decoder must read."""
    out = varint(len(data))
    for at in range(0, len(data), 60):
        part = data[at:at + 60]
        out += bytes([(len(part) - 1) << 2]) + part
    return out


def elastic(fire):
    client = Elasticsearch(fire.url + "/elasticsearch", request_timeout=30)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    document = {"@timestamp": at, "message": "paid", "log": {"level": "warn"}, "service": {"name": "beats"},
                "host": {"name": "web-1"}, "kubernetes": {"pod": {"name": "pay-1"}}}
    failed = {**document, "message": "refused", "log": {"level": "error"},
              "error": {"type": "CardRefused", "message": "card 5 is refused", "stack_trace": "CardRefused: card 5 is refused\n\tat shop.Pay.pay(Pay.java:7)"}}
    actions = [{"_op_type": "create", "_index": "logs-pay", **document} for _ in range(400)] + [{"_op_type": "index", "_index": "logs-pay", **failed}]
    done, errors = helpers.bulk(client, actions, chunk_size=100, raise_on_error=False)
    expect(done == 401 and not errors, f"Elastic's client: {done} documents taken ({errors})")
    done, errors = helpers.bulk(client, [{"_op_type": "delete", "_index": "logs-pay", "_id": "1"}], raise_on_error=False)
    expect(done == 0 and "deleted" in json.dumps(errors), "a deletion is refused in words, as an item")
    found = fire.get("/api/v1/logs", q="service:beats", limit=1)
    expect(found["total"] == 401, f"{found['total']} records of 401")
    failure = fire.get("/api/v1/logs", q="service:beats severity:ERROR", limit=5)["records"]
    expect(len(failure) == 1 and failure[0]["exception.type"] == "CardRefused" and failure[0].get("exception_group"),
           "ECS' names of an error are an exception with its group")
    status, answer = post(fire.url + "/elasticsearch/logs-x/_bulk", b"{\n", content_type="application/x-ndjson")
    expect(status == 400 and "line 1" in answer, f"a broken bulk says which line ({answer})")


def loki(fire):
    push = {"streams": [{"stream": {"app": "promtail", "env": "prod", "pod": "p-1"}, "values": [
        [str(NOW), "level=error msg=\"disk full\" path=/var"],
        [str(NOW + 1), json.dumps({"level": "warn", "msg": "slow", "ms": 512}), {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}]]}]}
    body = gzip.compress(json.dumps(push).encode())
    status, answer = post(fire.url + "/loki/api/v1/push", body, content_type="application/json", content_encoding="gzip")
    expect(status == 204, f"a push in JSON is taken ({status} {answer})")
    stream = field(1, b'{app="promtail", env="prod"}') + entry(NOW + 2, "INFO all well " * 20) + entry(NOW + 3, "x", tenant="acme")
    status, answer = post(fire.url + "/loki/api/v1/push", snappy(field(1, stream)), content_type="application/x-protobuf")
    expect(status == 204, f"a push in protobuf is taken ({status} {answer})")
    records = fire.get("/api/v1/logs", q="service:promtail", limit=10)["records"]
    said = sorted((r["severity"], r["message"][:9]) for r in records)
    expect(said == [("ERROR", "level=err"), ("INFO", "INFO all "), ("INFO", "x"), ("WARN", "slow")], f"four records: {said}")
    slow = next(r for r in records if r["message"] == "slow")
    expect(slow["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736" and slow["ms"] == 512
           and slow["deployment.environment.name"] == "prod" and slow["k8s.pod.name"] == "p-1", "trace, fields and labels are kept")
    expect(next(r for r in records if r["message"] == "x")["tenant"] == "acme", "structured metadata is kept")
    for body, kind, word in [(b"{", "application/json", "expected"), (b"\xff\xff", "application/x-protobuf", "snappy"),
                             (snappy(field(1, field(1, b"app"))), "application/x-protobuf", "labels")]:
        status, answer = post(fire.url + "/loki/api/v1/push", body, content_type=kind)
        expect(status == 400 and word in answer, f"a broken push is told: {answer.strip()}")


def main():
    fire = Watchfire(sys.argv[1])
    elastic(fire)
    loki(fire)
    fire.stop()
    close()


main()
