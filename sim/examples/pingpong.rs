//! Three nodes that answer each message with another: what an event costs with nothing to do in it.
//!
//! Latencies are drawn, and link model, trace ring and fingerprint are on, as in every run. Instructions per
//! event, the first number being how many events there are:
//!
//! ```text
//! cargo build --release -p squall-sim --example pingpong
//! valgrind --tool=callgrind --callgrind-out-file=pingpong.callgrind target/release/examples/pingpong 1000000
//! callgrind_annotate pingpong.callgrind | head -40
//! ```
//!
//! A second number says how many messages are under way at a time (3 if absent). To leave the making of the
//! world out, compare two numbers of events.

use std::process::ExitCode;

use squall_core::env::{EnvOf, Input, InputOf, Process};
use squall_core::ids::NodeId;
use squall_sim::engine::{World, WorldConfig};
use squall_sim::seed::Seed;

#[derive(Clone)]
struct Player {
    players: u32,
    serves: u32,
}

#[derive(Debug, Clone, Hash)]
struct Ball {
    hits: u64,
}

impl Process for Player {
    type Message = Ball;
    type Timer = ();
    type Probe = ();

    fn start(&mut self, env: &mut EnvOf<'_, Self>) {
        let next = NodeId((env.me().0 + 1) % self.players);
        for _ in 0..self.serves {
            env.send(next, Ball { hits: 0 });
        }
    }

    fn step(&mut self, input: InputOf<Self>, env: &mut EnvOf<'_, Self>) {
        match input {
            Input::Deliver { from, message } => env.send(from, Ball { hits: message.hits + 1 }),
            Input::Expired { .. } | Input::Synced { .. } => {}
        }
    }
}

fn main() -> ExitCode {
    let numbers: Result<Vec<u64>, _> = std::env::args().skip(1).map(|text| text.parse()).collect();
    let Ok(numbers) = numbers else {
        eprintln!("usage: pingpong [EVENTS [UNDER_WAY]]");
        return ExitCode::from(2);
    };
    let events = numbers.first().copied().unwrap_or(1_000_000);
    let under_way = numbers.get(1).map_or(3, |&n| n as u32);
    let mut world = World::new(Seed(1), WorldConfig::default());
    for (n, name) in (0..).zip(["ping", "pong", "pang"]) {
        world.add(name, Player { players: 3, serves: (under_way + n) / 3 });
    }
    while world.events() < events && world.step() {}
    println!(
        "{} events, {} of virtual time, fingerprint {}",
        world.events(),
        world.now(),
        world.fingerprint()
    );
    ExitCode::SUCCESS
}
