//! A process that does what it is told and reports what it sees, and two of them in a world.

use squall_core::env::{DiskFault, EnvOf, Input, InputOf, Process, SyncId};
use squall_core::ids::NodeId;
use squall_core::time::{Span, Time};
use squall_sim::disk::DiskModel;
use squall_sim::engine::{World, WorldConfig};
use squall_sim::network::LinkModel;
use squall_sim::seed::Seed;

/// Does what it is told and reports all that happens to it.
#[derive(Clone, Default)]
pub(crate) struct Puppet {
    pub(crate) inputs_this_life: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    /// Sends that number to that node.
    Say(u32, u64),
    Number(u64),
    Set(u8, Span),
    Cancel(u8),
    Spend(Span),
    Append(&'static str, &'static [u8]),
    Rename(&'static str, &'static str),
    Remove(&'static str),
    Sync(&'static str),
    SyncDir,
    Read(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Seen {
    Started { now: Time, files: Vec<String> },
    Number { from: NodeId, number: u64, now: Time },
    Expired { timer: u8, now: Time },
    Synced(Result<(), DiskFault>),
    Wrote(Result<(), DiskFault>),
    Asked(SyncId),
}

impl Process for Puppet {
    type Message = Order;
    type Timer = u8;
    type Probe = Seen;

    fn start(&mut self, env: &mut EnvOf<'_, Self>) {
        let (now, files) = (env.now(), env.list(""));
        env.probe(Seen::Started { now, files });
    }

    fn step(&mut self, input: InputOf<Self>, env: &mut EnvOf<'_, Self>) {
        self.inputs_this_life += 1;
        let now = env.now();
        match input {
            Input::Deliver { from, message } => match message {
                Order::Say(to, number) => env.send(NodeId(to), Order::Number(number)),
                Order::Number(number) => env.probe(Seen::Number { from, number, now }),
                Order::Set(timer, after) => env.set_timer(timer, after),
                Order::Cancel(timer) => env.cancel_timer(timer),
                Order::Spend(work) => env.spend(work),
                Order::Append(file, bytes) => {
                    let outcome = env.append(file, bytes);
                    env.probe(Seen::Wrote(outcome));
                }
                Order::Rename(from, to) => env.rename(from, to).expect("it is there"),
                Order::Remove(file) => env.remove(file).expect("it is there"),
                Order::Sync(file) => {
                    let sync = env.sync(file);
                    env.probe(Seen::Asked(sync));
                }
                Order::SyncDir => {
                    env.sync_dir();
                }
                Order::Read(file) => {
                    let outcome = env.read(file, 0, &mut [0]).map(drop);
                    env.probe(Seen::Wrote(outcome));
                }
            },
            Input::Expired { timer } => env.probe(Seen::Expired { timer, now }),
            Input::Synced { outcome, .. } => env.probe(Seen::Synced(outcome)),
        }
    }
}

pub(crate) const A: NodeId = NodeId(0);
pub(crate) const B: NodeId = NodeId(1);

pub(crate) fn ms(n: u64) -> Span {
    Span::from_millis(n)
}

pub(crate) fn at_ms(n: u64) -> Time {
    Time(n * 1_000_000)
}

/// Two puppets; a message takes exactly 10 ms, a sync 5 ms.
pub(crate) fn pair() -> World<Puppet> {
    let link = LinkModel::latency(ms(10), ms(10));
    let disk = DiskModel::CALM.syncing(ms(5), ms(5));
    let mut world = World::new(Seed(1), WorldConfig { link, disk, ..WorldConfig::default() });
    world.add("a", Puppet::default());
    world.add("b", Puppet::default());
    world
}

/// Steps to the end or to `until`; answers what was seen.
pub(crate) fn play(world: &mut World<Puppet>, until: Time) -> Vec<(NodeId, Seen)> {
    let mut seen = Vec::new();
    while world.next_at().is_some_and(|next| next <= until) {
        assert!(world.step());
        seen.extend_from_slice(world.probes());
    }
    world.advance_to(until);
    seen
}

pub(crate) fn numbers(seen: &[(NodeId, Seen)]) -> Vec<u64> {
    let number = |seen: &Seen| if let Seen::Number { number, .. } = seen { Some(*number) } else { None };
    seen.iter().filter_map(|(_, seen)| number(seen)).collect()
}

pub(crate) fn expiries(seen: &[(NodeId, Seen)]) -> Vec<(u8, Time)> {
    let expiry =
        |seen: &Seen| if let Seen::Expired { timer, now } = seen { Some((*timer, *now)) } else { None };
    seen.iter().filter_map(|(_, seen)| expiry(seen)).collect()
}
