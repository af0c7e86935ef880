use serde_json::{Map, Value, json};

use crate::content::collection::Collection;
use crate::content::query::{Fieldsets, Page};

/// One resource with its relationships, before fieldsets are applied.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) collection: &'static Collection,
    pub(crate) id: String,
    pub(crate) attributes: Map<String, Value>,
    /// One for each relationship of the collection, in its order.
    pub(crate) linkages: Vec<Linkage>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Linkage {
    One(Option<Identifier>),
    Many(Vec<Identifier>),
    /// Not asked for: only the link is given.
    Unresolved,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identifier {
    pub(crate) resource: &'static str,
    pub(crate) id: String,
}

/// What shapes a document besides its resources.
#[derive(Debug)]
pub(crate) struct Rendering<'a> {
    /// Put before each link: the path under which clients reach this API.
    pub(crate) prefix: &'a str,
    pub(crate) fieldsets: &'a Fieldsets,
}

impl Resource {
    pub(crate) fn identifier(&self) -> Identifier {
        Identifier {
            resource: self.collection.resource,
            id: self.id.clone(),
        }
    }
}

impl Rendering<'_> {
    pub(crate) fn resource(&self, resource: &Resource) -> Value {
        let kind = resource.collection.resource;
        let this = format!("{}/{kind}/{}", self.prefix, encoded(&resource.id));
        let mut object = json!({ "type": kind, "id": resource.id, "links": { "self": this } });
        let attributes: Map<String, Value> = resource
            .attributes
            .iter()
            .filter(|(name, _)| self.fieldsets.shows(kind, name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if !attributes.is_empty() {
            object["attributes"] = attributes.into();
        }
        let mut relationships = Map::new();
        for (relationship, linkage) in resource
            .collection
            .relationships
            .iter()
            .zip(&resource.linkages)
        {
            if self.fieldsets.shows(kind, relationship.name) {
                let mut member =
                    json!({ "links": { "related": format!("{this}/{}", relationship.name) } });
                if let Some(data) = linkage.to_json() {
                    member["data"] = data;
                }
                relationships.insert(relationship.name.to_owned(), member);
            }
        }
        if !relationships.is_empty() {
            object["relationships"] = relationships.into();
        }
        object
    }

    /// A whole document. `included` is `None` if nothing was asked to be included.
    pub(crate) fn document(
        &self,
        data: &Value,
        included: Option<&[Resource]>,
        links: &Value,
    ) -> Value {
        let mut document = json!({ "jsonapi": { "version": "1.1" }, "data": data, "links": links });
        if let Some(included) = included {
            document["included"] = included
                .iter()
                .map(|resource| self.resource(resource))
                .collect();
        }
        document
    }
}

impl Linkage {
    fn to_json(&self) -> Option<Value> {
        let one = |id: &Identifier| json!({ "type": id.resource, "id": id.id });
        match self {
            Self::One(id) => Some(id.as_ref().map_or(Value::Null, one)),
            Self::Many(ids) => Some(ids.iter().map(one).collect()),
            Self::Unresolved => None,
        }
    }
}

/// The links of one page of a list: itself, first, last, and its neighbours where there are any.
pub(crate) fn page_links(path: &str, pairs: &[(String, String)], page: Page, total: u64) -> Value {
    let last = u32::try_from(total.div_ceil(u64::from(page.size)))
        .unwrap_or(u32::MAX)
        .max(1);
    let to = |number: u32| {
        let kept = pairs.iter().filter(|(name, _)| name != "page[number]");
        let kept = kept.map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        let number = format!("{}={number}", encoded("page[number]"));
        format!(
            "{path}?{}",
            kept.chain([number]).collect::<Vec<_>>().join("&")
        )
    };
    let mut links = json!({ "self": to(page.number), "first": to(1), "last": to(last) });
    if page.number > 1 {
        links["prev"] = to((page.number - 1).min(last)).into();
    }
    if page.number < last {
        links["next"] = to(page.number + 1).into();
    }
    links
}

/// Percent-encodes all but the unreserved characters and the comma.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~,".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push('%');
                for half in [byte >> 4, byte & 15] {
                    out.push(char::from(b"0123456789ABCDEF"[usize::from(half)]));
                }
            }
            out
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_links_to_its_neighbours_and_keeps_the_query() {
        let pairs = [
            ("sort".to_owned(), "-name".to_owned()),
            ("page[size]".to_owned(), "2".to_owned()),
        ];
        let links =
            |number, total| page_links("/api/places", &pairs, Page { number, size: 2 }, total);
        let middle = links(2, 5);
        assert_eq!(
            middle["next"],
            "/api/places?sort=-name&page%5Bsize%5D=2&page%5Bnumber%5D=3"
        );
        assert_eq!(
            middle["prev"],
            "/api/places?sort=-name&page%5Bsize%5D=2&page%5Bnumber%5D=1"
        );
        assert_eq!(links(3, 5).get("next"), None);
        assert_eq!(links(1, 0)["last"], links(1, 0)["first"]);
        assert_eq!(links(9, 5)["prev"], links(1, 5)["last"]);
    }
}
