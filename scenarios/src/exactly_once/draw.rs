//! What clients do, drawn from a seed.

use squall_sim::plan::Operation;
use squall_sim::seed::{Rng, Seed, Stream};
use squall_sim::settings::Settings;

use super::{Op, members};
use crate::consumer_group::PlannedAssignor;
use crate::replicated_log::draw::{BEGIN, times};
use crate::workload::quiet;

/// Everything that producers and members do, in order of time.
pub(super) fn operations(seed: Seed, settings: &Settings) -> Vec<Operation<Op>> {
    let storm = settings.get("run.storm") * 1_000_000;
    let quiet = quiet::windows(seed, settings, storm);
    let (producers, members) = members(settings);
    let mut operations = Vec::new();
    let mut rng = seed.stream(Stream::Workload);
    for client in 0..producers {
        send(client, settings, (&quiet, storm), &mut rng, &mut operations);
    }
    // A stream of their own: who sends what does not depend on who works.
    let mut rng = seed.stream(Stream::User("pipelines"));
    let assignor = match rng.below(6) {
        0 => PlannedAssignor::Range,
        1 => PlannedAssignor::RoundRobin,
        2 => PlannedAssignor::Sticky,
        _ => PlannedAssignor::CooperativeSticky,
    };
    for place in 0..members {
        work((producers + place, place), assignor, settings, storm, &mut rng, &mut operations);
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
    operations.push(Operation { at: 0, client, op: Op::Produce { idempotent: rng.below(4) != 0 } });
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
        operations.push(Operation { at, client, op: Op::Send { key, bytes } });
    }
}

/// One member. The first one stays to the end: somebody must finish the work.
fn work(
    (client, place): (u32, u32),
    assignor: PlannedAssignor,
    settings: &Settings,
    storm: u64,
    rng: &mut Rng,
    operations: &mut Vec<Operation<Op>>,
) {
    let fixed = rng.below(3) == 0;
    let instance = fixed.then_some(place);
    // A second process with the transactional id of another now and then: whoever starts two by mistake.
    let twin = place > 1 && rng.below(3) == 0;
    let transactional = if twin { place - 1 } else { place };
    operations.push(Operation { at: 0, client, op: Op::Work { assignor, instance, transactional } });
    let mut push = |at, op| operations.push(Operation { at, client, op });
    let begin = rng.in_range(0, BEGIN.min(storm));
    push(begin, Op::Join);
    for _ in 0..rng.in_range(0, settings.get("txn.aborts")) {
        push(rng.in_range(begin, storm), Op::Abort);
    }
    let mut at = begin;
    for _ in 0..rng.in_range(0, settings.get("group.changes")) {
        at = rng.in_range(at, storm);
        match rng.below(6) {
            0 | 1 if place > 0 => {
                push(at, Op::Leave);
                at = rng.in_range(at, storm);
                push(at, Op::Join);
            }
            // It is started again without being stopped properly: its open transaction is in the way.
            2 => push(at, Op::Join),
            _ => {
                let longest = settings.get("group.max_poll").max(settings.get("txn.timeout")) * 2;
                push(at, Op::Dawdle { millis: rng.in_range(1, longest) as u32 });
            }
        }
    }
    if place > 0 && rng.below(6) == 0 {
        push(rng.in_range(at, storm), Op::Leave);
    }
}
