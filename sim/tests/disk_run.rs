//! Faults of disks in runs: who gives up is started again, overlapping ailments add up, a fault that waits for
//! a write has one or does not count.

use crate::common::{node, planned, with_faults};
use squall_core::env::{EnvOf, Input, InputOf, Process};
use squall_core::ids::NodeId;
use squall_core::time::{Span, Time};
use squall_sim::disk::DiskModel;
use squall_sim::engine::World;
use squall_sim::fault::{Fault, Group};
use squall_sim::record::Verdict;
use squall_sim::run::{Course, Sim, SpareRun, run};
use squall_sim::settings::Settings;

/// Writes a line every ten milliseconds, and gives up when it cannot.
#[derive(Debug, Clone, Default)]
struct Clerk {
    idle: bool,
    gave_up: bool,
}

impl Process for Clerk {
    type Message = ();
    type Timer = ();
    type Probe = ();

    fn start(&mut self, env: &mut EnvOf<'_, Self>) {
        env.set_timer((), Span::from_millis(10));
    }

    fn step(&mut self, input: InputOf<Self>, env: &mut EnvOf<'_, Self>) {
        match input {
            Input::Deliver { .. } => {}
            Input::Synced { outcome, .. } => self.gave_up |= outcome.is_err(),
            Input::Expired { timer: () } if self.gave_up || self.idle => {}
            Input::Expired { timer: () } => {
                self.gave_up |= env.append("book", b"line").is_err();
                env.sync("book");
                env.set_timer((), Span::from_millis(10));
            }
        }
    }
}

fn clerks(idle: bool) -> Sim<Clerk, impl Fn(&mut World<Clerk>, &Settings) + Sync> {
    Sim::new("clerks", move |world, _| {
        world.add("clerk", Clerk { idle, gave_up: false });
    })
    .group(Group::new("clerks", [NodeId(0)]).power_losses())
    .halted(|clerk| clerk.gave_up)
    .eventually("the_clerk_works", |world| match world.process(NodeId(0)) {
        Some(clerk) if !clerk.gave_up => Ok(()),
        Some(_) | None => Err("the clerk does not work".to_owned()),
    })
    .set("run.storm", 3_000)
}

/// Whether the clerk works at each of these milliseconds, and its disk's model at the last.
fn works_at(faults: Vec<(u64, u64, Fault)>, times: &[u64]) -> (Vec<bool>, DiskModel) {
    let sim = clerks(false);
    let faults = faults.into_iter().map(|(at, lasts, fault)| planned(at, lasts, fault)).collect();
    let plan = with_faults(sim.plan_of(1), faults);
    let mut course = Course::new(&sim, &plan, SpareRun::default());
    let mut works = Vec::new();
    let (mut now, mut model) = (true, course.world().disk(NodeId(0)).model());
    for millis in times {
        // Nothing happens between two steps: what held after the last one before that time holds at it.
        while course.world().now() < Time(millis * 1_000_000) {
            now = course.world().process(NodeId(0)).is_some_and(|clerk| !clerk.gave_up);
            model = course.world().disk(NodeId(0)).model();
            assert!(course.advance());
        }
        works.push(now);
    }
    (works, model)
}

#[test]
fn who_halts_is_started_again_and_once_more_while_the_disk_still_fails() {
    let write_error = Fault::WriteError { whom: node(0), ppm: 1_000_000 };
    let (works, _) = works_at(vec![(100, 700, write_error)], &[50, 300, 700, 1_000, 1_300]);
    assert_eq!(works, [true, false, false, false, true]);
}

#[test]
fn the_calm_starts_again_who_has_halted() {
    let sim = clerks(false);
    let sync_error = Fault::SyncError { whom: node(0), ppm: 1_000_000 };
    let plan = with_faults(sim.plan_of(1), vec![planned(2_900, 1_000, sync_error)]);
    let record = run(&sim, &plan);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.virtual_ns, plan.storm + 50_000_000, "one look after the storm was enough");
}

#[test]
fn ailments_of_one_disk_add_up_and_leave_it_as_it_was() {
    let slow = |millis| Fault::SlowDisk { whom: node(0), extra: Span::from_millis(millis) };
    let faults =
        || vec![(100, 500, slow(10)), (200, 200, slow(20)), (300, 500, Fault::StalledDisk { whom: node(0) })];
    let before = works_at(faults(), &[50]).1;
    let all = works_at(faults(), &[350]).1;
    assert_eq!((all.sync_max, all.stalled), (before.sync_max + Span::from_millis(30), true));
    assert_eq!(works_at(faults(), &[450]).1.sync_max, before.sync_max + Span::from_millis(10));
    assert_eq!(works_at(faults(), &[900]).1, before);
}

#[test]
fn power_goes_right_after_the_next_write_or_the_fault_does_not_count() {
    let torn = Fault::TornWrite { whom: node(0) };
    let (works, _) = works_at(vec![(105, 200, torn.clone())], &[108, 112, 300, 310]);
    assert_eq!(works, [true, false, false, true]);
    for (idle, counted) in [(false, 1), (true, 0)] {
        let sim = clerks(idle);
        let record = run(&sim, &with_faults(sim.plan_of(1), vec![planned(105, 200, torn.clone())]));
        assert_eq!(record.faults.get("torn-write").copied().unwrap_or(0), counted, "idle: {idle}");
        assert_eq!(record.skipped, 1 - counted);
    }
}

#[test]
fn a_write_that_never_came_was_not_misdirected() {
    let fault = Fault::MisdirectedWrite { whom: node(0) };
    for (idle, counted) in [(false, 1), (true, 0)] {
        let sim = clerks(idle);
        let record = run(&sim, &with_faults(sim.plan_of(1), vec![planned(105, 200, fault.clone())]));
        assert_eq!(record.faults.get("misdirected-write").copied().unwrap_or(0), counted, "idle: {idle}");
    }
}
