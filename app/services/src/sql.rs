//! Statements for either of the two kinds of database.
//!
//! A statement is written once, with `?` or `?N` for its values, as SQLite has them; where the two
//! differ it has a text for each. Nothing is boxed or copied on the way to sqlx's own driver that
//! would not be without it.

mod builder;
mod row;
mod text;
mod typed;
mod value;

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Error, Postgres, SqlStr, Sqlite};

use futures_util::TryStreamExt as _;

use crate::database::connection::{Connection, Driver};

pub(crate) use builder::QueryBuilder;
pub(crate) use row::{FromRow, Row};
pub(crate) use text::{Text, both};
pub(crate) use typed::{QueryAs, query_as, query_scalar};
pub(crate) use value::{Bind, Nul};

use value::Value;

/// A statement with its values. It has no `Debug`, as these may tell of a person.
pub(crate) struct Query<'q> {
    text: Text,
    values: Vec<Value<'q>>,
}

/// What a statement that brings no rows did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    rows_affected: u64,
}

impl Done {
    pub(crate) fn rows_affected(self) -> u64 {
        self.rows_affected
    }
}

pub(crate) fn query<'q>(text: impl Into<Text>) -> Query<'q> {
    Query {
        text: text.into(),
        values: Vec::new(),
    }
}

impl<'q> Query<'q> {
    #[must_use]
    pub(crate) fn bind(mut self, value: impl Bind<'q>) -> Self {
        self.values.push(value.value());
        self
    }

    pub(crate) async fn execute(self, connection: &mut Connection) -> Result<Done, Error> {
        let rows_affected = match connection.driver() {
            Driver::Sqlite(connection) => {
                let query = self.for_sqlite()?;
                query.execute(connection).await?.rows_affected()
            }
            Driver::Postgres(connection) => {
                let query = self.for_postgres()?;
                query.execute(connection).await?.rows_affected()
            }
        };
        Ok(Done { rows_affected })
    }

    pub(crate) async fn fetch_all(self, connection: &mut Connection) -> Result<Vec<Row>, Error> {
        Ok(match connection.driver() {
            Driver::Sqlite(connection) => {
                let rows = self.for_sqlite()?.fetch_all(connection).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Driver::Postgres(connection) => {
                let rows = self.for_postgres()?.fetch_all(connection).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    pub(crate) async fn fetch_optional(
        self,
        connection: &mut Connection,
    ) -> Result<Option<Row>, Error> {
        Ok(match connection.driver() {
            Driver::Sqlite(connection) => {
                let row = self.for_sqlite()?.fetch_optional(connection).await?;
                row.map(Row::Sqlite)
            }
            Driver::Postgres(connection) => {
                let row = self.for_postgres()?.fetch_optional(connection).await?;
                row.map(Row::Postgres)
            }
        })
    }

    pub(crate) async fn fetch_one(self, connection: &mut Connection) -> Result<Row, Error> {
        let row = self.fetch_optional(connection).await?;
        row.ok_or(Error::RowNotFound)
    }

    /// Gives each row to `take` as it comes, so that they are never in memory together.
    pub(crate) async fn fetch_each(
        self,
        connection: &mut Connection,
        mut take: impl FnMut(&Row) -> Result<(), Error> + Send,
    ) -> Result<(), Error> {
        match connection.driver() {
            Driver::Sqlite(connection) => {
                let mut rows = self.for_sqlite()?.fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    take(&Row::Sqlite(row))?;
                }
            }
            Driver::Postgres(connection) => {
                let mut rows = self.for_postgres()?.fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    take(&Row::Postgres(row))?;
                }
            }
        }
        Ok(())
    }

    fn for_sqlite(self) -> Result<ForSqlite<'q>, Error> {
        let mut arguments = SqliteArguments::default();
        arguments.reserve(self.values.len(), 0);
        for value in self.values {
            value.add_to_sqlite(&mut arguments).map_err(Error::Encode)?;
        }
        Ok(sqlx::query_with(self.text.for_sqlite(), arguments))
    }

    fn for_postgres(self) -> Result<ForPostgres<'q>, Error> {
        let mut arguments = PgArguments::default();
        for value in self.values {
            value
                .add_to_postgres(&mut arguments)
                .map_err(Error::Encode)?;
        }
        let text: SqlStr = sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(self.text.for_postgres()));
        Ok(sqlx::query_with(text, arguments))
    }
}

type ForSqlite<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;
type ForPostgres<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;
