//! What clients do, drawn from a seed.

use squall_sim::plan::Operation;
use squall_sim::seed::{Rng, Seed, Stream};
use squall_sim::settings::Settings;

use super::{Op, PlannedAssignor};
use crate::replicated_log::PlannedAcks;
use crate::replicated_log::draw::{BEGIN, times};
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
    for group in 0..settings.get("group.groups") as u32 {
        work(group, client, settings, storm, &mut rng, &mut operations);
        client += settings.get("group.members") as u32;
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
    // What every group must get has to be there: all producers want to be sure.
    let kind = Op::Produce { acks: PlannedAcks::All, idempotent: rng.below(4) != 0 };
    operations.push(Operation { at: 0, client, op: kind });
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

/// The members of one group. The first one stays to the end: somebody must finish the work.
fn work(
    group: u32,
    first: u32,
    settings: &Settings,
    storm: u64,
    rng: &mut Rng,
    operations: &mut Vec<Operation<Op>>,
) {
    let assignor = match rng.below(6) {
        0 => PlannedAssignor::Range,
        1 => PlannedAssignor::RoundRobin,
        2 => PlannedAssignor::Sticky,
        _ => PlannedAssignor::CooperativeSticky,
    };
    // No, some or all members are static.
    let fixed = rng.below(3);
    for place in 0..settings.get("group.members") as u32 {
        let client = first + place;
        let is_static = fixed == 2 || (fixed == 1 && rng.below(2) == 0);
        // A second process under another's name now and then: whoever starts two by mistake.
        let twin = place > 0 && is_static && rng.below(4) == 0;
        let instance = is_static.then_some(if twin && place > 1 { place - 1 } else { place });
        let automatic = rng.below(3) == 0;
        operations.push(Operation { at: 0, client, op: Op::Work { group, assignor, instance, automatic } });
        let mut push = |at, op| operations.push(Operation { at, client, op });
        let mut at = rng.in_range(0, BEGIN.min(storm));
        push(at, Op::Join);
        for _ in 0..rng.in_range(0, settings.get("group.changes")) {
            at = rng.in_range(at, storm);
            if place > 0 && rng.below(3) != 0 {
                push(at, Op::Leave);
                at = rng.in_range(at, storm);
                push(at, Op::Join);
            } else {
                let longest = settings.get("group.max_poll") * 2;
                push(at, Op::Dawdle { millis: rng.in_range(1, longest) as u32 });
            }
        }
        if place > 0 && rng.below(6) == 0 {
            push(rng.in_range(at, storm), Op::Leave);
        }
    }
}
