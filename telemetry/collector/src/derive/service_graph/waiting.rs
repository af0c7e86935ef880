use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use watchfire_schemas::{SpanId, TraceId};

use super::super::durations::ExemplarOf;

/// Halves of calls that wait for the other one, by the client's span.
///
/// A request's half waits for half a minute, since the exporters of two processes send some seconds
/// apart; a message's for ten minutes, since that may lie in a queue. So many of each wait and no
/// more: the earliest is forgotten first, and counted.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    halves: FxHashMap<Key, Halves>,
    requests: VecDeque<(i64, Key)>,
    messages: VecDeque<(i64, Key)>,
    forgotten: u64,
}

/// A client's span.
type Key = (TraceId, SpanId);

/// The client's side of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking {
    pub(super) service: u32,
    /// Whom it says that it called.
    pub(super) peer: Option<u32>,
    pub(super) at: i64,
    /// When it was received, as time goes by here.
    pub(super) came_at: i64,
    pub(super) failed: bool,
    pub(super) is_message: bool,
    pub(super) seconds: f64,
    pub(super) span: ExemplarOf,
}

/// The server's side of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) service: u32,
    pub(super) at: i64,
    pub(super) failed: bool,
    pub(super) is_message: bool,
    /// Whether what it waits for must be a client: a consumer may have links and a parent, of which
    /// one is the producer.
    pub(super) is_sure: bool,
    pub(super) seconds: f64,
    pub(super) span: ExemplarOf,
}

#[derive(Debug, Default)]
struct Halves {
    asking: Option<Asking>,
    /// Those that came before the client.
    answers: Vec<Answer>,
    is_paired: bool,
    /// The services that took the message.
    takers: Vec<u32>,
}

/// What nobody answered, or asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expired {
    Asking(Asking),
    /// So many that must have had a client.
    Answers(u64),
}

impl Waiting {
    pub(super) const REQUEST_MS: i64 = 30_000;
    pub(super) const MESSAGE_MS: i64 = 600_000;
    /// Calls that wait, and as many messages.
    pub(super) const MOST: usize = 65_536;
    /// Servers that wait for one client.
    const MOST_ANSWERS: usize = 64;

    /// A client's span. Gives the answers to it that were there before.
    pub(super) fn ask(&mut self, key: Key, asking: Asking, now: i64) -> Vec<Answer> {
        let halves = self.halves(key, asking.is_message, now);
        if halves.asking.is_some() {
            // Sent once more.
            return Vec::new();
        }
        halves.asking = Some(asking);
        let mut answers = std::mem::take(&mut halves.answers);
        answers.retain(|answer| halves.takes(answer));
        answers
    }

    /// A server's span. Gives the client's side if it is there; else this one waits.
    pub(super) fn answer(&mut self, key: Key, answer: Answer, now: i64) -> Option<Asking> {
        let halves = self.halves(key, answer.is_message, now);
        if let Some(asking) = halves.asking {
            return halves.takes(&answer).then_some(asking);
        }
        if halves.answers.len() < Self::MOST_ANSWERS {
            halves.answers.push(answer);
        } else {
            self.forgotten += 1;
        }
        None
    }

    /// Those whose time is over.
    pub(super) fn expire(&mut self, now: i64) -> Vec<Expired> {
        let mut expired = Vec::new();
        for (queue, patience) in [
            (&mut self.requests, Self::REQUEST_MS),
            (&mut self.messages, Self::MESSAGE_MS),
        ] {
            while let Some((_, key)) = queue.pop_front_if(|(came, _)| *came + patience <= now) {
                let halves = self.halves.remove(&key);
                expired.extend(halves.and_then(Halves::expired));
            }
        }
        expired
    }

    /// How many were forgotten before their time since this was last asked.
    pub(super) fn take_forgotten(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.halves.len()
    }

    fn halves(&mut self, key: Key, is_message: bool, now: i64) -> &mut Halves {
        if !self.halves.contains_key(&key) {
            let queue = if is_message {
                &mut self.messages
            } else {
                &mut self.requests
            };
            if queue.len() >= Self::MOST
                && let Some((_, oldest)) = queue.pop_front()
                && let Some(halves) = self.halves.remove(&oldest)
            {
                self.forgotten += u64::from(!halves.is_paired);
            }
            queue.push_back((now, key));
        }
        self.halves.entry(key).or_default()
    }
}

impl Halves {
    /// Notes an answer to the client. A message counts once for each service that takes it: the span
    /// that fetched it and the one that worked on it may both tell of it.
    fn takes(&mut self, answer: &Answer) -> bool {
        self.is_paired = true;
        if !answer.is_message {
            return true;
        }
        let is_new = !self.takers.contains(&answer.service);
        if is_new {
            self.takers.push(answer.service);
        }
        is_new
    }

    fn expired(self) -> Option<Expired> {
        if let Some(asking) = self.asking {
            return (!self.is_paired).then_some(Expired::Asking(asking));
        }
        let sure = self.answers.iter().filter(|answer| answer.is_sure).count();
        (sure > 0).then_some(Expired::Answers(sure as u64))
    }
}
