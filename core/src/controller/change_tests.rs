//! Each rule of a partition's change by itself, then all of them under random histories.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::fixture::{assert_sound, ids};
use super::*;
use crate::ids::{LeaderEpoch, PartitionEpoch};
use crate::log::CleanupPolicy;

fn of(ids: &[u32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

/// Replicas 1, 2 and 3.
fn state(isr: &[u32], elr: &[u32], leader: Option<u32>) -> PartitionState {
    PartitionState {
        replicas: of(&[1, 2, 3]),
        isr: of(isr),
        elr: of(elr),
        leader: leader.map(BrokerId),
        leader_epoch: LeaderEpoch(5),
        partition_epoch: PartitionEpoch(9),
        unclean: false,
    }
}

fn topic(min_isr: u32, unclean: bool) -> TopicState {
    TopicState { name: "topic".into(), min_isr, unclean, cleanup: CleanupPolicy::Delete, partitions: vec![] }
}

/// The change of `now` in a topic with a min ISR of 2 when exactly `alive` are unfenced.
fn changed(now: &PartitionState, alive: &[u32], wish: Wish<'_>) -> Option<PartitionState> {
    let changed = change(now, &topic(2, false), |broker| alive.contains(&broker.0), wish);
    if let Some(changed) = &changed {
        assert_sound(changed, |broker| alive.contains(&broker.0));
    }
    changed
}

/// ISR, ELR, leader.
#[track_caller]
fn expect(changed: Option<PartitionState>, isr: &[u32], elr: &[u32], leader: Option<u32>) -> PartitionState {
    let changed = changed.expect("it changes");
    assert_eq!((ids(&changed.isr), ids(&changed.elr)), (isr.to_vec(), elr.to_vec()));
    assert_eq!(changed.leader, leader.map(BrokerId));
    changed
}

const NO_WISH: Wish<'static> = Wish { isr: None, lossy: None, leader: None };

#[test]
fn nothing_changes_while_everything_fits() {
    assert_eq!(changed(&state(&[1, 2, 3], &[], Some(1)), &[1, 2, 3], NO_WISH), None);
    assert_eq!(changed(&state(&[2], &[1], Some(2)), &[2], NO_WISH), None);
    assert_eq!(changed(&state(&[], &[1, 2], None), &[3], NO_WISH), None);
}

#[test]
fn a_fenced_follower_leaves_an_isr_that_is_large_enough_for_good() {
    let after = expect(changed(&state(&[1, 2, 3], &[], Some(1)), &[1, 2], NO_WISH), &[1, 2], &[], Some(1));
    assert_eq!(after.leader_epoch, LeaderEpoch(5), "the leader stays, and so does its reign");
    assert_eq!(after.partition_epoch, PartitionEpoch(10));
}

#[test]
fn who_leaves_an_isr_that_is_too_small_stays_eligible() {
    expect(changed(&state(&[1, 2], &[], Some(1)), &[1], NO_WISH), &[1], &[2], Some(1));
    expect(changed(&state(&[1], &[2], Some(1)), &[], NO_WISH), &[], &[1, 2], None);
}

#[test]
fn the_first_living_member_of_the_isr_takes_over() {
    let after = expect(changed(&state(&[1, 2, 3], &[], Some(1)), &[2, 3], NO_WISH), &[2, 3], &[], Some(2));
    assert_eq!(after.leader_epoch, LeaderEpoch(6));
    assert!(!after.unclean);
}

#[test]
fn a_leader_that_is_not_the_preferred_one_stays() {
    expect(changed(&state(&[1, 2, 3], &[], Some(3)), &[1, 3], NO_WISH), &[1, 3], &[], Some(3));
}

#[test]
fn without_a_living_isr_an_eligible_replica_takes_over_alone() {
    let after = expect(changed(&state(&[1], &[2, 3], Some(1)), &[3], NO_WISH), &[3], &[1, 2], Some(3));
    assert_eq!((after.leader_epoch, after.unclean), (LeaderEpoch(6), false));
}

#[test]
fn nobody_leads_when_nobody_eligible_lives_and_that_is_a_reign_of_its_own() {
    let after = expect(changed(&state(&[1], &[2], Some(1)), &[3], NO_WISH), &[], &[1, 2], None);
    assert_eq!(after.leader_epoch, LeaderEpoch(6));
    let back = expect(changed(&after, &[1, 3], NO_WISH), &[1], &[2], Some(1));
    assert_eq!(back.leader_epoch, LeaderEpoch(7));
}

#[test]
fn an_unclean_election_is_marked_until_the_next_clean_one_and_ends_eligibility() {
    let careless = topic(2, true);
    let alone = |broker: BrokerId| broker == BrokerId(3);
    let after = change(&state(&[1], &[2], Some(1)), &careless, alone, NO_WISH);
    let after = expect(after, &[3], &[], Some(3));
    assert!(after.unclean);
    let isr = of(&[2, 3]);
    let joined = change(&after, &careless, |_| true, Wish { isr: Some(&isr), ..NO_WISH });
    let joined = expect(joined, &[2, 3], &[], Some(3));
    assert!(joined.unclean, "the same leader, elected the same way");
    let moved = change(&joined, &careless, |_| true, Wish { leader: Some(BrokerId(2)), ..NO_WISH });
    assert!(!expect(moved, &[2, 3], &[], Some(2)).unclean);
}

#[test]
fn an_eligible_replica_is_preferred_to_an_unclean_election() {
    let alive = |broker: BrokerId| broker != BrokerId(1);
    let after = change(&state(&[1], &[3], Some(1)), &topic(2, true), alive, NO_WISH);
    assert!(!expect(after, &[3], &[1], Some(3)).unclean);
}

#[test]
fn a_lossy_restart_is_neither_in_sync_nor_eligible() {
    let lossy = |id| Wish { lossy: Some(BrokerId(id)), ..NO_WISH };
    expect(changed(&state(&[1, 2], &[], Some(1)), &[2], lossy(1)), &[2], &[], Some(2));
    expect(changed(&state(&[1], &[2], Some(1)), &[1], lossy(2)), &[1], &[], Some(1));
    expect(changed(&state(&[], &[1, 2], None), &[], lossy(1)), &[], &[2], None);
    expect(changed(&state(&[1], &[], Some(1)), &[1, 2, 3], lossy(1)), &[], &[], None);
}

#[test]
fn a_replica_that_caught_up_joins_and_eligibility_ends_with_a_large_enough_isr() {
    let isr = of(&[3, 1]);
    let wish = Wish { isr: Some(&isr), ..NO_WISH };
    expect(changed(&state(&[1], &[2], Some(1)), &[1, 2, 3], wish), &[1, 3], &[], Some(1));
}

#[test]
fn a_min_isr_of_none_still_needs_one() {
    let after = change(&state(&[1], &[], Some(1)), &topic(0, false), |_| false, NO_WISH);
    expect(after, &[], &[1], None);
}

#[test]
fn a_wished_leader_outside_the_isr_is_not_elected() {
    let wish = Wish { leader: Some(BrokerId(3)), ..NO_WISH };
    assert_eq!(changed(&state(&[1, 2], &[], Some(1)), &[1, 2, 3], wish), None);
}

/// What happens to one partition and its brokers.
#[derive(Debug, Clone)]
enum Event {
    /// These fall silent at once.
    Fence(Vec<usize>),
    Unfence(usize),
    Restart {
        broker: usize,
        intact: bool,
    },
    /// The leader wants these, all caught up, and itself.
    Alter(Vec<usize>),
    Elect(usize),
    /// The leader commits a record with its whole ISR.
    Commit,
}

const BROKERS: usize = 4;

fn event() -> impl Strategy<Value = Event> {
    let broker = 0..BROKERS;
    prop_oneof![
        2 => vec(broker.clone(), 1..3).prop_map(Event::Fence),
        3 => broker.clone().prop_map(Event::Unfence),
        2 => (broker.clone(), any::<bool>())
            .prop_map(|(broker, intact)| Event::Restart { broker, intact }),
        3 => vec(broker.clone(), 0..BROKERS).prop_map(Event::Alter),
        1 => broker.prop_map(Event::Elect),
        2 => Just(Event::Commit),
    ]
}

/// The partition with what the controller cannot know: who holds all that was ever committed.
struct Model {
    topic: TopicState,
    now: PartitionState,
    alive: [bool; BROKERS],
    holds: [bool; BROKERS],
    lossy_restarts: usize,
}

impl Model {
    fn new(replicas: usize, min_isr: u32, unclean: bool) -> Self {
        let replicas: Vec<BrokerId> = (0..replicas as u32).map(BrokerId).collect();
        let now = PartitionState {
            replicas: replicas.clone(),
            isr: replicas,
            leader: Some(BrokerId(0)),
            ..state(&[], &[], None)
        };
        Self {
            topic: topic(min_isr, unclean),
            now,
            alive: [true; BROKERS],
            holds: [true; BROKERS],
            lossy_restarts: 0,
        }
    }

    fn min_isr(&self) -> usize {
        (self.topic.min_isr as usize).min(self.now.replicas.len())
    }

    fn step(&mut self, event: &Event) {
        match event {
            Event::Fence(brokers) => {
                brokers.iter().for_each(|&broker| self.alive[broker] = false);
                self.change(NO_WISH);
            }
            Event::Unfence(broker) => {
                self.alive[*broker] = true;
                self.change(NO_WISH);
            }
            Event::Restart { broker, intact } => self.restart(*broker, *intact),
            Event::Alter(wished) => self.alter(wished),
            Event::Elect(broker) => {
                self.change(Wish { leader: Some(BrokerId(*broker as u32)), ..NO_WISH });
            }
            Event::Commit => self.commit(),
        }
    }

    fn restart(&mut self, broker: usize, intact: bool) {
        let id = BrokerId(broker as u32);
        self.alive[broker] = false;
        if intact {
            return self.change(NO_WISH);
        }
        self.holds[broker] = false;
        self.lossy_restarts += usize::from(self.now.replicas.contains(&id));
        self.change(Wish { lossy: Some(id), ..NO_WISH });
    }

    fn alter(&mut self, wished: &[usize]) {
        let Some(leader) = self.now.leader else { return };
        let wanted =
            |&id: &BrokerId| id == leader || wished.contains(&(id.0 as usize)) && self.alive[id.0 as usize];
        let isr: Vec<BrokerId> = self.now.replicas.iter().copied().filter(wanted).collect();
        // The leader lets in only who has all that it exposed.
        let complete = self.holds[leader.0 as usize];
        isr.iter().for_each(|member| self.holds[member.0 as usize] = complete);
        self.change(Wish { isr: Some(&isr), ..NO_WISH });
    }

    fn commit(&mut self) {
        if self.now.leader.is_some() && self.now.isr.len() >= self.min_isr() {
            for id in 0..BROKERS {
                // A record that an unclean leader commits does not bring back the lost ones.
                self.holds[id] &= self.now.isr.contains(&BrokerId(id as u32));
            }
        }
    }

    fn change(&mut self, wish: Wish<'_>) {
        let alive = self.alive;
        let Some(next) = change(&self.now, &self.topic, |id| alive[id.0 as usize], wish) else { return };
        assert_eq!(next.partition_epoch, self.now.partition_epoch.next());
        let moved = next.leader != self.now.leader;
        let reign = if moved { self.now.leader_epoch.next() } else { self.now.leader_epoch };
        assert_eq!(next.leader_epoch, reign);
        assert_eq!(next.replicas, self.now.replicas);
        self.now = next;
        let again = change(&self.now, &self.topic, |id| alive[id.0 as usize], NO_WISH);
        assert_eq!(again, None, "a change leaves nothing to be done");
    }

    fn check(&self) {
        assert_sound(&self.now, |id| self.alive[id.0 as usize]);
        assert!(self.now.isr.len() < self.min_isr() || self.now.elr.is_empty(), "{:?}", self.now);
        if self.topic.unclean {
            return;
        }
        assert!(!self.now.unclean);
        let mut candidates = self.now.isr.iter().chain(&self.now.elr);
        assert!(candidates.all(|id| self.holds[id.0 as usize]), "a candidate lacks data: {:?}", self.now);
        let candidates = self.now.isr.len() + self.now.elr.len();
        assert!(candidates + self.lossy_restarts >= self.min_isr(), "too few candidates: {:?}", self.now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Without unclean elections every member of ISR and ELR holds all committed records, and one is left
    /// as long as fewer than min ISR replicas lost their data.
    #[test]
    fn no_history_of_a_partition_breaks_its_registration(
        replicas in 1..=BROKERS, min_isr in 1..4u32, unclean in prop::bool::weighted(0.2),
        events in vec(event(), 1..60),
    ) {
        let mut model = Model::new(replicas, min_isr, unclean);
        for event in &events {
            model.step(event);
            model.check();
        }
    }
}
