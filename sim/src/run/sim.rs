//! A scenario without a type of its own: a world, what may break in it, and what must hold.

use std::fmt;
use std::ops::Range;

use squall_core::env::Process;
use squall_core::ids::NodeId;

use super::{Scenario, draw_settings, run, world_config};
use crate::campaign::{AnyScenario, Campaign};
use crate::check::{Properties, When};
use crate::engine::{Spare, World};
use crate::fault::{FaultSpace, Group};
use crate::knob::{self, Knob};
use crate::narrate::{self, Fields, Kind};
use crate::plan::{Operation, Plan};
use crate::record::{CampaignRecord, RunRecord};
use crate::seed::Seed;
use crate::settings::{Overrides, Settings};

/// A small scenario of one's own, put together from closures.
///
/// ```
/// use squall_sim::fault::Group;
/// use squall_sim::run::Sim;
/// # use squall_core::env::{EnvOf, InputOf, Process};
/// # use squall_core::ids::NodeId;
/// # #[derive(Clone)]
/// # struct Counter { count: u64 }
/// # impl Process for Counter {
/// #     type Message = ();
/// #     type Timer = ();
/// #     type Probe = ();
/// #     fn start(&mut self, env: &mut EnvOf<'_, Self>) { env.send(NodeId(1), ()); }
/// #     fn step(&mut self, _: InputOf<Self>, _: &mut EnvOf<'_, Self>) { self.count += 1; }
/// # }
/// let sim = Sim::new("counters", |world, _settings| {
///     world.add("one", Counter { count: 0 });
///     world.add("two", Counter { count: 0 });
/// })
/// .group(Group::new("counters", [NodeId(0), NodeId(1)]))
/// .always("no_count_beyond_the_deliveries", |world| {
///     let delivered = world.stats().delivered;
///     let count = world.nodes().filter_map(|node| world.process(node)).map(|counter| counter.count).max();
///     if count <= Some(delivered) { Ok(()) } else { Err(format!("{count:?} of {delivered} delivered")) }
/// });
/// sim.hold(0..20);
/// ```
pub struct Sim<P: Process, B> {
    name: &'static str,
    about: &'static str,
    build: B,
    space: FaultSpace,
    roles: Vec<(String, Holder<P>)>,
    halted: fn(&P) -> bool,
    properties: Properties<P>,
    knobs: &'static [Knob],
    overrides: Overrides,
    facts: Option<Words<P::Probe>>,
    messages: Option<Words<P::Message>>,
}

/// Names for what is sent or reported.
struct Words<T> {
    kinds: &'static [Kind],
    kind: fn(&T) -> &'static str,
    fields: fn(&T) -> Fields,
}

/// Says who has a role now.
type Holder<P> = Box<dyn Fn(&World<P>) -> Option<NodeId> + Send + Sync>;

impl<P: Process, B> fmt::Debug for Sim<P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("name", &self.name)
            .field("space", &self.space)
            .field("properties", &self.properties)
            .finish_non_exhaustive()
    }
}

impl<P, B> Sim<P, B>
where
    P: Process,
    B: Fn(&mut World<P>, &Settings) + Sync,
{
    /// `build` adds the nodes to an empty world. They are numbered from 0 in the order they are added.
    pub fn new(name: &'static str, build: B) -> Self {
        Self {
            name,
            about: "a world of one's own",
            build,
            space: FaultSpace::default(),
            roles: Vec::new(),
            halted: |_| false,
            properties: Properties::default(),
            knobs: &[],
            overrides: Overrides::default(),
            facts: None,
            messages: None,
        }
    }

    /// One line: what it plays.
    #[must_use]
    pub fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Settings of its own, to be asked for in `build`.
    #[must_use]
    pub fn knobs(mut self, knobs: &'static [Knob]) -> Self {
        self.knobs = knobs;
        self
    }

    /// This setting is the same for every seed.
    ///
    /// # Panics
    /// If there is no such setting or it does not take that value.
    #[must_use]
    pub fn set(mut self, key: &str, value: u64) -> Self {
        self.overrides.insert(key, value, &knob::table(self.knobs));
        self
    }

    /// What may break in these nodes. Nothing else does.
    #[must_use]
    pub fn group(mut self, group: Group) -> Self {
        self.space.groups.push(group);
        self
    }

    /// Whoever has this role may be isolated. A role is worth more than its nodes: most bugs need the leader.
    #[must_use]
    pub fn role(
        mut self,
        name: &str,
        holder: impl Fn(&World<P>) -> Option<NodeId> + Send + Sync + 'static,
    ) -> Self {
        self.space.isolate_roles.push(name.to_owned());
        self.roles.push((name.to_owned(), Box::new(holder)));
        self
    }

    /// A process of which this is so gave up because its disk failed it: it is started again after a while.
    #[must_use]
    pub fn halted(mut self, halted: fn(&P) -> bool) -> Self {
        self.halted = halted;
        self
    }

    /// What a process reports has these names, for timelines and for faults that are aimed.
    #[must_use]
    pub fn facts(
        mut self,
        kinds: &'static [Kind],
        kind: fn(&P::Probe) -> &'static str,
        fields: fn(&P::Probe) -> Fields,
    ) -> Self {
        self.facts = Some(Words { kinds, kind, fields });
        self
    }

    /// What is sent has these names.
    #[must_use]
    pub fn messages(
        mut self,
        kinds: &'static [Kind],
        kind: fn(&P::Message) -> &'static str,
        fields: fn(&P::Message) -> Fields,
    ) -> Self {
        self.messages = Some(Words { kinds, kind, fields });
        self
    }

    /// Holds after every event.
    #[must_use]
    pub fn always(
        self,
        name: &'static str,
        check: impl FnMut(&World<P>) -> Result<(), String> + Clone + Send + Sync + 'static,
    ) -> Self {
        self.with(name, When::AfterEveryEvent, check)
    }

    /// Comes true once all faults are over; until then the run goes on.
    #[must_use]
    pub fn eventually(
        self,
        name: &'static str,
        check: impl FnMut(&World<P>) -> Result<(), String> + Clone + Send + Sync + 'static,
    ) -> Self {
        self.with(name, When::Eventually, check)
    }

    /// Holds when the run ends.
    #[must_use]
    pub fn at_end(
        self,
        name: &'static str,
        check: impl FnMut(&World<P>) -> Result<(), String> + Clone + Send + Sync + 'static,
    ) -> Self {
        self.with(name, When::AtEnd, check)
    }

    /// Some run must bring it about.
    #[must_use]
    pub fn sometimes(
        self,
        name: &'static str,
        mut seen: impl FnMut(&World<P>) -> bool + Clone + Send + Sync + 'static,
    ) -> Self {
        self.with(name, When::Sometimes, move |world| if seen(world) { Ok(()) } else { Err(String::new()) })
    }

    fn with(
        mut self,
        name: &'static str,
        when: When,
        check: impl FnMut(&World<P>) -> Result<(), String> + Clone + Send + Sync + 'static,
    ) -> Self {
        self.properties = std::mem::take(&mut self.properties).with_fn(name, when, check);
        self
    }

    /// The plan of one seed.
    pub fn plan_of(&self, seed: u64) -> Plan<()> {
        let settings = draw_settings(self, Seed(seed), &self.overrides)
            .expect("a world of one's own calls no settings impossible");
        Plan::from_seed(self, Seed(seed), settings, &[])
    }

    /// What was set for every seed.
    pub fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// Runs one seed.
    pub fn run(&self, seed: u64) -> RunRecord {
        run(self, &self.plan_of(seed))
    }

    /// Runs many seeds on `jobs` cores.
    pub fn campaign(&self, seeds: Range<u64>, jobs: usize) -> CampaignRecord {
        let scenarios: [&dyn AnyScenario; 1] = [self];
        Campaign::of(&scenarios)
            .seeds(seeds)
            .jobs(jobs)
            .overrides(self.overrides.clone())
            .run()
            .expect("a world of one's own calls no settings impossible")
    }

    /// For a test: all seeds must pass.
    ///
    /// # Panics
    /// At the first seed that does not, with what went wrong.
    pub fn hold(&self, seeds: Range<u64>) {
        for seed in seeds {
            let record = self.run(seed);
            assert!(
                record.verdict.is_pass(),
                "{} with seed {seed}: {} {}: {}",
                self.name,
                record.verdict.name(),
                record.verdict.invariant().unwrap_or_default(),
                record.verdict.message()
            );
        }
    }
}

fn names(kinds: &[Kind]) -> Vec<String> {
    kinds.iter().map(|kind| kind.name.to_owned()).collect()
}

impl<P, B> Scenario for Sim<P, B>
where
    P: Process,
    B: Fn(&mut World<P>, &Settings) + Sync,
{
    type Process = P;
    type Operation = ();
    type Checks = Properties<P>;

    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn knobs(&self) -> &'static [Knob] {
        self.knobs
    }

    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn check_settings(&self, _: &Settings) -> Result<(), String> {
        Ok(())
    }

    fn plan(&self, _: Seed, _: &Settings) -> (Vec<Operation<()>>, FaultSpace) {
        let (facts, messages) = (names(self.probe_kinds()), names(self.message_kinds()));
        let requests = messages.clone();
        (Vec::new(), FaultSpace { facts, messages, requests, ..self.space.clone() })
    }

    fn build(&self, plan: &Plan<()>, spare: Spare<P>) -> World<P> {
        let mut world = World::with_spare(Seed(plan.seed), world_config(&plan.settings), spare);
        (self.build)(&mut world, &plan.settings);
        world
    }

    fn checks(&self, _: &Plan<()>, _: Option<Properties<P>>) -> Properties<P> {
        self.properties.clone()
    }

    fn resolve(&self, role: &str, world: &World<P>, _: &Properties<P>) -> Option<NodeId> {
        let (_, holder) = self.roles.iter().find(|(name, _)| name == role)?;
        holder(world)
    }

    fn halted(&self, process: &P) -> bool {
        (self.halted)(process)
    }

    fn transfer(&self, _: &str, _: &mut World<P>, _: &Properties<P>) -> bool {
        false
    }

    fn message_kinds(&self) -> &'static [Kind] {
        self.messages.as_ref().map_or(narrate::ANY_MESSAGE, |words| words.kinds)
    }

    fn message_kind(&self, message: &P::Message) -> &'static str {
        self.messages.as_ref().map_or(narrate::ANY_MESSAGE[0].name, |words| (words.kind)(message))
    }

    fn message_fields(&self, message: &P::Message) -> Fields {
        match &self.messages {
            Some(words) => (words.fields)(message),
            None => narrate::content(message),
        }
    }

    fn probe_kinds(&self) -> &'static [Kind] {
        self.facts.as_ref().map_or(narrate::ANY_FACT, |words| words.kinds)
    }

    fn probe_kind(&self, probe: &P::Probe) -> &'static str {
        self.facts.as_ref().map_or(narrate::ANY_FACT[0].name, |words| (words.kind)(probe))
    }

    fn probe_fields(&self, probe: &P::Probe) -> Fields {
        match &self.facts {
            Some(words) => (words.fields)(probe),
            None => narrate::content(probe),
        }
    }
}
