//! The recorder: looks at a run under way and writes down a [`Recording`].
//!
//! Told by [`Course`] before and after each event, and by the injector when a fault begins or ends. It has
//! no say in the run: with and without it the fingerprints are the same.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use squall_core::ids::NodeId;
use squall_core::time::Time;

use super::{Course, Scenario, SpareRun, words};
use crate::engine::{Heard, UpcomingInput, World};
use crate::fault::PlannedFault;
use crate::knob;
use crate::narrate::field;
use crate::plan::Plan;
use crate::record::{RunRecord, Verdict};
use crate::recording::{
    Arrow, Effect, End, Fact, Fate, FaultLine, FaultSpan, Lane, Limits, NodeEnd, OperationLine, PlanSummary,
    Recording, SettingLine, State, StateSpan, Window,
};
use crate::trace::{Dropped, Kind, Moment};

/// The event of an act, its node and, of a link, the node at the other end.
type Touched = (u64, NodeId, Option<NodeId>);

/// What was written down so far.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    limits: Limits,
    arrows: VecDeque<Arrow>,
    arrows_left_out: u64,
    /// Messages on their way: their place among all arrows, those left out included.
    flying: BTreeMap<u64, u64>,
    /// The number of the message that the next event takes in.
    due: Option<u64>,
    facts: VecDeque<Fact>,
    facts_left_out: u64,
    before: BTreeMap<(u32, &'static str, String), Fact>,
    /// The first event of which nothing was left out.
    from_event: u64,
    from_ns: u64,
    faults: Vec<FaultSpan>,
    skipped: Vec<usize>,
    states: Vec<StateSpan>,
    clients: BTreeMap<NodeId, bool>,
    calm_ns: Option<u64>,
    /// The last event that was looked at.
    seen: u64,
    /// What acts touched since the last event of a node.
    touched: Vec<Touched>,
}

/// Carries out `plan` and records it. A panic becomes the record's verdict.
pub fn record<S: Scenario + ?Sized>(
    scenario: &S,
    plan: &Plan<S::Operation>,
    limits: Limits,
) -> (RunRecord, Recording) {
    let mut course = Course::new(scenario, plan, SpareRun::listening());
    course.keep_recording(limits);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| while course.advance() {})) {
        course.end(Verdict::InternalError { message: words(&*panic) });
    }
    let recording = course.take_recording().expect("it was asked for above");
    (course.finish().0, recording)
}

/// The recording: only kept where somebody reads it.
impl<S: Scenario + ?Sized> Course<'_, S> {
    /// From now on everything is recorded, in a world that listens already.
    fn keep_recording(&mut self, limits: Limits) {
        let mut recorder = Recorder::new(limits);
        recorder.look(self.scenario, &mut self.world);
        self.recorder = Some(Box::new(recorder));
    }

    /// What was recorded; `None` if nobody asked for it.
    fn take_recording(&mut self) -> Option<Recording> {
        self.recorder_looks();
        let recorder = self.recorder.take()?;
        Some(recorder.into_recording(self.scenario, self.plan, &self.world))
    }

    /// Before an event of a node.
    #[cold]
    pub(super) fn recorder_waits(&mut self) {
        let Some(recorder) = &mut self.recorder else { return };
        recorder.touched.clear();
        recorder.due = self.world.upcoming().and_then(|next| match next.input {
            UpcomingInput::Message { .. } => Some(next.number),
            UpcomingInput::Timer(_) | UpcomingInput::Sync(_) => None,
        });
    }

    /// After an event or an act.
    #[cold]
    pub(super) fn recorder_looks(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.look(self.scenario, &mut self.world);
        }
    }

    /// A fault has taken effect by acts after event `before`.
    pub(super) fn record_begin(&mut self, item: usize, fault: &PlannedFault, before: u64) {
        self.recorder_looks();
        let Some(recorder) = &mut self.recorder else { return };
        let begin_ns = self.world.now().0;
        recorder.faults.push(FaultSpan {
            item,
            kind: fault.fault.kind(),
            text: fault.fault.to_string(),
            begin_ns,
            end_ns: None,
            nodes: whom(recorder.touched.iter().filter(|(event, ..)| *event > before)),
        });
    }

    /// A fault under way has done more, by acts after event `before`.
    pub(super) fn record_turn(&mut self, item: usize, before: u64) {
        self.recorder_looks();
        let Some(recorder) = &mut self.recorder else { return };
        let hit = whom(recorder.touched.iter().filter(|(event, ..)| *event > before));
        if let Some(span) = recorder.faults.iter_mut().rfind(|span| span.item == item) {
            span.nodes.extend(hit);
            span.nodes.sort_unstable();
            span.nodes.dedup();
        }
    }

    /// A fault is over.
    pub(super) fn record_end(&mut self, item: usize) {
        let now = self.world.now().0;
        let Some(recorder) = &mut self.recorder else { return };
        if let Some(span) = recorder.faults.iter_mut().rfind(|span| span.item == item) {
            span.end_ns.get_or_insert(now);
        }
    }

    /// A fault found nothing to do.
    pub(super) fn record_skip(&mut self, item: usize) {
        if let Some(recorder) = &mut self.recorder {
            recorder.skipped.push(item);
        }
    }

    /// The calm begins.
    pub(super) fn record_calm(&mut self) {
        let now = self.world.now().0;
        if let Some(recorder) = &mut self.recorder {
            recorder.calm_ns = Some(now);
        }
    }
}

/// Whom acts hit. A node that is at one end of every link touched is meant, not its peers.
fn whom<'a>(touched: impl Iterator<Item = &'a Touched> + Clone) -> Vec<u32> {
    let both = |(_, node, peer): &Touched| [Some(*node), *peer].into_iter().flatten();
    let mut nodes: Vec<NodeId> = touched.clone().flat_map(both).collect();
    nodes.retain(|node| *node != NodeId::OPERATOR);
    nodes.sort_unstable();
    nodes.dedup();
    if nodes.len() > 2 {
        let everywhere = |node: &NodeId| touched.clone().all(|act| both(act).any(|end| end == *node));
        if let Some(node) = nodes.iter().copied().find(everywhere) {
            nodes = vec![node];
        }
    }
    nodes.into_iter().map(|node| node.0).collect()
}

impl Recorder {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            arrows: VecDeque::new(),
            arrows_left_out: 0,
            flying: BTreeMap::new(),
            due: None,
            facts: VecDeque::new(),
            facts_left_out: 0,
            before: BTreeMap::new(),
            from_event: 1,
            from_ns: 0,
            faults: Vec::new(),
            skipped: Vec::new(),
            states: Vec::new(),
            clients: BTreeMap::new(),
            calm_ns: None,
            seen: 0,
            touched: Vec::new(),
        }
    }

    /// Everything since the last look.
    fn look<S: Scenario + ?Sized>(&mut self, scenario: &S, world: &mut World<S::Process>) {
        self.listen(scenario, world);
        if world.events() == self.seen {
            return;
        }
        let moments: Vec<_> = world.trace().filter(|moment| moment.number > self.seen).copied().collect();
        self.seen = world.events();
        for moment in moments {
            self.on_moment(scenario, world, moment);
        }
        let (at_ns, event) = (world.now().0, world.events());
        for (node, probe) in world.probes() {
            let (kind, fields) = (scenario.probe_kind(probe), scenario.probe_fields(probe));
            self.push_fact(Fact { at_ns, event, node: node.0, kind, fields });
        }
    }

    fn on_moment<S: Scenario + ?Sized>(&mut self, scenario: &S, world: &World<S::Process>, moment: Moment) {
        let Moment { at: Time(at), number: event, node, kind, .. } = moment;
        match kind {
            Kind::Delivered { .. } => self.land(Fate::Arrived, at, event),
            Kind::Dropped { why: Dropped::Cut, .. } => self.land(Fate::CutOnArrival, at, event),
            Kind::Dropped { why: Dropped::Down, .. } => self.land(Fate::ReceiverDown, at, event),
            Kind::Crashed => self.begin_state(moment, State::Down, "crashed"),
            Kind::PowerLost => self.begin_state(moment, State::Down, "power lost"),
            Kind::Wiped => self.begin_state(moment, State::Down, "wiped"),
            Kind::Paused => self.begin_state(moment, State::Paused, "paused"),
            Kind::Started => {
                self.end_state(node, at);
                if let Some(process) = world.process(node) {
                    self.clients.insert(node, scenario.is_client(process));
                }
            }
            Kind::Resumed => self.end_state(node, at),
            Kind::Cut { to } | Kind::Mended { to } | Kind::Weather { to } | Kind::Interfered { to } => {
                self.touched.push((event, node, Some(to)));
            }
            Kind::ClockSet | Kind::DiskSet | Kind::DiskHarmed => self.touched.push((event, node, None)),
            Kind::Created | Kind::Expired | Kind::Synced => {}
        }
    }

    fn begin_state(&mut self, moment: Moment, state: State, why: &'static str) {
        let Moment { at, number, node, .. } = moment;
        self.end_state(node, at.0);
        self.touched.push((number, node, None));
        self.states.push(StateSpan { node: node.0, state, why, begin_ns: at.0, end_ns: None });
    }

    fn end_state(&mut self, node: NodeId, at: u64) {
        let open = self.states.iter_mut().rfind(|span| span.node == node.0);
        if let Some(span) = open {
            span.end_ns.get_or_insert(at);
        }
    }

    /// The message that the last event was about has come to its end.
    fn land(&mut self, fate: Fate, at: u64, event: u64) {
        if let Some(number) = self.due.take() {
            self.end_arrow(number, fate, at, event);
        }
    }

    fn end_arrow(&mut self, number: u64, fate: Fate, at: u64, event: u64) {
        let Some(place) = self.flying.remove(&number) else { return };
        let kept = place.checked_sub(self.arrows_left_out).and_then(|place| usize::try_from(place).ok());
        if let Some(arrow) = kept.and_then(|place| self.arrows.get_mut(place)) {
            (arrow.fate, arrow.end_ns, arrow.end_event) = (fate, Some(at), Some(event));
        }
    }

    /// What was sent, lost and forgotten in the event that has just happened.
    fn listen<S: Scenario + ?Sized>(&mut self, scenario: &S, world: &mut World<S::Process>) {
        let (at, event) = (world.now().0, world.events());
        let nodes = world.nodes().count();
        let place = |node: NodeId| (node.index() < nodes).then_some(node.0);
        for heard in world.take_heard() {
            let (number, from, to, message, fate) = match heard {
                Heard::Sent { number, from, to, message } => {
                    (Some(number), from, to, message, Fate::OnItsWay)
                }
                Heard::Lost { from, to, message, cut: true } => (None, from, to, message, Fate::CutWhenSent),
                Heard::Lost { from, to, message, cut: false } => (None, from, to, message, Fate::Lost),
                Heard::Lifted { number } => {
                    self.end_arrow(number, Fate::Lost, at, event);
                    continue;
                }
                Heard::Forgotten { number } => {
                    self.end_arrow(number, Fate::Forgotten, at, event);
                    continue;
                }
            };
            if let Some(number) = number {
                self.flying.insert(number, self.arrows_left_out + self.arrows.len() as u64);
            }
            self.push_arrow(Arrow {
                from: place(from),
                to: place(to),
                kind: scenario.message_kind(&message),
                fields: scenario.message_fields(&message),
                sent_ns: at,
                sent_event: event,
                end_ns: None,
                end_event: None,
                fate,
            });
        }
    }

    fn push_arrow(&mut self, arrow: Arrow) {
        self.arrows.push_back(arrow);
        if self.arrows.len() > self.limits.arrows
            && let Some(gone) = self.arrows.pop_front()
        {
            self.arrows_left_out += 1;
            self.leave_out(gone.sent_event, gone.sent_ns);
        }
    }

    fn push_fact(&mut self, fact: Fact) {
        self.facts.push_back(fact);
        if self.facts.len() > self.limits.facts
            && let Some(gone) = self.facts.pop_front()
        {
            self.leave_out(gone.event, gone.at_ns);
            self.carry(gone);
        }
    }

    /// Something of this event is not kept.
    fn leave_out(&mut self, event: u64, at: u64) {
        if event >= self.from_event {
            (self.from_event, self.from_ns) = (event + 1, at);
        }
    }

    /// A fact before the window: the newest of its sort stays.
    fn carry(&mut self, fact: Fact) {
        self.facts_left_out += 1;
        let partition = fact.field(field::PARTITION).unwrap_or_default().to_owned();
        self.before.insert((fact.node, fact.kind, partition), fact);
    }

    /// Facts before the window, of which some were kept because there were few of them.
    fn trim(&mut self) {
        while self.facts.front().is_some_and(|fact| fact.event < self.from_event) {
            let gone = self.facts.pop_front().expect("it was just looked at");
            self.carry(gone);
        }
        while self.arrows.front().is_some_and(|arrow| arrow.sent_event < self.from_event) {
            self.arrows.pop_front();
            self.arrows_left_out += 1;
        }
    }

    fn into_recording<S: Scenario + ?Sized>(
        mut self,
        scenario: &S,
        plan: &Plan<S::Operation>,
        world: &World<S::Process>,
    ) -> Recording {
        self.trim();
        let window = Window {
            from_ns: self.from_ns,
            to_ns: world.now().0,
            calm_ns: self.calm_ns,
            from_event: self.from_event,
            events: world.events(),
            arrows_left_out: self.arrows_left_out,
            facts_left_out: self.facts_left_out,
        };
        let mut before: Vec<_> = self.before.into_values().collect();
        before.sort_by_key(|fact| fact.event);
        let last = world.moment().node;
        Recording {
            window,
            lanes: world.nodes().map(|node| lane(world.name(node), self.clients.get(&node))).collect(),
            plan: summary(scenario, plan, &self.faults, &self.skipped, self.limits.operations),
            arrows: self.arrows.into(),
            facts: self.facts.into(),
            before,
            faults: self.faults,
            ending: world.nodes().map(|node| ending(scenario, world, node)).collect(),
            states: self.states,
            end: End {
                at_ns: world.now().0,
                event: world.events(),
                node: (last != NodeId::OPERATOR).then_some(last.0),
            },
        }
    }
}

/// `broker 2` is one of the `broker`s.
fn lane(name: &str, client: Option<&bool>) -> Lane {
    let kind = match name.rsplit_once(' ') {
        Some((kind, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => kind,
        Some(_) | None => name,
    };
    Lane { name: name.to_owned(), kind: kind.to_owned(), client: client.copied().unwrap_or(false) }
}

fn ending<S: Scenario + ?Sized>(scenario: &S, world: &World<S::Process>, node: NodeId) -> NodeEnd {
    let process: Option<&S::Process> = world.process(node);
    let state = match process {
        None => Some(State::Down),
        Some(_) => world.is_paused(node).then_some(State::Paused),
    };
    let fields = process.map(|process| scenario.state(process)).unwrap_or_default();
    NodeEnd { node: node.0, state, fields }
}

fn summary<S: Scenario + ?Sized>(
    scenario: &S,
    plan: &Plan<S::Operation>,
    begun: &[FaultSpan],
    skipped: &[usize],
    most: usize,
) -> PlanSummary {
    let rows = knob::table(scenario.knobs());
    let settings = plan.settings.iter().filter_map(|(key, value)| {
        let knob = knob::find(&rows, key).filter(|knob| knob.calm != value)?;
        let (key, unit) = (key.to_owned(), knob.unit.to_string());
        Some(SettingLine { key, value, calm: knob.calm, unit })
    });
    let faults = plan.faults.iter().enumerate().map(|(item, fault)| FaultLine {
        at_ns: fault.when.time(),
        lasts_ns: fault.lasts,
        text: match fault.when.trigger() {
            Some(trigger) => format!("{} on {trigger}", fault.fault),
            None => fault.fault.to_string(),
        },
        effect: if begun.iter().any(|span| span.item == item) {
            Effect::Began
        } else if skipped.contains(&item) {
            Effect::Skipped
        } else {
            Effect::NeverCame
        },
    });
    let operations = plan.operations.iter().take(most).map(|operation| OperationLine {
        at_ns: operation.at,
        client: operation.client,
        text: serde_json::to_string(&operation.op).expect("a plan's operations can be written"),
    });
    PlanSummary {
        settings: settings.collect(),
        faults: faults.collect(),
        operations: operations.collect(),
        operations_left_out: plan.operations.len().saturating_sub(most),
        quirks: plan.quirks.clone(),
        storm_ns: plan.storm,
        calm_ns: plan.calm,
    }
}
