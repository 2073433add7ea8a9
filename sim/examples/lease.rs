//! A lease server, three clients, and a famous mistake: a first world of one's own.
//!
//! ```text
//! cargo run --release -p squall-sim --example lease
//! ```
//!
//! A client asks the server for a lease of half a second, and whoever has it may do what only one may do at
//! a time. The server keeps everything in memory; after a restart it grants nothing until every lease it may
//! have forgotten is over. So far it is correct.
//!
//! A client must measure its lease from when it *asked*: only then does its lease end no later than the
//! server thinks. [`From::Arrival`] is the mistake: it measures from when the grant *arrived*. On a good
//! day, that is a millisecond too long. When the grant is slow, or the client stood still for a while, the
//! server has long since given the lease to somebody else.
//!
//! No test that one would write by hand comes to that by chance. Here, 200 seeds of bad days find it within
//! a second, tell the story of one of them, and pass once the mistake is mended: over the same seeds.

use squall_core::env::{EnvOf, Input, InputOf, Process};
use squall_core::ids::NodeId;
use squall_core::time::{Span, Time};
use squall_sim::engine::World;
use squall_sim::fault::Group;
use squall_sim::run::{Sim, run_traced};
use squall_sim::settings::Settings;

const SERVER: NodeId = NodeId(0);
const CLIENTS: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];
const LEASE: Span = Span::from_millis(500);

/// From when a client measures its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// From when it asked: correct.
    Asking,
    /// From when the answer arrived: the mistake.
    Arrival,
}

/// Whatever lives on a node.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// Grants leases.
    Server {
        /// Who has the lease, or had it last.
        holder: Option<NodeId>,
        /// When everything it granted is over.
        until: Time,
    },
    /// Asks for leases.
    Client {
        /// From when it measures.
        from: From,
        /// When its lease is over.
        until: Time,
    },
}

/// What goes over the network.
#[derive(Debug, Clone, Hash)]
pub(crate) enum Message {
    /// A client asks for the lease.
    Ask {
        /// When, by its own clock.
        asked: Time,
    },
    /// It has it.
    Granted {
        /// The time that it asked at, given back.
        asked: Time,
    },
}

impl Process for Node {
    type Message = Message;
    type Timer = ();
    type Probe = ();

    fn start(&mut self, env: &mut EnvOf<'_, Self>) {
        match self {
            // Whatever an earlier life granted is over by then.
            Self::Server { until, .. } => *until = env.now() + LEASE,
            Self::Client { .. } => wait(env),
        }
    }

    fn step(&mut self, input: InputOf<Self>, env: &mut EnvOf<'_, Self>) {
        match (self, input) {
            (Self::Server { holder, until }, Input::Deliver { from, message: Message::Ask { asked } }) => {
                if *holder == Some(from) || *until <= env.now() {
                    *holder = Some(from);
                    *until = env.now() + LEASE;
                    env.send(from, Message::Granted { asked });
                }
            }
            (Self::Client { from, until }, Input::Deliver { message: Message::Granted { asked }, .. }) => {
                let measured = match from {
                    From::Asking => asked,
                    From::Arrival => env.now(),
                };
                *until = (*until).max(measured + LEASE);
            }
            (Self::Client { .. }, Input::Expired { timer: () }) => {
                env.send(SERVER, Message::Ask { asked: env.now() });
                wait(env);
            }
            // Nobody sends these.
            (Self::Server { .. } | Self::Client { .. }, _) => {}
        }
    }
}

/// Up to two leases long, so that others get their turn.
fn wait(env: &mut EnvOf<'_, Node>) {
    let pause = env.below(2 * LEASE.0);
    env.set_timer((), Span(pause));
}

/// Who believes to have the lease now.
fn holders(world: &World<Node>) -> impl Iterator<Item = NodeId> + '_ {
    CLIENTS.into_iter().filter(|client| match world.process(*client) {
        Some(Node::Client { until, .. }) => *until > world.now(),
        Some(Node::Server { .. }) | None => false,
    })
}

/// The whole scenario: who lives where, what may break, what must hold.
pub(crate) fn lease(from: From) -> Sim<Node, impl Fn(&mut World<Node>, &Settings) + Sync> {
    let mut last = None;
    Sim::new("lease", move |world, _| {
        world.add("server", Node::Server { holder: None, until: Time::ZERO });
        for client in CLIENTS {
            world.add(&format!("client {client}"), Node::Client { from, until: Time::ZERO });
        }
    })
    .about("a lease server and its clients")
    .group(Group::new("server", [SERVER]).power_losses())
    .group(Group::new("clients", CLIENTS))
    // Most seeds have both, and more: but slow grants are what a lease must stand.
    .set("fault.delay", 8)
    .set("fault.pause", 8)
    .always("one_holder_at_a_time", |world| match holders(world).count() {
        0 | 1 => Ok(()),
        _ => Err(format!("the lease is held by {:?}", holders(world).collect::<Vec<_>>())),
    })
    .eventually("somebody_holds_the_lease", |world| {
        holders(world).next().map(|_| ()).ok_or("nobody does".into())
    })
    .sometimes("the_lease_changes_hands", move |world| {
        let now = holders(world).next();
        let changes = now.is_some() && last.is_some() && now != last;
        last = now.or(last);
        changes
    })
}

#[allow(dead_code, reason = "the test that includes this file has a main of its own")]
fn main() {
    for from in [From::Asking, From::Arrival] {
        let sim = lease(from);
        let record = sim.campaign(0..200, 2);
        println!(
            "measured from {from:?}: {} ({} runs, {} events, the lease changed hands {} times)",
            record.verdict(),
            record.seeds.run,
            record.events,
            record.tally.exercised["the_lease_changes_hands"],
        );
        // The shortest story is told from its end.
        if let Some(finding) = record.findings.iter().min_by_key(|finding| finding.record.events) {
            let seed = finding.record.seed.0;
            let mut story = Vec::new();
            run_traced(&sim, &sim.plan_of(seed), &mut |_: Time, line: &str| story.push(line.to_owned()))
                .expect("text can be made of any world");
            println!("  {} of {} runs fail; the end of seed {seed}:", finding.seeds.len(), record.seeds.run);
            for line in story.iter().skip(story.len().saturating_sub(16)) {
                println!("    {line}");
            }
            println!("  {}", finding.record.verdict.message());
        }
    }
}
