use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar, metric, number_data_point,
};

use super::JsonError;
use super::attributes::{attributes, resource, scope};
use super::fields::{Fields, boolean, double, whole};

pub(super) fn resource_metrics(fields: Fields<'_>) -> Result<ResourceMetrics, JsonError> {
    Ok(ResourceMetrics {
        resource: fields.message("resource", resource)?,
        scope_metrics: fields.list("scopeMetrics", |fields| {
            Ok(ScopeMetrics {
                scope: fields.message("scope", scope)?,
                metrics: fields.list("metrics", metric)?,
                schema_url: fields.text("schemaUrl")?,
            })
        })?,
        schema_url: fields.text("schemaUrl")?,
    })
}

fn metric(fields: Fields<'_>) -> Result<Metric, JsonError> {
    Ok(Metric {
        name: fields.text("name")?,
        description: fields.text("description")?,
        unit: fields.text("unit")?,
        metadata: attributes(fields, "metadata")?,
        data: data(fields)?,
    })
}

fn data(fields: Fields<'_>) -> Result<Option<metric::Data>, JsonError> {
    if let Some(gauge) = fields.message("gauge", |fields| {
        let data_points = fields.list("dataPoints", number)?;
        Ok(Gauge { data_points })
    })? {
        return Ok(Some(metric::Data::Gauge(gauge)));
    }
    if let Some(sum) = fields.message("sum", |fields| {
        Ok(Sum {
            data_points: fields.list("dataPoints", number)?,
            aggregation_temporality: fields.whole("aggregationTemporality")?,
            is_monotonic: fields.or_default("isMonotonic", boolean)?,
        })
    })? {
        return Ok(Some(metric::Data::Sum(sum)));
    }
    if let Some(histogram) = fields.message("histogram", |fields| {
        Ok(Histogram {
            data_points: fields.list("dataPoints", histogram)?,
            aggregation_temporality: fields.whole("aggregationTemporality")?,
        })
    })? {
        return Ok(Some(metric::Data::Histogram(histogram)));
    }
    if let Some(histogram) = fields.message("exponentialHistogram", |fields| {
        Ok(ExponentialHistogram {
            data_points: fields.list("dataPoints", exponential)?,
            aggregation_temporality: fields.whole("aggregationTemporality")?,
        })
    })? {
        return Ok(Some(metric::Data::ExponentialHistogram(histogram)));
    }
    let summary = fields.message("summary", |fields| {
        let data_points = fields.list("dataPoints", summary)?;
        Ok(Summary { data_points })
    })?;
    Ok(summary.map(metric::Data::Summary))
}

fn number(fields: Fields<'_>) -> Result<NumberDataPoint, JsonError> {
    use number_data_point::Value;
    let value = match fields.optional("asInt", whole)? {
        Some(value) => Some(Value::AsInt(value)),
        None => fields.optional("asDouble", double)?.map(Value::AsDouble),
    };
    Ok(NumberDataPoint {
        attributes: attributes(fields, "attributes")?,
        start_time_unix_nano: fields.whole("startTimeUnixNano")?,
        time_unix_nano: fields.whole("timeUnixNano")?,
        exemplars: fields.list("exemplars", exemplar)?,
        flags: fields.whole("flags")?,
        value,
    })
}

fn histogram(fields: Fields<'_>) -> Result<HistogramDataPoint, JsonError> {
    Ok(HistogramDataPoint {
        attributes: attributes(fields, "attributes")?,
        start_time_unix_nano: fields.whole("startTimeUnixNano")?,
        time_unix_nano: fields.whole("timeUnixNano")?,
        count: fields.whole("count")?,
        sum: fields.optional("sum", double)?,
        bucket_counts: fields.values("bucketCounts", whole)?,
        explicit_bounds: fields.values("explicitBounds", double)?,
        exemplars: fields.list("exemplars", exemplar)?,
        flags: fields.whole("flags")?,
        min: fields.optional("min", double)?,
        max: fields.optional("max", double)?,
    })
}

fn exponential(fields: Fields<'_>) -> Result<ExponentialHistogramDataPoint, JsonError> {
    let buckets = |fields: Fields<'_>| {
        Ok(Buckets {
            offset: fields.whole("offset")?,
            bucket_counts: fields.values("bucketCounts", whole)?,
        })
    };
    Ok(ExponentialHistogramDataPoint {
        attributes: attributes(fields, "attributes")?,
        start_time_unix_nano: fields.whole("startTimeUnixNano")?,
        time_unix_nano: fields.whole("timeUnixNano")?,
        count: fields.whole("count")?,
        sum: fields.optional("sum", double)?,
        scale: fields.whole("scale")?,
        zero_count: fields.whole("zeroCount")?,
        positive: fields.message("positive", buckets)?,
        negative: fields.message("negative", buckets)?,
        flags: fields.whole("flags")?,
        exemplars: fields.list("exemplars", exemplar)?,
        min: fields.optional("min", double)?,
        max: fields.optional("max", double)?,
        zero_threshold: fields.double("zeroThreshold")?,
    })
}

fn summary(fields: Fields<'_>) -> Result<SummaryDataPoint, JsonError> {
    Ok(SummaryDataPoint {
        attributes: attributes(fields, "attributes")?,
        start_time_unix_nano: fields.whole("startTimeUnixNano")?,
        time_unix_nano: fields.whole("timeUnixNano")?,
        count: fields.whole("count")?,
        sum: fields.double("sum")?,
        quantile_values: fields.list("quantileValues", |fields| {
            Ok(ValueAtQuantile {
                quantile: fields.double("quantile")?,
                value: fields.double("value")?,
            })
        })?,
        flags: fields.whole("flags")?,
    })
}

fn exemplar(fields: Fields<'_>) -> Result<Exemplar, JsonError> {
    use exemplar::Value;
    let value = match fields.optional("asInt", whole)? {
        Some(value) => Some(Value::AsInt(value)),
        None => fields.optional("asDouble", double)?.map(Value::AsDouble),
    };
    Ok(Exemplar {
        filtered_attributes: attributes(fields, "filteredAttributes")?,
        time_unix_nano: fields.whole("timeUnixNano")?,
        span_id: fields.hex("spanId")?,
        trace_id: fields.hex("traceId")?,
        value,
    })
}
