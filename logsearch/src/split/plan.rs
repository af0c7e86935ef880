use std::io;

use super::node::{Node, NumberTest, TextNode, Values};
use super::numbers::meaning;
use super::opened::{Column, ColumnValues, Opened};
use super::stop::Stop;
use super::texts::{JsonTest, TextTest, Verdict};
use crate::fields::{Dataset, Kind, NumberSource, Source};
use crate::filter::{AttributeTest, Filter, KeywordTest, NumberRange, TextFilter, texts};
use crate::row::CellType;
use crate::scalar::Scalar;

/// How a split answers a filter. Where it is stopped, the answer means nothing.
pub(super) fn plan<'a, D: Dataset>(
    opened: &'a Opened,
    filter: &'a Filter,
    stop: &Stop<'_>,
) -> io::Result<Node<'a>> {
    if stop.is_due() {
        return Ok(Node::Nothing);
    }
    let plan_all = |parts: &'a [Filter]| {
        let parts = parts.iter().map(|part| plan::<D>(opened, part, stop));
        parts.collect::<io::Result<Vec<_>>>()
    };
    let node = match filter {
        Filter::All => Node::All,
        Filter::And(parts) => all(plan_all(parts)?),
        Filter::Or(parts) => any(plan_all(parts)?),
        Filter::Not(inner) => Node::Not(Box::new(plan::<D>(opened, inner, stop)?)),
        Filter::Text(filter) => words::<D>(opened, filter)?,
        Filter::TextPresent { field } => match &D::fields()[*field].kind {
            Kind::Text { slot } => of_slot::<D>(opened, *slot, &TextTest::NotEmpty)?,
            _ => Node::Nothing,
        },
        Filter::Keyword { field, test } => match &D::fields()[*field].kind {
            Kind::Keyword { of, .. } => keyword::<D>(opened, *of, test)?,
            _ => Node::Nothing,
        },
        Filter::Number { field, low, high } => number::<D>(opened, *field, *low, *high)?,
        Filter::NumberPresent { field } => match &D::fields()[*field].kind {
            Kind::Number {
                of: NumberSource::Slot(slot),
                ..
            } => opened
                .slot(D::slots()[*slot])
                .map_or(Node::Nothing, Node::Present),
            _ => Node::All,
        },
        Filter::Trace { field, id } => match &D::fields()[*field].kind {
            Kind::Trace { slot } => {
                trace(opened, D::slots()[*slot], u128::from_be_bytes(id.bytes()))?
            }
            _ => Node::Nothing,
        },
        Filter::TracePresent { field } => match &D::fields()[*field].kind {
            Kind::Trace { slot } => opened
                .slot(D::slots()[*slot])
                .map_or(Node::Nothing, Node::Present),
            _ => Node::Nothing,
        },
        Filter::Attribute { path, test } if !D::is_promoted(path) => {
            let nodes = opened
                .attributes(path)
                .map(|column| attribute(column, path, test));
            any(nodes.collect::<io::Result<_>>()?)
        }
        Filter::Nothing | Filter::Attribute { .. } => Node::Nothing,
    };
    if !matches!(filter, Filter::And(_) | Filter::Or(_) | Filter::Not(_)) {
        stop.hold(held_bytes(&node))?;
    }
    Ok(node)
}

/// About how much memory the verdicts over the entries of texts take.
fn held_bytes(node: &Node<'_>) -> usize {
    match node {
        Node::Text(text) => text.verdicts.of.len(),
        Node::Or(parts) => parts.iter().map(held_bytes).sum(),
        _ => 0,
    }
}

/// The cheapest first: the others look at what it leaves.
fn all(mut parts: Vec<Node<'_>>) -> Node<'_> {
    if parts.iter().any(|part| matches!(part, Node::Nothing)) {
        return Node::Nothing;
    }
    parts.sort_by_key(cost);
    Node::And(parts)
}

fn any(mut parts: Vec<Node<'_>>) -> Node<'_> {
    parts.retain(|part| !matches!(part, Node::Nothing));
    match parts.len() {
        0 => Node::Nothing,
        1 => parts.remove(0),
        _ => Node::Or(parts),
    }
}

fn cost(node: &Node<'_>) -> u32 {
    match node {
        Node::All | Node::Nothing => 0,
        Node::Id(..) | Node::Present(_) => 1,
        Node::Between(..) => 3,
        Node::Text(text) if text.is_open => 20,
        Node::Text(_) => 2,
        Node::Each(..) => 30,
        Node::Not(inner) => cost(inner),
        Node::And(parts) => parts.iter().map(cost).min().unwrap_or_default(),
        Node::Or(parts) => parts.iter().map(cost).sum(),
    }
}

fn words<'a, D: Dataset>(opened: &'a Opened, filter: &TextFilter) -> io::Result<Node<'a>> {
    let test = TextTest::Words {
        tokens: filter.tokens.clone(),
        prefix: filter.prefix,
    };
    let nodes = texts::<D>(filter.section).map(|slot| of_slot::<D>(opened, slot, &test));
    Ok(any(nodes.collect::<io::Result<_>>()?))
}

fn of_slot<'a, D: Dataset>(
    opened: &'a Opened,
    slot: usize,
    test: &TextTest,
) -> io::Result<Node<'a>> {
    match opened.slot(D::slots()[slot]) {
        Some(column) => text(column, test),
        None => Ok(Node::Nothing),
    }
}

fn text<'a>(column: Column<'a>, test: &TextTest) -> io::Result<Node<'a>> {
    let ColumnValues::Texts(texts) = column.values()? else {
        return Ok(Node::Nothing);
    };
    let verdicts = texts.verdicts(test)?;
    if verdicts.is_never() {
        return Ok(Node::Nothing);
    }
    if verdicts.of.iter().all(|verdict| *verdict == Verdict::Yes) {
        return Ok(Node::Present(column));
    }
    let is_open = |verdict: &Verdict| matches!(verdict, Verdict::Values(_) | Verdict::Text);
    Ok(Node::Text(Box::new(TextNode {
        is_open: verdicts.of.iter().any(is_open),
        reader: texts.reader()?,
        column,
        texts,
        verdicts,
        buffer: Vec::new(),
    })))
}

fn keyword<'a, D: Dataset>(
    opened: &'a Opened,
    of: Source,
    test: &'a KeywordTest,
) -> io::Result<Node<'a>> {
    let path = match of {
        Source::Slot(slot) => {
            return of_slot::<D>(opened, slot, &TextTest::Keyword(test.clone()));
        }
        Source::Attribute(path) => path,
    };
    let of_column = |column: Column<'a>| match column.meta.cell_type {
        CellType::Json => json(column, path, JsonTest::Keyword(test.clone())),
        CellType::Null | CellType::Id => Ok(Node::Nothing),
        _ if *test == KeywordTest::Present => Ok(Node::Present(column)),
        CellType::Text => text(column, &TextTest::Keyword(test.clone())),
        _ => each(column, Box::new(|value| test.accepts(&value.to_text()))),
    };
    let nodes = opened.attributes(path).map(of_column);
    Ok(any(nodes.collect::<io::Result<_>>()?))
}

fn json<'a>(column: Column<'a>, path: &str, test: JsonTest) -> io::Result<Node<'a>> {
    let test = TextTest::Json {
        name: column.meta.name.clone(),
        path: path.to_owned(),
        test,
    };
    text(column, &test)
}

fn each<'a>(column: Column<'a>, test: NumberTest<'a>) -> io::Result<Node<'a>> {
    Ok(match column.values()? {
        ColumnValues::Numbers(numbers, meta) => Node::Each(numbers, column, meta.meaning, test),
        _ => Node::Nothing,
    })
}

fn number<D: Dataset>(opened: &Opened, field: usize, low: i64, high: i64) -> io::Result<Node<'_>> {
    let Kind::Number { of, .. } = &D::fields()[field].kind else {
        return Ok(Node::Nothing);
    };
    let bounds = (meaning::of_int(low), meaning::of_int(high));
    Ok(match of {
        _ if low > high => Node::Nothing,
        NumberSource::Time => Node::Between(opened.times()?, Values::All, bounds),
        // Ids have no sign.
        NumberSource::Id if high < 0 => Node::Nothing,
        NumberSource::Id => {
            Node::Between(opened.ids()?, Values::All, (low.max(0) as u64, high as u64))
        }
        NumberSource::Slot(slot) => match opened.slot(D::slots()[*slot]) {
            Some(column) => within(column, bounds)?,
            None => Node::Nothing,
        },
    })
}

fn within(column: Column<'_>, (low, high): (u64, u64)) -> io::Result<Node<'_>> {
    let ColumnValues::Numbers(numbers, meta) = column.values()? else {
        return Ok(Node::Nothing);
    };
    let (least, most) = meta.bounds();
    Ok(if high < least || most < low {
        Node::Nothing
    } else if low <= least && most <= high {
        Node::Present(column)
    } else {
        Node::Between(numbers, Values::Column(column), (low, high))
    })
}

fn trace<'a>(opened: &'a Opened, name: &str, id: u128) -> io::Result<Node<'a>> {
    let Some(column) = opened.slot(name) else {
        return Ok(Node::Nothing);
    };
    let super::directory::Body::Ids(meta) = &column.meta.body else {
        return Ok(Node::Nothing);
    };
    let blocks = meta.blocks_with(id, &opened.file)?;
    if !blocks.contains(&true) {
        return Ok(Node::Nothing);
    }
    Ok(match column.values()? {
        ColumnValues::Ids(ids) => Node::Id(ids, column, id, blocks),
        _ => Node::Nothing,
    })
}

fn attribute<'a>(
    column: Column<'a>,
    path: &'a str,
    test: &'a AttributeTest,
) -> io::Result<Node<'a>> {
    Ok(match (column.meta.cell_type, test) {
        (CellType::Json, _) => json(column, path, JsonTest::Attribute(test.clone()))?,
        (CellType::Null | CellType::Id, _) => Node::Nothing,
        (_, AttributeTest::Present) => Node::Present(column),
        (CellType::Text, AttributeTest::Is(_) | AttributeTest::Prefix(_)) => {
            text(column, &TextTest::Attribute(test.clone()))?
        }
        (CellType::Bool, AttributeTest::Is(literal)) => match literal.bool.map(u64::from) {
            Some(is) => within(column, (is, is))?,
            None => Node::Nothing,
        },
        (_, AttributeTest::Is(literal)) => match literal.number {
            Some(number) => equal(column, number)?,
            None => Node::Nothing,
        },
        (CellType::Text | CellType::Bool, _) | (_, AttributeTest::Prefix(_)) => Node::Nothing,
        (_, AttributeTest::Within(range)) => of_range(column, *range)?,
    })
}

/// Numbers that are this one. Floats cannot tell large ones apart, so each near it is looked at.
fn equal<'a>(column: Column<'a>, number: Scalar<'static>) -> io::Result<Node<'a>> {
    let ColumnValues::Numbers(_, meta) = column.values()? else {
        return Ok(Node::Nothing);
    };
    let wanted = match (number, meta.meaning) {
        (Scalar::Int(n), super::numbers::Meaning::Int) => meaning::of_int(n),
        (Scalar::Unsigned(n), super::numbers::Meaning::Unsigned) => n,
        (_, super::numbers::Meaning::Int | super::numbers::Meaning::Unsigned) => {
            return Ok(Node::Nothing);
        }
        _ => {
            let near = number.as_f64().unwrap_or(f64::NAN);
            let near = meta
                .meaning
                .interval(|n| n < near, |n| n <= near, meta.bounds());
            return Ok(match near {
                Some((low, high)) if meta.meaning.value(low) == number => {
                    within(column, (low, high))?
                }
                _ => Node::Nothing,
            });
        }
    };
    within(column, (wanted, wanted))
}

fn of_range(column: Column<'_>, range: NumberRange) -> io::Result<Node<'_>> {
    let ColumnValues::Numbers(_, meta) = column.values()? else {
        return Ok(Node::Nothing);
    };
    let bounds =
        meta.meaning
            .interval(|n| range.is_below(n), |n| !range.is_above(n), meta.bounds());
    match bounds {
        Some(bounds) => within(column, bounds),
        None => Ok(Node::Nothing),
    }
}
