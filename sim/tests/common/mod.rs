//! A small world for the tests of runs, campaigns and capsules: nodes that greet each other.

use squall_core::env::{EnvOf, Input, InputOf, Process};
use squall_core::ids::NodeId;
use squall_core::time::Span;
use squall_sim::engine::World;
use squall_sim::fault::{Fault, Group, PlannedFault, Whom};
use squall_sim::plan::Plan;
use squall_sim::run::Sim;
use squall_sim::settings::Settings;

pub(crate) const NODES: u32 = 5;

/// Greets somebody every few milliseconds, and counts greetings.
#[derive(Debug, Clone)]
pub(crate) struct Greeter {
    pub(crate) heard: u64,
    /// Changes what it says in a way that no seed decides.
    pub(crate) cheat: Option<fn() -> u64>,
    /// Panics at so many greetings.
    pub(crate) fragile: Option<u64>,
}

impl Process for Greeter {
    type Message = u64;
    type Timer = ();
    type Probe = u64;

    fn start(&mut self, env: &mut EnvOf<'_, Self>) {
        env.set_timer((), Span::from_millis(5));
    }

    fn step(&mut self, input: InputOf<Self>, env: &mut EnvOf<'_, Self>) {
        match input {
            Input::Deliver { message, .. } => {
                self.heard += 1;
                assert!(self.fragile != Some(self.heard), "heard {} greetings", self.heard);
                env.probe(message);
            }
            Input::Expired { timer: () } => {
                let to = NodeId(env.below(u64::from(NODES)) as u32);
                env.send(to, self.cheat.map_or(self.heard, |cheat| cheat()));
                let pause = env.below(10_000_000);
                env.set_timer((), Span(pause));
            }
            Input::Synced { .. } => {}
        }
    }
}

pub(crate) const PLAIN: Greeter = Greeter { heard: 0, cheat: None, fragile: None };

/// Five greeters that all may break.
pub(crate) fn greeters(greeter: Greeter) -> Sim<Greeter, impl Fn(&mut World<Greeter>, &Settings) + Sync> {
    Sim::new("greeters", move |world, _| {
        for number in 0..NODES {
            world.add(&format!("greeter {number}"), greeter.clone());
        }
    })
    .group(Group::new("greeters", (0..NODES).map(NodeId)).power_losses().wipes([NodeId(0)]).clocks())
    .set("run.storm", 2_000)
}

/// The greeters, with a property that some seeds break: somebody hears too much.
pub(crate) fn overheard(most: u64) -> Sim<Greeter, impl Fn(&mut World<Greeter>, &Settings) + Sync> {
    greeters(PLAIN)
        .always("nobody_hears_too_much", move |world| {
            let heard = world.nodes().filter_map(|node| world.process(node)).map(|node| node.heard).max();
            if heard.unwrap_or(0) <= most { Ok(()) } else { Err(format!("{heard:?} greetings heard")) }
        })
        .sometimes("a_node_is_down", |world| world.nodes().any(|node| !world.is_up(node)))
        .sometimes("pigs_fly", |_| false)
}

/// A fault by its times in milliseconds.
pub(crate) fn planned(at: u64, lasts: u64, fault: Fault) -> PlannedFault {
    PlannedFault::at(at * 1_000_000, lasts * 1_000_000, fault)
}

pub(crate) fn node(number: u32) -> Whom {
    Whom::Node(NodeId(number))
}

/// A plan with these faults only.
pub(crate) fn with_faults(mut plan: Plan<()>, faults: Vec<PlannedFault>) -> Plan<()> {
    plan.faults = faults;
    plan
}
