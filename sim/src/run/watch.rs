//! A run that is watched: its lines and its history go out as they happen.
//!
//! What is kept of an event is handed on before the next; nothing grows with the run. A run that nobody
//! watches pays one branch an event.

use std::panic::{AssertUnwindSafe, catch_unwind};

use squall_core::env::Process;
use squall_core::ids::NodeId;
use squall_core::time::Time;

use super::{Course, Scenario, SpareRun, words};
use crate::engine::{UpcomingInput, World};
use crate::history::{Chronicle, History};
use crate::plan::Plan;
use crate::record::{RunRecord, Verdict};
use crate::timeline::{Line, Somebody, Stage, Wants, Watch, What};
use crate::trace::{Kind, Moment};

/// Who watches a run. A closure gets every line as text.
pub type Sink<'a> = &'a mut dyn Watch;

/// What is kept for a watcher until it is handed on.
#[derive(Debug, Clone)]
pub(super) struct Tap<B> {
    wants: Wants,
    /// The last event that was looked at.
    seen: u64,
    lines: Vec<Line>,
    facts: Vec<(Moment, NodeId, B)>,
}

/// The same as [`run`](super::run); `sink` is told what it wants, as it happens. A panic becomes the
/// record's verdict, after all that led to it.
///
/// # Errors
/// In one line, if the sink cannot watch such a world.
pub fn run_traced<S: Scenario + ?Sized>(
    scenario: &S,
    plan: &Plan<S::Operation>,
    sink: Sink<'_>,
) -> Result<RunRecord, String> {
    let mut course = Course::new(scenario, plan, SpareRun::default());
    sink.begin(&stage(scenario, plan, course.world()))?;
    let mut chronicle = if sink.wants().history { scenario.chronicle(plan) } else { None };
    course.tap(sink.wants());
    if let Some(chronicle) = &mut chronicle {
        chronicle.begin(&mut |entry| sink.entry(&entry));
    }
    loop {
        let advanced = catch_unwind(AssertUnwindSafe(|| course.advance()));
        let goes_on =
            advanced.unwrap_or_else(|panic| course.end(Verdict::InternalError { message: words(&*panic) }));
        course.hand_on(sink, &mut chronicle);
        if !goes_on {
            break;
        }
    }
    if let Some(chronicle) = &mut chronicle {
        chronicle.end(course.world().now(), &mut |entry| sink.entry(&entry));
    }
    Ok(course.finish().0)
}

/// What the clients of a run saw: the last `limit` entries.
pub fn client_history<S: Scenario + ?Sized>(
    scenario: &S,
    plan: &Plan<S::Operation>,
    limit: usize,
) -> History {
    struct Keeper(History);
    impl Watch for Keeper {
        fn wants(&self) -> Wants {
            Wants { history: true, ..Wants::default() }
        }
        fn entry(&mut self, entry: &crate::history::Entry) {
            self.0.push(entry.clone());
        }
    }
    let mut keeper = Keeper(History::bounded(limit));
    run_traced(scenario, plan, &mut keeper).expect("whoever keeps entries watches any world");
    keeper.0
}

/// Who and what there is.
pub(super) fn stage<S: Scenario + ?Sized>(
    scenario: &S,
    plan: &Plan<S::Operation>,
    world: &World<S::Process>,
) -> Stage {
    let nodes = world.nodes().map(|node| world.name(node).to_owned()).collect();
    Stage { nodes, partitions: scenario.partitions(&plan.settings) }
}

impl<S: Scenario + ?Sized> Course<'_, S> {
    /// From now on what a watcher wants is kept until it is handed on.
    fn tap(&mut self, wants: Wants) {
        let seen = self.world.events();
        self.tap = Some(Box::new(Tap { wants, seen, lines: Vec::new(), facts: Vec::new() }));
    }

    /// To whoever watches.
    fn hand_on(
        &mut self,
        sink: Sink<'_>,
        chronicle: &mut Option<Box<dyn Chronicle<<S::Process as Process>::Probe>>>,
    ) {
        let Some(tap) = &mut self.tap else { return };
        for line in tap.lines.drain(..) {
            sink.line(&line);
        }
        let facts = tap.facts.drain(..);
        let Some(chronicle) = chronicle else { return };
        for (moment, node, fact) in facts {
            chronicle.fact(moment.at, moment.number, node, &fact, &mut |entry| sink.entry(&entry));
        }
    }

    /// A line about something that is no event of a node.
    pub(super) fn say(&mut self, what: impl FnOnce() -> String) {
        self.say_before(self.world.events(), what);
    }

    /// The same, in front of the acts after event `event`: they are known first, and read after it.
    pub(super) fn say_before(&mut self, event: u64, what: impl FnOnce() -> String) {
        if let Some(tap) = &mut self.tap
            && tap.wants.lines
        {
            let place = tap.lines.partition_point(|line| line.event <= event);
            let line = Line { at: self.world.now(), event, who: None, what: What::Notice(what()) };
            tap.lines.insert(place, line);
        }
    }

    /// The next event of a node is about to happen.
    #[cold]
    pub(super) fn tap_upcoming(&mut self) {
        let Some(tap) = self.tap.as_mut().filter(|tap| tap.wants.inputs) else { return };
        let Some(next) = self.world.upcoming() else { return };
        let what = match next.input {
            UpcomingInput::Message { from, message } => What::Message {
                from: Somebody::of(&self.world, from),
                kind: self.scenario.message_kind(message),
                fields: self.scenario.message_fields(message),
            },
            UpcomingInput::Timer(timer) => What::Timer(format!("{timer:?}")),
            UpcomingInput::Sync(_) => What::Sync,
        };
        let who = Some(Somebody::of(&self.world, next.node));
        tap.lines.push(Line { at: next.at, event: self.world.events() + 1, who, what });
    }

    /// An event has happened.
    #[cold]
    pub(super) fn tap_event(&mut self) {
        let (scenario, world) = (self.scenario, &self.world);
        let Some(tap) = &mut self.tap else { return };
        let moment = *world.moment();
        // An input for a node that is paused is no event, and one fault may be several acts.
        let seen = std::mem::replace(&mut tap.seen, moment.number);
        if seen == moment.number {
            return;
        }
        if tap.wants.lines {
            let new = world.trace().filter(|moment| moment.number > seen);
            tap.lines.extend(new.filter_map(|moment| act(world, moment, tap.wants)));
            tap.lines.extend(world.probes().iter().map(|(node, probe)| {
                let (kind, glyph) = (scenario.probe_kind(probe), scenario.probe_glyph(probe));
                let what = What::Fact { kind, glyph, fields: scenario.probe_fields(probe) };
                let who = Some(Somebody::of(world, *node));
                Line { at: moment.at, event: moment.number, who, what }
            }));
        }
        if tap.wants.history {
            tap.facts.extend(world.probes().iter().map(|(node, probe)| (moment, *node, probe.clone())));
        }
    }
}

/// The line of an act on a node; inputs were told before they happened.
fn act<P: Process>(world: &World<P>, moment: &Moment, wants: Wants) -> Option<Line> {
    let what = match moment.kind {
        Kind::Started | Kind::Crashed | Kind::PowerLost | Kind::Wiped | Kind::Paused | Kind::Resumed => {
            What::Act(moment.kind)
        }
        Kind::Dropped { why, .. } if wants.inputs => What::Lost(why),
        // Told before they happened, or by the fault that they belong to.
        Kind::Created
        | Kind::Delivered { .. }
        | Kind::Dropped { .. }
        | Kind::Expired
        | Kind::Synced
        | Kind::Cut { .. }
        | Kind::Mended { .. }
        | Kind::Weather { .. }
        | Kind::ClockSet
        | Kind::DiskSet
        | Kind::DiskHarmed
        | Kind::Interfered { .. } => return None,
    };
    let who = Some(Somebody::of(world, moment.node));
    Some(Line { at: moment.at, event: moment.number, who, what })
}

/// A world that stands still, for people to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Still {
    /// The time that was asked for, or the end of the run if it comes before.
    pub at: Time,
    /// How many events have happened.
    pub events: u64,
    /// How the run ended, if it has.
    pub ended: Option<&'static str>,
    /// Every node, by its number.
    pub nodes: Vec<StillNode>,
}

/// A node that stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StillNode {
    /// Its name.
    pub name: String,
    /// `up`, `down` or `paused`.
    pub life: &'static str,
    /// Its state, as the scenario tells it; nothing while it is down.
    pub state: crate::narrate::Fields,
}

/// Every node's state after all that happens up to `at`, that instant included.
pub fn still_at<S: Scenario + ?Sized>(scenario: &S, plan: &Plan<S::Operation>, at: Time) -> Still {
    let mut course = Course::new(scenario, plan, SpareRun::default());
    let mut goes_on = true;
    while goes_on && course.next_at() <= at {
        goes_on = catch_unwind(AssertUnwindSafe(|| course.advance()))
            .unwrap_or_else(|panic| course.end(Verdict::InternalError { message: words(&*panic) }));
    }
    let world = course.world();
    let node = |node: NodeId| StillNode {
        name: world.name(node).to_owned(),
        life: match world.process(node) {
            None => "down",
            Some(_) if world.is_paused(node) => "paused",
            Some(_) => "up",
        },
        state: world.process(node).map(|process| scenario.state(process)).unwrap_or_default(),
    };
    let ended = course.verdict().map(Verdict::name);
    let at = if ended.is_some() { world.now() } else { at };
    Still { at, events: world.events(), ended, nodes: world.nodes().map(node).collect() }
}
