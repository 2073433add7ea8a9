//! Steps: what each event of a run was, small enough to be kept in a capsule.
//!
//! Holds, for one event in [`Steps::every`], what happened to whom in words and twelve bits of the running
//! fingerprint. Enough to say of a replay at which event it first differs, and what was expected there.
//! Bounded: a run of more than [`MOST`] events keeps every second one, or every fourth.
//! Deliberately absent: what messages say. Whoever wants it replays the run with the build that made it.

mod text;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use squall_core::time::Time;

/// The most steps that are kept: about 200 kB of text.
pub const MOST: usize = 1 << 16;

/// The most different kinds that are kept; what is more is called [`OTHER`].
const MOST_KINDS: usize = 1 << 12;

/// The kind of whatever comes after too many different ones.
const OTHER: &str = "something else";

/// Which bits of the fingerprint a step keeps.
const DIGEST: u64 = (1 << 12) - 1;

/// What each event of a run was.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "text::Text", into = "text::Text")]
pub struct Steps {
    every: u64,
    kinds: Vec<String>,
    steps: Vec<Step>,
}

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    /// Its place among the kinds.
    kind: u32,
    digest: u16,
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Steps({} of {} kinds, every {})", self.steps.len(), self.kinds.len(), self.every)
    }
}

impl Steps {
    /// Of so many events one is kept.
    pub const fn every(&self) -> u64 {
        self.every
    }

    /// What event `number` was, and its bits of the fingerprint; `None` if it was not kept.
    fn get(&self, number: u64) -> Option<(&str, u16)> {
        let place = (number / self.every).checked_sub(1).filter(|_| number.is_multiple_of(self.every))?;
        let step = self.steps.get(usize::try_from(place).ok()?)?;
        Some((self.kinds.get(step.kind as usize)?, step.digest))
    }

    /// The last event that was kept.
    fn end(&self) -> u64 {
        self.steps.len() as u64 * self.every
    }
}

/// Where a run first differs from the steps that were expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The last event that both have alike, as far as was kept.
    pub after: u64,
    /// The first kept event that differs.
    pub event: u64,
    /// When it came, if it came.
    pub at: Option<Time>,
    /// What was expected; `None`: the end of the run.
    pub expected: Option<String>,
    /// What came; `None`: the end of the run.
    pub came: Option<String>,
}

/// Writes steps while a run goes on.
#[derive(Debug, Clone)]
pub(crate) struct Pedometer {
    every: u64,
    places: BTreeMap<String, u32>,
    kinds: Vec<String>,
    steps: Vec<Step>,
    times: Vec<Time>,
}

impl Default for Pedometer {
    fn default() -> Self {
        Self { every: 1, places: BTreeMap::new(), kinds: Vec::new(), steps: Vec::new(), times: Vec::new() }
    }
}

impl Pedometer {
    /// Whether event `number` is one that is kept.
    pub(crate) const fn wants(&self, number: u64) -> bool {
        number.is_multiple_of(self.every)
    }

    /// The next event that is kept.
    pub(crate) fn push(&mut self, at: Time, kind: String, digest: u64) {
        let place = self.place(kind);
        self.steps.push(Step { kind: place, digest: (digest & DIGEST) as u16 });
        self.times.push(at);
        if self.steps.len() == MOST {
            self.every *= 2;
            // The second, the fourth … are those whose numbers the doubled step divides.
            let mut place = 0;
            self.steps.retain(|_| (place += 1, place % 2 == 0).1);
            place = 0;
            self.times.retain(|_| (place += 1, place % 2 == 0).1);
        }
    }

    fn place(&mut self, kind: String) -> u32 {
        let kind = if self.kinds.len() < MOST_KINDS { kind } else { OTHER.to_owned() };
        if let Some(place) = self.places.get(&kind) {
            return *place;
        }
        let place = self.kinds.len() as u32;
        self.kinds.push(kind.clone());
        self.places.insert(kind, place);
        place
    }

    /// All of it; the kinds that come most often first, so that they take least room.
    pub(crate) fn finish(self) -> Steps {
        let mut counts = vec![0u64; self.kinds.len()];
        for step in &self.steps {
            counts[step.kind as usize] += 1;
        }
        let mut order: Vec<usize> = (0..counts.len()).filter(|place| counts[*place] > 0).collect();
        order.sort_by_key(|place| (std::cmp::Reverse(counts[*place]), *place));
        let mut renamed = vec![0; counts.len()];
        for (new, old) in order.iter().enumerate() {
            renamed[*old] = new as u32;
        }
        let step = |step: &Step| Step { kind: renamed[step.kind as usize], digest: step.digest };
        Steps {
            every: self.every,
            kinds: order.iter().map(|place| self.kinds[*place].clone()).collect(),
            steps: self.steps.iter().map(step).collect(),
        }
    }

    /// Where these first differ from what was `expected`, if anywhere.
    pub(crate) fn difference(self, expected: &Steps) -> Option<Difference> {
        let (every, times) = (self.every, self.times.clone());
        let now = self.finish();
        let stride = every.max(expected.every);
        let end = now.end().max(expected.end());
        let mut after = 0;
        for event in (stride..=end).step_by(usize::try_from(stride).ok()?) {
            let (then, came) = (expected.get(event), now.get(event));
            if then == came {
                after = event;
                continue;
            }
            let at = times.get((event / every - 1) as usize).copied();
            let words = |step: Option<(&str, u16)>| step.map(|(kind, _)| kind.to_owned());
            return Some(Difference { after, event, at, expected: words(then), came: words(came) });
        }
        None
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event - self.after {
            1 => write!(f, "first difference at event {}", self.event)?,
            _ => write!(f, "first difference between events {} and {}", self.after + 1, self.event)?,
        }
        if let Some(at) = self.at {
            write!(f, " ({at})")?;
        }
        let end = "the end of the run";
        let (expected, came) = (self.expected.as_deref().unwrap_or(end), self.came.as_deref().unwrap_or(end));
        if expected == came {
            write!(f, ": {came}, as expected, but with other contents or effects")
        } else {
            write!(f, ": expected: {expected}; came: {came}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(kinds: &[&str]) -> Pedometer {
        let mut walk = Pedometer::default();
        let mut digest = 0u64;
        for (kind, number) in kinds.iter().zip(1..) {
            digest = digest.wrapping_mul(31).wrapping_add(kind.len() as u64);
            if walk.wants(number) {
                walk.push(Time(number), (*kind).to_owned(), digest);
            }
        }
        walk
    }

    #[test]
    fn the_first_difference_is_named_with_both_sides() {
        let expected = walked(&["a", "bb", "a", "ccc"]).finish();
        assert_eq!(walked(&["a", "bb", "a", "ccc"]).difference(&expected), None);
        let difference = walked(&["a", "bb", "dddd", "ccc"]).difference(&expected).unwrap();
        assert_eq!(
            difference.to_string(),
            "first difference at event 3 (0.000000s): expected: a; came: dddd"
        );
        let shorter = walked(&["a", "bb"]).difference(&expected).unwrap();
        assert_eq!(shorter.to_string(), "first difference at event 3: expected: a; came: the end of the run");
    }

    #[test]
    fn a_step_that_only_its_digest_tells_apart_is_no_less_a_difference() {
        let mut expected = walked(&["a", "a", "a"]).finish();
        expected.steps[1].digest ^= 1;
        let difference = walked(&["a", "a", "a"]).difference(&expected).unwrap();
        assert_eq!((difference.event, difference.expected == difference.came), (2, true));
    }

    #[test]
    fn a_long_run_is_thinned_and_still_compared_with_a_shorter_one() {
        let long = vec!["a"; MOST + 100];
        let steps = walked(&long).finish();
        assert_eq!((steps.every(), steps.end()), (2, MOST as u64 + 100));
        let mut other = long.clone();
        other[9] = "bb";
        other.truncate(1000);
        let difference = walked(&other).difference(&steps).unwrap();
        assert_eq!((difference.after, difference.event), (8, 10));
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let mut kinds: Vec<String> = (0..2000).map(|n| format!("kind {}", n * n % 1999)).collect();
        kinds.extend(vec!["often".to_owned(); 500]);
        let steps = walked(&kinds.iter().map(String::as_str).collect::<Vec<_>>()).finish();
        let text = serde_json::to_string(&steps).unwrap();
        assert_eq!(serde_json::from_str::<Steps>(&text).unwrap(), steps);
        assert_eq!(steps.kinds[0], "often");
    }
}
