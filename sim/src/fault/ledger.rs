//! Who holds what broken: faults overlap, and a thing is whole again when the last of them ends.

use std::collections::BTreeMap;

/// How many faults hold each thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ledger<K>(BTreeMap<K, u32>);

impl<K> Default for Ledger<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Ledger<K> {
    /// One more fault holds it; whether it is the first.
    pub(crate) fn hold(&mut self, thing: K) -> bool {
        let holders = self.0.entry(thing).or_default();
        *holders += 1;
        *holders == 1
    }

    /// One fault less holds it; whether it was the last.
    pub(crate) fn release(&mut self, thing: &K) -> bool {
        let Some(holders) = self.0.get_mut(thing) else { return false };
        *holders -= 1;
        if *holders == 0 {
            self.0.remove(thing);
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_whole_again_when_the_last_of_overlapping_faults_ends() {
        let mut ledger = Ledger::default();
        assert!(ledger.hold((1, 2)));
        assert!(!ledger.hold((1, 2)));
        assert!(ledger.hold((2, 1)));
        assert!(!ledger.release(&(1, 2)));
        assert!(ledger.release(&(1, 2)));
        assert!(!ledger.release(&(1, 2)));
    }
}
