use std::process::Command;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};

use super::*;
use crate::database::scratch::OVER;
use crate::sql::{query, query_scalar};
use crate::statement::Operation;

/// The URL of a Postgres whose user may make databases.
const SERVER: &str = "WATCHFIRE_TEST_POSTGRES";
const STATEMENT: Statement = Statement::new(Operation::Insert, "epochs");

static MIGRATIONS: Migrations =
    migrations!("migrations/reminders", "migrations/postgres/reminders");

/// A server to test with. A check of a landing has one.
fn server() -> Option<String> {
    let url = std::env::var(SERVER).ok();
    if url.is_none() {
        let is_landing = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!is_landing, "{SERVER} is not set");
        eprintln!("skipped: {SERVER} is not set to the URL of a Postgres");
    }
    url
}

/// A database that is there for one test.
struct Own {
    server: PostgresUrl,
    name: String,
    url: String,
}

impl Own {
    async fn new(server: &str) -> Self {
        let name = format!("test_{:016x}", rand::random::<u64>());
        let (base, _) = server.rsplit_once('/').unwrap();
        let own = Self {
            server: server.parse().unwrap(),
            url: format!("{base}/{name}"),
            name,
        };
        own.run(format!("CREATE DATABASE {}", own.name)).await;
        own
    }

    async fn run(&self, text: String) {
        let mut connection = self.server.connect_options().connect().await.unwrap();
        let done = sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection);
        done.await.unwrap();
        connection.close().await.unwrap();
    }

    async fn open(&self) -> Database {
        let url: PostgresUrl = self.url.parse().unwrap();
        let (site, faults) = (Site::Server(&url), Arc::new(Faults::none(1)));
        let opened = Database::open(site, "reminders", &MIGRATIONS, Durability::Process, faults);
        opened.await.unwrap()
    }

    /// Drops it, and those that the tests of a run made beside it.
    async fn end(self) {
        let mut connection = self.server.connect_options().connect().await.unwrap();
        let names = "SELECT datname FROM pg_database WHERE starts_with(datname, $1)";
        let names = sqlx::query_scalar(names).bind(&self.name);
        let names: Vec<String> = names.fetch_all(&mut connection).await.unwrap();
        for name in names {
            self.run(format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
        connection.close().await.unwrap();
    }
}

/// Runs the tests of the services again, over Postgres.
#[tokio::test]
async fn the_services_are_over_postgres_what_they_are_over_files() {
    let Some(server) = server() else { return };
    let own = Own::new(&server).await;
    let services = [
        "content::",
        "messages::",
        "payments::",
        "recruitment::",
        "reminders::",
    ];
    let url = own.url.clone();
    let run = tokio::task::spawn_blocking(move || {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(services).env(OVER, url).output().unwrap()
    });
    let output = run.await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{errors}");
    assert!(!told.contains("running 0 tests"), "{told}");
    own.end().await;
}

async fn count(database: &Database) -> i64 {
    let counting = database.read(STATEMENT, |connection| {
        Box::pin(query_scalar("SELECT count(*) FROM epochs").fetch_one(connection))
    });
    counting.await.unwrap()
}

#[tokio::test]
async fn one_writes_at_a_time_also_of_two_processes() {
    let Some(server) = server() else { return };
    let own = Own::new(&server).await;
    let (ours, theirs) = (own.open().await, own.open().await);
    let mut writing = ours.begin().await.unwrap();
    let insert = "INSERT INTO epochs (epoch) VALUES (?)";
    let inserting = query(insert).bind("ours").execute(&mut writing).await;
    inserting.unwrap();
    let refused = theirs.begin().await.unwrap_err();
    assert_eq!(refused.kind(), "StoreError::PoolTimedOut", "{refused}");
    writing.commit().await.unwrap();
    // What is begun and given up leaves nothing, and holds up nobody.
    let mut given_up = theirs.begin().await.unwrap();
    let inserting = query(insert).bind("theirs").execute(&mut given_up).await;
    inserting.unwrap();
    drop(given_up);
    drop(ours.begin().await.unwrap());
    assert_eq!(count(&theirs).await, 2);
    own.end().await;
}

#[tokio::test]
async fn what_comes_back_is_used_again() {
    let Some(server) = server() else { return };
    let own = Own::new(&server).await;
    let database = own.open().await;
    let mut writing = database.begin().await.unwrap();
    let insert = "INSERT INTO epochs (epoch) VALUES ('lost')";
    query(insert).execute(&mut writing).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
    own.run(format!("{end} = '{}'", own.name)).await;
    let error = writing.commit().await.unwrap_err();
    assert_eq!(
        database.failed(STATEMENT, error).kind(),
        "StoreError::Unreachable"
    );
    assert_eq!(
        count(&database).await,
        1,
        "what was not committed is not there"
    );
    let mut writing = database.begin().await.unwrap();
    query(insert).execute(&mut writing).await.unwrap();
    writing.commit().await.unwrap();
    assert_eq!(count(&database).await, 2);
    own.end().await;
}

#[tokio::test]
async fn a_server_that_refuses_is_out_of_reach_and_no_password_is_told() {
    // Nobody listens where somebody has just stopped to.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("postgres://ann:hunter2@127.0.0.1:{port}/shop");
    let url: PostgresUrl = url.parse().unwrap();
    let site = Site::Server(&url);
    let faults = Arc::new(Faults::none(1));
    let opened = Database::open(site, "reminders", &MIGRATIONS, Durability::Power, faults);
    let error = opened.await.unwrap_err();
    let told = format!("{} {error:?} {error}", site.place("reminders"));
    assert!(!told.contains("hunter2"), "{told}");
}
