use watchfire_schemas::{SpanStatus, Timestamp};

use super::super::tests::span;
use super::*;

const LOG: Teller = Teller::Log;
const SPAN: Teller = Teller::Span;

fn id(n: u8) -> SpanId {
    SpanId::from_bytes([n; 8]).unwrap()
}

fn told(span: u8, teller: Teller, (kind, message): (&str, &str)) -> Told {
    let exception = Exception {
        kind: kind.to_owned(),
        message: message.to_owned(),
        stacktrace: String::new(),
    };
    let trace = TraceId::from_bytes([1; 16]).unwrap();
    Told::new(Some((trace, id(span))), teller, &exception, None)
}

fn failed(own: u8, parent: Option<u8>) -> Span {
    Span {
        kind: SpanKind::Internal,
        span_id: id(own),
        parent_span_id: parent.map(id),
        end: Timestamp::from_secs(9),
        status: SpanStatus::Error {
            message: String::new(),
        },
        ..span(9, "work", 0.1)
    }
}

/// Something that comes.
#[derive(Clone)]
enum Came {
    Told(Told),
    Span(Box<Span>),
}

/// One batch.
type Batch = Vec<Came>;

fn counted(came: &[Batch]) -> usize {
    let mut occurrences = Occurrences::default();
    let mut counted = 0;
    for batch in came {
        for one in batch {
            if let Came::Span(span) = one {
                occurrences.learn(span);
            }
        }
        for one in batch {
            if let Came::Told(told) = one {
                counted += usize::from(occurrences.is_new(told));
            }
        }
    }
    counted
}

/// All orders in which batches can come.
fn orders(came: &[Batch]) -> Vec<Vec<Batch>> {
    if came.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for first in 0..came.len() {
        let mut rest = came.to_vec();
        let taken = vec![rest.remove(first)];
        for order in orders(&rest) {
            all.push([taken.clone(), order].concat());
        }
    }
    all
}

fn check(came: &[Batch], expected: usize) {
    for order in orders(came) {
        assert_eq!(counted(&order), expected);
    }
}

const BOOM: (&str, &str) = ("shop.Boom", "order 17 is refused");

fn log(span: u8, what: (&str, &str)) -> Vec<Came> {
    vec![Came::Told(told(span, LOG, what))]
}

fn event(own: u8, parent: Option<u8>, what: &[(&str, &str)]) -> Vec<Came> {
    let mut all = vec![Came::Span(failed(own, parent).into())];
    all.extend(what.iter().map(|one| Came::Told(told(own, SPAN, *one))));
    all
}

#[test]
fn log_and_event_are_one_whatever_they_leave_out() {
    check(&[log(1, BOOM), event(1, None, &[BOOM])], 1);
    check(&[log(1, ("Boom", BOOM.1)), event(1, None, &[BOOM])], 1);
    check(&[log(1, ("Boom", "")), event(1, None, &[BOOM])], 1);
    check(
        &[log(1, ("Boom", "order 17 is…")), event(1, None, &[BOOM])],
        1,
    );
    check(
        &[
            log(1, ("Boom", "Boom: order 17 is refused")),
            event(1, None, &[BOOM]),
        ],
        1,
    );
    let tracker = vec![Came::Told(told(1, Teller::Tracker, BOOM))];
    check(&[log(1, BOOM), event(1, None, &[BOOM]), tracker], 1);
}

#[test]
fn two_exceptions_of_a_span_stay_two() {
    let other = ("shop.Boom", "order 18 is refused");
    check(
        &[log(1, BOOM), log(1, other), event(1, None, &[BOOM, other])],
        2,
    );
    check(
        &[log(1, BOOM), log(1, BOOM), event(1, None, &[BOOM, BOOM])],
        2,
    );
    check(
        &[log(1, BOOM), event(1, None, &[("ValueError", BOOM.1)])],
        2,
    );
    // One is the beginning of the other.
    let longer = ("shop.Boom", "order 17 is refused at last");
    check(
        &[
            log(1, BOOM),
            log(1, longer),
            event(1, None, &[BOOM, longer]),
        ],
        2,
    );
}

#[test]
fn an_exception_that_goes_through_spans_is_one() {
    let inner = event(3, Some(2), &[BOOM]);
    let middle = event(2, Some(1), &[BOOM]);
    let outer = event(1, None, &[BOOM]);
    check(&[event(3, Some(1), &[BOOM]), outer.clone()], 1);
    check(
        &[[inner.clone(), middle.clone()].concat(), outer.clone()],
        1,
    );
    // Nothing is noted on the span between, which failed as well.
    let silent = event(2, Some(1), &[]);
    check(&[[inner.clone(), silent].concat(), outer.clone()], 1);
    // It is logged where it is caught.
    let all = [outer, middle, inner].concat();
    check(&[all.clone(), log(1, BOOM)], 1);
    check(&[all, log(3, BOOM)], 1);
}

#[test]
fn two_attempts_are_two_of_which_the_last_goes_on() {
    let first = event(2, Some(1), &[BOOM]);
    let second = event(3, Some(1), &[BOOM]);
    check(&[first, second, event(1, None, &[BOOM])], 2);
}

#[test]
fn what_goes_on_in_another_process_is_another_one() {
    let mut server = failed(2, Some(1));
    server.kind = SpanKind::Server;
    let server = vec![Came::Span(server.into()), Came::Told(told(2, SPAN, BOOM))];
    check(&[server, event(1, None, &[BOOM])], 2);
}

#[test]
fn what_was_counted_too_much_is_made_up_for() {
    // Two log records come before it is known that one span ran within the other.
    let came = vec![log(2, BOOM), log(1, BOOM), event(2, Some(1), &[BOOM])];
    assert_eq!(counted(&came), 2);
    // What happens next is not counted, and what comes then is.
    let next = [came, vec![log(1, BOOM)]].concat();
    assert_eq!(counted(&next), 2);
    let then = [next, vec![log(1, BOOM)]].concat();
    assert_eq!(counted(&then), 3);
}

#[test]
fn spans_that_contain_each_other_end() {
    let came = [event(1, Some(2), &[BOOM]), event(2, Some(1), &[BOOM])];
    assert!(counted(&came) >= 1);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut occurrences = Occurrences::default();
    for n in 0..=Occurrences::MOST as u64 {
        let mut one = told(1, LOG, BOOM);
        let span = SpanId::from_bytes((n + 1).to_be_bytes()).unwrap();
        one.place = one.place.map(|(trace, _)| (trace, span));
        assert!(occurrences.is_new(&one));
    }
    let left = (occurrences.spans.len(), occurrences.order.len());
    assert_eq!(left, (Occurrences::MOST, Occurrences::MOST));
}
