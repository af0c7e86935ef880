use std::marker::PhantomData;

use sqlx::Error;

use crate::database::connection::Connection;
use crate::sql::{Bind, FromRow, Query, Row, Text, query};

/// A statement whose rows are read as `O`.
pub(crate) struct QueryAs<'q, O> {
    query: Query<'q>,
    read_as: PhantomData<fn() -> O>,
}

/// A statement whose rows have one column, which is read as `O`.
pub(crate) struct QueryScalar<'q, O>(QueryAs<'q, (O,)>);

pub(crate) fn query_as<'q, O>(text: impl Into<Text>) -> QueryAs<'q, O> {
    query(text).read_as()
}

pub(crate) fn query_scalar<'q, O>(text: impl Into<Text>) -> QueryScalar<'q, O> {
    QueryScalar(query_as(text))
}

impl<'q> Query<'q> {
    pub(super) fn read_as<O>(self) -> QueryAs<'q, O> {
        QueryAs {
            query: self,
            read_as: PhantomData,
        }
    }
}

impl<'q, O> QueryAs<'q, O> {
    #[must_use]
    pub(crate) fn bind(mut self, value: impl Bind<'q>) -> Self {
        self.query = self.query.bind(value);
        self
    }
}

impl<O: FromRow> QueryAs<'_, O> {
    pub(crate) async fn fetch_all(self, connection: &mut Connection) -> Result<Vec<O>, Error> {
        let rows = self.query.fetch_all(connection).await?;
        rows.iter().map(Row::read).collect()
    }

    pub(crate) async fn fetch_optional(
        self,
        connection: &mut Connection,
    ) -> Result<Option<O>, Error> {
        let row = self.query.fetch_optional(connection).await?;
        row.as_ref().map(Row::read).transpose()
    }

    pub(crate) async fn fetch_one(self, connection: &mut Connection) -> Result<O, Error> {
        self.query.fetch_one(connection).await?.read()
    }
}

impl<'q, O> QueryScalar<'q, O> {
    #[must_use]
    pub(crate) fn bind(self, value: impl Bind<'q>) -> Self {
        Self(self.0.bind(value))
    }
}

impl<O> QueryScalar<'_, O>
where
    (O,): FromRow,
{
    pub(crate) async fn fetch_all(self, connection: &mut Connection) -> Result<Vec<O>, Error> {
        let rows = self.0.fetch_all(connection).await?;
        Ok(rows.into_iter().map(|(value,)| value).collect())
    }

    pub(crate) async fn fetch_optional(
        self,
        connection: &mut Connection,
    ) -> Result<Option<O>, Error> {
        let row = self.0.fetch_optional(connection).await?;
        Ok(row.map(|(value,)| value))
    }

    pub(crate) async fn fetch_one(self, connection: &mut Connection) -> Result<O, Error> {
        let (value,) = self.0.fetch_one(connection).await?;
        Ok(value)
    }
}
