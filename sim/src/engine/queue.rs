//! What is still to happen, by time and running number.
//!
//! A four-ary heap of 16-byte keys: 64 bits of time, 40 of the running number, 24 that say where the rest
//! of the event lies. The payloads stay where they are while keys move.

use squall_core::time::Time;

/// Bits of a key that name a place; two of them say in which table.
const PLACE_BITS: u32 = 22;
const SLOT_BITS: u32 = PLACE_BITS + 2;
const NUMBER_BITS: u32 = 64 - SLOT_BITS;

/// A table has at most so many places.
pub(super) const MOST_PLACES: u32 = 1 << PLACE_BITS;

/// Where the rest of an event lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ticket {
    /// In the table of messages.
    Message(u32),
    /// In the table of timers.
    Timer(u32),
    /// In the table of syncs.
    Sync(u32),
    /// The node takes the first input of its backlog.
    Wake(u32),
}

/// One event: when, in which order, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u128);

impl Key {
    #[inline]
    fn new(time: Time, number: u64, ticket: Ticket) -> Self {
        let (table, place) = match ticket {
            Ticket::Message(place) => (0, place),
            Ticket::Timer(place) => (1, place),
            Ticket::Sync(place) => (2, place),
            Ticket::Wake(node) => (3, node),
        };
        let slot = table << PLACE_BITS | place;
        Self(u128::from(time.0) << 64 | u128::from(number << SLOT_BITS | u64::from(slot)))
    }

    #[inline]
    pub(super) fn time(self) -> Time {
        Time((self.0 >> 64) as u64)
    }

    /// The running number; never 0.
    #[inline]
    pub(super) fn number(self) -> u64 {
        (self.0 as u64) >> SLOT_BITS
    }

    #[inline]
    pub(super) fn ticket(self) -> Ticket {
        let place = self.0 as u32 & (MOST_PLACES - 1);
        match (self.0 as u32 >> PLACE_BITS) & 3 {
            0 => Ticket::Message(place),
            1 => Ticket::Timer(place),
            2 => Ticket::Sync(place),
            _ => Ticket::Wake(place),
        }
    }
}

/// The events to come.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    heap: Vec<Key>,
    /// The top was taken and nothing put in its place yet. Most events cause another one, which can then
    /// sink from the top: one walk through the heap instead of two.
    hole: bool,
    last_number: u64,
}

impl Queue {
    pub(super) fn new(mut buffer: Vec<Key>) -> Self {
        buffer.clear();
        Self { heap: buffer, hole: false, last_number: 0 }
    }

    pub(super) fn into_buffer(self) -> Vec<Key> {
        self.heap
    }

    /// A new event; answers its running number.
    #[inline]
    pub(super) fn push(&mut self, time: Time, ticket: Ticket) -> u64 {
        self.last_number += 1;
        assert!(self.last_number < 1 << NUMBER_BITS, "a run has fewer than 2⁴⁰ events");
        self.push_key(Key::new(time, self.last_number, ticket));
        self.last_number
    }

    /// An event that was taken comes back unchanged.
    #[inline]
    pub(super) fn push_key(&mut self, key: Key) {
        if self.hole {
            self.hole = false;
            self.sink(key);
        } else {
            self.heap.push(key);
            self.rise(self.heap.len() - 1, key);
        }
    }

    /// Closes the hole that [`Queue::pop`] left, and answers the next event.
    #[inline]
    pub(super) fn settle(&mut self) -> Option<Key> {
        if self.hole {
            self.hole = false;
            if let Some(last) = self.heap.pop()
                && !self.heap.is_empty()
            {
                self.sink(last);
            }
        }
        self.heap.first().copied()
    }

    /// The next event, once the queue is settled.
    #[inline]
    pub(super) fn next(&self) -> Option<Key> {
        debug_assert!(!self.hole, "the queue is settled between events");
        self.heap.first().copied()
    }

    /// Takes the next event off; the queue must be settled.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Key> {
        let key = self.next()?;
        self.hole = true;
        Some(key)
    }

    #[inline]
    fn rise(&mut self, mut place: usize, key: Key) {
        while place > 0 {
            let parent = (place - 1) / 4;
            if self.heap[parent] <= key {
                break;
            }
            self.heap[place] = self.heap[parent];
            place = parent;
        }
        self.heap[place] = key;
    }

    /// Puts `key` at the top and lets it sink.
    #[inline]
    fn sink(&mut self, key: Key) {
        let mut place = 0;
        loop {
            let first = 4 * place + 1;
            let Some((child, least)) = self.least_child(first) else { break };
            if key <= least {
                break;
            }
            self.heap[place] = least;
            place = child;
        }
        self.heap[place] = key;
    }

    #[inline]
    fn least_child(&self, first: usize) -> Option<(usize, Key)> {
        if let Some(&[a, b, c, d]) = self.heap.get(first..first + 4) {
            let (left, lesser) = if b < a { (1, b) } else { (0, a) };
            let (right, other) = if d < c { (3, d) } else { (2, c) };
            return Some(if other < lesser { (first + right, other) } else { (first + left, lesser) });
        }
        let rest = self.heap.get(first..)?;
        rest.iter().enumerate().map(|(n, &key)| (first + n, key)).min_by_key(|&(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_gives_back_what_was_put_in() {
        for ticket in [Ticket::Message(0), Ticket::Timer(MOST_PLACES - 1), Ticket::Sync(5), Ticket::Wake(7)] {
            let key = Key::new(Time(u64::MAX), (1 << NUMBER_BITS) - 1, ticket);
            assert_eq!(
                (key.time(), key.number(), key.ticket()),
                (Time(u64::MAX), (1 << NUMBER_BITS) - 1, ticket)
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn events_come_by_time_and_among_equals_in_the_order_they_were_made(
            steps in prop::collection::vec(prop::option::weighted(0.6, 0u64..20), 0..200)
        ) {
            let mut queue = Queue::default();
            let mut model: std::collections::BTreeSet<(u64, u64)> = Default::default();
            for step in steps {
                match step {
                    Some(time) => {
                        let number = queue.push(Time(time), Ticket::Message(0));
                        model.insert((time, number));
                    }
                    None => {
                        queue.settle();
                        let popped = queue.pop().map(|key| (key.time().0, key.number()));
                        prop_assert_eq!(popped, model.pop_first());
                    }
                }
            }
            while let Some(expected) = model.pop_first() {
                queue.settle();
                prop_assert_eq!(queue.pop().map(|key| (key.time().0, key.number())), Some(expected));
            }
            prop_assert_eq!(queue.settle(), None);
        }
    }
}
