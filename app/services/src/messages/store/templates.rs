use futures_util::future::BoxFuture;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::failure::{Failure, Via, frame};
use crate::messages::catalogue::{Catalogue, TemplateSource, TemplateVersion};
use crate::messages::channel::Channel;
use crate::messages::store::Store;
use crate::sql::{self, Row};
use crate::statement::{Operation, Statement};

const INSERT: Statement = Statement::new(Operation::Insert, "templates");

impl Store {
    /// Stores a template as the next version of its name; its number.
    pub(crate) async fn add_template(
        &self,
        template: &TemplateSource,
        created_at: Timestamp,
    ) -> Result<i64, Failure> {
        let locales = serde_json::json!(template.locales).to_string();
        let template = template.clone();
        let writing = self.journal.write(INSERT, move |connection: &mut Connection| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let sql = "INSERT INTO templates (name, version, channel, default_locale, locales, created_at) SELECT ?1, 1 + coalesce((SELECT max(version) FROM templates WHERE name = ?1), 0), ?2, ?3, ?4, ?5 RETURNING version";
                sql::query_scalar(sql)
                    .bind(&template.name)
                    .bind(template.channel.as_str())
                    .bind(&template.default_locale)
                    .bind(locales)
                    .bind(created_at.nanos())
                    .fetch_one(connection)
                    .await
            })
        });
        writing.await.via(frame!("Store::add_template"))
    }

    /// The templates and experiments that are stored.
    pub(crate) async fn catalogue(&self) -> Result<Catalogue, sqlx::Error> {
        let catalogue = Catalogue::default();
        let sql =
            "SELECT name, version, channel, default_locale, locales, created_at FROM templates";
        let mut connection = self.database.writer().await?;
        for row in sql::query(sql).fetch_all(&mut connection).await? {
            catalogue.add_template(std::sync::Arc::new(read(&row)?));
        }
        let sql = "SELECT name, channel, outcome, variants, created_at FROM experiments";
        for row in sql::query(sql).fetch_all(&mut connection).await? {
            catalogue.add_experiment(std::sync::Arc::new(super::experiments::read(&row)?));
        }
        Ok(catalogue)
    }
}

fn read(row: &Row) -> Result<TemplateVersion, sqlx::Error> {
    let channel: String = row.try_get(2)?;
    let source = TemplateSource {
        name: row.try_get(0)?,
        channel: Channel::parse(&channel).ok_or_else(|| decode(format!("no channel {channel}")))?,
        default_locale: row.try_get(3)?,
        locales: serde_json::from_str(row.try_get(4)?).map_err(decode)?,
    };
    let (version, created_at) = (row.try_get(1)?, Timestamp::from_nanos(row.try_get(5)?));
    TemplateVersion::new(source, version, created_at).map_err(|fault| decode(fault.detail))
}

pub(super) fn decode(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
