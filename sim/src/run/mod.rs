//! One run: a plan is carried out, and a record is left.
//!
//! Holds: [`Scenario`], what a world of one's own brings; [`Course`], a run that can be stopped and forked
//! between any two events; [`verify`], which repeats a run against itself; [`run_traced`], which tells a
//! watcher what happens; [`record()`], which leaves a [recording](crate::recording). First the storm: faults are
//! injected, and only safety is asked for. Then the calm: everything heals, and the world must converge
//! within a bound of virtual time.
//! Deliberately absent: where plans come from ([`crate::plan`]), many runs ([`crate::campaign`]).

mod aims;
mod clocks;
mod course;
mod inject;
mod inject_disk;
mod recorder;
mod replay;
mod scenario;
mod script;
mod sim;
mod supervise;
mod verify;
mod walk;
mod watch;
mod weather;

pub use course::{Course, SpareRun};
pub use recorder::record;
pub use replay::{Departure, Failure, Replay, departure};
pub use scenario::{Scenario, draw_settings, world_config};
pub use sim::Sim;
pub use verify::verify;
pub use walk::steps;
pub use watch::{Sink, Still, StillNode, client_history, run_traced, still_at};

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::plan::Plan;
use crate::record::{RunRecord, Verdict};

/// Carries out `plan`. A panic of the system under test goes through.
pub fn run<S: Scenario + ?Sized>(scenario: &S, plan: &Plan<S::Operation>) -> RunRecord {
    let mut course = Course::new(scenario, plan, SpareRun::default());
    while course.advance() {}
    course.finish().0
}

/// The same as [`run`] in the memory of an earlier run; a panic becomes the record's verdict.
pub fn run_caught<S: Scenario + ?Sized>(
    scenario: &S,
    plan: &Plan<S::Operation>,
    spare: SpareRun<S>,
) -> (RunRecord, SpareRun<S>) {
    run_within(scenario, plan, spare, u64::MAX)
}

/// The same; after `events` events it is stopped, if it has not ended by then, and counts as stalled.
pub fn run_within<S: Scenario + ?Sized>(
    scenario: &S,
    plan: &Plan<S::Operation>,
    spare: SpareRun<S>,
    events: u64,
) -> (RunRecord, SpareRun<S>) {
    let built = catch_unwind(AssertUnwindSafe(|| Course::new(scenario, plan, spare)));
    let mut course = match built {
        Ok(course) => course,
        Err(panic) => return (course::never_began(scenario, plan, words(&*panic)), SpareRun::default()),
    };
    match catch_unwind(AssertUnwindSafe(|| while course.world().events() < events && course.advance() {})) {
        Ok(()) => course.finish(),
        Err(panic) => {
            course.end(Verdict::InternalError { message: words(&*panic) });
            // What a panic left behind is no memory to build on.
            (course.finish().0, SpareRun::default())
        }
    }
}

/// What a panic said, on one line.
pub(crate) fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
    said.unwrap_or("a panic without words").lines().collect::<Vec<_>>().join("; ")
}
