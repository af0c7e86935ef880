use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;
use watchfire_schemas::SystemClock;
use watchfire_services::{DEMO, Export, Launch, LaunchError, Running, Secrets, ServiceName};

async fn launch(dir: &Path, gateway: SocketAddr) -> Result<Running, LaunchError> {
    let (sender, _batches) = mpsc::channel(100);
    let launch = Launch {
        data_dir: dir.to_owned(),
        postgres: None,
        gateway,
        services: ServiceName::ALL.to_vec(),
        listen: BTreeMap::new(),
        upstreams: BTreeMap::new(),
        cache: None,
        environment: Some(DEMO.to_owned()),
        secrets: Secrets::GivenOrDrawn,
        export: Export::InProcess(sender),
        traffic: 0.0,
        seed: 1,
        clock: Arc::new(SystemClock),
        changes: None,
    };
    Running::launch(launch).await
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = taken.local_addr().expect("an address");
    let error = launch(dir.path(), address)
        .await
        .expect_err("the port is taken");
    assert_eq!(error.to_string(), format!("{address} cannot be bound"));
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_told() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("content.sqlite");
    std::fs::write(
        &path,
        "this is no database, and longer than a header of one hundred bytes. ".repeat(9),
    )
    .expect("a file");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let error = launch(dir.path(), any)
        .await
        .expect_err("the file is no database");
    assert!(
        matches!(&error, LaunchError::Database { database, .. } if *database == path.display().to_string()),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_another_process_has_are_told() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let first = launch(dir.path(), any).await.expect("they start");
    let error = launch(dir.path(), any).await;
    let error = error.expect_err("the files are in use");
    let expected = format!(
        "another process runs content over the files in {}",
        dir.path().display()
    );
    assert_eq!(error.to_string(), expected);
    first.stop().await;
    let again = launch(dir.path(), any).await.expect("the files are free");
    again.stop().await;
}
