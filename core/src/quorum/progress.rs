//! What a leader knows of one follower, after etcd's `tracker.Progress`.
//!
//! Holds: what is known equal, what is sent next, and how freely.
//! Changed only by `append` and `install`, through the methods here.
//! Deliberately absent: the log, the network, the clock.

use std::collections::VecDeque;

use crate::ids::{NodeId, Offset};

/// Appends that may be under way to one follower at a time.
const IN_FLIGHT_MAX: usize = 8;

/// Heartbeats that pass before an unanswered snapshot is sent again.
const INSTALL_PATIENCE: u8 = 4;

/// What a leader knows of one follower.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    /// Who.
    pub(super) node: NodeId,
    /// Its log equals the leader's up to here, durably.
    matched: Offset,
    /// What to send next; beyond `matched` it is a guess.
    next: Offset,
    pace: Pace,
    /// It was heard in this epoch since the leader last asked (check-quorum).
    pub(super) heard: bool,
}

/// How freely entries are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pace {
    /// `next` is a guess: one append at a time until a reply confirms it.
    Probe {
        /// One past the last entry of the one that is under way.
        sent: Option<Offset>,
    },
    /// `next` was confirmed: appends follow each other. Holds the ends of those under way, ascending.
    Replicate {
        /// One past each append's last entry.
        in_flight: VecDeque<Offset>,
    },
    /// A snapshot is under way; no entries until it has arrived.
    Install {
        /// One past its last entry.
        end: Offset,
        /// Heartbeats since it was sent.
        waited: u8,
    },
}

impl Progress {
    /// A follower of which nothing is known; the first guess is that it has everything before `next`.
    pub(super) const fn new(node: NodeId, next: Offset) -> Self {
        Self { node, matched: Offset::ZERO, next, pace: Pace::Probe { sent: None }, heard: false }
    }

    /// Its log equals the leader's up to here, durably.
    pub(super) const fn matched(&self) -> Offset {
        self.matched
    }

    /// What to send next.
    pub(super) const fn next(&self) -> Offset {
        self.next
    }

    /// Whether entries may be sent now, if there are any.
    pub(super) fn may_send(&self) -> bool {
        match &self.pace {
            Pace::Probe { sent } => sent.is_none(),
            Pace::Replicate { in_flight } => in_flight.len() < IN_FLIGHT_MAX,
            Pace::Install { .. } => false,
        }
    }

    /// Entries up to `end` went out.
    pub(super) fn on_sent(&mut self, end: Offset) {
        match &mut self.pace {
            Pace::Probe { sent } => *sent = Some(end),
            Pace::Replicate { in_flight } => {
                in_flight.push_back(end);
                self.next = end;
            }
            Pace::Install { .. } => {}
        }
    }

    /// A sign of life went out, and asks whether `next` is right.
    pub(super) fn on_asked(&mut self) {
        if let Pace::Probe { sent } = &mut self.pace {
            *sent = Some(self.next);
        }
    }

    /// It needs a snapshot that ends at `end`, which goes out now.
    pub(super) fn on_install_sent(&mut self, end: Offset) {
        self.pace = Pace::Install { end, waited: 0 };
        self.next = end;
    }

    /// A heartbeat goes out, and asks again whether `next` is right. Answers whether a lost snapshot should
    /// be sent again.
    pub(super) fn on_heartbeat(&mut self) -> bool {
        match &mut self.pace {
            Pace::Probe { sent } => {
                *sent = None;
                false
            }
            Pace::Replicate { .. } => false,
            Pace::Install { waited, .. } => {
                *waited += 1;
                *waited >= INSTALL_PATIENCE
            }
        }
    }

    /// It holds everything before `end`. A reply that is late or doubled changes nothing that matters.
    /// Answers whether `matched` rose.
    pub(super) fn on_matched(&mut self, end: Offset) -> bool {
        let rose = end > self.matched;
        self.matched = self.matched.max(end);
        match &mut self.pace {
            Pace::Probe { sent } => {
                let mut in_flight = VecDeque::new();
                // Whoever has what comes before the probe has taken the probe, durable or not.
                if let Some(sent) = sent.filter(|sent| end >= self.next && *sent > end) {
                    in_flight.push_back(sent);
                    self.next = sent;
                }
                self.pace = Pace::Replicate { in_flight };
            }
            Pace::Replicate { in_flight } => {
                while in_flight.front().is_some_and(|sent| *sent <= end) {
                    in_flight.pop_front();
                }
            }
            Pace::Install { end: wanted, .. } if *wanted <= end => {
                self.pace = Pace::Replicate { in_flight: VecDeque::new() };
            }
            Pace::Install { .. } => {}
        }
        self.next = self.next.max(self.matched);
        rose
    }

    /// It does not have the entry before `base`; `guess` is where its log may still equal the leader's.
    /// Answers whether that was news.
    pub(super) fn on_conflict(&mut self, base: Offset, guess: Offset) -> bool {
        let news = match &self.pace {
            Pace::Probe { .. } => base == self.next,
            Pace::Replicate { .. } => true,
            Pace::Install { .. } => false,
        };
        // Below `matched` the follower has confirmed every entry: a late answer.
        if !news || base < self.matched {
            return false;
        }
        // At `matched` itself it takes back what it confirmed: its disk lost it. Nothing committed hangs on
        // this number any more, and without lowering it the two would never agree again.
        if base == self.matched {
            self.matched = self.matched.min(guess);
        }
        self.next = guess.max(self.matched);
        self.pace = Pace::Probe { sent: None };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replicating(next: u64) -> Progress {
        let mut progress = Progress::new(NodeId(2), Offset(next));
        assert!(progress.on_matched(Offset(next)));
        progress
    }

    #[test]
    fn a_probe_is_one_append_at_a_time() {
        let mut progress = Progress::new(NodeId(2), Offset(10));
        assert!(progress.may_send());
        progress.on_sent(Offset(12));
        assert!(!progress.may_send());
        assert_eq!(progress.next(), Offset(10), "a probe may be lost, so it moves nothing");
        assert!(!progress.on_heartbeat());
        assert!(progress.may_send(), "the heartbeat stands in for a lost probe");
    }

    #[test]
    fn a_probe_is_not_sent_twice_because_its_entries_are_not_durable_yet() {
        let mut progress = Progress::new(NodeId(2), Offset(10));
        progress.on_sent(Offset(12));
        assert!(progress.on_matched(Offset(10)));
        assert_eq!(progress.next(), Offset(12));
    }

    #[test]
    fn appends_under_way_are_bounded_and_freed_by_any_later_reply() {
        let mut progress = replicating(10);
        for end in 11..11 + IN_FLIGHT_MAX as u64 {
            assert!(progress.may_send());
            progress.on_sent(Offset(end));
        }
        assert!(!progress.may_send());
        // Replies to the first two were lost; the third speaks for them.
        assert!(progress.on_matched(Offset(13)));
        assert!(progress.may_send());
    }

    #[test]
    fn a_late_conflict_moves_nothing() {
        let mut progress = replicating(10);
        assert!(!progress.on_conflict(Offset(9), Offset(3)));
        assert_eq!((progress.matched(), progress.next()), (Offset(10), Offset(10)));
        let mut probing = Progress::new(NodeId(2), Offset(10));
        assert!(probing.on_conflict(Offset(10), Offset(6)));
        assert!(!probing.on_conflict(Offset(10), Offset(2)), "the same answer, doubled");
        assert_eq!(probing.next(), Offset(6));
    }

    #[test]
    fn a_lost_append_falls_back_to_what_is_matched() {
        let mut progress = replicating(10);
        progress.on_sent(Offset(12));
        progress.on_sent(Offset(14));
        assert!(progress.on_conflict(Offset(12), Offset(10)));
        assert_eq!(progress.next(), Offset(10));
    }

    #[test]
    fn a_snapshot_that_is_lost_is_sent_again_after_a_while() {
        let mut progress = Progress::new(NodeId(2), Offset(10));
        progress.on_install_sent(Offset(20));
        assert!(!progress.may_send());
        let resent = (0..INSTALL_PATIENCE).filter(|_| progress.on_heartbeat()).count();
        assert_eq!(resent, 1);
        assert!(progress.on_matched(Offset(20)));
        assert!(progress.may_send());
        assert_eq!(progress.next(), Offset(20));
    }
}
