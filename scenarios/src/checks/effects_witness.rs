//! A second opinion on transactions: what applications and readers saw of effects, judged as a history.
//!
//! The history checks know nothing of coordinators, nor of which record an effect was made of. Whatever they find
//! that transactions do not permit (a value of an aborted one that was read, a value of a committed one that is
//! missing, a value twice) is `H-AGREE`: all else that was checked found nothing.

use std::collections::BTreeSet;

use squall_core::ids::NodeId;
use squall_core::probe::Probe;
use squall_core::time::Time;
use squall_sim::check::history::{Checker, Options};
use squall_sim::history::Chronicle;

use crate::checks::witness::{Leave, compare, take};
use crate::invariants::{Check, broken};
use crate::narrate::EffectsChronicle;

/// Whoever writes a run's transactions down and judges what is written.
#[derive(Debug, Clone)]
pub struct EffectsWitness {
    chronicle: EffectsChronicle,
    checker: Checker,
    /// Why what was written down cannot be.
    refused: Option<String>,
}

impl Default for EffectsWitness {
    fn default() -> Self {
        let checker = Checker::new(Options { keep: usize::MAX, ..Options::default() });
        Self { chronicle: EffectsChronicle::default(), checker, refused: None }
    }
}

impl EffectsWitness {
    /// A node reported a fact.
    pub(super) fn fact(&mut self, at: Time, event: u64, node: NodeId, fact: &Probe) {
        let Self { chronicle, checker, refused } = self;
        chronicle.fact(at, event, node, fact, &mut |entry| take(checker, refused, &entry));
    }

    /// The run is over, and somebody has read every effect that counts.
    pub(super) fn agrees(mut self, at: Time) -> Check {
        let Self { chronicle, checker, refused } = &mut self;
        chronicle.end(at, &mut |entry| take(checker, refused, &entry));
        if let Some(why) = self.refused {
            return broken("H-AGREE", format!("what applications saw makes no history: {why}"));
        }
        compare(&self.checker.finish(), Leave::default(), &BTreeSet::new(), &BTreeSet::new())
    }
}
