use crate::content::collection::{Collection, Link};
use crate::content::query::{Bound, Condition, Page, Query, Test};
use crate::content::store::Source;
use crate::sql::QueryBuilder;

// The text of a statement depends on what is asked for, never on the values: these are bound, a
// list of them as one JSON array, so that the text is prepared once for each connection.

/// One page of a source.
pub(super) fn page(source: Source<'_>, query: &Query) -> QueryBuilder<'static> {
    let mut sql = select(source.collection);
    restrict(&mut sql, source, &query.conditions);
    order(&mut sql, source, query);
    limit(&mut sql, query.page);
    sql
}

/// The ids of one page of a source.
pub(super) fn identifiers(source: Source<'_>, page: Page) -> QueryBuilder<'static> {
    let table = source.collection.table;
    let mut sql = QueryBuilder::new(format!("SELECT {table}.id FROM {table}"));
    restrict(&mut sql, source, &[]);
    order(&mut sql, source, &Query::default());
    limit(&mut sql, page);
    sql
}

pub(super) fn count(source: Source<'_>, query: &Query) -> QueryBuilder<'static> {
    let table = source.collection.table;
    let mut sql = QueryBuilder::new(format!("SELECT count(*) FROM {table}"));
    restrict(&mut sql, source, &query.conditions);
    sql
}

pub(super) fn by_ids(collection: &'static Collection, ids: &[&str]) -> QueryBuilder<'static> {
    let table = collection.table;
    let mut sql = select(collection);
    if let [id] = ids {
        sql.push(format!(" WHERE {table}.id = "));
        sql.push_bind((*id).to_owned());
    } else {
        sql.push(format!(" WHERE {table}.id"));
        among(&mut sql, ids);
        sql.push(format!(" ORDER BY {table}.id"));
    }
    sql
}

/// What these ids are related to, with the id in one more column; none if there is nothing to ask.
pub(super) fn related(
    collection: &'static Collection,
    link: Link,
    ids: &[&str],
    most: usize,
) -> Option<QueryBuilder<'static>> {
    let table = collection.table;
    let (owner, join, first) = match link {
        Link::Own(_) => return None,
        Link::Theirs(column) => (format!("{table}.{column}"), String::new(), String::new()),
        Link::Pairs(pairs) => (
            format!("pairs.{}", pairs.ours),
            format!(
                " JOIN {} AS pairs ON pairs.{} = {table}.id",
                pairs.table, pairs.theirs
            ),
            pairs
                .order
                .map_or_else(String::new, |column| format!("pairs.{column}, ")),
        ),
    };
    if ids.is_empty() {
        return None;
    }
    let columns = columns(collection);
    let mut sql = QueryBuilder::new(format!("SELECT {columns}, {owner} FROM {table}{join}"));
    sql.push(format!(" WHERE {owner}"));
    among(&mut sql, ids);
    sql.push(format!(" ORDER BY {first}{table}.id LIMIT "));
    sql.push_bind(i64::try_from(most).unwrap_or(i64::MAX));
    Some(sql)
}

fn select(collection: &'static Collection) -> QueryBuilder<'static> {
    let columns = columns(collection);
    QueryBuilder::new(format!("SELECT {columns} FROM {}", collection.table))
}

fn columns(collection: &'static Collection) -> String {
    let table = collection.table;
    let columns = collection.columns();
    let columns: Vec<String> = columns.map(|column| format!("{table}.{column}")).collect();
    columns.join(", ")
}

/// The join and the conditions. The id of the owner is bound first.
fn restrict(sql: &mut QueryBuilder<'_>, source: Source<'_>, conditions: &[Condition]) {
    let table = source.collection.table;
    match source.owner {
        None => {
            sql.push(" WHERE true");
        }
        Some((Link::Pairs(pairs), id)) => {
            sql.push(format!(
                " JOIN {} AS pairs ON pairs.{} = {table}.id WHERE pairs.{} = ",
                pairs.table, pairs.theirs, pairs.ours
            ));
            sql.push_bind(id.to_owned());
        }
        Some((Link::Own(column) | Link::Theirs(column), id)) => {
            sql.push(format!(" WHERE {table}.{column} = "));
            sql.push_bind(id.to_owned());
        }
    }
    for condition in conditions {
        let column = format!("{table}.{}", condition.column);
        match &condition.test {
            Test::OneOf(values) => {
                sql.push(format!(" AND {column}"));
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                among(sql, &values);
            }
            Test::Part(part) => {
                sql.push(format!(" AND instr({column}_folded, "));
                sql.push_bind(part.clone()).push(") > 0");
            }
            Test::Compare(comparison, bound) => {
                sql.push(format!(" AND {column}{}", comparison.sql()));
                match bound {
                    Bound::Integer(number) => sql.push_bind(*number),
                    Bound::Real(number) => sql.push_bind(*number),
                };
            }
            Test::Beneath(place) => {
                sql.push(format!(
                    " AND {column} IN (SELECT beneath.place FROM beneath WHERE beneath.ancestor = "
                ));
                sql.push_bind(place.clone()).push(")");
            }
        }
    }
}

fn among(sql: &mut QueryBuilder<'_>, values: &[&str]) {
    let list = serde_json::Value::from(values.to_vec()).to_string();
    sql.push(" IN (SELECT value FROM json_each(")
        .push_bind(list)
        .push("))");
}

/// As asked for, else as the pairs have it; the id decides between equals, so that pages fit together.
fn order(sql: &mut QueryBuilder<'_>, source: Source<'_>, query: &Query) {
    let table = source.collection.table;
    sql.push(" ORDER BY ");
    for key in &query.sort {
        let direction = if key.descending { " DESC" } else { "" };
        sql.push(format!("{table}.{}{direction}, ", key.column));
    }
    if query.sort.is_empty()
        && let Some((Link::Pairs(pairs), _)) = source.owner
        && let Some(column) = pairs.order
    {
        sql.push(format!("pairs.{column}, "));
    }
    sql.push(format!("{table}.id"));
}

fn limit(sql: &mut QueryBuilder<'_>, page: Page) {
    sql.push(" LIMIT ").push_bind(i64::from(page.size));
    sql.push(" OFFSET ")
        .push_bind(i64::try_from(page.offset()).unwrap_or(i64::MAX));
}
