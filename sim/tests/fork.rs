//! A clone of a world, taken at any event, has the same future; one act makes the futures part.

use squall_core::env::{EnvOf, Input, InputOf, Process};
use squall_core::ids::NodeId;
use squall_core::time::Span;
use squall_sim::engine::{World, WorldConfig};
use squall_sim::seed::Seed;
use squall_sim::trace::Kind;

/// Writes each number down, and passes a larger one on to somebody.
#[derive(Clone)]
struct Gossip {
    nodes: u32,
    heard: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Restless;

impl Process for Gossip {
    type Message = u64;
    type Timer = Restless;
    type Probe = u64;

    fn start(&mut self, env: &mut EnvOf<'_, Self>) {
        self.heard = env.len("heard").unwrap_or(0);
        env.set_timer(Restless, Span::from_millis(1));
    }

    fn step(&mut self, input: InputOf<Self>, env: &mut EnvOf<'_, Self>) {
        match input {
            Input::Deliver { message, .. } => {
                self.heard = self.heard.wrapping_add(message);
                env.append("heard", &message.to_le_bytes()).expect("the disk is healthy");
                env.sync("heard");
            }
            Input::Expired { timer } => {
                let to = NodeId(env.below(u64::from(self.nodes)) as u32);
                env.send(to, self.heard.wrapping_add(1));
                env.set_timer(timer, Span::from_micros(700));
            }
            Input::Synced { .. } => env.probe(self.heard),
        }
    }
}

fn world(seed: u64) -> World<Gossip> {
    let mut world = World::new(Seed(seed), WorldConfig::default());
    for name in ["a", "b", "c"] {
        world.add(name, Gossip { nodes: 3, heard: 0 });
    }
    world
}

fn run(world: &mut World<Gossip>, events: u64) {
    for _ in 0..events {
        assert!(world.step());
    }
}

#[test]
fn both_futures_of_a_fork_agree_as_long_as_nothing_differs() {
    let mut original = world(1);
    for _ in 0..40 {
        run(&mut original, 37);
        let mut fork = original.clone();
        let mut untouched = original.clone();
        run(&mut fork, 500);
        run(&mut untouched, 500);
        assert_eq!(fork.fingerprint(), untouched.fingerprint());
        assert_eq!(fork.now(), untouched.now());
        assert!(
            fork.nodes()
                .all(|node| fork.disk(node).contents("heard") == untouched.disk(node).contents("heard"))
        );
    }
}

#[test]
fn one_act_makes_the_futures_part() {
    let mut original = world(2);
    run(&mut original, 1_000);
    let mut fork = original.clone();
    assert!(fork.crash(NodeId(1)));
    run(&mut original, 200);
    run(&mut fork, 199);
    assert_eq!(fork.events(), original.events());
    assert_ne!(fork.fingerprint(), original.fingerprint());
    let parted = original.trace().zip(fork.trace()).find(|(a, b)| a.digest != b.digest);
    let (kept, crashed) = parted.expect("the trace shows where they part");
    // Three nodes booted before the thousand events; the next one is the crash.
    assert_eq!((kept.number, crashed.number), (1_004, 1_004));
    assert_eq!(crashed.kind, Kind::Crashed);
}

#[test]
fn worlds_of_one_seed_agree_and_worlds_of_two_do_not() {
    let [mut a, mut b, mut c] = [world(3), world(3), world(4)];
    [&mut a, &mut b, &mut c].into_iter().for_each(|world| run(world, 2_000));
    assert_eq!(a.fingerprint(), b.fingerprint());
    assert_ne!(a.fingerprint(), c.fingerprint());
}

#[test]
fn the_memory_of_a_finished_world_leaves_no_trace_in_the_next() {
    let mut first = world(5);
    run(&mut first, 3_000);
    first.power_loss(NodeId(0));
    first.pause(NodeId(1));
    run(&mut first, 100);
    let mut second = World::with_spare(Seed(6), WorldConfig::default(), first.dismantle());
    for name in ["a", "b", "c"] {
        second.add(name, Gossip { nodes: 3, heard: 0 });
    }
    let mut fresh = world(6);
    run(&mut second, 3_000);
    run(&mut fresh, 3_000);
    assert_eq!(second.fingerprint(), fresh.fingerprint());
    assert_eq!(second.disk(NodeId(0)).contents("heard"), fresh.disk(NodeId(0)).contents("heard"));
}
