"""Bodies of Prometheus' remote write 1.0: protobuf, in snappy that compresses nothing."""

import struct

VERSION = {"content-encoding": "snappy", "content-type": "application/x-protobuf", "x-prometheus-remote-write-version": "0.1.0"}
LITERAL = 65536  # the most bytes of a piece


def varint(number):
    number &= 2**64 - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def label(name, value):
    return field(1, field(1, name.encode()) + field(2, value.encode()))


def sample(value, millis):
    return field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(millis))


def exemplar(labels, value, millis):
    body = b"".join(label(name, labels[name]) for name in sorted(labels))
    return field(3, body + b"\x11" + struct.pack("<d", value) + b"\x18" + varint(millis))


def series(labels, samples, exemplars=()):
    """A series: labels by name, samples as (milliseconds, value), exemplars as (labels, value, milliseconds)."""
    body = b"".join(label(name, labels[name]) for name in sorted(labels))
    body += b"".join(sample(value, millis) for millis, value in samples)
    return field(1, body + b"".join(exemplar(*one) for one in exemplars))


def metadata(family, kind, help_text, unit=""):
    """What a metric is; `kind` is the number of its type: 1 counter, 2 gauge, 3 histogram, 5 summary."""
    words = field(2, family.encode()) + field(4, help_text.encode()) + field(5, unit.encode())
    return field(3, b"\x08" + varint(kind) + words)


def snappy(body):
    out = [varint(len(body))]
    for at in range(0, len(body), LITERAL):
        piece = body[at : at + LITERAL]
        out += [b"\xf4", struct.pack("<H", len(piece) - 1), piece]
    return b"".join(out)


def request(parts):
    """The body of a request of series and metadata."""
    return snappy(b"".join(parts))


def zigzag(number):
    return varint(number << 1 ^ number >> 63)


def spans(number, listed):
    first = lambda offset: b"\x08" + zigzag(offset) if offset else b""
    return b"".join(field(number, first(offset) + b"\x10" + varint(length)) for offset, length in listed)


def float_histogram(t, schema, zero, positive, negative, total):
    """A native histogram of floats: zero is (threshold, count), a side (spans, counts), the total its sum."""
    count = zero[1] + sum(positive[1]) + sum(negative[1])
    doubles = lambda number, listed: field(number, struct.pack(f"<{len(listed)}d", *listed)) if listed else b""
    body = b"\x11" + struct.pack("<d", count) + b"\x19" + struct.pack("<d", total) + b"\x20" + zigzag(schema)
    body += b"\x29" + struct.pack("<d", zero[0]) + b"\x39" + struct.pack("<d", zero[1])
    body += spans(8, negative[0]) + doubles(10, negative[1]) + spans(11, positive[0]) + doubles(13, positive[1])
    return field(4, body + b"\x78" + varint(t))


def whole_histogram(t, schema, zero, positive, negative, total):
    """The same of whole numbers, which are written as differences."""
    count = zero[1] + sum(positive[1]) + sum(negative[1])

    def deltas(number, counts):
        steps = [b - a for a, b in zip([0, *counts], counts)]
        return field(number, b"".join(map(zigzag, steps))) if counts else b""

    body = b"\x08" + varint(count) + b"\x19" + struct.pack("<d", total) + b"\x20" + zigzag(schema)
    body += b"\x29" + struct.pack("<d", zero[0]) + b"\x30" + varint(zero[1])
    body += spans(8, negative[0]) + deltas(9, negative[1]) + spans(11, positive[0]) + deltas(12, positive[1])
    return field(4, body + b"\x78" + varint(t))


def histogram_series(labels, histograms):
    body = b"".join(label(name, labels[name]) for name in sorted(labels))
    return field(1, body + b"".join(histograms))
