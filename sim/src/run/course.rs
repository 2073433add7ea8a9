//! A run under way: storm, calm, end.

use squall_core::env::Process;
use squall_core::time::{Span, Time};

use super::Scenario;
use super::aims::Aims;
use super::inject::Injector;
use super::recorder::Recorder;
use super::watch::Tap;
use crate::check::{Checks, Progress};
use crate::engine::{Spare, World};
use crate::fingerprint::Fingerprint;
use crate::plan::Plan;
use crate::record::{RunRecord, Tally, Verdict};
use crate::seed::Seed;

/// How often the checks are asked whether the calm is over.
const POLL: Span = Span::from_millis(50);

/// A calm is looked at this many times before it is over: whoever waits for the same thing twice in a row stands
/// still.
const LOOKS: u32 = 2;

/// How much longer than planned a calm may go on, as long as something moves. Not for ever: what goes round in circles
/// moves too.
const PATIENCE: u32 = 4;

/// How many of the last events a failure's record keeps.
const LAST_EVENTS: usize = 60;

/// How many waymarks a record has at most.
const WAYMARKS: usize = 64;

/// A finished run's memory, for the next.
pub struct SpareRun<S: Scenario + ?Sized> {
    world: Spare<S::Process>,
    checks: Option<S::Checks>,
}

impl<S: Scenario + ?Sized> Default for SpareRun<S> {
    fn default() -> Self {
        Self { world: Spare::default(), checks: None }
    }
}

impl<S: Scenario + ?Sized> SpareRun<S> {
    /// No memory, for a run in which every message is overheard.
    pub(super) fn listening() -> Self {
        Self { world: Spare::listening(), checks: None }
    }
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Storm,
    /// `until` then, what is waited for must be another thing than `before`, or it is a stall.
    Calm {
        until: Time,
        looks: u32,
        before: Option<String>,
    },
    Over(Verdict),
}

/// A run that goes on event by event. Its clone has the same future.
pub struct Course<'s, S: Scenario + ?Sized> {
    pub(super) scenario: &'s S,
    pub(super) plan: &'s Plan<S::Operation>,
    pub(super) world: World<S::Process>,
    pub(super) checks: S::Checks,
    pub(super) injector: Injector,
    pub(super) aims: Aims,
    phase: Phase,
    /// Events before this happen; then the course turns: a fault, the calm, a look at the progress.
    pub(super) bound: Time,
    max_events: u64,
    excused: Option<String>,
    failed_on: Option<&'static str>,
    trail: Vec<(u64, Fingerprint)>,
    /// Waymarks are this many events apart, less one: the number is a power of two.
    trail_mask: u64,
    pub(super) tap: Option<Box<Tap<<S::Process as Process>::Probe>>>,
    pub(super) recorder: Option<Box<Recorder>>,
}

impl<S: Scenario + ?Sized> Clone for Course<'_, S> {
    fn clone(&self) -> Self {
        Self {
            scenario: self.scenario,
            plan: self.plan,
            world: self.world.clone(),
            checks: self.checks.clone(),
            injector: self.injector.clone(),
            aims: self.aims.clone(),
            phase: self.phase.clone(),
            bound: self.bound,
            max_events: self.max_events,
            excused: self.excused.clone(),
            failed_on: self.failed_on,
            trail: self.trail.clone(),
            trail_mask: self.trail_mask,
            tap: self.tap.clone(),
            recorder: self.recorder.clone(),
        }
    }
}

impl<'s, S: Scenario + ?Sized> Course<'s, S> {
    /// The world is built; nothing has happened yet but the nodes' boot.
    pub fn new(scenario: &'s S, plan: &'s Plan<S::Operation>, spare: SpareRun<S>) -> Self {
        let injector = Injector::new(&plan.faults);
        let mut course = Self {
            scenario,
            plan,
            world: scenario.build(plan, spare.world),
            checks: scenario.checks(plan, spare.checks),
            bound: Time::ZERO,
            injector,
            aims: Aims::new(&plan.faults),
            phase: Phase::Storm,
            max_events: plan.settings.get("run.max_events"),
            excused: None,
            failed_on: None,
            trail: Vec::new(),
            trail_mask: 63,
            tap: None,
            recorder: None,
        };
        course.attend();
        course.bound = course.next_turn();
        course
    }

    /// The world as it is.
    pub fn world(&self) -> &World<S::Process> {
        &self.world
    }

    /// The checks as they are.
    pub fn checks(&self) -> &S::Checks {
        &self.checks
    }

    /// When the next thing happens; at once if it is over.
    pub(super) fn next_at(&self) -> Time {
        self.world.next_at().map_or(self.bound, |at| at.min(self.bound))
    }

    /// How it ended, once it has.
    pub fn verdict(&self) -> Option<&Verdict> {
        match &self.phase {
            Phase::Over(verdict) => Some(verdict),
            Phase::Storm | Phase::Calm { .. } => None,
        }
    }

    /// One event, fault, or look at the progress; whether anything is left to do.
    #[inline]
    pub fn advance(&mut self) -> bool {
        match self.world.next_at() {
            Some(at) if at < self.bound => {
                if self.tap.is_some() {
                    self.tap_upcoming();
                }
                if self.recorder.is_some() {
                    self.recorder_waits();
                }
                if self.aims.awake {
                    self.watch_arrival();
                }
                self.world.step();
                self.look() && self.within_limit()
            }
            Some(_) | None => self.turn(),
        }
    }

    /// The checks look at the event that just happened; whether all held.
    #[inline]
    pub(super) fn look(&mut self) -> bool {
        if self.world.events() & self.trail_mask == 0 {
            self.mark_trail();
        }
        if self.tap.is_some() {
            self.tap_event();
        }
        if self.recorder.is_some() {
            self.recorder_looks();
        }
        match self.checks.after_event(&self.world) {
            Ok(()) => {
                if self.aims.awake {
                    self.take_aim();
                }
                !self.injector.watches || self.watch()
            }
            Err(violation) => {
                self.failed_on = Some(self.world.moment().kind.name());
                self.end(Verdict::Violation(violation))
            }
        }
    }

    /// The run is over. Always `false`: nothing is left to do.
    #[cold]
    pub(super) fn end(&mut self, verdict: Verdict) -> bool {
        self.phase = Phase::Over(verdict);
        self.bound = Time::ZERO;
        false
    }

    #[inline]
    fn within_limit(&mut self) -> bool {
        if self.world.events() < self.max_events {
            return true;
        }
        let reason = format!("run.max_events = {} events did not suffice", self.max_events);
        self.end(Verdict::Stall { reason })
    }

    /// Time has come to the bound.
    #[cold]
    fn turn(&mut self) -> bool {
        if let Phase::Over(_) = self.phase {
            return false;
        }
        self.world.advance_to(self.bound);
        if !self.rescue_due() {
            return false;
        }
        let goes_on = match self.phase {
            Phase::Storm if self.world.now().0 >= self.plan.storm => self.begin_calm(),
            Phase::Storm => self.inject_due(),
            Phase::Calm { .. } => self.poll(),
            Phase::Over(_) => false,
        };
        if goes_on {
            self.bound = self.next_turn();
        }
        goes_on && self.within_limit()
    }

    fn next_turn(&self) -> Time {
        match self.phase {
            Phase::Storm => {
                let storm_end = Time(self.plan.storm);
                let aimed = self.aims.next_at().unwrap_or(storm_end);
                let next = self.injector.next_at().into_iter().chain(self.next_rescue()).min();
                next.map_or(storm_end, |next| next.min(storm_end)).min(aimed)
            }
            Phase::Calm { .. } => {
                let poll = self.world.now() + POLL;
                self.next_rescue().map_or(poll, |rescue| rescue.min(poll))
            }
            Phase::Over(_) => Time::ZERO,
        }
    }

    fn begin_calm(&mut self) -> bool {
        self.say(|| "the calm begins".to_owned());
        self.record_calm();
        self.phase = Phase::Calm { until: self.world.now() + self.between_looks(), looks: 0, before: None };
        self.stop_aiming();
        self.heal()
    }

    fn between_looks(&self) -> Span {
        Span(self.plan.calm.div_ceil(u64::from(LOOKS)))
    }

    fn poll(&mut self) -> bool {
        match self.checks.calm(&mut self.world) {
            Progress::Done => self.conclude(),
            Progress::Waiting(reason) => self.wait(reason),
            Progress::Excused { reason } => {
                self.excused = Some(reason);
                self.conclude()
            }
        }
    }

    /// The calm is not over yet.
    fn wait(&mut self, reason: String) -> bool {
        let (now, between) = (self.world.now(), self.between_looks());
        let Phase::Calm { until, looks, before } = &mut self.phase else { return true };
        if now < *until {
            return true;
        }
        *until = now + between;
        *looks += 1;
        if *looks >= LOOKS && (before.as_ref() == Some(&reason) || *looks >= LOOKS * PATIENCE) {
            return self.end(Verdict::Stall { reason });
        }
        *before = Some(reason);
        true
    }

    fn conclude(&mut self) -> bool {
        let verdict = match self.checks.at_end(&self.world) {
            Ok(()) => Verdict::Pass,
            Err(violation) => {
                self.failed_on = Some("the end");
                Verdict::Violation(violation)
            }
        };
        self.end(verdict)
    }

    #[cold]
    fn mark_trail(&mut self) {
        if self.trail.len() == WAYMARKS {
            self.trail_mask = self.trail_mask * 2 + 1;
            let mask = self.trail_mask;
            self.trail.retain(|(events, _)| events & mask == 0);
            if self.world.events() & mask != 0 {
                return;
            }
        }
        self.trail.push((self.world.events(), self.world.fingerprint()));
    }

    /// The record, and the memory for the next run.
    pub fn finish(self) -> (RunRecord, SpareRun<S>) {
        let verdict = match self.phase {
            Phase::Over(verdict) => verdict,
            Phase::Storm | Phase::Calm { .. } => Verdict::Stall { reason: "stopped early".to_owned() },
        };
        let last_events = if verdict.is_pass() {
            Vec::new()
        } else {
            let skip = self.world.trace().count().saturating_sub(LAST_EVENTS);
            self.world.trace().skip(skip).map(ToString::to_string).collect()
        };
        let (faults, skipped) = self.injector.into_counts();
        let record = RunRecord {
            scenario: self.scenario.name(),
            seed: Seed(self.plan.seed),
            verdict,
            failed_on: self.failed_on,
            events: self.world.events(),
            virtual_ns: self.world.now().0,
            fingerprint: self.world.fingerprint(),
            trail: self.trail,
            faults,
            skipped,
            excused: self.excused,
            tally: self.checks.counters(),
            permits: self.checks.permits(),
            sometimes: self.checks.sometimes().to_vec(),
            last_events,
        };
        (record, SpareRun { world: self.world.dismantle(), checks: Some(self.checks) })
    }
}

/// The record of a run whose world could not even be built.
pub(super) fn never_began<S: Scenario + ?Sized>(
    scenario: &S,
    plan: &Plan<S::Operation>,
    message: String,
) -> RunRecord {
    RunRecord {
        scenario: scenario.name(),
        seed: Seed(plan.seed),
        verdict: Verdict::InternalError { message },
        failed_on: None,
        events: 0,
        virtual_ns: 0,
        fingerprint: Fingerprint::default(),
        trail: Vec::new(),
        faults: Default::default(),
        skipped: 0,
        excused: None,
        tally: Tally::default(),
        permits: Vec::new(),
        sometimes: Vec::new(),
        last_events: Vec::new(),
    }
}
