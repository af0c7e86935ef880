"""What the server answers to a query in its several shapes, and what would be right."""

from collections import Counter
from itertools import product

from log_lines import SEVERITIES, as_text, nanos

# The most lines of which the field list looks at each.
EVERY = 20_000


def rows(fire, parameters, limit):
    """All rows page by page and the total; or what is wrong with a page, and None."""
    found, cursor, total = [], {}, None
    while True:
        page = fire.get("/api/v1/logs", **parameters, limit=limit, **cursor)
        if page["partial"] or not page["total_is_exact"]:
            return "a partial answer", None
        if total not in (None, page["total"]):
            return f"the total changed from {total} to {page['total']} between pages", None
        total = page["total"]
        found += [record["seq"] for record in page["records"]]
        if len(page["records"]) > limit:
            return f"{len(page['records'])} records on a page of {limit}", None
        if page["next"] is None:
            return found, total
        cursor = {"cursor": page["next"]}


def over_time(records, step):
    counts = Counter()
    for record in records:
        counts[record.time // step * step, severity(record)] += 1
    return counts


def bars(fire, parameters, step):
    answer = fire.get("/api/v1/logs/histogram", **parameters, step=step // 10**9)
    found = Counter()
    for bar in answer["bars"]:
        for name, count in bar["counts"].items():
            if count:
                found[nanos(bar["start"]), name] = count
    return found


def severity(record):
    return SEVERITIES[(record.severity_number - 1) // 4]


def values(record, field):
    """The values of a field as they are, each once."""
    if field == "severity":
        return [severity(record)]
    if field == "trace_id":
        return [record.trace_id] if record.trace_id else []
    found = record.keywords.get(field, record.attributes.get(field, []))
    return list({as_key(value): value for value in found}.values())


def as_key(value):
    """True is not 1, and "1" is not 1."""
    return type(value).__name__ if isinstance(value, (bool, str)) else "number", value


def top(records, field, limit):
    """Most frequent first; of equal ones as their texts are ordered."""
    counts = Counter()
    for record in records:
        counts.update({as_text(value) for value in values(record, field)})
    return sorted(counts.items(), key=lambda one: (-one[1], one[0].encode()))[:limit]


def top_of(fire, parameters, field, limit):
    answer = fire.get("/api/v1/logs/fields", **parameters, field=field, limit=limit)
    return [(value["value"], value["count"]) for value in answer["values"]]


def counted(records, fields):
    """How many records there are for each combination of values; none is a value too."""
    counts = Counter()
    for record in records:
        of_each = [values(record, field) or [None] for field in fields]
        counts.update(tuple(as_key(value) for value in combination) for combination in product(*of_each))
    return counts


def table(fire, parameters, pipe):
    """The rows of a pipe as (values, count), or what is wrong."""
    answer = fire.get("/api/v1/logs", **{**parameters, "q": f"{parameters['q']} | {pipe}"}, limit=1000)
    if answer["partial"] or answer.get("table") is None:
        return f"no whole table: {str(answer)[:300]}"
    return [(tuple(row[:-1]), row[-1]) for row in answer["table"]["rows"]]


def counted_of(fire, parameters, fields, asked):
    found = table(fire, parameters, "count by " + ", ".join(asked) if fields else "count")
    if isinstance(found, str):
        return found
    if [count for _, count in found] != sorted((count for _, count in found), reverse=True):
        return f"not the most frequent first: {found}"
    return Counter({tuple(as_key(value) for value in row): count for row, count in found})


def steps(numbers, step):
    """Counts from the first step that has one to the last, empty ones between them included."""
    counts = Counter(n // step * step for n in numbers)
    return [(start, counts[start]) for start in range(min(counts), max(counts) + 1, step)] if counts else []


def numbers_of(fire, parameters, step):
    found = table(fire, parameters, f"hist seq by {step}")
    return found if isinstance(found, str) else [(int(row[0]), count) for row, count in found]


def times_of(fire, parameters, minutes):
    found = table(fire, parameters, f"hist timestamp by {minutes}m")
    return found if isinstance(found, str) else trimmed([(nanos(row[0]), count) for row, count in found])


def trimmed(found):
    """Without empty steps at the ends: whether the range has more of them is a matter of taste."""
    while found and not found[0][1]:
        found = found[1:]
    while found and not found[-1][1]:
        found = found[:-1]
    return found


def fields(records):
    """How many records have each attribute."""
    return Counter(path for record in records for path in record.attributes)


def fields_of(fire, parameters, known):
    """The same for the attributes that are known; an attribute more is wrong too."""
    answer = fire.get("/api/v1/logs/fields", **parameters)
    if answer["partial"] or answer.get("sampled"):
        return "a partial list"
    return Counter({field["name"]: field["records"] for field in answer["fields"] if field["name"] not in known})


def around(records, record, by, before, after):
    """The rows before and after one that share with it what `by` says, each oldest first."""
    shares = {
        "all": lambda other: True,
        "service": lambda other: other.keywords["service"] == record.keywords["service"],
        "trace": lambda other: other.trace_id == record.trace_id,
        "host": lambda other: other.keywords["host.name"] == record.keywords["host.name"],
    }[by]
    place = (record.time, record.arrived)
    in_order = sorted((other.time, other.arrived, other.seq) for other in records if other is not record and shares(other))
    older = [seq for time, arrived, seq in in_order if (time, arrived) < place]
    newer = [seq for time, arrived, seq in in_order if (time, arrived) > place]
    return older[-before:], newer[:after]


def around_of(fire, record_id, time, by, before, after):
    answer = fire.get("/api/v1/logs/context", id=record_id, time=time, by=by, before=before, after=after)
    return tuple([record["seq"] for record in answer[side]] for side in ("before", "after"))
