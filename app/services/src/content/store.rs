use std::sync::Arc;

use sqlx::{QueryBuilder, Row, Sqlite};

use crate::content::collection::{Collection, Link, PLACES, POINTS_OF_INTEREST, Relationship};
use crate::content::field::Record;
use crate::content::query::Query;
use crate::database::{Database, StoreError};
use crate::failure::{Failure, Via, frame};
use crate::fault::{FaultKind, Faults};
use crate::statement::{Operation, Statement};

/// The content database as the API reads it.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    database: Database,
    faults: Arc<Faults>,
}

/// What a page is taken from: a collection, or what one resource is related to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) collection: &'static Collection,
    /// Only the rows whose column holds this id.
    pub(crate) owner: Option<(&'static str, &'a str)>,
}

/// The name of the database.
pub(crate) const NAMESPACE: &str = "content";
/// Its tables; what is lost with the power comes again from the feed.
pub(crate) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/content");

impl Store {
    pub(crate) fn new(database: Database, faults: Arc<Faults>) -> Self {
        Self { database, faults }
    }

    /// One page of what a query asks for.
    pub(crate) async fn page(
        &self,
        source: Source<'_>,
        query: &Query,
    ) -> Result<Vec<Record>, Failure> {
        let collection = source.collection;
        let mut sql = select(collection);
        restrict(&mut sql, source, query);
        sql.push(" ORDER BY ");
        for key in &query.sort {
            sql.push(key.column)
                .push(if key.descending { " DESC, " } else { ", " });
        }
        sql.push("id LIMIT ").push_bind(i64::from(query.page.size));
        sql.push(" OFFSET ")
            .push_bind(i64::try_from(query.page.offset()).unwrap_or(i64::MAX));
        let lists = |of: &Collection| source.owner.is_none() && of.resource == collection.resource;
        let slower = lists(&PLACES).then(|| self.faults.slows_by()).flatten();
        let statement = Statement::new(Operation::Select, collection.table);
        let reading = async {
            if let Some(slower) = slower {
                tokio::time::sleep(slower).await;
            }
            self.fetch(collection, sql).await.via(frame!("Store::page"))
        };
        let mut records = statement.trace(NAMESPACE, reading).await?;
        if lists(&POINTS_OF_INTEREST) && self.faults.hits(FaultKind::Errors) {
            records
                .iter_mut()
                .take(1)
                .for_each(Record::garble_opening_hours);
        }
        Ok(records)
    }

    /// How many resources a query asks for on all its pages.
    pub(crate) async fn count(&self, source: Source<'_>, query: &Query) -> Result<u64, Failure> {
        let table = source.collection.table;
        let mut sql = QueryBuilder::new(format!("SELECT count(*) FROM {table}"));
        restrict(&mut sql, source, query);
        let counting = async {
            let mut connection = self.database.reader().await.via(frame!("Store::count"))?;
            let row = sql.build().fetch_one(&mut *connection).await;
            let total = row.and_then(|row| row.try_get::<i64, _>(0));
            total.map_err(|source| {
                Failure::new(
                    StoreError::Statement { table, source },
                    frame!("Store::count"),
                )
            })
        };
        let total = Statement::new(Operation::Count, table)
            .trace(NAMESPACE, counting)
            .await?;
        Ok(u64::try_from(total).unwrap_or(0))
    }

    /// The resources whose `column` holds one of `keys`, by id. No keys, no statement.
    pub(crate) async fn records_by(
        &self,
        collection: &'static Collection,
        column: &'static str,
        keys: &[String],
    ) -> Result<Vec<Record>, Failure> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = select(collection);
        sql.push(" WHERE ").push(column).push(" IN (");
        let mut list = sql.separated(", ");
        for key in keys {
            list.push_bind(key.clone());
        }
        sql.push(") ORDER BY id");
        let reading = async {
            self.fetch(collection, sql)
                .await
                .via(frame!("Store::records_by"))
        };
        Statement::new(Operation::Select, collection.table)
            .trace(NAMESPACE, reading)
            .await
    }

    pub(crate) async fn record(
        &self,
        collection: &'static Collection,
        id: &str,
    ) -> Result<Option<Record>, Failure> {
        let found = self.records_by(collection, "id", &[id.to_owned()]).await;
        Ok(found.via(frame!("Store::record"))?.pop())
    }

    async fn fetch(
        &self,
        collection: &'static Collection,
        mut sql: QueryBuilder<Sqlite>,
    ) -> Result<Vec<Record>, Failure> {
        let mut connection = self.database.reader().await.via(frame!("Store::fetch"))?;
        let rows = sql.build().fetch_all(&mut *connection).await;
        let records = rows.and_then(|rows| {
            rows.iter()
                .map(|row| Record::read(collection, row))
                .collect()
        });
        records.map_err(|source| {
            let table = collection.table;
            Failure::new(
                StoreError::Statement { table, source },
                frame!("Store::fetch"),
            )
        })
    }
}

fn select(collection: &'static Collection) -> QueryBuilder<Sqlite> {
    let columns: Vec<&str> = collection.columns().collect();
    QueryBuilder::new(format!(
        "SELECT {} FROM {}",
        columns.join(", "),
        collection.table
    ))
}

fn restrict(sql: &mut QueryBuilder<Sqlite>, source: Source<'_>, query: &Query) {
    sql.push(" WHERE true");
    if let Some((column, id)) = source.owner {
        sql.push(" AND ")
            .push(column)
            .push(" = ")
            .push_bind(id.to_owned());
    }
    if !query.kinds.is_empty() {
        sql.push(" AND kind IN (");
        let mut list = sql.separated(", ");
        for kind in &query.kinds {
            list.push_bind(kind.clone());
        }
        sql.push(")");
    }
    if let Some(place) = &query.place {
        let column = place_column(source.collection);
        sql.push(" AND ")
            .push(column)
            .push(" IN (WITH RECURSIVE beneath (id) AS (SELECT id FROM places WHERE id = ");
        sql.push_bind(place.clone());
        sql.push(" UNION SELECT places.id FROM places JOIN beneath ON places.parent = beneath.id) SELECT id FROM beneath)");
    }
}

/// Where a collection says in which place a resource lies; a place lies in itself.
fn place_column(collection: &Collection) -> &'static str {
    let in_place = |relationship: &&Relationship| relationship.name == "place";
    match collection
        .relationships
        .iter()
        .find(in_place)
        .map(|relationship| relationship.link)
    {
        Some(Link::Own(column)) => column,
        _ => "id",
    }
}
