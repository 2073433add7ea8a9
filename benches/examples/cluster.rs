//! A whole cluster under steady load, without faults: what an event costs, with the checks and without.
//!
//! Instructions per event; run it twice with different numbers of events to leave the start out:
//!
//! ```text
//! cargo build --release -p squall-benches --example cluster
//! for look in checked bare; do
//!     valgrind --tool=callgrind --callgrind-out-file=cluster.$look.callgrind \
//!         target/release/examples/cluster 200000 $look
//!     callgrind_annotate cluster.$look.callgrind | head -60
//! done
//! ```
//!
//! Further arguments are settings, such as `topic.partitions=16`.

use std::process::ExitCode;

use squall::replicated_log::ReplicatedLog;
use squall_sim::check::Checks;
use squall_sim::engine::Spare;
use squall_sim::knob;
use squall_sim::plan::Plan;
use squall_sim::run::Scenario;
use squall_sim::seed::Seed;
use squall_sim::settings::{Overrides, Settings};

/// A record each 10 ms and producer: a broker writes about as much as it fetches and beats.
const LOAD: [&str; 2] = ["run.storm=600000", "workload.records=60000"];

fn usage(problem: &str) -> ExitCode {
    eprintln!("{problem}\nusage: cluster [EVENTS [checked|bare [KEY=VALUE]...]]");
    ExitCode::from(2)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Ok(events) = arguments.first().map_or(Ok(1_000_000), |text| text.parse::<u64>()) else {
        return usage("EVENTS is a number");
    };
    let checked = match arguments.get(1).map(String::as_str) {
        None | Some("checked") => true,
        Some("bare") => false,
        Some(_) => return usage("a cluster is either checked or bare"),
    };
    let rows = knob::table(ReplicatedLog.knobs());
    let mut overrides = Overrides::default();
    for pair in LOAD.iter().copied().chain(arguments.iter().skip(2).map(String::as_str)) {
        if let Err(error) = overrides.set(pair, &rows) {
            return usage(&error.to_string());
        }
    }
    let plan = Plan::from_seed(&ReplicatedLog, Seed(1), Settings::calm(&rows, &overrides), &[]);
    let mut world = ReplicatedLog.build(&plan, Spare::default());
    let mut checks = ReplicatedLog.checks(&plan, None);
    while world.events() < events && world.step() {
        if checked && let Err(violation) = checks.after_event(&world) {
            eprintln!("{violation:?}");
            return ExitCode::FAILURE;
        }
    }
    println!(
        "{} events, {} of virtual time, fingerprint {}",
        world.events(),
        world.now(),
        world.fingerprint()
    );
    ExitCode::SUCCESS
}
