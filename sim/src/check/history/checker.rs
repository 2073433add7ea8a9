//! Takes a history in, one operation at a time, and judges it in the end.
//!
//! Each completion is folded into the tables at once, and what no later operation can take back is known at
//! once ([`Checker::known`]). What depends on the whole order of a key (a gap may turn out to be none, a crashed
//! send to have happened) is decided by [`Checker::finish`], in one more walk over what is kept: some tens of
//! bytes a record, whatever the history's text was.

use std::collections::{BTreeMap, BTreeSet};

use super::class::Class;
use super::class::allowed;
use super::cycles;
use super::findings::Findings;
use super::groups::Groups;
use super::impossible::{self, Open};
use super::measures;
use super::missing;
use super::order::Order;
use super::pairs::Pairs;
use super::queue::Queue;
use super::report::{Compared, Operation, Report, Verdict};
use super::tables::{Begun, Tables};
use crate::history::Kind;
use crate::history::op::{Action, Argument, Mop, Name, Op};

/// How a history is judged.
#[derive(Debug, Clone)]
pub struct Options {
    /// Writes are ordered by their offsets: write cycles are looked for, and read cycles are normal.
    pub ww_deps: bool,
    /// Clients subscribe, and rebalances move them.
    pub subscribe: bool,
    /// Classes that are allowed beyond these.
    pub allow: BTreeSet<Class>,
    /// Impossible operations are taken as well as can be, not refused.
    pub lenient: bool,
    /// The most anomalies of a class that are kept; all are counted.
    pub keep: usize,
    /// Whether every lag is kept, not the worst alone.
    pub lags: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ww_deps: false,
            subscribe: false,
            allow: BTreeSet::new(),
            lenient: false,
            keep: 1_000,
            lags: false,
        }
    }
}

/// An operation that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impossible(pub String);

impl std::fmt::Display for Impossible {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Impossible {}

/// A history as far as it was pushed.
#[derive(Debug, Clone)]
pub struct Checker {
    options: Options,
    tables: Tables,
    groups: Groups,
    queue: Queue,
    open: BTreeMap<i64, Open>,
    errors: BTreeSet<String>,
    /// How many operations came, and how many of those were by clients.
    operations: u64,
    place: u64,
    last_index: Option<u64>,
    last_time: u64,
    /// Operations that do what is checked.
    judged: u64,
    others: u64,
    impossible: u64,
    first_impossible: Option<String>,
}

/// The most different errors of crashed operations that are listed.
const ERRORS: usize = 256;

impl Checker {
    /// An empty history.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            tables: Tables::default(),
            groups: Groups::default(),
            queue: Queue::default(),
            open: BTreeMap::new(),
            errors: BTreeSet::new(),
            operations: 0,
            place: 0,
            last_index: None,
            last_time: 0,
            judged: 0,
            others: 0,
            impossible: 0,
            first_impossible: None,
        }
    }

    /// The next operation. An impossible one is refused and leaves everything as it was, unless the options are
    /// lenient.
    pub fn push(&mut self, op: Op) -> Result<(), Impossible> {
        let open = op.process.and_then(|process| self.open.get(&process));
        if let Some(why) = impossible::why(&op, open, (self.last_index, self.last_time), &self.tables) {
            if !self.options.lenient {
                return Err(Impossible(why));
            }
            self.impossible += 1;
            self.first_impossible.get_or_insert(why);
        }
        let index = op.index.unwrap_or(self.operations);
        self.operations += 1;
        self.last_index = op.index.or(self.last_index);
        self.last_time = self.last_time.max(op.time.unwrap_or_default());
        // What was done to the system is no part of what it did.
        let Some(process) = op.process else { return Ok(()) };
        let moment = Begun { place: self.place, at: op.time.unwrap_or(self.last_time) };
        self.place += 1;
        self.queue.look(&op, index);
        match op.kind {
            Kind::Invoke => {
                let open = Open { op, index, place: moment.place, at: moment.at };
                if let Some(earlier) = self.open.insert(process, open) {
                    self.forgotten(earlier, moment);
                }
            }
            Kind::Ok | Kind::Fail | Kind::Info => {
                let begun = self.open.remove(&process).map(|open| Begun { place: open.place, at: open.at });
                self.complete(&op, index, begun.unwrap_or(moment), moment);
            }
        }
        Ok(())
    }

    /// Classes of which something was found that no later operation can take back.
    pub const fn known(&self) -> &BTreeSet<Class> {
        &self.tables.known
    }

    /// Whether a committed operation read a value of this name, of any key.
    pub fn was_read(&self, name: &str) -> bool {
        self.tables.was_read(&Name::Text(name.into()))
    }

    fn complete(&mut self, op: &Op, index: u64, begun: Begun, ended: Begun) {
        if op.f == Action::Other {
            self.others += 1;
            return;
        }
        self.judged += 1;
        if op.kind == Kind::Info && op.f.of_records() && self.errors.len() < ERRORS {
            self.errors.extend(op.error.clone());
        }
        let done = self.tables.complete(op, index, begun, ended);
        self.groups.look(op, done, &mut self.tables);
    }

    /// What was begun and never ended may have happened: nobody knows, and nothing is known of it but what was
    /// asked.
    fn forgotten(&mut self, open: Open, now: Begun) {
        let begun = Begun { place: open.place, at: open.at };
        let mut op = open.op;
        op.kind = Kind::Info;
        if let Argument::Mops(mops) = &mut op.value {
            for mop in mops {
                match mop {
                    Mop::Send { offset, .. } => *offset = None,
                    Mop::Poll(keys) => keys.clear(),
                }
            }
        }
        self.complete(&op, open.index, begun, now);
    }

    /// The history is over: judges it.
    pub fn finish(mut self) -> Report {
        let unended = self.open.len() as u64;
        for (_, open) in std::mem::take(&mut self.open) {
            let now = Begun { place: self.place, at: self.last_time };
            self.place += 1;
            self.forgotten(open, now);
        }
        let mut findings = Findings::keeping(self.options.keep);
        let order = Order::of(&self.tables, &mut findings);
        missing::wrongly_read(&self.tables, &mut findings);
        missing::lost(&self.tables, &order, &mut findings);
        missing::unseen(&self.tables, &mut findings);
        let mut pairs = Pairs::new(&self.tables, &order);
        (0..self.tables.done.len()).for_each(|number| pairs.look(number, &mut findings));
        let queue = self.queue.any().then(|| self.queue.finish(&mut findings));
        self.groups.finish(&self.tables, &mut findings);
        // A queue's history says nothing of logs, and a history of something else says nothing of either.
        let of_records = self.tables.done.iter().any(|done| done.f.of_records());
        let of_something_else = self.queue.any() || self.groups.looked > 0 || self.others > 0;
        if of_records || !of_something_else {
            cycles::look(&self.tables, &order, self.options.ww_deps, &mut findings);
        }
        let (worst_lag, lags) = measures::lags(&self.tables, self.options.lags);
        let consumed = measures::consumed(&self.tables);
        let found = findings.into_classes();
        let mut allow = allowed(self.options.ww_deps, self.options.subscribe);
        allow.extend(&self.options.allow);
        let verdict = if found.keys().any(|class| !allow.contains(class)) {
            Verdict::Invalid
        } else if self.tables.resent > 0 {
            Verdict::Unknown(
                "values were sent more than once, so that nothing can be told of them".to_owned(),
            )
        } else if self.judged == 0 {
            Verdict::Unknown("no operation of it is one that is checked".to_owned())
        } else {
            Verdict::Valid
        };
        Report {
            verdict,
            operations: self.told(&found),
            allowed: allow,
            compared: self.compared(&order, unended),
            worst_lag,
            lags,
            consumed,
            info_causes: self.errors.into_iter().collect(),
            queue,
            impossible: self.impossible,
            first_impossible: self.first_impossible,
            found,
        }
    }

    fn compared(&self, order: &Order, unended: u64) -> Compared {
        let done = &self.tables.done;
        let of = |kind: Kind| done.iter().filter(|done| done.kind == kind).count() as u64;
        let clients: BTreeSet<i64> = done.iter().map(|done| done.process).collect();
        Compared {
            operations: self.operations,
            ok: of(Kind::Ok),
            fail: of(Kind::Fail),
            info: of(Kind::Info),
            unended,
            not_judged: self.others,
            clients: clients.len() as u64,
            keys: self.tables.keys.len() as u64,
            values: self.tables.records.len() as u64,
            placed: order.by_place.iter().map(|places| places.len() as u64).sum(),
            sends: self.tables.sends,
            reads: self.tables.reads,
            group_operations: self.groups.looked,
        }
    }

    /// The operations that what was found names.
    fn told(&self, found: &BTreeMap<Class, super::findings::Found>) -> BTreeMap<u64, Operation> {
        let named =
            found.values().flat_map(|found| &found.first).flat_map(super::anomaly::Anomaly::operations);
        let mut all: BTreeMap<u64, Option<Operation>> = named.map(|index| (index, None)).collect();
        for (number, done) in self.tables.done.iter().enumerate() {
            if let Some(told) = all.get_mut(&done.index) {
                *told = Some(Operation::of(&self.tables, number));
            }
        }
        all.into_iter().filter_map(|(index, told)| Some((index, told?))).collect()
    }
}
