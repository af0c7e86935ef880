use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

/// A request whose moment has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shot {
    pub(super) number: u64,
    pub(super) target: usize,
    pub(super) moment: Duration,
    pub(super) taken_up: Instant,
    /// How often a connection ended before it was sent.
    pub(super) tries: u8,
}

/// The connections to one host and what waits for them. Whatever is due goes to the connection that
/// was used last, so that no more are opened than are needed at once.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) host: usize,
    /// The most connections.
    most: usize,
    waiting: RefCell<VecDeque<Shot>>,
    idle: RefCell<Vec<Rc<Seat>>>,
    /// Connections that are open or being opened.
    open: Cell<usize>,
    /// Those of them that are not open yet.
    pub(super) opening: Cell<usize>,
}

/// Where an idle connection gets its next request.
#[derive(Debug, Default)]
pub(super) struct Seat {
    shot: Cell<Option<Shot>>,
    waker: RefCell<Option<Waker>>,
}

impl Pool {
    pub(super) fn new(host: usize, most: usize) -> Self {
        Self {
            host,
            most,
            waiting: RefCell::default(),
            idle: RefCell::default(),
            open: Cell::new(0),
            opening: Cell::new(0),
        }
    }

    /// Gives a request to an idle connection or lets it wait. True if another connection should be
    /// opened, which then counts as such.
    pub(super) fn offer(&self, shot: Shot) -> bool {
        if let Some(seat) = self.idle.borrow_mut().pop() {
            seat.shot.set(Some(shot));
            if let Some(waker) = seat.waker.borrow_mut().take() {
                waker.wake();
            }
            return false;
        }
        let mut waiting = self.waiting.borrow_mut();
        waiting.push_back(shot);
        let opens = self.open.get() < self.most && self.opening.get() < waiting.len();
        if opens {
            self.open.update(|open| open + 1);
            self.opening.update(|opening| opening + 1);
        }
        opens
    }

    /// Back to the head: it was due before the others.
    pub(super) fn put_back(&self, shot: Shot) {
        self.waiting.borrow_mut().push_front(shot);
    }

    /// The request that waits longest.
    pub(super) fn take(&self) -> Option<Shot> {
        self.waiting.borrow_mut().pop_front()
    }

    /// The next request for this seat, now or later.
    pub(super) async fn next(&self, seat: &Rc<Seat>) -> Shot {
        if let Some(shot) = self.take() {
            return shot;
        }
        self.idle.borrow_mut().push(Rc::clone(seat));
        poll_fn(|cx| {
            let shot = seat.shot.take();
            if shot.is_none() {
                seat.waker.replace(Some(cx.waker().clone()));
            }
            shot.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// This seat's connection ended while it was idle. What was given to it meanwhile waits again.
    pub(super) fn leave(&self, seat: &Rc<Seat>) {
        self.idle
            .borrow_mut()
            .retain(|other| !Rc::ptr_eq(other, seat));
        if let Some(shot) = seat.shot.take() {
            self.put_back(shot);
        }
    }

    /// Whether a connection that has ended is to be opened again; if not, it counts no more.
    pub(super) fn reopens(&self) -> bool {
        let reopens = self.opening.get() < self.waiting.borrow().len();
        if reopens {
            self.opening.update(|opening| opening + 1);
        } else {
            self.open.update(|open| open - 1);
        }
        reopens
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    fn shot(number: u64) -> Shot {
        Shot {
            number,
            target: 0,
            moment: Duration::ZERO,
            taken_up: Instant::now(),
            tries: 0,
        }
    }

    #[tokio::test]
    async fn requests_wait_in_their_order_and_connections_are_bounded() {
        let pool = Pool::new(0, 2);
        let opened: Vec<bool> = (0..4).map(|number| pool.offer(shot(number))).collect();
        assert_eq!(opened, [true, true, false, false]);
        let seat = Rc::new(Seat::default());
        assert_eq!(pool.next(&seat).await.number, 0);
        pool.put_back(shot(0));
        for number in 0..4 {
            assert_eq!(pool.next(&seat).await.number, number);
        }
    }

    #[tokio::test]
    async fn an_idle_connection_gets_the_next_and_gives_it_back_if_it_ends() {
        let pool = Pool::new(0, 2);
        let seat = Rc::new(Seat::default());
        let mut next = Box::pin(pool.next(&seat));
        assert!(poll!(&mut next).is_pending());
        assert!(!pool.offer(shot(5)), "the idle one takes it");
        drop(next);
        pool.leave(&seat);
        assert_eq!(pool.take().map(|shot| shot.number), Some(5));
        assert!(pool.offer(shot(6)), "the seat is left");
    }
}
