//! One long run, with all checks: what memory it takes as it goes on.
//!
//! ```text
//! cargo run --release -p squall-benches --example long_run -- SEED HOURS [KEY=VALUE]...
//! ```
//!
//! Prints a line for each sixth of the storm. The resident set is the system's word (`/proc`), so it is known
//! on Linux only. What a plan and its producers' scripts take is there from the start: 56 bytes a record.

use std::process::ExitCode;

use squall::replicated_log::ReplicatedLog;
use squall_sim::knob;
use squall_sim::plan::Plan;
use squall_sim::run::{Course, Scenario, SpareRun, draw_settings};
use squall_sim::seed::Seed;
use squall_sim::settings::Overrides;

const LINES: u64 = 6;

fn usage(problem: &str) -> ExitCode {
    eprintln!("{problem}\nusage: long_run SEED HOURS [KEY=VALUE]...");
    ExitCode::from(2)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize| arguments.get(place).and_then(|text| text.parse::<u64>().ok());
    let (Some(seed), Some(hours)) = (number(0), number(1)) else {
        return usage("SEED and HOURS are numbers");
    };
    let rows = knob::table(ReplicatedLog.knobs());
    let mut overrides = Overrides::default();
    let storm = format!("run.storm={}", hours * 3_600_000);
    for pair in [storm.as_str()].into_iter().chain(arguments.iter().skip(2).map(String::as_str)) {
        if let Err(error) = overrides.set(pair, &rows) {
            return usage(&error.to_string());
        }
    }
    let settings = match draw_settings(&ReplicatedLog, Seed(seed), &overrides) {
        Ok(settings) => settings,
        Err(why) => return usage(&why),
    };
    let plan = Plan::from_seed(&ReplicatedLog, Seed(seed), settings, &[]);
    let mut course = Course::new(&ReplicatedLog, &plan, SpareRun::default());
    let mut next = 0;
    while course.advance() {
        if course.world().now().0 >= next {
            println!("{} {} events, {}", course.world().now(), course.world().events(), resident());
            next += (plan.storm / LINES).max(1);
        }
    }
    println!("{} {} events, {}", course.world().now(), course.world().events(), resident());
    let (record, _) = course.finish();
    println!("{} {}", record.verdict.name(), record.verdict.message());
    if record.verdict.is_pass() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The process's resident set, now and at most.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |key| status.lines().find_map(|line| line.strip_prefix(key)).map_or("unknown", str::trim);
    format!("resident {} (at most {})", of("VmRSS:"), of("VmHWM:"))
}
