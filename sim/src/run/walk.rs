//! A run, step by step, for capsules: what each event was, in words.

use std::panic::{AssertUnwindSafe, catch_unwind};

use squall_core::env::Process;
use squall_core::ids::NodeId;

use super::{Course, Scenario, SpareRun, words};
use crate::engine::{UpcomingInput, World};
use crate::plan::Plan;
use crate::record::{RunRecord, Verdict};
use crate::steps::{Pedometer, Steps};
use crate::timeline::{Somebody, act, lost};
use crate::trace::Kind;

/// The steps of a run of `plan`.
pub fn steps<S: Scenario + ?Sized>(scenario: &S, plan: &Plan<S::Operation>) -> Steps {
    walk(scenario, plan).1.finish()
}

/// Carries out `plan` and writes down its steps. A panic becomes the record's verdict.
pub(super) fn walk<S: Scenario + ?Sized>(scenario: &S, plan: &Plan<S::Operation>) -> (RunRecord, Pedometer) {
    let mut course = Course::new(scenario, plan, SpareRun::default());
    let mut walk = Pedometer::default();
    let mut seen = 0;
    // The nodes' boot, which happened as the world was built.
    catch_up(&mut walk, &mut seen, course.world(), None);
    loop {
        let due = due(scenario, course.world());
        let advanced = catch_unwind(AssertUnwindSafe(|| course.advance()));
        let goes_on =
            advanced.unwrap_or_else(|panic| course.end(Verdict::InternalError { message: words(&*panic) }));
        catch_up(&mut walk, &mut seen, course.world(), due);
        if !goes_on {
            return (course.finish().0, walk);
        }
    }
}

/// The input that comes next, in words, and whom it is for.
struct Due {
    node: String,
    input: String,
}

fn due<S: Scenario + ?Sized>(scenario: &S, world: &World<S::Process>) -> Option<Due> {
    let next = world.upcoming()?;
    let input = match next.input {
        UpcomingInput::Message { from, message } => {
            format!("`{}` from {}", scenario.message_kind(message), Somebody::of(world, from).name)
        }
        UpcomingInput::Timer(timer) => format!("{timer:?}"),
        UpcomingInput::Sync(_) => String::new(),
    };
    Some(Due { node: Somebody::of(world, next.node).name, input })
}

/// All events since the last time: one input, or the acts of a fault.
fn catch_up<P: Process>(walk: &mut Pedometer, seen: &mut u64, world: &World<P>, due: Option<Due>) {
    let last = *seen;
    for moment in world.trace().filter(|moment| moment.number > last) {
        for number in *seen + 1..moment.number {
            if walk.wants(number) {
                // More acts at once than the world remembers.
                walk.push(moment.at, "an act of the operator".to_owned(), 0);
            }
        }
        *seen = moment.number;
        if walk.wants(moment.number) {
            walk.push(moment.at, told(world, moment.node, moment.kind, due.as_ref()), moment.digest);
        }
    }
}

fn told<P: Process>(world: &World<P>, node: NodeId, kind: Kind, due: Option<&Due>) -> String {
    let name = Somebody::of(world, node).name;
    let other = |other| Somebody::of(world, other).name;
    let due = due.filter(|due| due.node == name).map_or("something", |due| &due.input);
    match kind {
        Kind::Delivered { .. } => format!("{name} took in {due}"),
        Kind::Dropped { why, .. } => format!("{name} missed {due}: {}", lost(why)),
        Kind::Expired => format!("{name} had timer {due} run out"),
        Kind::Cut { to } => format!("{name} was cut from {}", other(to)),
        Kind::Mended { to } => format!("{name} reaches {} again", other(to)),
        Kind::Weather { to } => format!("{name} has another link to {}", other(to)),
        Kind::Interfered { to } => format!("a message of {name} to {} was interfered with", other(to)),
        Kind::Created
        | Kind::Started
        | Kind::Synced
        | Kind::Crashed
        | Kind::PowerLost
        | Kind::Wiped
        | Kind::Paused
        | Kind::Resumed
        | Kind::ClockSet
        | Kind::DiskSet
        | Kind::DiskHarmed => format!("{name} {}", act(kind)),
    }
}
