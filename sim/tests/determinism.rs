//! The fingerprint: the same on every machine and build, and another one if anything cheats.

use std::sync::atomic::{AtomicU64, Ordering};

use squall_core::env::{EnvOf, Input, InputOf, Process};
use squall_core::ids::NodeId;
use squall_core::time::Span;
use squall_sim::engine::{World, WorldConfig};
use squall_sim::fingerprint::Fingerprint;
use squall_sim::network::LinkModel;
use squall_sim::seed::Seed;

/// Known outside the world: a process that looks at it does not live by its inputs alone.
static OUTSIDE: AtomicU64 = AtomicU64::new(0);

/// Where a process lets in what it should not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cheat {
    Nowhere,
    Message,
    Probe,
    Timer,
    Disk,
    Work,
    Draws,
}

#[derive(Clone)]
struct Worker {
    cheat: Cheat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    Tick,
    Later(u32),
}

impl Worker {
    /// Zero, or something from outside if this is where it cheats.
    fn outside(&self, here: Cheat) -> u64 {
        if self.cheat == here { OUTSIDE.fetch_add(1, Ordering::Relaxed) } else { 0 }
    }
}

impl Process for Worker {
    type Message = (u64, Vec<u8>, Option<i16>);
    type Timer = Timer;
    type Probe = (bool, u64);

    fn start(&mut self, env: &mut EnvOf<'_, Self>) {
        env.set_timer(Timer::Tick, Span::from_millis(1));
    }

    fn step(&mut self, input: InputOf<Self>, env: &mut EnvOf<'_, Self>) {
        match input {
            Input::Deliver { message: (number, bytes, _), .. } => {
                env.append("log", &bytes).expect("the disk is healthy");
                env.append("count", &(number + self.outside(Cheat::Disk)).to_le_bytes())
                    .expect("the disk is healthy");
                env.sync("log");
                env.spend(Span(20_000 + self.outside(Cheat::Work)));
            }
            Input::Expired { timer: Timer::Tick } => {
                let to = NodeId(env.below(3) as u32);
                let number = env.draw() + self.outside(Cheat::Message);
                env.send(to, (number, vec![number as u8; (number % 60) as usize], Some(-1)));
                env.set_timer(Timer::Tick, Span(900_000 + self.outside(Cheat::Timer)));
                env.set_timer(Timer::Later(number as u32 % 5), Span::from_millis(3));
                if self.outside(Cheat::Draws) % 2 == 1 {
                    env.draw();
                }
            }
            Input::Expired { timer: Timer::Later(n) } => env.cancel_timer(Timer::Later(n + 1)),
            Input::Synced { outcome, .. } => env.probe((outcome.is_ok(), self.outside(Cheat::Probe))),
        }
    }
}

fn run(seed: u64, cheat: Cheat) -> World<Worker> {
    let link = LinkModel::CALM.losing(20_000).doubling(20_000).reordering(50_000, Span::from_millis(5));
    let mut world = World::new(Seed(seed), WorldConfig { link, ..WorldConfig::default() });
    for name in ["a", "b", "c"] {
        world.add(name, Worker { cheat });
    }
    for round in 0..40 {
        (0..100).for_each(|_| assert!(world.step()));
        let (node, other) = (NodeId(round % 3), NodeId((round + 1) % 3));
        match round % 8 {
            0 => world.crash(node),
            1 => world.boot(NodeId(0)) | world.boot(NodeId(1)) | world.boot(NodeId(2)),
            2 => world.cut(node, other),
            3 => world.pause(node),
            4 => world.mend_all(),
            5 => world.resume(NodeId(0)) | world.resume(NodeId(1)) | world.resume(NodeId(2)),
            6 => world.power_loss(node) && world.boot(node),
            _ => world.step_clock(node, 1_000_000) && world.set_drift(node, 50),
        };
    }
    world
}

#[test]
fn a_run_has_the_fingerprint_it_had_on_every_machine_and_in_every_build() {
    // It changes only if what happens in a world changes: then capsules of before do not replay.
    let world = run(1, Cheat::Nowhere);
    let pinned = "18808c7ac34c9bd29eb2e4f551f291e2";
    assert_eq!(world.fingerprint(), pinned.parse::<Fingerprint>().unwrap());
}

#[test]
fn an_honest_process_repeats_its_run() {
    for seed in 0..20 {
        let (first, second) = (run(seed, Cheat::Nowhere), run(seed, Cheat::Nowhere));
        assert_eq!(first.fingerprint(), second.fingerprint());
        assert_eq!(first.stats(), second.stats());
    }
}

#[test]
fn a_process_that_looks_outside_is_caught_wherever_it_lets_it_in() {
    for cheat in [Cheat::Message, Cheat::Probe, Cheat::Timer, Cheat::Disk, Cheat::Work, Cheat::Draws] {
        // Odd, so that a cheat which looks at the parity differs between the runs.
        OUTSIDE.fetch_or(1, Ordering::Relaxed);
        let first = run(1, cheat);
        OUTSIDE.fetch_add(OUTSIDE.load(Ordering::Relaxed) % 2, Ordering::Relaxed);
        let second = run(1, cheat);
        assert_ne!(first.fingerprint(), second.fingerprint(), "{cheat:?} is not caught");
    }
}
