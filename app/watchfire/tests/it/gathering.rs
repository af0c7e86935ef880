//! What Watchfire fetches itself: a target, probes, this host.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::server::{Server, encoded};

async fn wait_for(server: &Server, query: &str) {
    let path = format!("/prometheus/api/v1/query?query={}", encoded(query));
    let seen = async {
        loop {
            let answer = server.get(&path).await;
            if !answer["data"]["result"].as_array().unwrap().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let patience = Duration::from_mins(2);
    let seen = tokio::time::timeout(patience, seen).await;
    seen.unwrap_or_else(|_| panic!("{query} gives nothing"));
}

#[tokio::test]
async fn targets_probes_and_this_host_are_looked_at() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let exposed = "# TYPE orders_total counter\norders_total{kind=\"x\"} 5\n";
    let router = Router::new().route("/metrics", get(move || async move { exposed }));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await });

    let dir = tempfile::tempdir().unwrap();
    let scrape = dir.path().join("prometheus.yml");
    let job = format!(
        "scrape_configs:\n- job_name: shop\n  scrape_interval: 1s\n  static_configs: [{{targets: ['{target}']}}]\n"
    );
    std::fs::write(&scrape, job).unwrap();
    let config = dir.path().join("watchfire.toml");
    let probes = format!(
        "scrape_config = {scrape:?}\nhost_metrics = 'on'\n\
         [[probe]]\nkind = 'http'\nname = 'answers'\ntarget = 'http://{target}/metrics'\nevery = '1s'\nexpected_body = 'orders'\n\
         [[probe]]\nkind = 'tcp'\nname = 'refused'\ntarget = '127.0.0.1:1'\nevery = '1s'\n"
    );
    std::fs::write(&config, probes).unwrap();
    let config = format!("--config={}", config.display());
    let server = Server::start(dir.path(), &[&config, "--host-metrics=on"]);
    let instance = format!("instance=\"{target}\"");
    wait_for(
        &server,
        &format!("orders_total{{job=\"shop\",{instance},kind=\"x\"}} == 5"),
    )
    .await;
    wait_for(&server, "up{job=\"shop\"} == 1").await;
    wait_for(
        &server,
        "probe_success{job=\"probe\",probe=\"answers\"} == 1",
    )
    .await;
    wait_for(&server, "probe_http_status_code{probe=\"answers\"} == 200").await;
    wait_for(
        &server,
        "probe_success{probe=\"refused\",instance=\"127.0.0.1:1\"} == 0",
    )
    .await;
    wait_for(&server, "process_threads{job=\"watchfire\"} > 1").await;
    wait_for(&server, "node_memory_MemTotal_bytes{job=\"host\"} > 0").await;
    // It is down: that is seen at the next scrape, and its series end.
    tasks.shutdown().await;
    wait_for(&server, "up{job=\"shop\"} == 0 unless on () orders_total").await;
    server.stop();
}
