use std::fmt;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use tracing::subscriber::{NoSubscriber, with_default};
use watchfire_telemetry::DatabaseServer;

use crate::secret::{SecretError, Secrets};
use crate::statement::DatabaseName;

/// Where a Postgres database is: `postgres://user:password@host:port/name`. What it shows of itself
/// is not the password.
#[derive(Clone)]
pub struct PostgresUrl(PgConnectOptions);

/// What is wrong with a URL. It holds nothing of it, as a password may be anywhere.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected postgres://USER:PASSWORD@HOST:PORT/NAME, with what is special in a password as %XX"
)]
pub struct NoPostgresUrl;

impl FromStr for PostgresUrl {
    type Err = NoPostgresUrl;

    fn from_str(text: &str) -> Result<Self, NoPostgresUrl> {
        let text = text.trim();
        let is_postgres = ["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        // The driver logs parameters that it does not know, with their values.
        let parsed = with_default(NoSubscriber::new(), || text.parse());
        parsed
            .ok()
            .filter(|_| is_postgres)
            .map(Self)
            .ok_or(NoPostgresUrl)
    }
}

impl PostgresUrl {
    /// The URL that is given as the secret `services.database`, if it is.
    pub fn given() -> Result<Option<Self>, SecretError> {
        let name = "services.database";
        let Some(secret) = Secrets::given(name)? else {
            return Ok(None);
        };
        let malformed = |error: NoPostgresUrl| SecretError::Malformed {
            name: name.to_owned(),
            reason: error.to_string(),
        };
        secret.reveal().parse().map(Some).map_err(malformed)
    }

    pub(super) fn connect_options(&self) -> PgConnectOptions {
        self.0.clone()
    }

    /// How telemetry names a schema there.
    pub(super) fn name(&self, schema: &str) -> DatabaseName {
        let (address, port) = match self.0.get_socket() {
            Some(socket) => (socket.display().to_string(), None),
            None => (self.0.get_host().to_owned(), Some(self.0.get_port())),
        };
        DatabaseName {
            system: "postgresql",
            namespace: format!("{}|{schema}", self.database()).leak(),
            server: Some(DatabaseServer {
                address: address.leak(),
                port,
            }),
        }
    }

    /// One that is not named has the name of the user.
    fn database(&self) -> &str {
        let named = self.0.get_database();
        named.unwrap_or_else(|| self.0.get_username())
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(options) = self;
        write!(f, "{} at ", self.database())?;
        if let Some(socket) = options.get_socket() {
            write!(f, "{}", socket.display())
        } else {
            write!(f, "{}:{}", options.get_host(), options.get_port())
        }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_told() {
        let url: PostgresUrl = "postgres://ann:hunter2@db.example:5433/shop?password=hunter3"
            .parse()
            .unwrap();
        let name = url.name("payments");
        assert_eq!(url.to_string(), "shop at db.example:5433");
        assert_eq!(name.namespace, "shop|payments");
        let shown = format!("{url:?} {name:?} {url}");
        assert!(!shown.contains("hunter"), "{shown}");
        for wrong in [
            "mysql://ann:hunter2@db/shop",
            "postgres://ann:hunter2@db:port/shop",
            "postgres://ann:hunter2@db/shop?port=hunter2",
            "hunter2",
            "",
        ] {
            let error = wrong.parse::<PostgresUrl>().unwrap_err();
            assert!(!format!("{error:?} {error}").contains("hunter"), "{wrong}");
        }
    }

    #[test]
    fn a_socket_is_an_address_without_a_port() {
        let url: PostgresUrl = "postgres:///shop?host=/run/postgresql".parse().unwrap();
        let name = url.name("payments");
        let server = name.server.unwrap();
        assert_eq!((server.address, server.port), ("/run/postgresql", None));
    }
}
