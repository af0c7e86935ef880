//! No room: what is new is refused in words, what is old stays searchable, and when there is room
//! again things go on by themselves.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use watchfire_schemas::{Clock as _, SystemClock};

use crate::server::Server;

fn line(message: &str) -> String {
    json!({"timestamp": SystemClock.now().to_string(), "severity": "INFO", "service.name": "ledger", "message": message})
        .to_string()
}

/// Asks until lines are taken again: it must happen without a hand laid on the server.
async fn taken_again(server: &Server, message: &str) -> bool {
    for _ in 0..100 {
        if server.ingest(line(message)).await.status().is_success() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    false
}

/// A refusal says why and when to come back, and so does readiness.
async fn refused_in_words(server: &Server) {
    for _ in 0..2 {
        let refused = server.ingest(line("refused")).await;
        assert_eq!(refused.status(), 503);
        assert!(refused.headers().contains_key("retry-after"));
        let problem: Value = refused.json().await.unwrap();
        let said = problem["detail"].as_str().unwrap();
        assert!(said.contains("disk is full"), "{said}");
    }
    let ready = server
        .client
        .get(server.url("/readyz"))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), 503);
}

/// What this process may write to a file, from now on: `0` is a disk without room.
fn limit_files(server: &Server, bytes: &str) {
    let limit = Command::new("prlimit")
        .args([
            "--pid",
            &server.id().to_string(),
            &format!("--fsize={bytes}:"),
        ])
        .status();
    assert!(limit.unwrap().success(), "prlimit is part of util-linux");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_refuses_what_is_new_keeps_what_is_old_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_without_limits(dir.path());
    server.ingested(line("before")).await;
    limit_files(&server, "0");
    // The first one finds out.
    assert_eq!(server.ingest(line("refused")).await.status(), 503);
    refused_in_words(&server).await;
    assert_eq!(server.all_logs("before").await.len(), 1);
    limit_files(&server, "unlimited");
    assert!(taken_again(&server, "after").await);
    assert_eq!(server.all_logs("service:ledger").await.len(), 2);
    server.kill();
    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.all_logs("before or after").await.len(), 2);
    assert_eq!(
        server.all_logs("refused").await.len(),
        0,
        "refused is refused"
    );
    server.stop();
}

/// A small file system of its own, gone with the value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where nothing may be mounted.
    fn mounted(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(dir.path())
            .status();
        mount
            .is_ok_and(|status| status.success())
            .then_some(Self(dir))
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let bytes = vec![1; 64 << 10];
        let mut file = std::fs::File::create(self.0.path().join("ballast")).unwrap();
        while std::io::Write::write_all(&mut file, &bytes).is_ok() {}
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.0.path()).status());
    }
}

/// The same with a real file system that is full: its last segment is used up first.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_file_system_is_told_and_room_is_found_again() {
    let Some(disk) = SmallDisk::mounted("72m") else {
        println!("skipped: nothing may be mounted here; the limit on files tests the same path");
        return;
    };
    let server = Server::start(disk.path(), &["--max-body=32MiB"]);
    server.ingested(line("before")).await;
    disk.fill();
    // Letters that do not compress, more than a segment and its spare hold.
    let mut state = 1_u64;
    let mut noise = || -> String {
        let mut letter = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b'!' + (state >> 33) as u8 % 90)
        };
        (0..6 << 20).map(|_| letter()).collect()
    };
    let mut refused = false;
    for _ in 0..12 {
        let line = json!({"timestamp": SystemClock.now().to_string(), "severity": "INFO", "service.name": "noise",
            "message": "noise", "noise": noise()});
        refused = !server.ingest(line.to_string()).await.status().is_success();
        if refused {
            break;
        }
    }
    assert!(refused, "the disk is full, and all was taken");
    refused_in_words(&server).await;
    assert_eq!(server.all_logs("before").await.len(), 1);
    std::fs::remove_file(disk.path().join("ballast")).unwrap();
    assert!(taken_again(&server, "after").await);
    assert_eq!(server.all_logs("service:ledger").await.len(), 2);
    server.kill();
    let server = Server::start(disk.path(), &[]);
    assert_eq!(server.all_logs("service:ledger").await.len(), 2);
    server.stop();
}
