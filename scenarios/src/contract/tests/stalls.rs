//! Partitions that nobody may lead.

use squall_core::ids::BrokerId;

use super::{Story, story};
use crate::contract::stall;
use crate::ghost::chronicle::{Orphaned, When};
use crate::ghost::partition::Damage;

/// Broker 1, the last that might lead, stops being so; it had been eligible since before all.
fn last_leaves(mut s: Story) -> Story {
    let when = s.next();
    let last = vec![(BrokerId(1), When::default(), s.p.replicas[1].stopped)];
    s.p.chronicle.orphaned = Some(Orphaned { when, last });
    s
}

#[test]
fn beyond_the_budget_a_wipe_of_the_last_one_excuses_the_partition() {
    let s = last_leaves(story().beyond().wiped(&[1]));
    assert!(stall::is_orphaned(&s.p, true) && stall::is_orphaned(&s.p, false));
}

#[test]
fn within_the_budget_nothing_excuses_it() {
    let s = last_leaves(story().wiped(&[1]));
    assert!(!stall::is_orphaned(&s.p, true) && !stall::is_orphaned(&s.p, false));
}

#[test]
fn a_stop_excuses_it_only_where_batches_are_not_flushed() {
    for damage in [Damage::None, Damage::PowerLoss] {
        let s = last_leaves(story().beyond().stopped(1, damage));
        assert!(stall::is_orphaned(&s.p, false), "{damage:?}");
        assert!(!stall::is_orphaned(&s.p, true), "{damage:?}: it vouches for its log");
    }
}

#[test]
fn who_never_stopped_is_no_excuse() {
    let s = last_leaves(story().beyond().wiped(&[0, 2]));
    assert!(!stall::is_orphaned(&s.p, false));
}

#[test]
fn a_stop_before_it_became_eligible_is_no_excuse() {
    let mut s = last_leaves(story().beyond().wiped(&[1]));
    let since = s.next();
    s.p.chronicle.orphaned.as_mut().expect("set just above").last[0].1 = since;
    assert!(!stall::is_orphaned(&s.p, false));
}

#[test]
fn a_partition_that_is_led_is_not_orphaned() {
    let s = story().beyond().wiped(&[0, 1, 2]);
    assert!(!stall::is_orphaned(&s.p, false));
}
