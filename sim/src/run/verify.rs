//! Whether a run agrees with itself: two worlds of one plan, side by side.

use super::{Course, Scenario, SpareRun};
use crate::plan::Plan;
use crate::record::{RunRecord, Verdict};

/// Runs `plan` twice, in step. Where the two part first, the verdict names it. They are compared after
/// every event by their fingerprints, at the end by verdict, counters and every byte on every disk.
pub fn verify<S: Scenario + ?Sized>(scenario: &S, plan: &Plan<S::Operation>) -> RunRecord {
    let mut one = Course::new(scenario, plan, SpareRun::default());
    let mut other = Course::new(scenario, plan, SpareRun::default());
    loop {
        let goes_on = (one.advance(), other.advance());
        let agree = one.world().fingerprint() == other.world().fingerprint() && goes_on.0 == goes_on.1;
        if !agree || (!goes_on.0 && !same_end(&one, &other)) {
            let event = one.world().events().min(other.world().events());
            let what = format!("{} / {}", one.world().moment(), other.world().moment());
            one.end(Verdict::Nondeterminism { event, what });
            return one.finish().0;
        }
        if !goes_on.0 {
            return one.finish().0;
        }
    }
}

fn same_end<S: Scenario + ?Sized>(one: &Course<'_, S>, other: &Course<'_, S>) -> bool {
    let (a, b) = (one.world(), other.world());
    let same_node = |node| {
        let (disk, twin) = (a.disk(node), b.disk(node));
        let files = disk.list("");
        a.is_up(node) == b.is_up(node)
            && files == twin.list("")
            && files.iter().all(|file| disk.contents(file) == twin.contents(file))
    };
    one.verdict() == other.verdict()
        && one.checks_counters() == other.checks_counters()
        && a.nodes().all(same_node)
}

impl<S: Scenario + ?Sized> Course<'_, S> {
    fn checks_counters(&self) -> crate::record::Tally {
        use crate::check::Checks;
        self.checks().counters()
    }
}
