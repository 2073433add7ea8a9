//! A second opinion: what the clients of a run saw, judged as a history, against the true log.
//!
//! The history checks know nothing of replicas, and the contract knows nothing of the order in which somebody
//! read. Where they speak of the same thing, whether an acknowledged record is still there, they must say the
//! same of each; what else the history shows must be something that the settings permit. Either one being wrong
//! is `H-AGREE`: a bug in a check, or in how the run is written down.
//! A witness takes up to a quarter of a run's instructions, so one seed in [`EVERY`] has one: 1.5 % of a campaign.
//! Deliberately absent: runs of more than [`MOST`] operations, which would keep more than a run may.

use std::collections::BTreeSet;

use squall_core::ids::NodeId;
use squall_core::message::Acks;
use squall_core::probe::Probe;
use squall_core::time::Time;
use squall_sim::check::history::{Checker, Class, Fact, Options, Report, allowed};
use squall_sim::history::op::{Name as Value, Op};
use squall_sim::history::{Chronicle, Entry};

use crate::ghost::Clients;
use crate::ghost::clients::Told;
use crate::invariants::{Broken, Check, broken};
use crate::narrate::{ClusterChronicle, record};

/// One seed in so many has a witness.
pub(crate) const EVERY: u64 = 16;

/// The most operations of a plan whose run is witnessed.
pub(crate) const MOST: usize = 20_000;

/// What the settings of a run permit, as a history shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leave {
    /// Somebody asks for less than acks=all: what one leader acknowledged another may never have had.
    pub unreplicated: bool,
    /// Somebody's retries, or the network's doubles, are not absorbed.
    pub not_idempotent: bool,
    /// Logs delete.
    pub retention: bool,
    /// Faults or elections may destroy what is committed.
    pub beyond: bool,
}

impl Leave {
    /// The classes of a history that are no disagreement.
    fn classes(self) -> BTreeSet<Class> {
        let mut all = allowed(false, false);
        // A run in which nobody did anything.
        all.insert(Class::EmptyTransactionGraph);
        // Whether these may be is judged record by record.
        all.extend([Class::LostWrite, Class::Unseen]);
        if self.unreplicated || self.beyond {
            // The place of what is gone was given to another.
            all.extend([Class::InconsistentOffsets, Class::NonmonotonicSend, Class::IntNonmonotonicSend]);
        }
        if self.unreplicated || self.not_idempotent || self.retention || self.beyond {
            all.extend([Class::Duplicate, Class::NonmonotonicSend]);
            // A value that lies twice has one place in the order: whoever reads the other copy seems to jump.
            all.extend([Class::PollSkip, Class::NonmonotonicPoll]);
            all.extend([Class::IntPollSkip, Class::IntNonmonotonicPoll]);
        }
        all
    }
}

/// Whoever writes a run down and judges what is written.
#[derive(Debug, Clone)]
pub struct Witness {
    chronicle: ClusterChronicle,
    checker: Checker,
    leave: Leave,
    /// Why what was written down cannot be.
    refused: Option<String>,
}

impl Witness {
    /// A witness of a run that has not begun.
    pub(crate) fn new(chronicle: ClusterChronicle, leave: Leave) -> Self {
        let checker = Checker::new(Options { keep: usize::MAX, ..Options::default() });
        let mut witness = Self { chronicle, checker, leave, refused: None };
        let Self { chronicle, checker, refused, .. } = &mut witness;
        chronicle.begin(&mut |entry| take(checker, refused, &entry));
        witness
    }

    /// A node reported a fact.
    pub(super) fn fact(&mut self, at: Time, event: u64, node: NodeId, fact: &Probe) {
        let Self { chronicle, checker, refused, .. } = self;
        chronicle.fact(at, event, node, fact, &mut |entry| take(checker, refused, &entry));
    }

    /// The run is over, and `clients` holds what the true log says of each record.
    pub(super) fn agrees(mut self, at: Time, clients: &Clients) -> Check {
        let Self { chronicle, checker, refused, .. } = &mut self;
        chronicle.end(at, &mut |entry| take(checker, refused, &entry));
        if let Some(why) = self.refused {
            return broken("H-AGREE", format!("what clients saw makes no history: {why}"));
        }
        let missing: BTreeSet<String> = (clients.records())
            .filter(|(_, record)| {
                record.told == Told::Delivered && record.acks != Acks::None && record.found == 0
            })
            .map(|(name, _)| record(name.pack()))
            .collect();
        let read: BTreeSet<String> =
            missing.iter().filter(|name| self.checker.was_read(name)).cloned().collect();
        compare(&self.checker.finish(), self.leave, &missing, &read)
    }
}

pub(super) fn take(checker: &mut Checker, refused: &mut Option<String>, entry: &Entry) {
    let taken = Op::of(entry).and_then(|op| checker.push(op).map_err(|impossible| impossible.0));
    if let Err(why) = taken {
        refused.get_or_insert_with(|| format!("entry {}: {why}", entry.index));
    }
}

/// Both verdicts side by side. `missing` are the acknowledged records that the last reading of the true log did
/// not find, and `read` those of them that somebody was handed while they were there.
pub(crate) fn compare(
    report: &Report,
    leave: Leave,
    missing: &BTreeSet<String>,
    read: &BTreeSet<String>,
) -> Check {
    let leave = leave.classes();
    if let Some((class, found)) = report.found.iter().find(|(class, _)| !leave.contains(class)) {
        let first = found.first.first().map(|anomaly| anomaly.json().to_string()).unwrap_or_default();
        let mut broken =
            Broken::new("H-AGREE", format!("the history shows {class}, the true log does not: {first}"));
        for index in found.first.iter().take(1).flat_map(|anomaly| anomaly.operations()) {
            if let Some(op) = report.operations.get(&index) {
                broken
                    .evidence
                    .push((format!("operation {index}"), format!("{} {}", op.kind.name(), op.value)));
            }
        }
        return Err(broken);
    }
    let gone = gone(report);
    if let Some(name) = gone.iter().find(|name| !missing.contains(*name)) {
        return broken("H-AGREE", format!("record {name} is lost to its clients, and is in the true log"));
    }
    match missing.iter().find(|name| !gone.contains(*name) && !read.contains(*name)) {
        Some(name) => {
            broken("H-AGREE", format!("record {name} is not in the true log, and no client misses it"))
        }
        None => Ok(()),
    }
}

/// What clients miss: lost, or never seen.
fn gone(report: &Report) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut add = |value: &Value| _ = all.insert(value.to_string());
    for class in [Class::LostWrite, Class::Unseen] {
        for anomaly in report.found.get(&class).into_iter().flat_map(|found| &found.first) {
            for (_, fact) in &anomaly.facts {
                match fact {
                    Fact::Name(value) => add(value),
                    Fact::NamesByKey(keys) => keys.iter().flat_map(|(_, values)| values).for_each(&mut add),
                    Fact::Number(_)
                    | Fact::Numbers(_)
                    | Fact::Text(_)
                    | Fact::Names(_)
                    | Fact::Op(_)
                    | Fact::Ops(_)
                    | Fact::Steps(_)
                    | Fact::Counts(_) => {}
                }
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use squall_sim::check::history::check;
    use squall_sim::history::read::Reader;

    use super::*;

    const SENT: &str = r#"
        {:process 0, :type :invoke, :f :send, :value [[:send "0-0" "6#0"]]}
        {:process 0, :type :ok, :f :send, :value [[:send "0-0" [0 "6#0"]]]}
        {:process 0, :type :invoke, :f :send, :value [[:send "0-0" "6#1"]]}
        {:process 0, :type :ok, :f :send, :value [[:send "0-0" [1 "6#1"]]]}
        {:process 1, :type :invoke, :f :poll, :value [[:poll]]}
    "#;

    fn history(polled: &str) -> Report {
        let text =
            format!("{SENT}{{:process 1, :type :ok, :f :poll, :value [[:poll {{\"0-0\" [{polled}]}}]]}}");
        let ops = Reader::new(text.as_bytes()).unwrap().map(|op| op.unwrap().1);
        check(ops, Options { keep: usize::MAX, ..Options::default() }).unwrap()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn both_seeing_everything_or_missing_the_same_agree() {
        let (all, first) = (history(r#"[0 "6#0"] [1 "6#1"]"#), history(r#"[0 "6#0"]"#));
        assert_eq!(compare(&all, Leave::default(), &set(&[]), &set(&[])), Ok(()));
        assert_eq!(compare(&first, Leave::default(), &set(&["6#1"]), &set(&[])), Ok(()));
        // Somebody read it before it was deleted.
        assert_eq!(compare(&all, Leave::default(), &set(&["6#1"]), &set(&["6#1"])), Ok(()));
    }

    #[test]
    fn a_loss_that_only_one_of_them_knows_of_is_an_error_of_its_own() {
        let (all, last) = (history(r#"[0 "6#0"] [1 "6#1"]"#), history(r#"[1 "6#1"]"#));
        let missed = compare(&last, Leave::default(), &set(&[]), &set(&[])).expect_err("the log has it");
        assert!(missed.message.contains("6#0 is lost to its clients"), "{}", missed.message);
        let unmissed = compare(&all, Leave::default(), &set(&["6#1"]), &set(&[])).expect_err("it is gone");
        assert!(unmissed.message.contains("6#1 is not in the true log"), "{}", unmissed.message);
    }

    #[test]
    fn what_the_settings_do_not_permit_is_an_error_whatever_the_log_holds() {
        let twice = history(r#"[0 "6#0"] [1 "6#1"] [2 "6#1"]"#);
        let none = set(&[]);
        let broken = compare(&twice, Leave::default(), &none, &none).expect_err("nobody may double a record");
        assert!(broken.message.contains("duplicate"), "{}", broken.message);
        let leave = Leave { not_idempotent: true, ..Leave::default() };
        assert_eq!(compare(&twice, leave, &none, &none), Ok(()));
        let ghost = history(r#"[0 "6#0"] [1 "6#1"] [2 "6#9"]"#);
        let everything = Leave { unreplicated: true, not_idempotent: true, retention: true, beyond: true };
        assert!(compare(&ghost, everything, &none, &none).is_err(), "nothing permits a phantom");
    }
}
