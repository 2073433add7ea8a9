//! What ends by itself: locks, fetches that wait, and writes that take too long.

use crate::host::Host;
use crate::share::fetch;
use crate::share::probe::{Delivery, Ending, SharePartition};
use crate::share::reign::{Reign, Then, What};

/// Deadlines are looked through.
pub(super) fn on_deadline(reign: &mut Reign, env: &mut Host<'_>) {
    let now = env.now();
    reign.tenure.awake();
    let due = |deadline| deadline <= now;
    let all: Vec<SharePartition> = reign
        .shares
        .iter()
        .filter(|(_, share)| share.next_deadline().is_some_and(due))
        .map(|(of, _)| of.clone())
        .collect();
    for of in all {
        let Some(share) = reign.shares.get_mut(&of) else { continue };
        let expired = share.expire(&reign.config, reign.quirks, now);
        fetch::on_deadline(share, now, env);
        for (offset, turn, then) in expired {
            let delivery = Delivery { of: of.clone(), offset, turn };
            let what = What::Settled { delivery, how: Ending::Expired, then };
            reign.change(&of, Then { asker: None, what }, env);
        }
    }
    // A pause may be over, or the partition has to be asked after again.
    reign.stirred = true;
    reign.on_write_deadlines(now, env);
    if let Some(deadline) = reign.shares.values().filter_map(|share| share.next_deadline()).min() {
        reign.tenure.wake_by(deadline, env);
    }
}
