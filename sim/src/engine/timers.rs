//! Timers: by name within a node, by place within the queue.
//!
//! A timer has at most one live key in the queue. Pushing its deadline back leaves that key where it is; it
//! comes up early and is then put at the new deadline. So a timer that is set anew at every message costs a
//! store, not a walk through the heap. Cancelled timers wait for their key in the same way, and one that ran out
//! keeps its name and its cell: it is mostly set again by whoever takes it.

use squall_core::ids::NodeId;
use squall_core::time::Time;

use super::queue::{Key, Queue, Ticket};
use super::slab::Slab;

/// So many timers of a node may be known and not set, beyond half of all.
const MOST_IDLE: usize = 16;

/// One timer of some node.
#[derive(Debug, Clone)]
pub(super) struct Cell<T> {
    pub(super) node: NodeId,
    pub(super) timer: T,
    /// When it runs out, in the world's time; `None` once cancelled.
    deadline: Option<Time>,
    /// The number of its live key. A key of another number is stale.
    number: u64,
    /// The time of that key; never, while there is none.
    due: Time,
}

/// Later than any key.
const NO_KEY: Time = Time(u64::MAX);

/// What a timer's key, come up at its time, turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Up {
    /// The timer was set anew, is gone, or belongs to an earlier life.
    Stale,
    /// It was cancelled.
    Cancelled,
    /// It was pushed back to then.
    Later(Time),
    /// It runs out now.
    Now(NodeId),
}

/// The timers of one node, by name.
#[derive(Debug, Clone)]
pub(super) struct Timers<T> {
    /// Sorted by name; the place is that in the table of cells.
    names: Vec<(T, u32)>,
    /// How many of them are not set.
    idle: usize,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { names: Vec::new(), idle: 0 }
    }
}

impl<T: Copy + Ord> Timers<T> {
    /// `timer` of `node` runs out at `deadline` and at no other time.
    pub(super) fn set(
        &mut self,
        node: NodeId,
        timer: T,
        deadline: Time,
        cells: &mut Slab<Cell<T>>,
        queue: &mut Queue,
    ) {
        match self.names.binary_search_by(|(name, _)| name.cmp(&timer)) {
            Ok(at) => {
                let place = self.names[at].1;
                let cell = cells.get_mut(place).expect("a named timer has a cell");
                self.idle -= usize::from(cell.deadline.is_none());
                cell.deadline = Some(deadline);
                if deadline < cell.due {
                    cell.number = queue.push(deadline, Ticket::Timer(place));
                    cell.due = deadline;
                }
            }
            Err(at) => {
                let cell = Cell { node, timer, deadline: Some(deadline), number: 0, due: deadline };
                let place = cells.insert(cell);
                let number = queue.push(deadline, Ticket::Timer(place));
                cells.get_mut(place).expect("it was just put there").number = number;
                self.names.insert(at, (timer, place));
            }
        }
    }

    /// `timer` does not run out.
    pub(super) fn cancel(&mut self, timer: T, cells: &mut Slab<Cell<T>>) {
        if let Ok(at) = self.names.binary_search_by(|(name, _)| name.cmp(&timer)) {
            let cell = cells.get_mut(self.names[at].1).expect("a named timer has a cell");
            let was_set = cell.deadline.take().is_some();
            self.note_idle(was_set, cells);
        }
    }

    /// The key of the timer at `place` came up, and it ran out or was cancelled before.
    pub(super) fn rest(&mut self, place: u32, cells: &mut Slab<Cell<T>>) {
        let cell = cells.get_mut(place).expect("a timer's cell stays as long as its key");
        cell.due = NO_KEY;
        let was_set = cell.deadline.take().is_some();
        self.note_idle(was_set, cells);
    }

    #[inline]
    fn note_idle(&mut self, was_set: bool, cells: &mut Slab<Cell<T>>) {
        self.idle += usize::from(was_set);
        if self.idle > MOST_IDLE + self.names.len() / 2 {
            self.forget_idle(cells);
        }
    }

    /// The node's life is over, and its timers with it.
    pub(super) fn clear(&mut self, cells: &mut Slab<Cell<T>>) {
        for (_, place) in self.names.drain(..) {
            cells.remove(place);
        }
        self.idle = 0;
    }

    /// Names that are never set again would pile up: timers named after requests.
    #[cold]
    fn forget_idle(&mut self, cells: &mut Slab<Cell<T>>) {
        self.names.retain(|&(_, place)| {
            let set = cells.get(place).is_some_and(|cell| cell.deadline.is_some());
            if !set {
                cells.remove(place);
            }
            set
        });
        self.idle = 0;
    }
}

/// What `key`, come up, means for the timer at `place`.
#[inline]
pub(super) fn look<T>(cells: &Slab<Cell<T>>, key: Key, place: u32) -> Up {
    match cells.get(place) {
        Some(cell) if cell.number == key.number() => match cell.deadline {
            None => Up::Cancelled,
            Some(deadline) if deadline > key.time() => Up::Later(deadline),
            Some(_) => Up::Now(cell.node),
        },
        Some(_) | None => Up::Stale,
    }
}

/// Puts the timer at `place` into the queue at its later deadline.
pub(super) fn put_later<T>(cells: &mut Slab<Cell<T>>, queue: &mut Queue, place: u32, deadline: Time) {
    if let Some(cell) = cells.get_mut(place) {
        cell.number = queue.push(deadline, Ticket::Timer(place));
        cell.due = deadline;
    }
}
