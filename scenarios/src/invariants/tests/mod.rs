//! The invariants themselves: each must be able to fail, and none may cry wolf.
//!
//! [`fires`] holds a history for each name in [`ALL`](super::ALL) in which it is broken; [`silent`] those in
//! which a correct system once seemed to break one. [`cleaning`] has both of compaction, [`shares`] and
//! [`share_state`] of share groups.

mod backlog;
mod cleaning;
mod effects;
mod fires;
mod groups;
mod histories;
mod share_state;
mod shares;
mod silent;
mod transactions;
mod work;

use std::collections::BTreeSet;

use super::ALL;

fn histories() -> impl Iterator<Item = &'static fires::History> {
    fires::HISTORIES
        .iter()
        .chain(cleaning::HISTORIES)
        .chain(transactions::HISTORIES)
        .chain(effects::HISTORIES)
        .chain(shares::HISTORIES)
        .chain(share_state::HISTORIES)
        .chain(backlog::HISTORIES)
}

#[test]
fn every_invariant_has_a_history_that_breaks_it() {
    let listed: BTreeSet<&str> = ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed.len(), ALL.len(), "a name stands twice in the list");
    let covered: BTreeSet<&str> = histories().map(|(name, _)| *name).collect();
    let missing: Vec<_> = listed.difference(&covered).collect();
    assert!(missing.is_empty(), "nothing shows that these can fail: {missing:?}");
}

#[test]
fn each_history_breaks_the_invariant_it_is_meant_to_break() {
    for (name, history) in histories() {
        let broken = history().expect_err(name);
        assert_eq!(broken.invariant, *name, "{}", broken.message);
        assert!(!broken.message.is_empty(), "{name} does not say what happened");
    }
}
