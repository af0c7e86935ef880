"""Whether two answers of Prometheus' query API say the same."""

import math

TOLERANCE = 1e-9


def alike(theirs, ours):
    """Two values as the API writes them."""
    if theirs == ours:
        return True
    a, b = float(theirs), float(ours)
    if math.isnan(a) or math.isnan(b) or math.isinf(a) or math.isinf(b):
        return math.isnan(a) and math.isnan(b)
    # What is left of a sum that cancels out depends on the order of adding.
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b)) or abs(a - b) < 1e-12


def key(metric):
    return tuple(sorted(metric.items()))


def points(series):
    return series["values"] if "values" in series else [series["value"]] if "value" in series else []


def difference(theirs, ours, is_ordered=False):
    """(kind, how they differ), or none. Texts of errors may differ."""
    if theirs["status"] != ours["status"]:
        return "status", f"{theirs['status']} {theirs.get('error', '')} for {ours['status']} {ours.get('error', '')}"
    if theirs["status"] == "error":
        kinds = theirs["errorType"], ours["errorType"]
        return None if kinds[0] == kinds[1] else ("error type", f"{kinds[0]} ({theirs['error']}) for {kinds[1]} ({ours['error']})")
    theirs, ours = theirs["data"], ours["data"]
    if theirs["resultType"] != ours["resultType"]:
        return "type", f"{theirs['resultType']} for {ours['resultType']}"
    a, b = theirs["result"], ours["result"]
    if theirs["resultType"] in ("scalar", "string"):
        same = a[0] == b[0] and (a[1] == b[1] if theirs["resultType"] == "string" else alike(a[1], b[1]))
        return None if same else ("value", f"{a} for {b}")
    return series_difference(a, b, is_ordered)


def series_difference(a, b, is_ordered):
    left, right = ({key(series["metric"]): series for series in result} for result in (a, b))
    if len(right) != len(b):
        return "labels", "a series comes twice in our answer"
    if left.keys() != right.keys():
        missing, more = ([dict(k) for k in x if k not in y][:2] for x, y in ((left, right), (right, left)))
        return "labels", f"{len(left)} series for {len(right)}; missing {missing}, too many {more}"
    if is_ordered and list(left) != list(right):
        return "order", f"{[dict(k) for k in left][:3]} for {[dict(k) for k in right][:3]}"
    for labels, series in left.items():
        wrong = points_difference(points(series), points(right[labels]))
        if wrong:
            return "value", f"{dict(labels)}: {wrong}"
    return None


def points_difference(a, b):
    if [point[0] for point in a] != [point[0] for point in b]:
        missing, more = ({p[0]: p[1] for p in x if p[0] not in {q[0] for q in y}} for x, y in ((a, b), (b, a)))
        return f"{len(a)} points for {len(b)}; missing {str(missing)[:120]}, too many {str(more)[:120]}"
    wrong = next(((x, y) for x, y in zip(a, b) if not alike(x[1], y[1])), None)
    return wrong and f"{wrong[0]} for {wrong[1]}"
