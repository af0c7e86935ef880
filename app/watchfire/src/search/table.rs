use std::io::{self, Write};

use serde_json::{Map, Value};

use super::page::Table;

/// Aligned columns, numbers to the right; or each row as a line of JSON.
pub(super) fn write(out: &mut impl Write, table: &Table, json: bool) -> io::Result<()> {
    if json {
        return table.rows.iter().try_for_each(|row| {
            let row: Map<_, _> = table
                .columns
                .iter()
                .cloned()
                .zip(row.iter().cloned())
                .collect();
            writeln!(out, "{}", Value::Object(row))
        });
    }
    let rows: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(cell).collect())
        .collect();
    let widths: Vec<usize> = table
        .columns
        .iter()
        .enumerate()
        .map(|(column, name)| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .fold(name.chars().count(), usize::max)
        })
        .collect();
    let is_number = |column: usize| {
        let mut values = table.rows.iter().filter_map(|row| row.get(column));
        values.all(|value| value.is_number() || value.is_null())
    };
    for row in std::iter::once(&table.columns).chain(&rows) {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| {
            if is_number(column) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let harmless = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(json: bool) -> String {
        let table = Table {
            columns: vec!["service".to_owned(), "count".to_owned()],
            rows: vec![
                vec![json!("shop"), json!(1200)],
                vec![json!("größe"), json!(7)],
                vec![Value::Null, json!(1)],
            ],
        };
        let mut out = Vec::new();
        write(&mut out, &table, json).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_aligned() {
        assert_eq!(
            shown(false),
            "service  count\nshop      1200\ngröße        7\n-            1\n"
        );
    }

    #[test]
    fn rows_are_objects_in_json() {
        assert_eq!(
            shown(true).lines().next(),
            Some(r#"{"count":1200,"service":"shop"}"#)
        );
    }
}
