"""Queries made by seed: each as a tree, as text, and with an own answer to "is this line meant?".

A tree is a tuple: ("all",), ("words", tokens, prefix, part), ("keyword", field, test, value), …
The evaluation knows only the tree and a Record; the server knows only the text.
"""

import re

from log_lines import (
    EXCEPTIONS, NUMBERS, PROMOTED, ROUTES, SERVICES, SEVERITIES, TEXTS, WORDS,
    as_float, as_text, cut, number, rfc3339, tokens,
)

ALIASES = {
    "service": ["service", "service.name", "@service"],
    "deployment.environment.name": ["environment", "env", "deployment.environment.name"],
    "host.name": ["host", "host.name"],
    "http.route": ["route", "http.route"],
    "event_name": ["event_name"],
    "exception.type": ["exception.type"],
}
KEYWORD_VALUES = {
    "service": SERVICES + ["pay", "nowhere"],
    "deployment.environment.name": ["prod", "staging", "", "Prod"],
    "host.name": ["node-1", "node-2", "node-11", "node"],
    "http.route": ROUTES + ["/or"],
    "event_name": ["order.placed", "sync", "Sync", "s"],
    "exception.type": EXCEPTIONS + ["java.net"],
}
PATHS = [
    "region", "user.id", "dur_ms", "ok", "tags", "ctx.a", "ctx.b", "ctx.c.d", "ctx.e f", "ctx", "http.status", "with space",
    "schlüssel", "a-b", "deep.a.b", "deep.a", "UPPER", "n2", "tags.a", "tags.c.d", "no.such.field", "seq",
]
OPERATORS = {"and", "AND", "or", "OR", "not", "NOT", "to", "TO"}


class Queries:
    def __init__(self, random, records):
        self.random = random
        self.records = records

    def tree(self, depth=0):
        r = self.random
        kind = r.random()
        if depth >= 4 or kind < 0.45:
            return self.leaf()
        if kind < 0.6:
            return ("not", self.tree(depth + 1))
        parts = [self.tree(depth + 1) for _ in range(r.choice([2, 2, 3]))]
        return ("and" if kind < 0.8 else "or", parts)

    def leaf(self):
        makers = [self.words] * 5 + [self.keyword] * 3 + [self.attribute] * 5
        makers += [self.severity] * 2 + [self.trace, self.span, self.time, self.text_field, self.everything]
        return self.random.choice(makers)()

    def everything(self):
        return ("all",)

    def words(self, part=None):
        r = self.random
        if r.random() < 0.5:
            text = r.choice(WORDS)
        else:  # neighbours, mostly found
            record = r.choice(self.records)
            words = [word for word in re.split(r"\s+", record.texts[r.choice(list(record.texts))]) if word] or ["x"]
            at = r.randrange(len(words))
            text = " ".join(words[at : at + r.choice([1, 2, 2, 3])])
        prefix = False
        if r.random() < 0.3:
            text = text[: r.randint(1, len(text))]
            prefix = text[-1].isalnum() or text[-1] == "_"
        return ("words", text, prefix, part)

    def text_field(self):
        part = self.random.choice(["message", "exception.message", "exception.stacktrace"])
        return ("text_present", part) if self.random.random() < 0.2 else self.words(part)

    def keyword(self):
        r = self.random
        field = r.choice(list(KEYWORD_VALUES))
        value = r.choice(KEYWORD_VALUES[field])
        kind = r.random()
        if kind < 0.15:
            return ("keyword", field, "present", None)
        if kind < 0.4 and value:
            return ("keyword", field, "prefix", value[: r.randint(1, len(value))])
        return ("keyword", field, "is", value)

    def severity(self):
        r = self.random
        low, high = sorted(r.sample(range(6), 2))
        kind = r.random()
        if kind < 0.3:
            return ("severity", low * 4 + 1, low * 4 + 4, ["is", SEVERITIES[low]])
        if kind < 0.4:
            exact = r.randint(1, 24)
            return ("severity", exact, exact, ["is", str(exact)])
        if kind < 0.5:
            return ("severity", low * 4 + 1, high * 4 + 4, ["range", SEVERITIES[low], SEVERITIES[high]])
        sign = r.choice([">", ">=", "<", "<="])
        bounds = {">": (low * 4 + 5, 24), ">=": (low * 4 + 1, 24), "<": (1, low * 4), "<=": (1, low * 4 + 4)}
        return ("severity", *bounds[sign], [sign, r.choice([SEVERITIES[low], SEVERITIES[low].lower()])])

    def trace(self):
        r = self.random
        known = [record.trace_id for record in self.records if record.trace_id]
        kind = r.random()
        if kind < 0.2:
            return ("trace", None)
        return ("trace", r.choice(known) if kind < 0.9 else "ab" * 16)

    def span(self):
        known = [record.span_id for record in self.records if record.span_id]
        return ("span", None if self.random.random() < 0.2 else self.random.choice(known))

    def time(self):
        times = sorted(self.random.choice(self.records).time for _ in range(2))
        sign = self.random.choice([">", ">=", "<", "<=", "is", "range"])
        return ("time", sign, *times)

    def attribute(self):
        r = self.random
        path = r.choice(PATHS)
        kind = r.random()
        if kind < 0.15:
            return ("attribute", path, "present", None)
        if kind < 0.6:
            record = r.choice(self.records)
            known = record.attributes.get(path)
            value = as_text(r.choice(known)) if known and r.random() < 0.6 else r.choice(TEXTS[:12] + ["5", "-1", "true", "5.50", "1e17", "+5"])
            if r.random() < 0.25 and value:
                return ("attribute", path, "prefix", value[: r.randint(1, len(value))])
            return ("attribute", path, "is", value)
        low, high = sorted(number_bound(r) for _ in range(2))
        edges = r.choice(["[]", "[}", "{]", "{}", "[*", "*]", ">", ">=", "<", "<="])
        return ("attribute", path, edges, (low, high))


def number_bound(r):
    return r.choice([as_float(n) for n in NUMBERS if abs(n) < 1e299] + [2.0, 100.0, 1000.0])


# ---- is this line meant?


def means(tree, record):
    answer = asked(tree, record)
    return True if answer is None else answer


def asked(tree, record):
    """None where nothing is asked: words without a letter or digit."""
    kind = tree[0]
    if kind == "all":
        return True
    if kind in ("and", "or"):
        answers = [answer for part in tree[1] if (answer := asked(part, record)) is not None]
        return (all if kind == "and" else any)(answers) if answers else None
    if kind == "not":
        answer = asked(tree[1], record)
        return None if answer is None else not answer
    return LEAVES[kind](record, *tree[1:])


def has_words(record, text, prefix, part):
    wanted = tokens(text)
    if not wanted:
        return None
    parts = [part] if part else list(record.words)
    return any(next_to_each_other(record.words[part], wanted, prefix) for part in parts)


def next_to_each_other(words, wanted, prefix):
    *first, last = wanted
    for at in range(len(words) - len(first)):
        end = words[at + len(first)]
        if words[at : at + len(first)] == first and (end.startswith(last) if prefix else end == last):
            return True
    return False


def has_keyword(record, field, test, value):
    values = record.keywords[field]
    if test == "present":
        return bool(values)
    return any(v == value if test == "is" else v.startswith(value) for v in values)


def has_time(record, sign, low, high):
    at = record.time
    tests = {">": at > low, ">=": at >= low, "<": at < low, "<=": at <= low, "is": at == low, "range": low <= at <= high}
    return tests[sign]


def has_attribute(record, path, test, value):
    return any(scalar_is(scalar, test, value) for scalar in record.attributes.get(path, []))


def scalar_is(scalar, test, value):
    if test == "present":
        return True
    if test == "is":
        if isinstance(scalar, bool):
            return value == ("true" if scalar else "false")
        return scalar == cut(value) if isinstance(scalar, str) else scalar == read_number(value)
    if test == "prefix":
        return isinstance(scalar, str) and scalar.startswith(cut(value))
    if isinstance(scalar, (bool, str)):
        return False
    n, (low, high) = as_float(scalar), value
    tests = {
        "[]": low <= n <= high, "[}": low <= n < high, "{]": low < n <= high, "{}": low < n < high, "[*": low <= n, "*]": n <= high,
        ">": n > low, ">=": n >= low, "<": n < low, "<=": n <= low,
    }
    return tests[test]


def read_number(text):
    if re.fullmatch(r"[+-]?[0-9]+", text):
        return number(int(text))
    if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return number(float(text))
    return None


LEAVES = {
    "words": has_words,
    "text_present": lambda record, part: bool(record.texts[part]),
    "keyword": has_keyword,
    "severity": lambda record, low, high, _: low <= record.severity_number <= high,
    "trace": lambda record, wanted: record.trace_id is not None and wanted in (None, record.trace_id),
    "span": lambda record, wanted: record.span_id is not None and wanted in (None, record.span_id),
    "time": has_time,
    "attribute": has_attribute,
}


# ---- as text


def text(tree, r, inside=None):
    """One of the ways to write it."""
    kind = tree[0]
    if kind in ("and", "or"):
        operators = [" ", " and ", " AND ", " && "] if kind == "and" else [" or ", " OR ", " || "]
        parts = [text(part, r, kind) for part in tree[1]]
        written = parts[0] + "".join(r.choice(operators) + part for part in parts[1:])
        needed = inside == "not" or inside == "and" and kind == "or"
        return f"({written})" if needed or r.random() < 0.2 else written
    if kind == "not":
        inner = text(tree[1], r, "not")
        return r.choice(["not ", "NOT ", "-"]) + inner
    return LEAF_TEXTS[kind](r, *tree[1:])


def words_text(r, words, prefix, part):
    field = f"{part}:" if part else ""
    if prefix:
        return field + (quoted(words) if r.random() < 0.5 else escaped(words)) + "*"
    return field + (escaped(words) if r.random() < 0.3 and words else value_text(r, words, bool(part)))


def keyword_text(r, field, test, value):
    name = r.choice(ALIASES[field])
    return f"{name}:{test_text(r, test, value)}"


def attribute_text(r, path, test, value):
    name = r.choice(["", "", "@"]) + name_text(path)
    if test in ("present", "is", "prefix"):
        return f"{name}:{test_text(r, test, value)}"
    low, high = (repr(edge) for edge in value)
    if test in (">", ">=", "<", "<="):
        return r.choice([f"{name}:{test}{low}", f"{name} {test} {low}", f"{name}{test}{low}"])
    ranges = {"[*": f"[{low} TO *]", "*]": f"[* TO {high}]"}
    return f"{name}:" + ranges.get(test, f"{test[0]}{low} {r.choice(['TO', 'to'])} {high}{test[1]}")


def test_text(r, test, value):
    if test == "present":
        return "*"
    if test == "prefix":
        return escaped(value) + "*"
    if r.random() < 0.2:
        return f"({value_text(r, value, True)} or {value_text(r, value, True)})"
    return value_text(r, value, True)


def severity_text(r, low, high, how):
    name = r.choice(["severity", "level"])
    if how[0] == "range":
        return f"{name}:[{how[1]} TO {how[2]}]"
    return f"{name}:{'' if how[0] == 'is' else how[0]}{how[1]}"


def time_text(r, sign, low, high):
    low, high = (f'"{rfc3339(at)}"' if r.random() < 0.5 else rfc3339(at) for at in (low, high))
    if sign == "range":
        return f"timestamp:[{low} TO {high}]"
    return f"{r.choice(['timestamp', 'time'])}:{'' if sign == 'is' else sign}{low}"


def value_text(r, value, after_colon):
    """Bare where nobody could misread it, else in quotes."""
    safe = re.fullmatch(r"[\w./]+", value) and value not in OPERATORS
    if safe and r.random() < 0.7:
        return value
    return quoted(value)


def quoted(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def escaped(value):
    plain = "".join(c if c.isalnum() or c in "_." else "\\" + c for c in value)
    return "\\" + plain if value in OPERATORS else plain


def name_text(name):
    return "".join(c if c.isalnum() or c in "_.-" else "\\" + c for c in name)


LEAF_TEXTS = {
    "all": lambda r: "*",
    "words": words_text,
    "text_present": lambda r, part: f"{part}:*",
    "keyword": keyword_text,
    "severity": severity_text,
    "trace": lambda r, wanted: f"trace_id:{wanted or '*'}",
    "span": lambda r, wanted: f"span_id:{wanted or '*'}",
    "time": time_text,
    "attribute": attribute_text,
}
assert PROMOTED < set(ALIASES)
