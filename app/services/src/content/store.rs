mod statements;

use std::sync::Arc;
use std::time::Duration;

use crate::content::collection::{Collection, Link, PLACES, POINTS_OF_INTEREST, Relationship};
use crate::content::document::Identifier;
use crate::content::field::Record;
use crate::content::query::{Page, Query};
use crate::database::{Database, Migrations, StoreError, migrations};
use crate::failure::{Failure, Via, frame};
use crate::fault::{FaultKind, Faults};
use crate::sql::{QueryBuilder, Row};
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
    /// Only what this resource is related to, by this link to many.
    pub(crate) owner: Option<(Link, &'a str)>,
}

/// The name of the database.
pub(crate) const NAMESPACE: &str = "content";
/// Its tables; what is lost with the power comes again from the feed.
pub(crate) static MIGRATIONS: Migrations =
    migrations!("migrations/content", "migrations/postgres/content");

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
        let sql = statements::page(source, query);
        let lists = |of: &Collection| source.owner.is_none() && of.resource == collection.resource;
        let slower = lists(&PLACES).then(|| self.faults.slows_by()).flatten();
        let read = move |row: &Row| Record::read(collection, row);
        let reading = self.rows(collection, sql, slower, read);
        let mut records = reading.await.via(frame!("Store::page"))?;
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
        let sql = statements::count(source, query);
        let statement = Statement::new(Operation::Count, source.collection.table);
        let counting = self.database.read(statement, move |connection| {
            Box::pin(async move {
                let row = sql.build().fetch_one(connection).await?;
                row.try_get::<i64, _>(0)
            })
        });
        let total = counting.await.via(frame!("Store::count"))?;
        Ok(u64::try_from(total).unwrap_or(0))
    }

    /// The resources with these ids, by id. No ids, no statement.
    pub(crate) async fn records(
        &self,
        collection: &'static Collection,
        ids: &[&str],
    ) -> Result<Vec<Record>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = statements::by_ids(collection, ids);
        let read = move |row: &Row| Record::read(collection, row);
        self.rows(collection, sql, None, read).await
    }

    pub(crate) async fn record(
        &self,
        collection: &'static Collection,
        id: &str,
    ) -> Result<Option<Record>, Failure> {
        let found = self.records(collection, &[id]).await;
        Ok(found.via(frame!("Store::record"))?.pop())
    }

    /// What the resources with these ids are related to by a relationship to many, each with the
    /// id that it is related to; `most` at most. No ids, no statement.
    pub(crate) async fn related(
        &self,
        relationship: &'static Relationship,
        ids: &[&str],
        most: usize,
    ) -> Result<Vec<(String, Record)>, Failure> {
        let collection = relationship.target();
        let Some(sql) = statements::related(collection, relationship.link, ids, most) else {
            return Ok(Vec::new());
        };
        let owner_at = collection.columns().count();
        let read = move |row: &Row| {
            let owner = row.try_get(owner_at)?;
            Ok((owner, Record::read(collection, row)?))
        };
        let reading = self.rows(collection, sql, None, read);
        reading.await.via(frame!("Store::related"))
    }

    /// One page of the identifiers that one resource is related to.
    pub(crate) async fn linkage(
        &self,
        source: Source<'_>,
        page: Page,
    ) -> Result<Vec<Identifier>, Failure> {
        let collection = source.collection;
        let sql = statements::identifiers(source, page);
        let read = move |row: &Row| {
            let id = row.try_get(0)?;
            let resource = collection.resource;
            Ok(Identifier { resource, id })
        };
        let reading = self.rows(collection, sql, None, read);
        reading.await.via(frame!("Store::linkage"))
    }

    /// The rows of a statement on a collection, each as `read` reads it.
    async fn rows<T>(
        &self,
        collection: &'static Collection,
        sql: QueryBuilder<'static>,
        slower: Option<Duration>,
        read: impl Fn(&Row) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, Failure> {
        let table = collection.table;
        let reading = async {
            // Before the connection is taken: what is slow is one statement, not the database.
            if let Some(slower) = slower {
                tokio::time::sleep(slower).await;
            }
            let mut connection = self.database.reader().await.via(frame!("Store::rows"))?;
            let rows = sql.build().fetch_all(&mut connection).await;
            let rows = rows.and_then(|rows| rows.iter().map(read).collect());
            rows.map_err(|source| {
                let error = StoreError::of(self.database.name(), table, source);
                Failure::new(error, frame!("Store::rows"))
            })
        };
        let statement = Statement::new(Operation::Select, table);
        statement.trace(self.database.name(), reading).await
    }
}
