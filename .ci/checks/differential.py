"""Generated queries over generated lines: the server must find what an own reading of them finds.

    differential.py BINARY [--seed 7117] [--lines 3000] [--queries 300]

Each query is answered three times: while a part of the lines is in memory and a part in splits, after
the process was killed and started anew, and after a clean stop. Compared are the rows in their order,
page by page, the total, the counts over time by severity, the top values of a field, the tables of
pipes, the list of fields, and the lines around one. Words, phrases and prefixes are asked of SQLite's
FTS5 as well.
"""

import argparse
import random
import sqlite3
import tempfile
import time
from collections import Counter

import log_answers as answers
from log_lines import PROMOTED, Lines, Record, ndjson, rfc3339, tokens
from log_queries import ALIASES, PATHS, Queries, means, name_text, text
from server import Watchfire, close, expect

BATCH = 250
HOURS = 3
SHOWN = 12  # differences that are told in full
FIELDS = ["service", "severity", "host.name", "http.route", "exception.type", "event_name", *PATHS]


class Question:
    """A query, a range, and the records that it means."""

    def __init__(self, tree, written, range_, records):
        self.tree, self.written = tree, written
        self.low, self.high = range_
        self.found = [record for record in records if self.low <= record.time < self.high and means(tree, record)]
        # Newest first; of equal times the last to arrive first.
        self.found.sort(key=lambda record: (record.time, record.arrived), reverse=True)
        self.parameters = {"q": written, "start": rfc3339(self.low), "end": rfc3339(self.high)}

    def sequence(self):
        return [record.seq for record in self.found]

    def is_beyond_doubles(self, field):
        """Where a field has fractions too, its values are counted as doubles: these may fall together."""
        values = (value for record in self.found for value in record.attributes.get(field, []))
        return any(isinstance(value, (int, float)) and abs(value) > 2**53 for value in values)


class Judge:
    def __init__(self, seed, fire, records):
        self.random, self.fire, self.records, self.told = random.Random(seed), fire, records, 0

    def differs(self, question, what, found, expected):
        if found == expected:
            return False
        self.told += 1
        if self.told > SHOWN:
            return True
        print(f"     {what} of {question.written[:400]!r} from {question.parameters['start']} to {question.parameters['end']}")
        print(f"       tree {str(question.tree)[:600]}")
        if isinstance(found, (list, Counter)) and isinstance(expected, (list, Counter)):
            found, expected = (list(it.items()) if isinstance(it, Counter) else it for it in (found, expected))
            more, less = ([x for x in a if x not in b][:5] for a, b in ((found, expected), (expected, found)))
            print(f"       {len(found)} for {len(expected)}; too many {str(more)[:300]}, missing {str(less)[:300]}")
        else:
            print(f"       {str(found)[:400]} for {str(expected)[:400]}")
        return True

    def smallest(self, question):
        """The smallest part of a query whose rows differ by themselves."""
        kind, *parts = question.tree
        parts = parts[0] if kind in ("and", "or") else parts if kind == "not" else []
        for part in parts:
            smaller = Question(part, text(part, random.Random(1)), (question.low, question.high), self.records)
            if answers.rows(self.fire, smaller.parameters, 1000)[0] != smaller.sequence():
                return self.smallest(smaller)
        return question

    def judge(self, question):
        """Whether every answer is right."""
        r, fire, asked, found = self.random, self.fire, question.parameters, question.found
        limit = r.choice([7, 100, 1000, 1000]) if len(found) < 500 else 1000
        rows, total = answers.rows(fire, asked, limit)
        if rows != question.sequence():
            self.differs(self.smallest(question), "rows, smallest part,", rows, question.sequence())
        wrong = self.differs(question, "rows", rows, question.sequence())
        wrong |= self.differs(question, "total", total, len(found))
        step = r.choice([60, 300, 3600, 17, 86400]) * 10**9
        if (question.high - question.low) // step < 2000:
            wrong |= self.differs(question, f"counts per {step // 10**9} s", answers.bars(fire, asked, step), answers.over_time(found, step))
        return not (wrong | self.values_differ(question) | self.table_differs(question) | self.fields_differ(question))

    def field(self):
        """A field, and one of its names."""
        field = self.random.choice(FIELDS)
        return field, self.random.choice(ALIASES.get(field, [field]))

    def values_differ(self, question):
        (field, name), limit = self.field(), self.random.choice([3, 10, 100])
        if question.is_beyond_doubles(field):
            return False
        found = answers.top_of(self.fire, question.parameters, name, limit)
        return self.differs(question, f"top {limit} of {name}", found, answers.top(question.found, field, limit))

    def table_differs(self, question):
        kind, asked, found = self.random.choice(["count", "count", "numbers", "times"]), question.parameters, question.found
        if kind == "numbers":
            step = self.random.choice([1, 10, 250])
            expected = answers.steps([record.seq for record in found], step)
            return len(expected) < 1000 and self.differs(question, f"steps of {step}", answers.numbers_of(self.fire, asked, step), expected)
        if kind == "times":
            minutes = self.random.choice([1, 10, 60])
            expected = answers.steps([record.time for record in found], minutes * 60 * 10**9)
            return self.differs(question, f"steps of {minutes} min", answers.times_of(self.fire, asked, minutes), expected)
        chosen = [self.field() for _ in range(self.random.choice([0, 1, 1, 2, 3]))]
        fields, names = [field for field, _ in chosen], [name_text(name.removeprefix("@")) for _, name in chosen]
        expected = answers.counted(found, fields)
        if not fields:
            expected = Counter({(): len(found)})
        if len(expected) > 1000 or len(set(fields)) < len(fields) or any(map(question.is_beyond_doubles, fields)):
            return False
        return self.differs(question, f"counts by {names}", answers.counted_of(self.fire, asked, fields, names), expected)

    def fields_differ(self, question):
        if self.random.random() > 0.2:
            return False
        expected = answers.fields(question.found)
        others = answers.fields_of(self.fire, question.parameters, known_fields() - set(expected))
        return self.differs(question, "fields", others, expected)

    def contexts(self, count):
        """Whether the lines around some are right."""
        ids = {record["seq"]: record["id"] for record in every_record(self.fire, self.records)}
        whole = Question(("all",), "*", (0, 2**62), self.records)
        wrong = 0
        for _ in range(count):
            record, by = self.random.choice(self.records), self.random.choice(["all", "service", "trace", "host"])
            before, after = self.random.choice([1, 5, 100]), self.random.choice([1, 5, 100])
            if by == "trace" and not record.trace_id or by == "host" and not record.keywords["host.name"]:
                continue
            found = answers.around_of(self.fire, ids[record.seq], rfc3339(record.time), by, before, after)
            expected = answers.around(self.records, record, by, before, after)
            wrong += self.differs(whole, f"{before} before and {after} after {record.seq} by {by}", found, expected)
        return wrong


def known_fields():
    return {
        "service.name", "severity", "message", "timestamp", "id", "trace_id", "span_id", "event_name", "exception_group",
        "pattern_id", "exception.type", "exception.message", "exception.stacktrace", *PROMOTED,
    }


def every_record(fire, records):
    start, end = (rfc3339(pick(record.time for record in records) + more) for pick, more in ((min, 0), (max, 1)))
    cursor = {}
    while True:
        page = fire.get("/api/v1/logs", start=start, end=end, limit=1000, **cursor)
        yield from page["records"]
        if page["next"] is None:
            return
        cursor = {"cursor": page["next"]}


def questions(seed, records, count, whole):
    r = random.Random(seed)
    made = Queries(r, records)
    for _ in range(count):
        tree = made.tree()
        low, high = sorted(r.randrange(*whole) for _ in range(2))
        if r.random() < 0.3:
            low, high = (at // (60 * 10**9) * 60 * 10**9 for at in (low, high))
        range_ = whole if r.random() < 0.6 or low == high else (low, high)
        yield Question(tree, text(tree, r), range_, records)


def full_text(fire, records, count, seed, whole):
    """Words, phrases and prefixes of messages, asked of SQLite."""
    r = random.Random(seed)
    db = sqlite3.connect(":memory:")
    db.execute("create virtual table t using fts5(message, tokenize=\"unicode61 remove_diacritics 0 tokenchars '_'\")")
    # Letters that the two take for none, or put in lower case differently, and words that are cut, are left out.
    messages = {record.seq: record.texts["message"] for record in records}
    plain = {seq: m for seq, m in messages.items() if all(c.isalnum() or ord(c) < 128 for c in m)}
    plain = {seq: m for seq, m in plain.items() if not set("İϷΣς²³Ⅷﬁ") & set(m) and "yyyy" not in m}
    db.executemany("insert into t(rowid, message) values (?, ?)", plain.items())
    wrong = 0
    for _ in range(count):
        words = tokens(r.choice(list(plain.values()))) or ["x"]
        at = r.randrange(len(words))
        phrase = words[at : at + r.choice([1, 1, 2, 3])]
        prefix = r.random() < 0.3
        if prefix:
            phrase[-1] = phrase[-1][: r.randint(1, len(phrase[-1]))]
        match = '"' + " ".join(phrase) + '"' + (" *" if prefix else "")
        right = {seq for (seq,) in db.execute("select rowid from t where t match ?", [match])}
        written = "message:" + ("\\ ".join(phrase) + "*" if prefix else '"' + " ".join(phrase) + '"')
        parameters = {"q": written, "start": rfc3339(whole[0]), "end": rfc3339(whole[1])}
        found = set(answers.rows(fire, parameters, 1000)[0]) & set(plain)
        if found != right:
            wrong += 1
            print(f"     {written!r}: FTS5 finds {sorted(right - found)[:5]} more, {sorted(found - right)[:5]} less")
    expect(wrong == 0, f"{count} words, phrases and prefixes as FTS5 finds them")


def load(fire, lines):
    for at in range(0, len(lines), BATCH):
        batch = lines[at : at + BATCH]
        answer = fire.ingest(ndjson(batch))
        if answer["accepted"] != len(batch):
            expect(False, f"every line keeps the contract: {answer}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seed", type=int, default=7117)
    parser.add_argument("--lines", type=int, default=3000)
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    start = int(time.time()) // 3600 * 3600 - (HOURS + 1) * 3600
    whole = (start * 10**9, (start + HOURS * 3600) * 10**9)
    made = Lines(options.seed, start, HOURS)
    lines = [made.one() for _ in range(options.lines)]
    records = [Record(line) for line in lines]
    for arrived, record in enumerate(records):
        record.arrived = arrived
    asked = list(questions(options.seed, records, options.queries, whole))
    hits = sum(bool(question.found) for question in asked)
    print(f"seed {options.seed}: {len(lines)} lines, {len(asked)} queries, {hits} of them find something")

    with tempfile.TemporaryDirectory() as folder:

        def all_right(fire, when):
            judge = Judge(options.seed, fire, records)
            wrong = sum(not judge.judge(question) for question in asked)
            expect(wrong == 0, f"{when}: {len(asked) - wrong} of {len(asked)} queries are answered rightly")
            expect(judge.contexts(100) == 0, f"{when}: the lines around one are the right ones")

        half = len(lines) // 2
        fire = Watchfire(options.binary, folder=folder)
        load(fire, lines[:half])
        fire.stop()
        fire = Watchfire(options.binary, folder=folder)
        load(fire, lines[half:])
        all_right(fire, "half in memory")
        full_text(fire, records, options.queries // 3, options.seed, whole)
        fire.kill()
        fire = Watchfire(options.binary, folder=folder)
        all_right(fire, "after a crash")
        fire.stop()
        fire = Watchfire(options.binary, folder=folder)
        all_right(fire, "on disk")
        fire.stop()
    close()


main()
