//! What a schema can cost, found out before it judges anything.
//!
//! A short schema can ask for more work than a machine has: a definition that refers twice to one
//! that refers twice to one …, or a tree that checks each of its branches twice at every level. So
//! it is counted how often one value would be looked at, level by level, at worst.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::{CompileError, Documents};

/// How many subschemas may look at one value, counted as often as they do.
const MOST_AT_ONE_VALUE: usize = 5_000;
/// The same down one branch of a value, as many levels deep as in [`LEVELS`].
const MOST_DOWN_A_BRANCH: u64 = 200_000;
/// Enough to tell what grows by the level from what is merely large.
const LEVELS: usize = 24;
/// How many steps this check itself may take.
const MOST_STEPS: usize = 2_000_000;

/// Refuses a schema that could take for ever.
pub(super) fn check(schema: &Value, documents: &Documents) -> Result<(), CompileError> {
    let graph = Graph::of(schema, documents);
    let mut steps = 0;
    let mut closures = Vec::with_capacity(graph.nodes.len());
    for node in 0..graph.nodes.len() {
        let closure = graph.closure(node).ok_or_else(|| {
            refusal(&format!(
                "more than {MOST_AT_ONE_VALUE} subschemas would look at one value; \
                 is there a $ref that leads back to itself?"
            ))
        })?;
        steps += closure.len() * LEVELS;
        if steps > MOST_STEPS {
            return Err(refusal("it is too large to be checked"));
        }
        closures.push(closure);
    }
    let mut costs: Vec<u64> = closures
        .iter()
        .map(|closure| closure.len() as u64)
        .collect();
    for _ in 0..LEVELS {
        costs = closures
            .iter()
            .map(|closure| graph.one_level_more(closure, &costs))
            .collect();
    }
    if costs.first().is_some_and(|cost| *cost > MOST_DOWN_A_BRANCH) {
        return Err(refusal(
            "the work would grow many times with each level of a value; \
             refer to what repeats once per level",
        ));
    }
    Ok(())
}

fn refusal(reason: &str) -> CompileError {
    CompileError::at("", reason)
}

/// What a subschema leads to, by number.
#[derive(Debug, Default)]
struct Node {
    /// Subschemas for the same value.
    in_place: Vec<usize>,
    /// Subschemas for the value of one key or place.
    by_key: Vec<(String, usize)>,
    /// Subschemas for the value of any key or place.
    wild: Vec<usize>,
}

#[derive(Debug)]
struct Graph {
    /// The root is the first.
    nodes: Vec<Node>,
}

impl Graph {
    fn of(schema: &Value, documents: &Documents) -> Self {
        let mut reader = GraphReader {
            documents,
            numbers: HashMap::new(),
            open: Vec::new(),
        };
        reader.number(schema, schema);
        let mut nodes = Vec::new();
        while let Some((schema, root)) = reader.open.get(nodes.len()).copied() {
            nodes.push(reader.node(schema, root));
        }
        Self { nodes }
    }

    /// The subschemas that look at the value that a node looks at, itself included, as often as
    /// they do. `None` if they are too many.
    fn closure(&self, node: usize) -> Option<Vec<usize>> {
        let mut closure = vec![node];
        let mut done = 0;
        while done < closure.len() {
            closure.extend_from_slice(&self.nodes[closure[done]].in_place);
            if closure.len() > MOST_AT_ONE_VALUE {
                return None;
            }
            done += 1;
        }
        Some(closure)
    }

    /// The cost of a closure if the cost of what is one level deeper is known: that of its dearest
    /// key.
    fn one_level_more(&self, closure: &[usize], costs: &[u64]) -> u64 {
        let mut keys: BTreeMap<&str, u64> = BTreeMap::new();
        let mut wild = 0_u64;
        for node in closure.iter().map(|node| &self.nodes[*node]) {
            for (key, child) in &node.by_key {
                let sum = keys.entry(key).or_default();
                *sum = sum.saturating_add(costs[*child]);
            }
            for child in &node.wild {
                wild = wild.saturating_add(costs[*child]);
            }
        }
        let dearest = keys.into_values().max().unwrap_or_default();
        (closure.len() as u64)
            .saturating_add(wild)
            .saturating_add(dearest)
    }
}

struct GraphReader<'s> {
    documents: &'s Documents,
    /// By the address of the subschema, which stands still while this is read.
    numbers: HashMap<usize, usize>,
    /// Each subschema with the document that it is of, in the order of their numbers.
    open: Vec<(&'s Value, &'s Value)>,
}

impl<'s> GraphReader<'s> {
    fn number(&mut self, schema: &'s Value, root: &'s Value) -> usize {
        let next = self.open.len();
        let number = *self
            .numbers
            .entry(std::ptr::from_ref(schema) as usize)
            .or_insert(next);
        if number == next {
            self.open.push((schema, root));
        }
        number
    }

    fn node(&mut self, schema: &'s Value, root: &'s Value) -> Node {
        let mut node = Node::default();
        let Value::Object(keywords) = schema else {
            return node;
        };
        for (keyword, value) in keywords {
            match keyword.as_str() {
                "not" | "if" | "then" | "else" => node.in_place.push(self.number(value, root)),
                "allOf" | "anyOf" | "oneOf" | "dependentSchemas" | "dependencies" => {
                    node.in_place.extend(self.each(value, root));
                }
                "$ref" | "$dynamicRef" => node.in_place.extend(self.target(value, root)),
                "properties" => {
                    for (key, schema) in value.as_object().into_iter().flatten() {
                        node.by_key.push((key.clone(), self.number(schema, root)));
                    }
                }
                "prefixItems" => self.places(value, root, &mut node),
                "items" if value.is_array() => self.places(value, root, &mut node),
                "items"
                | "additionalItems"
                | "contains"
                | "additionalProperties"
                | "propertyNames"
                | "unevaluatedProperties"
                | "unevaluatedItems" => {
                    node.wild.push(self.number(value, root));
                }
                "patternProperties" => node.wild.extend(self.each(value, root)),
                _ => {}
            }
        }
        // What is unevaluated is found by looking at everything in place once more.
        if keywords
            .keys()
            .any(|keyword| keyword.starts_with("unevaluated"))
        {
            node.in_place.extend_from_within(..);
        }
        node
    }

    fn places(&mut self, list: &'s Value, root: &'s Value, node: &mut Node) {
        for (place, schema) in list.as_array().into_iter().flatten().enumerate() {
            let number = self.number(schema, root);
            node.by_key.push((place.to_string(), number));
        }
    }

    /// The schemas of a keyword that holds a list or a map of them.
    fn each(&mut self, value: &'s Value, root: &'s Value) -> Vec<usize> {
        let list = value.as_array().into_iter().flatten();
        let map = value.as_object().into_iter().flat_map(|map| map.values());
        list.chain(map).map(|one| self.number(one, root)).collect()
    }

    /// Where a reference leads, as far as it leads to what is here.
    fn target(&mut self, reference: &Value, root: &'s Value) -> Option<usize> {
        let (address, fragment) = match reference.as_str()?.split_once('#') {
            Some((address, fragment)) => (address, fragment),
            None => (reference.as_str()?, ""),
        };
        let document = if address.is_empty() {
            root
        } else {
            self.documents.get(address)?
        };
        let target = if fragment.is_empty() || fragment.starts_with('/') {
            document.pointer(fragment)?
        } else {
            anchored(document, fragment)?
        };
        Some(self.number(target, document))
    }
}

/// The subschema that carries an anchor.
fn anchored<'s>(schema: &'s Value, anchor: &str) -> Option<&'s Value> {
    match schema {
        Value::Object(keywords) => {
            let is_here = ["$anchor", "$dynamicAnchor"]
                .iter()
                .any(|keyword| keywords.get(*keyword).is_some_and(|name| name == anchor));
            if is_here {
                return Some(schema);
            }
            keywords.values().find_map(|value| anchored(value, anchor))
        }
        Value::Array(list) => list.iter().find_map(|value| anchored(value, anchor)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Value, expected: bool) {
        let checked = super::check(schema, &Documents::default());
        assert_eq!(checked.is_ok(), expected, "{checked:?} {schema}");
    }

    #[test]
    fn what_recurs_once_per_level_is_sound() {
        let tree = json!({"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}});
        check(&tree, true);
        check(&json!({"items": {"$ref": "#"}, "required": ["a"]}), true);
        check(&json!({"$ref": "log_record.v1"}), true);
        check(&json!(true), true);
        let deep = (0..60).fold(json!({}), |inner, _| json!({"properties": {"a": inner}}));
        check(&deep, true);
        check(&json!({"not": {"items": {"$ref": "#"}}}), true);
    }

    #[test]
    fn what_doubles_is_refused() {
        let doubled = |n: usize| {
            let mut definitions = serde_json::Map::new();
            for i in 1..n {
                let inner = json!({"$ref": format!("#/$defs/a{}", i - 1)});
                definitions.insert(format!("a{i}"), json!({"allOf": [inner, inner]}));
            }
            definitions.insert("a0".to_owned(), json!({"type": "object"}));
            json!({"$defs": definitions, "$ref": format!("#/$defs/a{}", n - 1)})
        };
        check(&doubled(5), true);
        check(&doubled(40), false);
        let again = json!({"$ref": "#/$defs/n"});
        let level = json!({"properties": {"a": {"allOf": [again, again]}}});
        check(&json!({"$defs": {"n": level}, "$ref": "#/$defs/n"}), false);
        check(&json!({"allOf": [{"$ref": "#"}]}), false);
        let open = |inner, _| json!({"allOf": [inner], "unevaluatedProperties": false});
        check(&(0..40).fold(json!({}), open), false);
    }

    #[test]
    fn a_long_chain_is_followed_without_recursion() {
        let mut definitions = serde_json::Map::new();
        for i in 0..3_000 {
            definitions.insert(
                format!("a{i}"),
                json!({"items": {"$ref": format!("#/$defs/a{}", i + 1)}}),
            );
        }
        check(&json!({"$defs": definitions, "$ref": "#/$defs/a0"}), true);
    }
}
