//! The last events of a world, and its time for log lines.
//!
//! Holds: [`Moment`], the compact record of one event; the ring of the last of them; virtual time as a
//! thread-local that a log formatter reads. Deliberately absent: messages and probes themselves (a ring of
//! those would allocate at each event). Whoever wants them replays the run and looks at each event.

use std::cell::Cell;
use std::fmt;

use squall_core::ids::NodeId;
use squall_core::time::Time;

/// Why a message arrived nowhere although it was on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dropped {
    /// The link was cut when it should have arrived.
    Cut,
    /// The receiver was down.
    Down,
}

/// What an event was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The world has just been made.
    Created,
    /// The node booted.
    Started,
    /// It took a message.
    Delivered {
        /// Its sender.
        from: NodeId,
    },
    /// A message for it was lost on arrival.
    Dropped {
        /// Its sender.
        from: NodeId,
        /// Why.
        why: Dropped,
    },
    /// One of its timers ran out.
    Expired,
    /// One of its syncs ended.
    Synced,
    /// Its process died; the disk's cache was kept.
    Crashed,
    /// Its process died and the disk lost what was not synced.
    PowerLost,
    /// Its process died and its disk is empty.
    Wiped,
    /// It takes no inputs until it is resumed.
    Paused,
    /// It takes inputs again.
    Resumed,
    /// Its messages reach the other no more.
    Cut {
        /// The other.
        to: NodeId,
    },
    /// Its messages reach the other again.
    Mended {
        /// The other.
        to: NodeId,
    },
    /// Its link to the other behaves differently from now on.
    Weather {
        /// The other.
        to: NodeId,
    },
    /// Its clock was set, or runs at another rate.
    ClockSet,
    /// Its disk behaves differently from now on.
    DiskSet,
    /// A message that it sent is lost, late or doubled.
    Interfered {
        /// Whom the message is for.
        to: NodeId,
    },
    /// Something on its disk is not what was written.
    DiskHarmed,
}

impl Kind {
    /// Its name, without whom else it concerned.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Started => "Started",
            Self::Delivered { .. } => "Delivered",
            Self::Dropped { .. } => "Dropped",
            Self::Expired => "Expired",
            Self::Synced => "Synced",
            Self::Crashed => "Crashed",
            Self::PowerLost => "PowerLost",
            Self::Wiped => "Wiped",
            Self::Paused => "Paused",
            Self::Resumed => "Resumed",
            Self::Cut { .. } => "Cut",
            Self::Mended { .. } => "Mended",
            Self::Weather { .. } => "Weather",
            Self::ClockSet => "ClockSet",
            Self::DiskSet => "DiskSet",
            Self::DiskHarmed => "DiskHarmed",
            Self::Interfered { .. } => "Interfered",
        }
    }

    /// The kind as two words of the fingerprint.
    #[inline]
    pub(crate) fn words(self) -> (u64, u64) {
        let node = |node: NodeId| u64::from(node.0);
        match self {
            Self::Created => (0, 0),
            Self::Started => (1, 0),
            Self::Delivered { from } => (2, node(from)),
            Self::Dropped { from, why: Dropped::Cut } => (3, node(from)),
            Self::Dropped { from, why: Dropped::Down } => (4, node(from)),
            Self::Expired => (5, 0),
            Self::Synced => (6, 0),
            Self::Crashed => (7, 0),
            Self::PowerLost => (8, 0),
            Self::Wiped => (9, 0),
            Self::Paused => (10, 0),
            Self::Resumed => (11, 0),
            Self::Cut { to } => (12, node(to)),
            Self::Mended { to } => (13, node(to)),
            Self::Weather { to } => (14, node(to)),
            Self::ClockSet => (15, 0),
            Self::DiskSet => (16, 0),
            Self::Interfered { to } => (40, node(to)),
            Self::DiskHarmed => (17, 0),
        }
    }
}

/// One event, in brief.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Moment {
    /// The world's time.
    pub at: Time,
    /// Which event of the run it was, from 1.
    pub number: u64,
    /// A short form of the fingerprint after it: where two runs' differ first, they part.
    pub digest: u64,
    /// Whom it happened to; [`NodeId::OPERATOR`] if to the world as a whole.
    pub node: NodeId,
    /// What it was.
    pub kind: Kind,
}

impl Moment {
    /// Before the first event.
    pub(crate) const CREATED: Self =
        Self { at: Time::ZERO, number: 0, digest: 0, node: NodeId::OPERATOR, kind: Kind::Created };
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} ", self.number, self.at)?;
        match self.node {
            NodeId::OPERATOR => f.write_str("world")?,
            node => write!(f, "node {node}")?,
        }
        write!(f, " {:?}", self.kind)
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} [{:016x}]", self.digest)
    }
}

/// The last events, the oldest overwritten first.
#[derive(Debug, Clone)]
pub(crate) struct Ring {
    /// Grows to its capacity first: a short run touches no more memory than it has events.
    moments: Vec<Moment>,
    /// A power of two less one.
    mask: usize,
    /// How many there were in all.
    pushed: usize,
}

impl Ring {
    /// A ring for at least `capacity` events, in `buffer`'s memory.
    pub(crate) fn new(capacity: usize, mut buffer: Vec<Moment>) -> Self {
        buffer.clear();
        Self { moments: buffer, mask: capacity.max(1).next_power_of_two() - 1, pushed: 0 }
    }

    #[inline]
    pub(crate) fn push(&mut self, moment: Moment) {
        match self.moments.get_mut(self.pushed & self.mask) {
            Some(place) => *place = moment,
            None => self.moments.push(moment),
        }
        self.pushed += 1;
    }

    #[inline]
    pub(crate) fn last(&self) -> &Moment {
        self.moments.get(self.pushed.wrapping_sub(1) & self.mask).unwrap_or(&Moment::CREATED)
    }

    /// From the oldest to the newest.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Moment> {
        let oldest = self.pushed - self.moments.len();
        (oldest..self.pushed).map(|number| &self.moments[number & self.mask])
    }

    pub(crate) fn into_buffer(self) -> Vec<Moment> {
        self.moments
    }
}

thread_local! {
    static VIRTUAL_NOW: Cell<u64> = const { Cell::new(0) };
}

/// The time of the world that this thread last advanced, for log formatters. Nothing decides by it.
pub fn virtual_now() -> Time {
    Time(VIRTUAL_NOW.get())
}

#[inline]
pub(crate) fn set_virtual_now(now: Time) {
    VIRTUAL_NOW.set(now.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_last_events_in_order() {
        let mut ring = Ring::new(3, Vec::new());
        assert_eq!(ring.iter().count(), 0);
        assert_eq!(ring.last().kind, Kind::Created);
        for number in 1..=10 {
            ring.push(Moment { number, ..Moment::CREATED });
        }
        let kept: Vec<u64> = ring.iter().map(|moment| moment.number).collect();
        assert_eq!(kept, [7, 8, 9, 10]);
        assert_eq!(ring.last().number, 10);
    }
}
