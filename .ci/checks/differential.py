"""Generated queries over generated lines: the server must find what an own reading of them finds.

    differential.py BINARY [--seed 7117] [--lines 3000] [--queries 300]

Each query is answered three times: while a part of the lines is in memory and a part in splits, after
the process was killed and started anew, and after a clean stop. Compared are the rows in their order,
page by page, the total, the counts over time by severity, and the top values of a field. Words,
phrases and prefixes are asked of SQLite's FTS5 as well.
"""

import argparse
import random
import sqlite3
import tempfile
import time
from collections import Counter

from log_lines import SEVERITIES, Lines, Record, as_text, nanos, ndjson, rfc3339, tokens
from log_queries import ALIASES, PATHS, Queries, means, text
from server import Watchfire, close, expect

BATCH = 250
SHOWN = 12  # differences that are told in full


class Question:
    """A query, a range, and the right answer to it."""

    def __init__(self, tree, written, range_, records):
        self.tree, self.written, self.range = tree, written, range_
        low, high = range_
        self.found = [record for record in records if low <= record.time < high and means(tree, record)]
        # Newest first; of equal times the last to arrive first.
        self.found.sort(key=lambda record: (record.time, record.arrived), reverse=True)

    def parameters(self):
        return {"q": self.written, "start": rfc3339(self.range[0]), "end": rfc3339(self.range[1])}


def rows(fire, question, limit):
    """All rows page by page, and the total."""
    found, cursor, total = [], {}, None
    while True:
        page = fire.get("/api/v1/logs", **question.parameters(), limit=limit, **cursor)
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
        counts[record.time // step * step, SEVERITIES[(record.severity_number - 1) // 4]] += 1
    return counts


def bars(fire, question, step):
    answer = fire.get("/api/v1/logs/histogram", **question.parameters(), step=step // 10**9)
    found = Counter()
    for bar in answer["bars"]:
        at = nanos(bar["start"])
        for severity, count in bar["counts"].items():
            if count:
                found[at, severity] = count
    return found


def top(records, field, limit):
    """Most frequent first, equally frequent ones in the order of their bytes."""
    counts = Counter()
    for record in records:
        if field == "severity":
            values = {SEVERITIES[(record.severity_number - 1) // 4]}
        else:
            values = {as_text(value) for value in record.keywords.get(field, record.attributes.get(field, []))}
        counts.update(values)
    return sorted(counts.items(), key=lambda one: (-one[1], one[0].encode()))[:limit]


def top_of(fire, question, field, limit):
    answer = fire.get("/api/v1/logs/fields", **question.parameters(), field=field, limit=limit)
    return [(value["value"], value["count"]) for value in answer["values"]]


def is_beyond_doubles(value):
    """Where a field has fractions too, its values are counted as doubles: these may fall together."""
    return isinstance(value, (int, float)) and abs(value) > 2**53


class Judge:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.told = 0

    def differs(self, question, what, found, expected):
        if found == expected:
            return False
        self.told += 1
        if self.told <= SHOWN:
            print(f"     {what} of {question.written!r} in {question.parameters()['start']} to {question.parameters()['end']}")
            print(f"       tree {question.tree}")
            if isinstance(found, list) and isinstance(expected, list):
                print(f"       {len(found)} for {len(expected)}; too many {[x for x in found if x not in expected][:5]}, missing {[x for x in expected if x not in found][:5]}")
            else:
                print(f"       {str(found)[:500]} for {str(expected)[:500]}")
        return True

    def smallest(self, fire, question, records):
        """The smallest part of a query whose rows differ by themselves."""
        parts = question.tree[1] if question.tree[0] in ("and", "or") else [question.tree[1]] if question.tree[0] == "not" else []
        for part in parts:
            smaller = Question(part, text(part, random.Random(1)), question.range, records)
            if rows(fire, smaller, 1000)[0] != [record.seq for record in smaller.found]:
                return self.smallest(fire, smaller, records)
        return question

    def judge(self, fire, question, records):
        """Whether every answer is right."""
        r = self.random
        expected = [record.seq for record in question.found]
        found, total = rows(fire, question, r.choice([7, 100, 1000, 1000]) if len(expected) < 500 else 1000)
        if found != expected:
            self.differs(self.smallest(fire, question, records), "rows, smallest part,", found, expected)
        wrong = self.differs(question, "rows", found, expected) or self.differs(question, "total", total, len(expected))
        step = r.choice([60, 300, 3600, 17, 86400]) * 10**9
        span = question.range[1] - question.range[0]
        if span // step < 2000:
            wrong |= self.differs(question, f"counts per {step // 10**9} s", bars(fire, question, step), over_time(question.found, step))
        field = r.choice(["service", "severity", "host.name", "http.route", "exception.type", *PATHS])
        limit = r.choice([3, 10, 100])
        asked = r.choice(ALIASES.get(field, [field]))
        if not any(is_beyond_doubles(value) for record in question.found for value in record.attributes.get(field, [])):
            wrong |= self.differs(question, f"top {limit} of {asked}", top_of(fire, question, asked, limit), top(question.found, field, limit))
        return not wrong


def questions(seed, records, count, start, hours):
    r = random.Random(seed)
    made = Queries(r, records)
    whole = (start * 10**9, (start + hours * 3600) * 10**9)
    for _ in range(count):
        tree = made.tree()
        low, high = sorted(r.randrange(*whole) for _ in range(2))
        if r.random() < 0.3:
            low, high = (at // (60 * 10**9) * 60 * 10**9 for at in (low, high))
        range_ = whole if r.random() < 0.6 or low == high else (low, high)
        yield Question(tree, text(tree, r), range_, records)


def full_text(fire, records, count, seed, start, hours):
    """Words, phrases and prefixes of messages, asked of SQLite."""
    r = random.Random(seed)
    db = sqlite3.connect(":memory:")
    db.execute("create virtual table t using fts5(message, tokenize=\"unicode61 remove_diacritics 0 tokenchars '_'\")")
    plain = [record for record in records if all(c.isalnum() or ord(c) < 128 for c in record.texts["message"])]
    # Letters that the two put in lower case differently, and words that are cut, are left out.
    plain = [record for record in plain if not set("İϷΣς²³Ⅷﬁ") & set(record.texts["message"]) and "yyyy" not in record.texts["message"]]
    db.executemany("insert into t(rowid, message) values (?, ?)", [(record.seq, record.texts["message"]) for record in plain])
    wrong = 0
    for _ in range(count):
        words = tokens(r.choice(plain).texts["message"]) or ["x"]
        at = r.randrange(len(words))
        phrase = words[at : at + r.choice([1, 1, 2, 3])]
        prefix = r.random() < 0.3
        if prefix:
            phrase[-1] = phrase[-1][: r.randint(1, len(phrase[-1]))]
        match = '"' + " ".join(phrase) + '"' + (" *" if prefix else "")
        right = {seq for (seq,) in db.execute("select rowid from t where t match ?", [match])}
        written = "message:" + ("\\ ".join(phrase) + "*" if prefix else '"' + " ".join(phrase) + '"')
        question = Question(("words", " ".join(phrase), prefix, "message"), written, (start * 10**9, (start + hours * 3600) * 10**9), records)
        found = set(rows(fire, question, 1000)[0]) & {record.seq for record in plain}
        if found != right:
            wrong += 1
            print(f"     {written!r}: FTS5 finds {sorted(right - found)[:5]} more, {sorted(found - right)[:5]} less")
    expect(wrong == 0, f"{count} words, phrases and prefixes as FTS5 finds them")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seed", type=int, default=7117)
    parser.add_argument("--lines", type=int, default=3000)
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    hours = 3
    start = int(time.time()) // 3600 * 3600 - (hours + 1) * 3600
    made = Lines(options.seed, start, hours)
    lines = [made.one() for _ in range(options.lines)]
    records = [Record(line) for line in lines]
    for arrived, record in enumerate(records):
        record.arrived = arrived
    asked = list(questions(options.seed, records, options.queries, start, hours))
    hits = sum(bool(question.found) for question in asked)
    print(f"seed {options.seed}: {len(lines)} lines, {len(asked)} queries, {hits} of them find something")

    with tempfile.TemporaryDirectory() as folder:
        def all_right(fire, when):
            judge = Judge(options.seed)
            wrong = sum(not judge.judge(fire, question, records) for question in asked)
            expect(wrong == 0, f"{when}: {len(asked) - wrong} of {len(asked)} queries are answered rightly")

        fire = Watchfire(options.binary, folder=folder)
        load(fire, lines[: len(lines) // 2])
        fire.stop()
        fire = Watchfire(options.binary, folder=folder)
        load(fire, lines[len(lines) // 2 :])
        all_right(fire, "half in memory")
        full_text(fire, records, options.queries // 3, options.seed, start, hours)
        fire.kill()
        fire = Watchfire(options.binary, folder=folder)
        all_right(fire, "after a crash")
        fire.stop()
        fire = Watchfire(options.binary, folder=folder)
        all_right(fire, "on disk")
        fire.stop()
    close()


def load(fire, lines):
    for at in range(0, len(lines), BATCH):
        batch = lines[at : at + BATCH]
        answer = fire.ingest(ndjson(batch))
        if answer["accepted"] != len(batch):
            expect(False, f"every line keeps the contract: {answer}")


main()
