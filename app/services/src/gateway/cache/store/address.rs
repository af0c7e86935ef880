use std::fmt;

use redis::{Client, ConnectionAddr, IntoConnectionInfo};

/// Where a store of answers is that several gateways share: `redis://[user:password@]host[:port][/db]`,
/// or `rediss://` over TLS. It may hold a password, and never tells it.
#[derive(Clone)]
pub struct CacheUrl {
    client: Client,
    host: String,
    port: u16,
    database: i64,
}

/// Why a text is no such address. It does not hold the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the gateway's cache {what}; it must be of the form redis://[user:password@]host[:port][/db], or rediss:// over TLS"
)]
pub struct NoCacheUrl {
    what: &'static str,
}

impl CacheUrl {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, NoCacheUrl> {
        let wrong = |what| NoCacheUrl { what };
        let url = redis::parse_redis_url(text).ok_or(wrong("is no address of a Redis"))?;
        if !matches!(url.scheme(), "redis" | "rediss") {
            return Err(wrong("has a scheme that is not known here"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("has more than an address"));
        }
        let database = url.path().trim_start_matches('/');
        if !database.is_empty() && database.parse::<u16>().is_err() {
            return Err(wrong("names a database that is no number"));
        }
        let info = url.into_connection_info();
        let info =
            info.map_err(|_| wrong("has no host, or a user or password that cannot be read"))?;
        let database = info.redis_settings().db();
        let (host, port) = match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                (host.clone(), *port)
            }
            _ => return Err(wrong("is not reached over a network")),
        };
        let client = Client::open(info).map_err(|_| wrong("is no address of a Redis"))?;
        Ok(Self {
            client,
            host,
            port,
            database,
        })
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn database(&self) -> i64 {
        self.database
    }
}

/// Host and port, as logs and spans tell them.
impl fmt::Display for CacheUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            return write!(f, "[{host}]:{port}");
        }
        write!(f, "{host}:{port}")
    }
}

impl fmt::Debug for CacheUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the Redis at {self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_may_have_the_rest() {
        let check = |text: &str, expected: Result<(&str, i64), &str>| {
            let found = CacheUrl::parse(text);
            let found = found.map(|url| (url.to_string(), url.database()));
            let found = found.map_err(|error| error.what);
            let expected = expected.map(|(peer, database)| (peer.to_owned(), database));
            assert_eq!(found, expected, "{text}");
        };
        check("redis://cache", Ok(("cache:6379", 0)));
        check("redis://127.0.0.1:7000/3", Ok(("127.0.0.1:7000", 3)));
        check("redis://u:s3cret@[::1]:7000/", Ok(("[::1]:7000", 0)));
        check("rediss://:s3cret@cache", Ok(("cache:6379", 0)));
        check("cache:6379", Err("is no address of a Redis"));
        check("http://cache", Err("is no address of a Redis"));
        check("", Err("is no address of a Redis"));
        check("unix:///s3cret", Err("has a scheme that is not known here"));
        check(
            "redis://cache/one",
            Err("names a database that is no number"),
        );
        check(
            "redis://cache/-1",
            Err("names a database that is no number"),
        );
        check("rediss://cache/#insecure", Err("has more than an address"));
        check(
            "redis:///1",
            Err("has no host, or a user or password that cannot be read"),
        );
    }

    #[test]
    fn a_password_is_not_told() {
        let url = CacheUrl::parse("redis://user:s3cret@cache:1/2").unwrap();
        assert_eq!(format!("{url} {url:?}"), "cache:1 the Redis at cache:1");
        for wrong in ["redis://user:s3cret@cache/x", "s3cret", "redis://:s3cret@"] {
            let error = CacheUrl::parse(wrong).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }
}
