"""What other Prometheis take from us: remote read in both its forms, and federation.

    remote_read.py BINARY [--seed 7117]

A real Prometheus without samples of its own evaluates expressions over what it reads from us. Then both
servers' read endpoints are asked the same and their answers decoded, samples and chunks. At last a
Prometheus scrapes our federation and must come to hold what we hold.
"""

import argparse
import struct
import time

from promql_answers import difference
from promql_differential import CHANGED, PEER_FLAGS, load
from promql_expressions import LISTED
from promql_samples import SPAN, Samples
from prometheus_peer import Api, Prometheus, wait_until
from server import Watchfire, close, expect
from write_request import VERSION, field, request, series, snappy, varint

MATCHERS = {"=": 0, "!=": 1, "=~": 2, "!~": 3}
READ = {"content-encoding": "snappy", "content-type": "application/x-protobuf", "x-prometheus-remote-read-version": "0.1.0"}


def fields(body):
    """(number, value) of a message's fields; a value is a number or bytes."""
    at = 0
    while at < len(body):
        key, at = number_at(body, at)
        if key & 7 == 0:
            value, at = number_at(body, at)
        elif key & 7 == 1:
            value, at = struct.unpack_from("<d", body, at)[0], at + 8
        else:
            length, at = number_at(body, at)
            value, at = body[at : at + length], at + length
        yield key >> 3, value


def number_at(body, at):
    number = place = 0
    while True:
        byte = body[at]
        number, place, at = number | (byte & 127) << place, place + 7, at + 1
        if byte < 128:
            return number, at


def signed(number):
    return number - 2**64 if number >= 2**63 else number


def unsnappy(body):
    """Snappy's block format."""
    length, at = number_at(body, 0)
    out = bytearray()
    while at < len(body):
        tag = body[at]
        at += 1
        if tag & 3 == 0:
            size = tag >> 2
            if size >= 60:
                more = size - 59
                size = int.from_bytes(body[at : at + more], "little")
                at += more
            out += body[at : at + size + 1]
            at += size + 1
            continue
        if tag & 3 == 1:
            size, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | body[at]
            at += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            size, offset = (tag >> 2) + 1, int.from_bytes(body[at : at + width], "little")
            at += width
        for _ in range(size):
            out.append(out[-offset])
    if len(out) != length:
        raise SystemExit("snappy: the length is another")
    return bytes(out)


class Bits:
    def __init__(self, body):
        self.number, self.left = int.from_bytes(body, "big"), len(body) * 8

    def take(self, count):
        self.left -= count
        if self.left < 0:
            raise SystemExit("a chunk ends too early")
        return self.number >> self.left & (1 << count) - 1

    def varint(self):
        number = place = 0
        while True:
            byte = self.take(8)
            number, place = number | (byte & 127) << place, place + 7
            if byte < 128:
                return number


def xor_samples(body):
    """The samples of an XOR chunk as (milliseconds, bits of the value)."""
    bits, samples = Bits(body), []
    t = delta = value = 0
    leading, significant = 0, 64
    for at in range(bits.take(16)):
        if at == 0:
            zigzag = bits.varint()
            t, value = zigzag >> 1 ^ -(zigzag & 1), bits.take(64)
            samples.append((t, value))
            continue
        if at == 1:
            delta = bits.varint()
        else:
            ones = 0
            while ones < 4 and bits.take(1):
                ones += 1
            width = [0, 14, 17, 20, 64][ones]
            change = bits.take(width) if width else 0
            change -= (1 << width) if width and change > 1 << width - 1 else 0
            delta += change
        t += delta
        if bits.take(1):
            if bits.take(1):
                leading, significant = bits.take(5), bits.take(6) or 64
            value ^= bits.take(significant) << 64 - leading - significant
        samples.append((t, value))
    return samples


def crc32c(body):
    table = crc32c.table
    crc = 0xFFFFFFFF
    for byte in body:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def crc_table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


crc32c.table = list(crc_table())


def read_request(matchers, start, end, streamed):
    body = b"\x08" + varint(start) + b"\x10" + varint(end)
    for name, operator, value in matchers:
        kind = MATCHERS[operator]
        body += field(3, (b"\x08" + varint(kind) if kind else b"") + field(2, name.encode()) + field(3, value.encode()))
    return snappy(field(1, body) + (b"\x10\x01" if streamed else b""))


def labels_of(message):
    pairs = (dict(fields(value)) for number, value in fields(message) if number == 1)
    return tuple((pair[1].decode(), pair[2].decode()) for pair in pairs)


def read_samples(api, *asked):
    """By series, in the order of the answer, the samples."""
    status, headers, body = api.send("POST", "/api/v1/read", read_request(*asked, False), READ)
    if status != 200 or headers["content-encoding"] != "snappy":
        raise SystemExit(f"{api.host}: remote read: {status} {body[:300]}")
    found = {}
    for _, result in fields(unsnappy(body)):
        for _, one in fields(result):
            parts = [dict(fields(value)) for number, value in fields(one) if number == 2]
            # Proto leaves out what is zero.
            found[labels_of(one)] = [(signed(part.get(2, 0)), struct.unpack("<Q", struct.pack("<d", part.get(1, 0.0)))[0]) for part in parts]
    return found


def read_chunks(api, *asked):
    """The same from the stream, and how many frames it had."""
    status, headers, body = api.send("POST", "/api/v1/read", read_request(*asked, True), READ)
    if status != 200 or not headers["content-type"].startswith("application/x-streamed-protobuf"):
        raise SystemExit(f"{api.host}: streamed read: {status} {headers} {body[:300]}")
    found, frames, at = {}, 0, 0
    while at < len(body):
        length, at = number_at(body, at)
        message = body[at + 4 : at + 4 + length]
        if crc32c(message) != int.from_bytes(body[at : at + 4], "big"):
            raise SystemExit(f"{api.host}: a frame's checksum is wrong")
        at, frames = at + 4 + length, frames + 1
        for number, one in fields(message):
            if number == 1:
                samples = found.setdefault(labels_of(one), [])
                for number, chunk in fields(one):
                    if number == 2:
                        samples += chunk_samples(dict(fields(chunk)))
    return found, frames


def chunk_samples(chunk):
    samples = xor_samples(chunk[4])
    if (signed(chunk[1]), signed(chunk[2]), chunk[3]) != (samples[0][0], samples[-1][0], 1):
        raise SystemExit("a chunk's ends are not those of its samples")
    return samples


def within(found, start, end):
    """What both forms can say: chunks may reach beyond the range, a series may have nothing in it, and the
    zero that Prometheus writes as a sample has no sign."""
    plain = lambda value: 0 if value == 1 << 63 else value
    cut = {labels: [(t, plain(value)) for t, value in samples if start <= t <= end] for labels, samples in found.items()}
    return {labels: samples for labels, samples in cut.items() if samples}


def compare_reads(theirs, ours, samples):
    start = samples.start * 1000
    asked = [
        ([("__name__", "=~", ".+")], start, start + SPAN * 1000),
        ([("__name__", "=", "odd")], start, start + SPAN * 1000),
        ([("job", "!=", "api"), ("status", "!~", "4..")], start + 600_123, start + 1_800_456),
        ([("__name__", "=~", "http_.+|lat_sum"), ("instance", "=", "a:1")], start + 3_000_000, start + 3_000_000),
        ([("__name__", "=", "nope")], start, start + SPAN * 1000),
    ]
    for matchers, low, high in asked:
        right, found = (within(read_samples(api, matchers, low, high), low, high) for api in (theirs, ours))
        what = f"{matchers}: {len(right)} series, {sum(map(len, right.values()))} samples"
        expect(right == found and list(right) == list(found), f"remote read of samples, {what}")
        chunks, frames = read_chunks(ours, matchers, low, high)
        in_order = list(chunks) == sorted(chunks)
        expect(within(chunks, low, high) == right and in_order, f"the same as XOR chunks, in {frames} frames")
        expect(within(read_chunks(theirs, matchers, low, high)[0], low, high) == right, "as Prometheus' own chunks")


def compare_queries(fire, ours, samples):
    """A Prometheus that has nothing itself answers over our data."""
    url = f"http://{fire.addresses['listen']}/prometheus/api/v1/read"
    reader = Prometheus(f"remote_read:\n  - url: {url}\n    read_recent: true\n")
    same = [expression for expression in LISTED if not any(pattern.search(expression) for pattern, _ in CHANGED)]
    right, asked = 0, same[::3]
    for expression in asked:
        wrong = None
        for path, parameters in (
            ("query", {"time": samples.start + 6500.5}),
            ("query_range", {"start": samples.start + 120.5, "end": samples.start + SPAN + 300.5, "step": 173}),
        ):
            theirs = reader.api.post(path, query=expression, **parameters)[1]
            mine = ours.post(path, query=expression.replace("holt_winters", "double_exponential_smoothing"), **parameters)[1]
            wrong = wrong or difference(theirs, mine)
        right += wrong is None
        if wrong:
            print(f"     {expression}: {wrong[0]}: {wrong[1][:300]}")
    expect(right == len(asked), f"a Prometheus that reads from us answers {right} of {len(asked)} expressions as we do")
    reader.stop()


def compare_federation(fire, ours):
    now = int(time.time() * 1000)
    fresh = [
        ({"__name__": "fresh_total", "job": "api", "instance": "a:1", "path": 'a"b\\c'}, [(now - 4000, 41.0), (now - 1000, 42.0)]),
        ({"__name__": "fresh_ratio", "job": "api"}, [(now - 2000, 0.25)]),
        ({"__name__": "fresh_ended", "job": "api"}, [(now - 3000, 1.0), (now - 1000, struct.unpack("<d", b"\x02\0\0\0\0\0\xf0\x7f")[0])]),
    ]
    status, _, answer = ours.send("POST", "/api/v1/write", request([series(*one) for one in fresh]), VERSION)
    expect(status in (200, 204), f"fresh samples are taken {answer!r}")
    config = f"""
scrape_configs:
  - job_name: federation
    honor_labels: true
    metrics_path: /prometheus/federate
    scrape_interval: 1s
    params: {{'match[]': ['{{__name__=~"fresh_.+"}}']}}
    static_configs: [{{targets: ['{fire.addresses['listen']}']}}]
"""
    peer = Prometheus(config)
    wait_until(lambda: peer.api.value('count({__name__=~"fresh_.+"})') == 2, "the federated series are there")
    for name, t, value in (("fresh_total", now - 1000, 42.0), ("fresh_ratio", now - 2000, 0.25)):
        result = peer.api.post("query", query=f"{name}[5m]")[1]["data"]["result"]
        labels = next(labels for labels, _ in fresh if labels["__name__"] == name)
        expect([one["metric"] for one in result] == [labels], f"{name} has our labels, none of the scrape")
        expect(result[0]["values"] == [[t / 1000, f"{value:g}"]], f"{name} has our time and value, once")
    expect(peer.api.value("fresh_ended") is None, "what has ended is not shown")
    peer.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seed", type=int, default=7117)
    options = parser.parse_args()
    start = (int(time.time()) - SPAN - 1200) // 60 * 60
    samples = Samples(options.seed, start)
    fire, peer = Watchfire(options.binary), Prometheus("global: {}\n", *PEER_FLAGS)
    ours = Api(fire.addresses["listen"], "/prometheus")
    load(samples, ours, peer.api)
    compare_reads(peer.api, ours, samples)
    compare_queries(fire, ours, samples)
    compare_federation(fire, ours)
    peer.stop()
    fire.stop()
    close()


if __name__ == "__main__":
    main()
