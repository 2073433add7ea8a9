//! Which brokers are alive: when each was heard last, and who is fenced for silence.
//!
//! Soft state of the active controller. It is gone with its reign; the next one gives every unfenced
//! broker a fresh session, so a change of controllers fences nobody by itself.

use super::change::{Wish, change_all};
use super::pending::{Answer, Decision};
use crate::ids::BrokerId;
use crate::metadata::{Image, MetadataRecord};
use crate::time::{Span, Time};

/// When each broker was heard last.
#[derive(Debug, Clone)]
pub(super) struct Sessions {
    timeout: Span,
    /// By broker. A handful: a search beats a tree.
    heard: Vec<(BrokerId, Time)>,
}

impl Sessions {
    pub(super) const fn new(timeout: Span) -> Self {
        Self { timeout, heard: Vec::new() }
    }

    /// `broker` was heard.
    pub(super) fn touch(&mut self, broker: BrokerId, now: Time) {
        match self.heard.binary_search_by_key(&broker, |&(id, _)| id) {
            Ok(index) => self.heard[index].1 = now,
            Err(index) => self.heard.insert(index, (broker, now)),
        }
    }

    /// Whether `broker` was silent for a whole session, or never heard.
    pub(super) fn is_over(&self, broker: BrokerId, now: Time) -> bool {
        match self.heard.binary_search_by_key(&broker, |&(id, _)| id) {
            Ok(index) => now.since(self.heard[index].1) >= self.timeout,
            Err(_) => true,
        }
    }

    /// A fresh session for every broker that is not fenced, and for nobody else.
    pub(super) fn restart(&mut self, image: &Image, now: Time) {
        self.heard.clear();
        let unfenced = image.brokers.iter().filter(|(_, state)| !state.fenced);
        self.heard.extend(unfenced.map(|(&broker, _)| (broker, now)));
    }

    /// Whether a sweep would fence anybody.
    pub(super) fn any_over(&self, image: &Image, now: Time) -> bool {
        image.brokers.iter().any(|(&broker, state)| !state.fenced && self.is_over(broker, now))
    }
}

/// Fences every broker whose session is over, all at once: one by one, each would hand its partitions to
/// the next one that is gone as well.
pub(super) fn decide_sweep(image: &Image, sessions: &Sessions, now: Time) -> Decision {
    let over = |broker: BrokerId| image.is_unfenced(broker) && sessions.is_over(broker, now);
    let gone: Vec<BrokerId> = image.brokers.keys().copied().filter(|&broker| over(broker)).collect();
    if gone.is_empty() {
        return Decision::Nothing;
    }
    let alive = |broker: BrokerId| image.is_unfenced(broker) && !gone.contains(&broker);
    let touched = |broker: &BrokerId| gone.contains(broker);
    let mut records =
        change_all(image, |partition| partition.replicas.iter().any(touched), alive, Wish::default());
    // After the partitions, so that no prefix of the batch has a fenced broker in an ISR.
    records.extend(gone.iter().map(|&broker| {
        let epoch = image.brokers[&broker].epoch;
        MetadataRecord::BrokerFenced { broker, epoch }
    }));
    Decision::Write { records, answer: Answer::Nothing }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{apply, ids, image, only};
    use super::*;

    fn at(millis: u64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn a_session_ends_after_a_whole_time_out_of_silence_and_not_before() {
        let mut sessions = Sessions::new(Span::from_millis(100));
        assert!(sessions.is_over(BrokerId(1), at(0)), "a broker that was never heard");
        sessions.touch(BrokerId(1), at(10));
        assert!(!sessions.is_over(BrokerId(1), at(109)));
        assert!(sessions.is_over(BrokerId(1), at(110)));
        assert!(!sessions.is_over(BrokerId(1), at(0)), "the clock stepped back");
        sessions.touch(BrokerId(1), at(50));
        assert!(!sessions.is_over(BrokerId(1), at(149)));
    }

    #[test]
    fn a_new_reign_fences_nobody_at_once() {
        let image = image(2, &[1, 2, 3], &[1, 2, 3]);
        let mut sessions = Sessions::new(Span::from_millis(100));
        assert!(sessions.any_over(&image, at(500)));
        sessions.restart(&image, at(500));
        assert!(!sessions.any_over(&image, at(599)));
        assert_eq!(decide_sweep(&image, &sessions, at(599)), Decision::Nothing);
        assert!(sessions.any_over(&image, at(600)));
    }

    #[test]
    fn the_silent_are_fenced_together_and_lead_nothing() {
        let mut image = image(2, &[1, 2, 3], &[1, 2, 3]);
        let mut sessions = Sessions::new(Span::from_millis(100));
        sessions.touch(BrokerId(3), at(90));
        apply(&mut image, |image| decide_sweep(image, &sessions, at(100)));
        assert!(!image.is_unfenced(BrokerId(1)) && !image.is_unfenced(BrokerId(2)));
        let partition = only(&image);
        assert_eq!((ids(&partition.isr), ids(&partition.elr)), (vec![3], vec![1, 2]));
        assert_eq!(partition.leader, Some(BrokerId(3)), "not one of the silent");
        assert_eq!(partition.leader_epoch.0, 1, "one election, not one a broker");
    }
}
