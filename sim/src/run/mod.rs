//! One run: a plan is carried out, and a record is left.
//!
//! Holds: [`Scenario`], what a world of one's own brings; [`Course`], a run that can be stopped and forked
//! between any two events; [`verify`], which repeats a run against itself; [`record()`], which leaves a
//! [recording](crate::recording). First the storm: faults are
//! injected, and only safety is asked for. Then the calm: everything heals, and the world must converge
//! within a bound of virtual time.
//! Deliberately absent: where plans come from ([`crate::plan`]), many runs ([`crate::campaign`]).

mod aims;
mod clocks;
mod course;
mod inject;
mod recorder;
mod replay;
mod scenario;
mod script;
mod sim;
mod verify;
mod weather;

pub use course::{Course, SpareRun};
pub use recorder::record;
pub use replay::{Replay, departure};
pub use scenario::{Scenario, draw_settings, world_config};
pub use sim::Sim;
pub use verify::verify;

use std::panic::{AssertUnwindSafe, catch_unwind};

use squall_core::time::Time;

use crate::plan::Plan;
use crate::record::{RunRecord, Verdict};

/// Where a timeline goes: the world's time and a line.
pub type Sink<'a> = &'a mut dyn FnMut(Time, &str);

/// Carries out `plan`. A panic of the system under test goes through.
pub fn run<S: Scenario + ?Sized>(scenario: &S, plan: &Plan<S::Operation>) -> RunRecord {
    let mut course = Course::new(scenario, plan, SpareRun::default());
    while course.advance() {}
    course.finish().0
}

/// The same; `sink` gets every line of the timeline as it happens: faults, inputs with what they say, and
/// the probes that processes reported. A panic becomes the record's verdict, after all that led to it.
pub fn run_traced<S: Scenario + ?Sized>(
    scenario: &S,
    plan: &Plan<S::Operation>,
    sink: Sink<'_>,
) -> RunRecord {
    let mut course = Course::new(scenario, plan, SpareRun::default());
    course.keep_timeline();
    loop {
        let advanced = catch_unwind(AssertUnwindSafe(|| course.advance()));
        let goes_on =
            advanced.unwrap_or_else(|panic| course.end(Verdict::InternalError { message: words(&*panic) }));
        let now = course.world().now();
        for line in course.take_timeline() {
            sink(now, &line);
        }
        if !goes_on {
            return course.finish().0;
        }
    }
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
