//! The measurement: one size of the group and of the topic, without faults.
//!
//! A run of it has a timetable. The members join all at once, and how long it takes until each of them has its
//! partitions is the time in which a group forms. Then one more joins: everybody has to join again, and the same is
//! measured again. It leaves, and once that is over producers send more than any size can take, the same for all.
//! Throughput is what the group processes between its first tenth and its last: whoever has few records left at the
//! end says nothing about the group. All invariants are on: who loses records has no throughput.

use squall_core::client::Standing;
use squall_core::group::probe::GroupProbe;
use squall_core::ids::{Generation, NodeId};
use squall_core::probe::Probe;
use squall_core::time::{Span, Time};
use squall_reports::scaling::Row;
use squall_sim::capsule::Capsule;
use squall_sim::engine::World;
use squall_sim::knob;
use squall_sim::plan::{Operation, Plan};
use squall_sim::record::RunRecord;
use squall_sim::run::{Course, Scenario, SpareRun};
use squall_sim::seed::Seed;
use squall_sim::settings::{Overrides, Settings};

use super::Scaling;
use crate::cluster::{self, Member};
use crate::consumer_group::{Op, PlannedAssignor};
use crate::replicated_log::PlannedAcks;

/// How many partitions and consumers a curve goes up to, and over which numbers.
pub const SIZES: [u32; 6] = [1, 2, 5, 10, 100, 1_000];

/// Where the partitions stay and the consumers grow: so many.
pub const FIXED: u32 = 10;

/// The topics are made and everybody has found the brokers.
const JOIN: Time = Time(3_000_000_000);

/// One more joins, half a heartbeat after those who are there: they began together, and none is about to ask.
const ONE_MORE: Time = Time(8_250_000_000);

/// It leaves.
const LEAVES: Time = Time(13_000_000_000);

/// Producers begin.
const LOAD: Time = Time(18_000_000_000);

/// What producers send together in a second.
const OFFERED: u64 = 60_000;

/// How often a producer sends what is due by then.
const BURST: Span = Span::from_millis(5);

/// How long a group may take for all of it.
const PATIENCE: Span = Span::from_secs(3_600);

/// One size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Partitions of the topic.
    pub partitions: u32,
    /// Members of the group.
    pub consumers: u32,
}

/// Why there is no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmeasured {
    /// What was set contradicts itself or the timetable, in one line.
    Impossible(String),
    /// Something that must hold did not.
    Failed(Box<Failed>),
}

/// A run in which something did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// What came of it.
    pub record: RunRecord,
    plan: Plan<Op>,
}

impl Failed {
    /// The text of its capsule; runs it once more.
    pub fn capsule(&self) -> String {
        Capsule::with_steps(&Scaling, self.plan.clone(), &self.record).to_text()
    }
}

/// Settings that a size decides: nobody else may.
pub const DECIDED: [&str; 3] = ["topic.partitions", "group.groups", "group.members"];

/// Measures one size.
pub fn measure(size: Size, seed: Seed, overrides: &Overrides) -> Result<Row, Unmeasured> {
    let plan = plan(size, seed, overrides).map_err(Unmeasured::Impossible)?;
    let mut course = Course::new(&Scaling, &plan, SpareRun::default());
    let mut eyes = Eyes::new(size, &plan.settings);
    let mut seen = course.world().events();
    while course.advance() {
        let events = course.world().events();
        // Some advances are looks at the clock.
        if std::mem::replace(&mut seen, events) != events {
            eyes.look(course.world());
        }
    }
    let (record, _) = course.finish();
    if !record.verdict.is_pass() {
        return Err(Unmeasured::Failed(Box::new(Failed { record, plan })));
    }
    eyes.row(record.events).map_err(Unmeasured::Impossible)
}

/// The plan of a size.
fn plan(size: Size, seed: Seed, overrides: &Overrides) -> Result<Plan<Op>, String> {
    let mut settings = Settings::calm(&knob::table(Scaling.knobs()), overrides);
    settings.set("topic.partitions", u64::from(size.partitions));
    settings.set("group.groups", 1);
    // One of them joins later, and does not stay.
    settings.set("group.members", u64::from(size.consumers) + 1);
    Scaling.check_settings(&settings)?;
    let operations = operations(size, &settings);
    let storm = operations.last().map_or(LOAD.0, |last| last.at) + 1;
    Ok(Plan {
        scenario: Scaling.name().to_owned(),
        seed: seed.0,
        settings,
        operations,
        faults: Vec::new(),
        storm,
        calm: PATIENCE.0,
        quirks: Vec::new(),
    })
}

/// The timetable.
fn operations(size: Size, settings: &Settings) -> Vec<Operation<Op>> {
    let producers = settings.get("client.producers") as u32;
    let mut operations = Vec::new();
    let mut push = |at: Time, client, op| operations.push(Operation { at: at.0, client, op });
    for client in 0..producers {
        push(Time::ZERO, client, Op::Produce { acks: PlannedAcks::All, idempotent: true });
    }
    let work = Op::Work { group: 0, assignor: PlannedAssignor::Range, instance: None, automatic: true };
    let one_more = producers + size.consumers;
    for client in producers..=one_more {
        push(Time::ZERO, client, work);
    }
    for client in producers..one_more {
        push(JOIN, client, Op::Join);
    }
    push(ONE_MORE, one_more, Op::Join);
    push(LEAVES, one_more, Op::Leave);
    let (records, bytes) = (settings.get("workload.records"), settings.get("workload.bytes") as u32);
    // In each burst, of each producer.
    let burst = (OFFERED * BURST.0 / 1_000_000_000 / u64::from(producers.max(1))).max(1);
    for number in 0..records {
        let at = LOAD + BURST.times(number / burst);
        for client in 0..producers {
            // Without keys a producer fills one batch after another, and most of many partitions would get none.
            let key = Some((number * u64::from(producers)) as u32 + client);
            push(at, client, Op::Send { key, bytes });
        }
    }
    operations
}

/// Until when the members of a generation all have what they get.
#[derive(Debug, Clone, Default)]
struct Settling {
    generation: Option<Generation>,
    /// So many are in the generation.
    members: usize,
    /// Those that have their partitions, or know that there are none for them.
    settled: Vec<NodeId>,
}

/// What is seen of a run.
struct Eyes {
    size: Size,
    brokers: u32,
    settling: Settling,
    forms: Option<Span>,
    one_more: Option<Span>,
    /// When each record was processed, and for how long the brokers had worked by the first tenth and the last.
    processed: Vec<Time>,
    expected: usize,
    spent: [Vec<Span>; 2],
}

impl Eyes {
    fn new(size: Size, settings: &Settings) -> Self {
        let expected = settings.get("client.producers") * settings.get("workload.records");
        Self {
            size,
            brokers: cluster::layout(settings).brokers,
            settling: Settling::default(),
            forms: None,
            one_more: None,
            processed: Vec::with_capacity(expected as usize),
            expected: expected as usize,
            spent: [Vec::new(), Vec::new()],
        }
    }

    fn look(&mut self, world: &World<Member>) {
        for (_, probe) in world.probes() {
            match probe {
                Probe::Group(GroupProbe::Rebalanced { generation, members, .. }) => {
                    let (generation, members) = (Some(*generation), members.len());
                    self.settling = Settling { generation, members, settled: Vec::new() };
                }
                Probe::Group(GroupProbe::Processed { .. }) => self.count(world),
                Probe::Group(_)
                | Probe::Quorum(_)
                | Probe::Metadata(_)
                | Probe::Broker(_)
                | Probe::Replica(..)
                | Probe::Client(_)
                | Probe::Transaction(_)
                | Probe::Transacted(_)
                | Probe::Share(_) => {}
            }
        }
        let node = world.moment().node;
        if let Some(Member::Worker(worker)) = world.process(node)
            && let Some(member) = worker.member()
            && member.standing() == Standing::Stable
            && member.identity().map(|(_, generation)| generation) == self.settling.generation
        {
            self.settle(node, world.now());
        }
    }

    /// A member has what it gets.
    fn settle(&mut self, node: NodeId, now: Time) {
        let Err(place) = self.settling.settled.binary_search(&node) else { return };
        self.settling.settled.insert(place, node);
        if self.settling.settled.len() < self.settling.members {
            return;
        }
        let all = self.size.consumers as usize;
        if now >= JOIN && now < ONE_MORE && self.settling.members == all {
            self.forms.get_or_insert(now.since(JOIN));
        }
        if now >= ONE_MORE && now < LEAVES && self.settling.members == all + 1 {
            self.one_more.get_or_insert(now.since(ONE_MORE));
        }
    }

    fn count(&mut self, world: &World<Member>) {
        self.processed.push(world.now());
        let count = self.processed.len();
        let tenth = self.expected / 10;
        if count == tenth.max(1) {
            self.spent[0] = self.spent(world);
        }
        if count == self.expected - tenth {
            self.spent[1] = self.spent(world);
        }
    }

    fn spent(&self, world: &World<Member>) -> Vec<Span> {
        let spent = |node| {
            let Some(Member::Broker(broker)) = world.process(NodeId(node)) else { return Span::ZERO };
            broker.spent()
        };
        (0..self.brokers).map(spent).collect()
    }

    fn row(&self, events: u64) -> Result<Row, String> {
        let late = |what: &str| format!("{:?}: {what} took longer than the timetable allows", self.size);
        let forms = self.forms.ok_or_else(|| late("forming the group"))?;
        let one_more = self.one_more.ok_or_else(|| late("taking one more member in"))?;
        let tenth = self.expected / 10;
        let (Some(&from), Some(&to)) =
            (self.processed.get(tenth.max(1) - 1), self.processed.get(self.expected - tenth - 1))
        else {
            return Err(format!("{:?}: there are too few records to measure anything", self.size));
        };
        let window = to.since(from).0.max(1);
        let records = (self.expected - tenth - tenth.max(1)) as u64;
        let busiest = self.spent[0].iter().zip(&self.spent[1]).map(|(from, to)| to.0 - from.0).max();
        Ok(Row {
            partitions: self.size.partitions,
            consumers: self.size.consumers,
            throughput: records * 1_000_000_000 / window,
            busiest_per_mille: busiest.unwrap_or(0) * 1_000 / window,
            forms_ns: forms.0,
            one_more_ns: one_more.0,
            events,
        })
    }
}
