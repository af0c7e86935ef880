use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::consumer::Class;
use super::policy::Room;

/// How long a request waits at most for its turn.
const PATIENCE: Duration = Duration::from_secs(9);

/// A room of its own for each class of consumers: however many of one class come, those of another
/// find their room as it was.
#[derive(Debug)]
pub(crate) struct Bulkheads {
    rooms: [Bulkhead; Class::ALL.len()],
}

#[derive(Debug)]
struct Bulkhead {
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
}

/// The room is full, or no turn came in time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl Bulkheads {
    pub(crate) fn new(rooms: [Room; Class::ALL.len()]) -> Self {
        let rooms = rooms.map(|room| Bulkhead {
            turns: Arc::new(Semaphore::new(room.in_flight)),
            waiting: Arc::default(),
            most_waiting: room.waiting,
        });
        Self { rooms }
    }

    /// Waits for a turn, in the order in which requests of the class came.
    pub(crate) async fn enter(&self, class: Class) -> Result<OwnedSemaphorePermit, NoRoom> {
        let room = &self.rooms[class as usize];
        if let Ok(turn) = Arc::clone(&room.turns).try_acquire_owned() {
            return Ok(turn);
        }
        let _counted = Counted::within(&room.waiting, room.most_waiting).ok_or(NoRoom)?;
        let turn = Arc::clone(&room.turns).acquire_owned();
        let turn = tokio::time::timeout(PATIENCE, turn).await;
        turn.map_err(|_| NoRoom)?.map_err(|_| NoRoom)
    }
}

/// One of a bounded number, until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    /// None if there are as many as may be.
    pub(crate) fn within(count: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let counted = count.fetch_add(1, Ordering::Relaxed);
        let one = Self(Arc::clone(count));
        (counted < most).then_some(one)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulkheads(in_flight: usize, waiting: usize) -> Bulkheads {
        Bulkheads::new([Room { in_flight, waiting }; 3])
    }

    #[tokio::test]
    async fn a_full_room_takes_nothing_from_another() {
        let bulkheads = bulkheads(1, 0);
        let _turn = bulkheads.enter(Class::Anonymous).await.unwrap();
        assert_eq!(bulkheads.enter(Class::Anonymous).await.unwrap_err(), NoRoom);
        assert!(bulkheads.enter(Class::Partner).await.is_ok());
    }

    #[tokio::test]
    async fn who_waits_has_a_turn_when_one_is_free() {
        let bulkheads = Arc::new(bulkheads(1, 1));
        let turn = bulkheads.enter(Class::Partner).await.unwrap();
        let mut waiting = Box::pin(bulkheads.enter(Class::Partner));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert_eq!(bulkheads.enter(Class::Partner).await.unwrap_err(), NoRoom);
        drop(turn);
        assert!(waiting.await.is_ok());
    }

    #[test]
    fn what_is_counted_is_given_back() {
        let count = Arc::default();
        let one = Counted::within(&count, 1).unwrap();
        assert!(Counted::within(&count, 1).is_none());
        drop(one);
        assert!(Counted::within(&count, 1).is_some());
    }
}
