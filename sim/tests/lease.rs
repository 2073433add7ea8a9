//! The example finds its planted mistake, and nothing once that is mended.

#[path = "../examples/lease.rs"]
mod example;

use example::{From, lease};

const SEEDS: std::ops::Range<u64> = 0..60;

#[test]
fn a_lease_measured_from_the_grants_arrival_is_found_to_have_two_holders() {
    let record = lease(From::Arrival).campaign(SEEDS, 2);
    assert_eq!(record.verdict(), "violation");
    assert!(
        record
            .findings
            .iter()
            .all(|finding| { finding.record.verdict.invariant() == Some("one_holder_at_a_time") })
    );
}

#[test]
fn a_lease_measured_from_the_asking_passes_over_the_same_seeds() {
    let record = lease(From::Asking).campaign(SEEDS, 2);
    assert_eq!(record.verdict(), "pass");
    assert_eq!(record.never, []);
    assert_eq!(record.seeds.run, 60);
}
