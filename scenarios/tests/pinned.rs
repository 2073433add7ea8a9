//! What pins a capsule in somebody's test. Here and not beside the code: it takes in every scenario, and would be
//! compiled for the unit tests alone.

use std::panic::catch_unwind;

use squall::pinned;
use squall::replicated_log::ReplicatedLog;
use squall_sim::campaign::{AnyScenario, Request};
use squall_sim::seed::Seed;
use squall_sim::settings::Overrides;

#[test]
fn a_pinned_failure_is_no_pass_and_no_other_failure() {
    let quirks = ["trunc-to-hw".to_owned()];
    let request = Request { overrides: &Overrides::default(), quirks: &quirks, verify: false };
    let mut worker = ReplicatedLog.worker();
    let mut ran = (0..40).map(|seed| worker.run(Seed(seed), &request).unwrap());
    let failed = ran.find(|ran| !ran.record.verdict.is_pass()).unwrap();
    let (text, verdict) = (failed.capsule.unwrap(), failed.record.verdict);
    let name = verdict.invariant().unwrap_or(verdict.name());
    pinned("a.capsule.json", &text).fails_with(name);
    for wrong in [
        catch_unwind(|| pinned("a.capsule.json", &text).passes()),
        catch_unwind(|| {
            pinned("a.capsule.json", &text).fails_with("pass");
        }),
    ] {
        let said = *wrong.unwrap_err().downcast::<String>().unwrap();
        assert!(said.contains("squall replay a.capsule.json"), "{said}");
    }
}
