use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::metrics::v1::{
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use tokio::task::JoinSet;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;

use crate::otlp_http::{attribute, logs_request};
use crate::stage::{MAX_BODY, NOW, Stage, serve};

async fn connect(stage: &Stage, tasks: &mut JoinSet<()>) -> Channel {
    let address = serve(stage.collector.otlp_grpc_router(), tasks).await;
    let endpoint = Channel::from_shared(format!("http://{address}"));
    let endpoint = endpoint.expect("an address makes a URI");
    endpoint.connect().await.expect("the server listens")
}

fn resource() -> Resource {
    Resource {
        attributes: vec![attribute("service.name", "shop")],
        ..Resource::default()
    }
}

#[tokio::test]
async fn all_three_signals_arrive_in_every_compression() {
    let (stage, mut tasks) = (Stage::new().await, JoinSet::new());
    let channel = connect(&stage, &mut tasks).await;
    for encoding in [
        None,
        Some(CompressionEncoding::Gzip),
        Some(CompressionEncoding::Zstd),
    ] {
        let mut client = LogsServiceClient::new(channel.clone());
        if let Some(encoding) = encoding {
            client = client.send_compressed(encoding);
        }
        let answer = client.export(logs_request(&["over grpc"])).await.unwrap();
        assert_eq!(answer.into_inner().partial_success, None);
    }
    assert_eq!(stage.logs("grpc").await.len(), 3);

    let span = |id: u8| Span {
        trace_id: vec![id; 16],
        span_id: vec![1; 8],
        name: "GET /".to_owned(),
        start_time_unix_nano: (NOW as u64 - 5) * 1_000_000_000,
        end_time_unix_nano: (NOW as u64 - 4) * 1_000_000_000,
        ..Span::default()
    };
    let resource_spans = vec![ResourceSpans {
        resource: Some(resource()),
        scope_spans: vec![ScopeSpans {
            spans: vec![span(1), span(0)],
            ..ScopeSpans::default()
        }],
        schema_url: String::new(),
    }];
    let mut client = TraceServiceClient::new(channel.clone());
    let answer = client
        .export(ExportTraceServiceRequest { resource_spans })
        .await
        .unwrap();
    assert_eq!(
        answer.into_inner().partial_success.unwrap().rejected_spans,
        1
    );

    let point = NumberDataPoint {
        time_unix_nano: (NOW as u64 - 1) * 1_000_000_000,
        value: Some(number_data_point::Value::AsInt(7)),
        ..NumberDataPoint::default()
    };
    let sum = Sum {
        data_points: vec![point],
        aggregation_temporality: 2,
        is_monotonic: true,
    };
    let metric = Metric {
        name: "orders".to_owned(),
        data: Some(metric::Data::Sum(sum)),
        ..Metric::default()
    };
    let resource_metrics = vec![ResourceMetrics {
        resource: Some(resource()),
        scope_metrics: vec![ScopeMetrics {
            metrics: vec![metric],
            ..ScopeMetrics::default()
        }],
        schema_url: String::new(),
    }];
    let mut client = MetricsServiceClient::new(channel);
    client
        .export(ExportMetricsServiceRequest { resource_metrics })
        .await
        .unwrap();
    assert!((stage.value(r#"orders_total{job="shop"}"#) - 7.0).abs() < 1e-9);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_the_connection_lives() {
    let (stage, mut tasks) = (Stage::new().await, JoinSet::new());
    let mut client = LogsServiceClient::new(connect(&stage, &mut tasks).await);
    let large = "x".repeat(MAX_BODY + 1);
    let refused = client.export(logs_request(&[&large])).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::OutOfRange, "{refused}");
    client.export(logs_request(&["small"])).await.unwrap();
}

#[tokio::test]
async fn after_the_close_a_client_is_told_to_go_elsewhere() {
    let (stage, mut tasks) = (Stage::new().await, JoinSet::new());
    let mut client = LogsServiceClient::new(connect(&stage, &mut tasks).await);
    stage.collector.close().await;
    let refused = tokio::time::timeout(
        Duration::from_secs(5),
        client.export(logs_request(&["late"])),
    );
    let refused = refused.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable);
}
