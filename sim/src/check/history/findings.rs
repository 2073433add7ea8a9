//! What was found, by class: the first of each, and how many there were.

use std::collections::BTreeMap;

use super::anomaly::Anomaly;
use super::class::Class;

/// All that was found of one class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How many there are.
    pub count: u64,
    /// The first of them, as many as were asked for.
    pub first: Vec<Anomaly>,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    keep: usize,
    by_class: BTreeMap<Class, Found>,
}

impl Findings {
    pub(super) fn keeping(keep: usize) -> Self {
        Self { keep, by_class: BTreeMap::new() }
    }

    pub(super) fn push(&mut self, anomaly: Anomaly) {
        let keep = self.keep;
        let found = self.by_class.entry(anomaly.class).or_default();
        found.count += 1;
        if found.first.len() < keep {
            found.first.push(anomaly);
        }
    }

    pub(super) fn into_classes(self) -> BTreeMap<Class, Found> {
        self.by_class
    }
}
