//! Partitions that nobody may lead.

use squall_core::ids::BrokerId;

use super::{Story, story};
use crate::contract::stall;
use crate::ghost::chronicle::{Orphaned, Stop};
use crate::ghost::partition::Damage;

/// Broker 1, the last that might lead, stops being so; since it was registered, `damage` had struck it.
fn last_leaves(mut s: Story, damage: Option<Damage>) -> Story {
    let stop = damage.map(|damage| Stop { when: s.next(), damage });
    let when = s.next();
    s.p.chronicle.orphaned = Some(Orphaned { when, last: vec![(BrokerId(1), stop)] });
    s
}

#[test]
fn beyond_the_budget_a_wipe_of_the_last_one_excuses_the_partition() {
    let s = last_leaves(story().beyond(), Some(Damage::Wiped));
    assert!(stall::is_orphaned(&s.p, true) && stall::is_orphaned(&s.p, false));
}

#[test]
fn within_the_budget_nothing_excuses_it() {
    let s = last_leaves(story(), Some(Damage::Wiped));
    assert!(!stall::is_orphaned(&s.p, true) && !stall::is_orphaned(&s.p, false));
}

#[test]
fn a_stop_excuses_it_only_where_batches_are_not_flushed() {
    for damage in [Damage::None, Damage::PowerLoss] {
        let s = last_leaves(story().beyond(), Some(damage));
        assert!(stall::is_orphaned(&s.p, false), "{damage:?}");
        assert!(!stall::is_orphaned(&s.p, true), "{damage:?}: it vouches for its log");
    }
}

#[test]
fn who_never_stopped_is_no_excuse() {
    let s = last_leaves(story().beyond().wiped(&[0, 2]), None);
    assert!(!stall::is_orphaned(&s.p, false));
}

#[test]
fn an_earlier_life_that_was_registered_late_is_what_stopped_it() {
    let mut s = last_leaves(story().beyond(), None);
    let stop = Stop { when: s.next(), damage: Damage::None };
    s.p.chronicle.registered_late(BrokerId(2), stop);
    assert!(!stall::is_orphaned(&s.p, false), "that was another");
    s.p.chronicle.registered_late(BrokerId(1), stop);
    assert!(stall::is_orphaned(&s.p, false));
}

#[test]
fn a_partition_that_is_led_is_not_orphaned() {
    let s = story().beyond().wiped(&[0, 1, 2]);
    assert!(!stall::is_orphaned(&s.p, false));
}
