"""The content service as JSON:API 1.1 has it, every type of resource, judged from outside: documents by the
JSON:API schema that npm's jsonapi-validator ships, behaviour by the MUSTs of jsonapi.org/format.

    jsonapi.py path/to/watchfire --schema node_modules/jsonapi-validator/lib/schema.json
    jsonapi.py --gateway http://127.0.0.1:7118 --schema …     # services that run already
"""

import argparse
import json
import urllib.parse

import jsonschema

from application_services import Services, ask
from server import close, expect

TYPES = ["places", "points-of-interest", "lodgings", "tours", "articles", "books", "authors"]
MEDIA_TYPE = "application/vnd.api+json"


class Api:
    """Asks, and keeps what every answer gets wrong."""

    def __init__(self, gateway, schema):
        self.gateway = gateway
        self.validator = jsonschema.validators.validator_for(schema)(schema)
        self.wrong, self.judged = [], 0

    def ask(self, path, method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers = {"accept": MEDIA_TYPE, "cache-control": "no-cache", **headers}
        body = b'{"data":null}' if method in ("POST", "PATCH") else None
        status, told, answer = ask(self.gateway + path, method, headers, body)
        if not answer:
            return status, told, None
        document = json.loads(answer)
        self.judged += 1
        content_type = told.get("content-type", "")
        if content_type.split(";")[0].strip() != MEDIA_TYPE:
            self.wrong.append(f"{method} {path}: content type {content_type}")
        self.wrong += [f"{method} {path}: {error.message[:140]}" for error in self.validator.iter_errors(document)]
        self.wrong += [f"{method} {path}: {fault}" for fault in faults(document)]
        return status, told, document

    def get(self, path, **parameters):
        query = "?" + urllib.parse.urlencode({as_written(name): value for name, value in parameters.items()})
        return self.ask(path + (query if parameters else ""))


def as_written(name):
    """page__size is page[size], filter__rating__gte is filter[rating][gte]."""
    family, *members = name.split("__")
    return family + "".join(f"[{member}]" for member in members)


def identity(resource):
    return resource["type"], resource["id"]


def listed(data):
    return [] if data is None else data if isinstance(data, list) else [data]


def faults(document):
    """What a schema cannot say: identities are unique, and all that is included is linked."""
    if "data" not in document:
        return [error for error in [None if document.get("errors") else "neither data nor errors"] if error]
    primary, included = listed(document["data"]), document.get("included", [])
    identities = [identity(resource) for resource in primary + included]
    found = [] if len(set(identities)) == len(identities) else ["a resource comes twice"]
    linked = set()
    for resource in primary + included:
        for relationship in resource.get("relationships", {}).values():
            linked.update(identity(other) for other in listed(relationship.get("data")))
    unlinked = [one for one in map(identity, included) if one not in linked]
    return found + [f"{one} is included and not linked" for one in unlinked[:3]]


def judge_media_types(api, path):
    for accept, expected in [
        (MEDIA_TYPE, 200),
        (f"{MEDIA_TYPE}; charset=utf-8", 406),
        (f"{MEDIA_TYPE}; charset=utf-8, {MEDIA_TYPE}", 200),
        (f'{MEDIA_TYPE}; ext="https://example.com/one"', 406),
        (f'{MEDIA_TYPE}; profile="https://example.com/one https://example.com/two"', 200),
        ("text/html", 406),
        ("*/*", 200),
    ]:
        status, told, _ = api.ask(path, accept=accept)
        expect(status == expected, f"{path}: accept {accept}: {status}")
        expect("accept" in told.get("vary", "").lower(), f"{path}: accept {accept}: varies by it")
    for content_type, expected in [
        (f"{MEDIA_TYPE}; charset=utf-8", 415),
        (f'{MEDIA_TYPE}; ext="https://example.com/one"', 415),
        ("application/json", 415),
        (f'{MEDIA_TYPE}; profile="https://example.com/one"', 405),
    ]:
        status, told, _ = api.ask(path, "POST", content_type=content_type)
        expect(status == expected, f"{path}: POST of {content_type}: {status}")
        if status == 405:
            expect("GET" in told.get("allow", ""), f"{path}: it is said what is allowed")


def judge_parameters(api, path, kind, first):
    for wrong in ["nosuchparameter=1", "include=nobody", "sort=nothing", "sort=place.name", "fields[boats]=a", "page[size]=0",
                  "page[size]=101", "page[number]=x", "filter[nothing]=1", f"fields[{kind}]=nothing", "sort=id&sort=id"]:
        status, _, document = api.ask(f"{path}?{wrong}")
        source = document["errors"][0].get("source", {}).get("parameter") if document else None
        expect(status == 400 and source == wrong.split("=")[0], f"{path}?{wrong}: {status}, the parameter {source} is named")
    attribute = sorted(first["attributes"])[0]
    status, _, document = api.get(path, **{f"fields__{kind}": attribute})
    bare = all(set(one.get("attributes", {})) == {attribute} and "relationships" not in one for one in document["data"])
    expect(status == 200 and bare, f"{path}: only {attribute}")


def judge_paging(api, path):
    # The sources go on while we walk: a walk counts if as much was there at its end as at its beginning.
    totals = ()
    while len(set(totals)) != 1:
        ids, totals, asked = [], [], f"{path}?page[size]=50"
        while asked:
            _, _, document = api.ask(asked)
            ids += [one["id"] for one in document["data"]]
            totals.append(document["meta"]["total"])
            asked = document["links"].get("next")
    total = totals[0]
    expect(len(ids) == len(set(ids)) == total, f"{path}: links.next lead to each of {total} once")


def judge_order(api, path, first):
    for attribute in ("updatedAt", "name" if "name" in first["attributes"] else "title"):
        orders = []
        for sign in ("", "-"):
            status, _, document = api.get(path, sort=f"{sign}{attribute}", page__size=100)
            values = [one["attributes"][attribute] for one in document["data"]]
            # Text is ordered by its bytes, as UTF-8 has them.
            orders.append(status == 200 and values == sorted(values, key=str.encode, reverse=bool(sign)))
        expect(all(orders), f"{path}: sorted by {attribute} both ways")


def judge_relationships(api, path, first):
    here = first["links"]["self"]
    for name, relationship in first["relationships"].items():
        status, _, linkage = api.ask(relationship["links"]["self"])
        expect(status == 200 and linkage["links"]["related"] == relationship["links"]["related"], f"{here}: linkage of {name}")
        status, _, related = api.ask(relationship["links"]["related"])
        same = [identity(one) for one in listed(linkage["data"])] == [identity(one) for one in listed(related["data"])]
        expect(status == 200 and same, f"{here}: what {name} links to is what is related")
        status, _, compound = api.ask(f"{here}?include={name}")
        included = {identity(one) for one in compound["included"]}
        linked = [identity(one) for one in listed(compound["data"]["relationships"][name]["data"])]
        own = identity(compound["data"])
        expect(status == 200 and set(linked) - {own} == included, f"{here}: include={name} brings {len(included)}")
    status, _, compound = api.get(path, include="place.parent" if "place" in first["relationships"] else "parent.parent")
    expect(status == 200 and compound["included"], f"{path}: an include of two steps")


def judge_versions(api, path):
    _, told, _ = api.ask(path)
    tag = told.get("etag")
    expect(tag and told.get("cache-control"), f"{path}: has an ETag and says how long it is fresh")
    status, again, _ = api.ask(path, if_none_match=tag)
    expect(status == 304 and again.get("etag") == tag, f"{path}: not modified ({status})")
    status, told, document = api.ask(path, "HEAD")
    expect(status == 200 and document is None and told.get("etag") == tag, f"{path}: HEAD")
    status, told, _ = api.ask(path, "OPTIONS")
    expect(status == 204 and "HEAD" in told.get("allow", ""), f"{path}: OPTIONS")


def judge(api, kind):
    path = f"/api/{kind}"
    status, _, document = api.ask(path)
    expect(status == 200 and document["data"], f"{path}: {status}")
    first = document["data"][0]
    status, _, one = api.ask(first["links"]["self"])
    expect(status == 200 and identity(one["data"]) == identity(first), f"{path}: one by its link")
    status, _, _ = api.ask(f"{path}/no-such-id-0")
    expect(status == 404, f"{path}: an unknown id: {status}")
    judge_media_types(api, path)
    judge_parameters(api, path, kind, first)
    judge_paging(api, path)
    judge_order(api, path, first)
    judge_relationships(api, path, first)
    judge_versions(api, first["links"]["self"])


def judge_filters(api):
    _, _, all_lodgings = api.get("/api/lodgings", filter__place="world", page__size=1)
    _, _, lodgings = api.get("/api/lodgings", page__size=1)
    expect(all_lodgings["meta"]["total"] == lodgings["meta"]["total"], "everything lies in the world")
    _, _, found = api.get("/api/lodgings", filter__place="portugal", filter__stars__gte=4, sort="-pricePerNight", page__size=100)
    expect(found["data"] and all(one["attributes"]["stars"] >= 4 for one in found["data"]), "lodgings of four stars and more")
    places = {one["relationships"]["place"]["data"]["id"] for one in found["data"]}
    expect(all(place.startswith("portugal") for place in places), f"in {len(places)} places of Portugal")
    _, _, found = api.get("/api/places", filter__name="EVORA")
    expect(any(one["attributes"]["name"] == "Évora" for one in found["data"]), "a name without its accent")
    _, _, found = api.get("/api/articles", filter__kind="news", filter__publishedAt__gte="2026-01-01", sort="publishedAt")
    expect(found["data"] and all(one["attributes"]["kind"] == "news" and one["attributes"]["publishedAt"] >= "2026" for one in found["data"]),
           "news of this year")
    author = found["data"][0]["relationships"]["author"]["data"]["id"]
    _, _, books = api.get("/api/books", filter__author=author)
    _, _, related = api.get(f"/api/authors/{author}/books")
    expect(books["meta"] == related["meta"], "books of an author, by filter and by relationship")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", nargs="?")
    parser.add_argument("--gateway")
    parser.add_argument("--schema", required=True)
    options = parser.parse_args()
    services = None if options.gateway else Services(options.binary)
    with open(options.schema) as file:
        api = Api(options.gateway or services.gateway, json.load(file))
    for kind in TYPES:
        judge(api, kind)
    judge_filters(api)
    expect(not api.wrong, f"all {api.judged} documents keep the schema, identities and linkage {api.wrong[:4] or ''}")
    if services:
        expect(services.stop() == 0, "a clean stop")
    close()


if __name__ == "__main__":
    main()
