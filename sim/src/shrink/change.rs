//! One step towards a smaller plan, as data: small enough to be made by the hundred, applied when it is tried.

use std::ops::Range;

use crate::fault::PlannedFault;
use crate::plan::Plan;

/// What is different in a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change<O> {
    /// The storm ends earlier; what would begin after that is gone.
    EndStorm(u64),
    /// These faults are gone.
    DropFaults(Range<usize>),
    /// These two faults are gone.
    DropTwo(usize, usize),
    /// This fault is gone, and chance falls as this seed says.
    DropWithSeed(usize, u64),
    /// These operations are gone.
    DropOperations(Range<usize>),
    /// Settings have other values.
    Set(Vec<(&'static str, u64)>),
    /// A fault is another.
    Fault(usize, Box<PlannedFault>),
    /// An operation comes at another time.
    Move(usize, u64),
    /// All of it, as the scenario made it.
    Whole(Box<Plan<O>>),
}

impl<O: Clone> Change<O> {
    /// `plan` with it.
    pub(super) fn applied(&self, plan: &Plan<O>) -> Plan<O> {
        let mut plan = match self {
            Self::Whole(whole) => return (**whole).clone(),
            Self::EndStorm(_)
            | Self::DropFaults(_)
            | Self::DropTwo(..)
            | Self::DropWithSeed(..)
            | Self::DropOperations(_)
            | Self::Set(_)
            | Self::Fault(..)
            | Self::Move(..) => plan.clone(),
        };
        match self {
            Self::Whole(_) => {}
            Self::EndStorm(at) => end_storm(&mut plan, *at),
            Self::DropFaults(items) => drop(plan.faults.drain(items.clone())),
            Self::DropTwo(one, other) => {
                plan.faults.remove(*one.max(other));
                plan.faults.remove(*one.min(other));
            }
            Self::DropWithSeed(item, seed) => {
                plan.faults.remove(*item);
                plan.seed = *seed;
            }
            Self::DropOperations(items) => drop(plan.operations.drain(items.clone())),
            Self::Set(values) => {
                for (key, value) in values {
                    plan.settings.set(key, *value);
                }
            }
            Self::Fault(item, fault) => {
                plan.faults[*item] = (**fault).clone();
                plan.faults.sort_by_key(|fault| fault.when.time());
            }
            Self::Move(item, at) => {
                plan.operations[*item].at = *at;
                plan.operations.sort_by_key(|operation| operation.at);
            }
        }
        plan
    }
}

/// The storm ends at `at`, and nothing is planned for later.
fn end_storm<O>(plan: &mut Plan<O>, at: u64) {
    plan.storm = at;
    // Written in both places, so that nobody who reads the settings is misled.
    plan.settings.set("run.storm", at.div_ceil(1_000_000));
    plan.operations.retain(|operation| operation.at <= at);
    plan.faults.retain(|fault| fault.when.time().is_none_or(|begin| begin < at));
    for fault in &mut plan.faults {
        // One that waits for something may begin at once.
        fault.lasts = fault.lasts.min(at - fault.when.time().unwrap_or(0));
    }
}
