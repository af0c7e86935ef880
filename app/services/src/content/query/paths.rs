use crate::content::collection::{Collection, Relationship};
use crate::content::query::{SortKey, names};

const MAX_SORT_KEYS: usize = 4;
const MAX_INCLUDE_PATHS: usize = 8;
const MAX_INCLUDE_DEPTH: usize = 6;

/// The paths of relationships that `include` names.
pub(super) fn include(
    value: &str,
    collection: &'static Collection,
) -> Result<Vec<Vec<&'static Relationship>>, String> {
    let mut paths = Vec::new();
    for path in names(value) {
        let mut at = collection;
        let mut steps = Vec::new();
        for name in path.split('.') {
            let step = at
                .relationship(name)
                .ok_or_else(|| format!("names no relationship of {}: {name:?}", at.resource))?;
            at = step.target();
            steps.push(step);
        }
        if steps.len() > MAX_INCLUDE_DEPTH {
            return Err(format!(
                "goes deeper than {MAX_INCLUDE_DEPTH} relationships"
            ));
        }
        paths.push(steps);
    }
    if paths.len() > MAX_INCLUDE_PATHS {
        return Err(format!("names more than {MAX_INCLUDE_PATHS} paths"));
    }
    Ok(paths)
}

/// The fields that `sort` names, the first before the others.
pub(super) fn sort(value: &str, collection: &'static Collection) -> Result<Vec<SortKey>, String> {
    let mut keys = Vec::new();
    for name in names(value) {
        let (name, descending) = name
            .strip_prefix('-')
            .map_or((name, false), |name| (name, true));
        if name.contains('.') {
            return Err(format!(
                "names a field of a related resource, by which nothing is sorted: {name:?}"
            ));
        }
        let attribute = collection.attribute(name);
        let attribute = attribute.filter(|attribute| attribute.is_sortable);
        let attribute = attribute.ok_or_else(|| {
            format!(
                "names a field that {} cannot be sorted by: {name:?}",
                collection.resource
            )
        })?;
        keys.push(SortKey {
            column: attribute.column,
            descending,
        });
    }
    if keys.is_empty() || keys.len() > MAX_SORT_KEYS {
        return Err(format!("needs 1 to {MAX_SORT_KEYS} fields"));
    }
    Ok(keys)
}
