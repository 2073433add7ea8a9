//! Messages per second through the bare engine, by how many are under way.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use squall_core::env::{EnvOf, Input, InputOf, Process};
use squall_core::ids::NodeId;
use squall_core::time::Span;
use squall_sim::engine::{Spare, World, WorldConfig};
use squall_sim::network::LinkModel;
use squall_sim::seed::Seed;

const NODES: u32 = 3;
const EVENTS: u64 = 100_000;

/// What a player does beside answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chore {
    Nothing,
    /// Pushes a timer back, as a follower does at each fetch.
    PushTimerBack,
    /// Writes 200 bytes.
    Append,
    /// Is busy for a microsecond.
    Spend,
}

#[derive(Clone)]
struct Player {
    serves: u32,
    chore: Chore,
}

impl Process for Player {
    type Message = u64;
    type Timer = u8;
    type Probe = ();

    fn start(&mut self, env: &mut EnvOf<'_, Self>) {
        let next = NodeId((env.me().0 + 1) % NODES);
        (0..self.serves).for_each(|_| env.send(next, 0));
    }

    fn step(&mut self, input: InputOf<Self>, env: &mut EnvOf<'_, Self>) {
        match input {
            Input::Deliver { from, message } => {
                match self.chore {
                    Chore::Nothing => {}
                    Chore::PushTimerBack => env.set_timer(1, Span::from_millis(10)),
                    Chore::Append => env.append("log", &[7; 200]).expect("the disk has room"),
                    Chore::Spend => env.spend(Span::from_micros(1)),
                }
                env.send(from, message + 1);
            }
            Input::Expired { .. } | Input::Synced { .. } => {}
        }
    }
}

fn world(config: WorldConfig, under_way: u32, chore: Chore, spare: Spare<Player>) -> World<Player> {
    let mut world = World::with_spare(Seed(1), config, spare);
    for name in ["ping", "pong", "pang"] {
        world.add(name, Player { serves: under_way / NODES, chore });
    }
    world
}

/// The world is handed back, so that taking it apart is not measured.
fn play(mut world: World<Player>) -> World<Player> {
    while world.events() < EVENTS && world.step() {}
    world
}

fn engine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("messages");
    group.throughput(Throughput::Elements(EVENTS));
    let calm = WorldConfig::default();
    for under_way in [3, 30, 300, 3_000] {
        group.bench_function(BenchmarkId::new("ping-pong", under_way), |bench| {
            bench.iter_batched(
                || world(calm, under_way, Chore::Nothing, Spare::default()),
                play,
                BatchSize::LargeInput,
            );
        });
    }
    for chore in [Chore::PushTimerBack, Chore::Append, Chore::Spend] {
        group.bench_function(BenchmarkId::new("30 under way", format!("{chore:?}")), |bench| {
            bench.iter_batched(|| world(calm, 30, chore, Spare::default()), play, BatchSize::LargeInput);
        });
    }
    let foul = LinkModel::CALM.doubling(10_000).losing(10_000).reordering(10_000, Span::from_millis(1));
    group.bench_function("30 under way/foul weather", |bench| {
        bench.iter_batched(
            || world(WorldConfig { link: foul, ..calm }, 30, Chore::Nothing, Spare::default()),
            play,
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// A short run: making the world, a hundred messages, taking it apart.
fn short_runs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("short run");
    let brief = |spare| {
        let mut world = world(WorldConfig::default(), 30, Chore::Append, spare);
        (0..100).for_each(|_| {
            world.step();
        });
        world
    };
    group.bench_function("fresh memory", |bench| bench.iter(|| brief(Spare::default()).fingerprint()));
    group.bench_function("spare memory", |bench| {
        let mut spare = Spare::default();
        bench.iter(|| {
            let world = brief(std::mem::take(&mut spare));
            let fingerprint = world.fingerprint();
            spare = world.dismantle();
            fingerprint
        });
    });
    group.finish();
}

criterion_group!(benches, engine, short_runs);
criterion_main!(benches);
