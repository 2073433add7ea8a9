//! Aimed faults: the triggers that have not gone off, and the messages that a fault singles out.
//!
//! Looked at after each event, once all checks held, and only while there is something to wait for. Looking
//! changes nothing in the world: a trigger that goes off schedules its fault, and what is to be done to a
//! message is done before the next event, as faults are. Roles are
//! resolved as they stand at that event (a message's receiver: as it arrives).
//! Deliberately absent: how faults are carried out ([`super::inject`]), and any aim during the calm.

use std::collections::BTreeMap;

use squall_core::env::Process;
use squall_core::ids::NodeId;
use squall_core::time::Time;

use super::{Course, Scenario};
use crate::engine::{Deed, Sent, UpcomingInput};
use crate::fault::{Fault, Happening, Letters, PlannedFault, Trigger, Whom};
use crate::narrate::Fields;
use crate::trace::Kind;

/// A trigger that has not gone off: whose it is, and how often it has happened.
#[derive(Debug, Clone, Copy)]
struct Count {
    item: usize,
    seen: u64,
}

/// A fault under way that singles out messages.
#[derive(Debug, Clone, Copy)]
struct Rule {
    item: usize,
    /// How many of its kind there were since it began.
    seen: u64,
    /// Whether any was hit.
    hit: bool,
}

/// A request that was taken in and not answered. Its trigger counts it if that is still so when it is due.
#[derive(Debug, Clone, Copy)]
struct Open {
    item: usize,
    node: NodeId,
    asker: NodeId,
    due: u64,
}

/// What aimed faults wait for.
#[derive(Debug, Clone, Default)]
pub(super) struct Aims {
    /// Whether events have to be looked at.
    pub(super) awake: bool,
    waiting: Vec<Count>,
    open: Vec<Open>,
    rules: Vec<Rule>,
    /// What is to be done to messages of the last event, and for which fault.
    deeds: Vec<(usize, Sent, Deed)>,
    /// Of `waiting`, those for which the message that comes next counts if it is taken in. With its sender.
    arriving: Vec<(usize, NodeId)>,
}

impl Aims {
    pub(super) fn new(faults: &[PlannedFault]) -> Self {
        let aimed = faults.iter().enumerate().filter(|(_, fault)| fault.when.trigger().is_some());
        let waiting = aimed.map(|(item, _)| Count { item, seen: 0 }).collect();
        Self { waiting, ..Self::default() }
    }

    /// When there is something to do next: at once, or when a request has waited long enough for its answer.
    pub(super) fn next_at(&self) -> Option<Time> {
        if !self.deeds.is_empty() {
            return Some(Time::ZERO);
        }
        self.open.iter().map(|open| Time(open.due)).min()
    }
}

impl<'s, S: Scenario + ?Sized> Course<'s, S> {
    /// Looks at events from now on, or not any more: as the aims need it.
    pub(super) fn attend(&mut self) {
        let Aims { waiting, open, rules, .. } = &self.aims;
        let plan = self.plan;
        let of_messages = |count: &Count| match plan.faults[count.item].when.trigger() {
            Some(trigger) => matches!(trigger.what, Happening::Sent(_) | Happening::Unanswered(_)),
            None => false,
        };
        let watch = !open.is_empty() || !rules.is_empty() || waiting.iter().any(of_messages);
        self.aims.awake = watch || !self.aims.waiting.is_empty();
        self.world.watch_messages(watch);
    }

    /// The calm: what has not happened does not matter any more.
    pub(super) fn stop_aiming(&mut self) {
        let plan = self.plan;
        for count in std::mem::take(&mut self.aims.waiting) {
            self.injector.skip(1);
            self.say(|| format!("never came: {}", plan.faults[count.item].when));
        }
        self.aims.open.clear();
        self.attend();
    }

    /// Before a message is taken: afterwards it is gone.
    #[cold]
    pub(super) fn watch_arrival(&mut self) {
        self.aims.arriving.clear();
        let Some(next) = self.world.upcoming() else { return };
        let UpcomingInput::Message { from, message } = next.input else { return };
        let mut arriving = std::mem::take(&mut self.aims.arriving);
        for count in &self.aims.waiting {
            let Some(trigger) = self.trigger(count.item) else { continue };
            let (Happening::Taken(letters) | Happening::Unanswered(letters)) = &trigger.what else {
                continue;
            };
            if self.is_of(letters, &trigger.fields, from, next.node, message) {
                arriving.push((count.item, from));
            }
        }
        self.aims.arriving = arriving;
    }

    /// After an event in which nothing was found wrong.
    #[cold]
    pub(super) fn take_aim(&mut self) {
        let moment = *self.world.moment();
        if let Kind::Started = moment.kind {
            // A new life owes no answers.
            self.aims.open.retain(|open| open.node != moment.node);
        }
        let taken = matches!(moment.kind, Kind::Delivered { .. }) && !self.aims.arriving.is_empty();
        if !taken && self.world.probes().is_empty() && self.world.sent().is_empty() {
            return;
        }
        let mut happened = self.facts();
        self.close_answered();
        happened.extend(self.sends());
        if taken {
            happened.extend(self.arrivals(moment.node));
        }
        self.aims.arriving.clear();
        for item in happened {
            self.tick(item);
        }
        self.apply_rules();
    }

    fn trigger(&self, item: usize) -> Option<&'s Trigger> {
        self.plan.faults[item].when.trigger()
    }

    /// Those that wait for facts that were just reported, each as often as it is.
    fn facts(&self) -> Vec<usize> {
        let mut happened = Vec::new();
        for (node, probe) in self.world.probes() {
            let kind = self.scenario.probe_kind(probe);
            for count in &self.aims.waiting {
                let Some(trigger) = self.trigger(count.item) else { continue };
                let Happening::Fact { kind: wanted, by } = &trigger.what else { continue };
                if wanted == kind
                    && self.is_one(by.as_ref(), *node)
                    && has(&trigger.fields, || self.scenario.probe_fields(probe))
                {
                    happened.push(count.item);
                }
            }
        }
        happened
    }

    /// Those that wait for messages that were just sent.
    fn sends(&self) -> Vec<usize> {
        let mut happened = Vec::new();
        for sent in self.world.sent() {
            let Some(message) = self.world.message_of(sent) else { continue };
            for count in &self.aims.waiting {
                let Some(trigger) = self.trigger(count.item) else { continue };
                let Happening::Sent(letters) = &trigger.what else { continue };
                if self.is_of(letters, &trigger.fields, sent.from, sent.to, message) {
                    happened.push(count.item);
                }
            }
        }
        happened
    }

    /// Those that wait for the message that `node` has just taken in. A request that was not answered in the
    /// same step is kept in mind until its trigger's time has passed.
    fn arrivals(&mut self, node: NodeId) -> Vec<usize> {
        let mut happened = Vec::new();
        for (item, from) in self.aims.arriving.clone() {
            let Some(trigger) = self.trigger(item) else { continue };
            match &trigger.what {
                Happening::Taken(_) => happened.push(item),
                Happening::Unanswered(_) if self.world.sent().iter().any(|sent| sent.to == from) => {}
                Happening::Unanswered(_) if trigger.after == 0 => happened.push(item),
                Happening::Unanswered(_) => {
                    let due = self.world.now().0.saturating_add(trigger.after);
                    self.aims.open.push(Open { item, node, asker: from, due });
                    self.bound = self.bound.min(Time(due));
                }
                Happening::Fact { .. } | Happening::Sent(_) => {}
            }
        }
        happened
    }

    fn close_answered(&mut self) {
        let Course { world, aims, .. } = self;
        if !aims.open.is_empty() {
            let answers = |open: &Open, sent: &Sent| sent.from == open.node && sent.to == open.asker;
            aims.open.retain(|open| !world.sent().iter().any(|sent| answers(open, sent)));
        }
    }

    /// Requests whose time has passed without an answer.
    pub(super) fn judge_open(&mut self) {
        let now = self.world.now().0;
        while let Some(at) = self.aims.open.iter().position(|open| open.due <= now) {
            let open = self.aims.open.remove(at);
            if self.world.is_up(open.node) {
                self.tick(open.item);
            }
        }
    }

    /// What `item` waits for has happened once more.
    fn tick(&mut self, item: usize) {
        let Some(trigger) = self.trigger(item) else { return };
        let Some(at) = self.aims.waiting.iter().position(|count| count.item == item) else { return };
        self.aims.waiting[at].seen += 1;
        if self.aims.waiting[at].seen < trigger.nth {
            return;
        }
        self.aims.waiting.remove(at);
        self.aims.open.retain(|open| open.item != item);
        let now = self.world.now().0;
        let begins = match trigger.what {
            // That time has passed already.
            Happening::Unanswered(_) => now,
            Happening::Fact { .. } | Happening::Sent(_) | Happening::Taken(_) => {
                now.saturating_add(trigger.after)
            }
        };
        self.say(|| format!("came: {trigger}"));
        self.injector.schedule(begins, item);
        self.bound = self.bound.min(Time(begins));
        self.attend();
    }

    /// Messages are singled out from now on.
    pub(super) fn begin_rule(&mut self, item: usize) {
        self.aims.rules.push(Rule { item, seen: 0, hit: false });
        self.attend();
    }

    /// And not any more. A rule that found no message had no effect.
    pub(super) fn end_rule(&mut self, item: usize) {
        if let Some(at) = self.aims.rules.iter().position(|rule| rule.item == item) {
            let rule = self.aims.rules.remove(at);
            self.injector.skip(u64::from(!rule.hit));
            self.attend();
        }
    }

    /// Finds out what the faults under way want to be done to the messages just sent.
    fn apply_rules(&mut self) {
        if self.aims.rules.is_empty() {
            return;
        }
        let mut rules = std::mem::take(&mut self.aims.rules);
        let mut deeds = std::mem::take(&mut self.aims.deeds);
        for sent in self.world.sent() {
            let Some(message) = self.world.message_of(sent) else { continue };
            let kind = self.scenario.message_kind(message);
            for rule in &mut rules {
                let fault = &self.plan.faults[rule.item].fault;
                let Some(which) = fault.rule().filter(|which| which.kind == kind) else { continue };
                if self.is_one(which.from, sent.from) && self.is_one(which.to, sent.to) {
                    rule.seen += 1;
                    if which.covers(rule.seen) {
                        deeds.push((rule.item, *sent, deed_of(fault)));
                    }
                }
            }
        }
        if !deeds.is_empty() {
            self.bound = self.world.now();
        }
        self.aims.rules = rules;
        self.aims.deeds = deeds;
    }

    /// Does it; whether all checks still hold.
    pub(super) fn interfere_due(&mut self) -> bool {
        let deeds = std::mem::take(&mut self.aims.deeds);
        deeds.into_iter().all(|(item, sent, deed)| self.interfere(item, sent, deed))
    }

    fn interfere(&mut self, item: usize, sent: Sent, deed: Deed) -> bool {
        if !self.world.interfere(sent, deed) {
            return true;
        }
        let plan = self.plan;
        let fault = &plan.faults[item].fault;
        self.say(|| format!("{fault}: from node {} to node {}", sent.from, sent.to));
        if let Some(at) = self.aims.rules.iter().position(|rule| rule.item == item) {
            let rule = &mut self.aims.rules[at];
            let first = !std::mem::replace(&mut rule.hit, true);
            if fault.rule().is_some_and(|which| which.is_past(rule.seen)) {
                self.aims.rules.remove(at);
                self.attend();
            }
            if first {
                self.count_effect(item);
            }
        }
        self.look()
    }

    fn is_of(
        &self,
        letters: &Letters,
        fields: &BTreeMap<String, String>,
        from: NodeId,
        to: NodeId,
        message: &<S::Process as Process>::Message,
    ) -> bool {
        self.scenario.message_kind(message) == letters.kind
            && self.is_one(letters.from.as_ref(), from)
            && self.is_one(letters.to.as_ref(), to)
            && has(fields, || self.scenario.message_fields(message))
    }

    /// Whether `node` is meant.
    fn is_one(&self, whom: Option<&Whom>, node: NodeId) -> bool {
        whom.is_none_or(|whom| self.find(whom) == Some(node))
    }
}

/// What the fault does to the messages that it singles out.
fn deed_of(fault: &Fault) -> Deed {
    if let Fault::DelayMessage { extra, .. } = fault {
        Deed::HoldUp(*extra)
    } else if let Fault::DuplicateMessage { extra, .. } = fault {
        Deed::Double(*extra)
    } else {
        Deed::Lose
    }
}

/// Whether all `wanted` fields are there with their values. Asks for fields only if some are wanted.
fn has(wanted: &BTreeMap<String, String>, fields: impl FnOnce() -> Fields) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let fields = fields();
    wanted.iter().all(|(name, value)| fields.iter().any(|(field, is)| field == name && is == value))
}
