/// Where the API describes itself.
pub(crate) const DESCRIPTION: &str = "/openapi.json";

/// The routes, as telemetry names them; the gateway offers the same under its own prefix.
pub(crate) const ROUTES: [&str; 63] = [
    "/places",
    "/places/{id}",
    "/places/{id}/parent",
    "/places/{id}/relationships/parent",
    "/places/{id}/children",
    "/places/{id}/relationships/children",
    "/places/{id}/ancestors",
    "/places/{id}/relationships/ancestors",
    "/places/{id}/points-of-interest",
    "/places/{id}/relationships/points-of-interest",
    "/places/{id}/lodgings",
    "/places/{id}/relationships/lodgings",
    "/places/{id}/tours",
    "/places/{id}/relationships/tours",
    "/places/{id}/articles",
    "/places/{id}/relationships/articles",
    "/places/{id}/books",
    "/places/{id}/relationships/books",
    "/points-of-interest",
    "/points-of-interest/{id}",
    "/points-of-interest/{id}/place",
    "/points-of-interest/{id}/relationships/place",
    "/points-of-interest/{id}/tours",
    "/points-of-interest/{id}/relationships/tours",
    "/points-of-interest/{id}/articles",
    "/points-of-interest/{id}/relationships/articles",
    "/points-of-interest/{id}/nearby-lodgings",
    "/points-of-interest/{id}/relationships/nearby-lodgings",
    "/lodgings",
    "/lodgings/{id}",
    "/lodgings/{id}/place",
    "/lodgings/{id}/relationships/place",
    "/lodgings/{id}/nearby-points",
    "/lodgings/{id}/relationships/nearby-points",
    "/tours",
    "/tours/{id}",
    "/tours/{id}/place",
    "/tours/{id}/relationships/place",
    "/tours/{id}/stops",
    "/tours/{id}/relationships/stops",
    "/articles",
    "/articles/{id}",
    "/articles/{id}/place",
    "/articles/{id}/relationships/place",
    "/articles/{id}/author",
    "/articles/{id}/relationships/author",
    "/articles/{id}/points-of-interest",
    "/articles/{id}/relationships/points-of-interest",
    "/books",
    "/books/{id}",
    "/books/{id}/place",
    "/books/{id}/relationships/place",
    "/books/{id}/author",
    "/books/{id}/relationships/author",
    "/authors",
    "/authors/{id}",
    "/authors/{id}/place",
    "/authors/{id}/relationships/place",
    "/authors/{id}/articles",
    "/authors/{id}/relationships/articles",
    "/authors/{id}/books",
    "/authors/{id}/relationships/books",
    "/openapi.json",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::content::api::OPENAPI;
    use crate::content::collection::COLLECTIONS;

    #[test]
    fn the_routes_are_those_of_the_collections_and_all_are_described() {
        let mut made = vec![DESCRIPTION.to_owned()];
        for collection in COLLECTIONS {
            let resource = collection.resource;
            made.extend([format!("/{resource}"), format!("/{resource}/{{id}}")]);
            for relationship in collection.relationships {
                let name = relationship.name;
                made.push(format!("/{resource}/{{id}}/{name}"));
                made.push(format!("/{resource}/{{id}}/relationships/{name}"));
            }
        }
        let made: BTreeSet<&str> = made.iter().map(String::as_str).collect();
        assert_eq!(BTreeSet::from(ROUTES), made);
        let document: Value = serde_json::from_str(OPENAPI).expect("the document is JSON");
        let described = document["paths"].as_object().expect("paths").keys();
        assert_eq!(described.map(String::as_str).collect::<BTreeSet<_>>(), made);
    }
}
