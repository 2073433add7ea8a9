//! What clients do, drawn from a seed.

use squall_sim::plan::Operation;
use squall_sim::seed::{Rng, Seed, Stream};
use squall_sim::settings::Settings;

use super::{Op, PlannedTrouble};
use crate::replicated_log::draw::times;
use crate::workload::quiet;

/// Everything that producers and workers do, in order of time.
pub(super) fn operations(seed: Seed, settings: &Settings) -> Vec<Operation<Op>> {
    let storm = settings.get("run.storm") * 1_000_000;
    let quiet = quiet::windows(seed, settings, storm);
    let mut operations = Vec::new();
    let mut rng = seed.stream(Stream::Workload);
    let producers = settings.get("client.producers") as u32;
    for client in 0..producers {
        send(client, settings, (&quiet, storm), &mut rng, &mut operations);
    }
    // A stream of their own: who sends what does not depend on who works.
    let mut rng = seed.stream(Stream::User("workers"));
    let mut client = producers;
    for group in 0..settings.get("share.groups") as u32 {
        // None, some or all of a group's workers ask for more time.
        let renews = rng.below(3);
        for _ in 0..settings.get("share.workers") {
            let renews = renews == 2 || (renews == 1 && rng.below(2) == 0);
            operations.push(Operation { at: 0, client, op: Op::Work { group, renews } });
            client += 1;
        }
    }
    operations.sort_by_key(|operation| operation.at);
    operations
}

fn send(
    client: u32,
    settings: &Settings,
    (quiet, storm): (&[(u64, u64)], u64),
    rng: &mut Rng,
    operations: &mut Vec<Operation<Op>>,
) {
    let keyed = rng.below(3);
    let mut times = times(rng, settings.get("workload.records"), storm);
    for at in &mut times {
        *at = quiet::after(quiet, *at);
    }
    times.sort_unstable();
    for at in times {
        let has_key = keyed != 0 || rng.below(2) == 0;
        let key = has_key.then(|| rng.below(settings.get("client.keys")) as u32);
        let bytes = rng.in_range(8, settings.get("workload.bytes")) as u32;
        let trouble = trouble(settings, rng);
        operations.push(Operation { at, client, op: Op::Send { key, bytes, trouble } });
    }
}

fn trouble(settings: &Settings, rng: &mut Rng) -> Option<PlannedTrouble> {
    let drawn = rng.below(1_000);
    let (poison, slow) = (settings.get("share.poison"), settings.get("share.slow"));
    if drawn < poison {
        // Every third is never cured.
        return Some(PlannedTrouble::Poison { cure: rng.below(3) as u32, rejected: rng.below(4) == 0 });
    }
    (drawn < poison + slow).then_some(PlannedTrouble::Slow)
}
