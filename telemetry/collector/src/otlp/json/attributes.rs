use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::JsonError;
use super::fields::{Fields, base64, boolean, double, text, whole};

pub(super) fn resource(fields: Fields<'_>) -> Result<Resource, JsonError> {
    Ok(Resource {
        attributes: attributes(fields, "attributes")?,
        dropped_attributes_count: fields.whole("droppedAttributesCount")?,
        entity_refs: Vec::new(),
    })
}

pub(super) fn scope(fields: Fields<'_>) -> Result<InstrumentationScope, JsonError> {
    Ok(InstrumentationScope {
        name: fields.text("name")?,
        version: fields.text("version")?,
        attributes: attributes(fields, "attributes")?,
        dropped_attributes_count: fields.whole("droppedAttributesCount")?,
    })
}

pub(super) fn attributes(fields: Fields<'_>, name: &str) -> Result<Vec<KeyValue>, JsonError> {
    fields.list(name, |pair| {
        Ok(KeyValue {
            key: pair.text("key")?,
            value: pair.message("value", any_value)?,
            key_strindex: 0,
        })
    })
}

pub(super) fn any_value(fields: Fields<'_>) -> Result<AnyValue, JsonError> {
    use any_value::Value;
    let value = if let Some(text) = fields.optional("stringValue", text)? {
        Some(Value::StringValue(text))
    } else if let Some(bool) = fields.optional("boolValue", boolean)? {
        Some(Value::BoolValue(bool))
    } else if let Some(number) = fields.optional("intValue", whole)? {
        Some(Value::IntValue(number))
    } else if let Some(number) = fields.optional("doubleValue", double)? {
        Some(Value::DoubleValue(number))
    } else if let Some(bytes) = fields.optional("bytesValue", base64)? {
        Some(Value::BytesValue(bytes))
    } else if let Some(values) =
        fields.message("arrayValue", |array| array.list("values", any_value))?
    {
        Some(Value::ArrayValue(ArrayValue { values }))
    } else {
        let values = fields.message("kvlistValue", |list| attributes(list, "values"))?;
        values.map(|values| Value::KvlistValue(KeyValueList { values }))
    };
    Ok(AnyValue { value })
}
