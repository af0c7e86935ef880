//! What survives what: each fault is done to the real binary or to its files.

mod full_disk;
mod kill;
mod log_files;
mod remote_write;
mod segment;

use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_does_not_open_the_same_data() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let data_dir = format!("--data-dir={}", dir.path().display());
    let any = [
        "--listen=127.0.0.1:0",
        "--otlp-grpc=127.0.0.1:0",
        "--otlp-http=127.0.0.1:0",
    ];
    let (code, _, said) = crate::server::run(&[&["serve", &data_dir][..], &any].concat());
    assert_eq!(code, Some(1));
    assert!(said.contains("in use by another Watchfire"), "{said}");
    server.stop();
}
