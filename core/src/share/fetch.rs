//! Fetches: a worker gets what there is, or waits for it.

use crate::host::Host;
use crate::ids::Offset;
use crate::message::Reply;
use crate::partition::{Asker, Context};
use crate::share::look;
use crate::share::message::{ShareFetch, ShareReply};
use crate::share::probe::SharePartition;
use crate::share::reign::{Reign, Then, What};
use crate::share::state::{Share, Waiting};
use crate::time::Time;

pub(super) fn on_request(reign: &mut Reign, asker: Asker, request: ShareFetch, env: &mut Host<'_>) {
    let of = SharePartition { group: request.group.clone(), at: request.at };
    let (now, config) = (env.now(), &reign.config);
    let share = reign.shares.entry(of).or_insert_with(|| Share::restored(Default::default(), config, now));
    if share.came_before(request.member, asker.id) {
        return;
    }
    // A worker has one fetch at a time: it gave up the earlier one.
    share.waits.retain(|waiting| waiting.request.member != request.member);
    let deadline = now + request.max_wait;
    share.waits.push(Waiting { asker, request, deadline });
    reign.stirred = true;
    reign.tenure.wake_by(deadline, env);
}

/// Serves whoever waits, as far as there is something.
pub(super) fn serve(reign: &mut Reign, ctx: &mut Context<'_>, env: &mut Host<'_>) {
    reign.stirred = false;
    let waited: Vec<SharePartition> =
        reign.shares.iter().filter(|(_, share)| !share.waits.is_empty()).map(|(of, _)| of.clone()).collect();
    for of in waited {
        serve_share(reign, &of, env);
        look::ask(reign, &of, ctx, env);
    }
}

fn serve_share(reign: &mut Reign, of: &SharePartition, env: &mut Host<'_>) {
    let now = env.now();
    let mut place = 0;
    while let Some(share) = reign.shares.get_mut(of)
        && let Some(waiting) = share.waits.get(place)
    {
        let (member, most) = (waiting.request.member, waiting.request.max_records);
        let by = (member, waiting.asker.id);
        let acquired = share.acquire(by, most, &reign.config, reign.quirks, now);
        if acquired.is_empty() {
            place += 1;
            continue;
        }
        let asker = Some(share.waits.remove(place).asker);
        let what = What::Acquired { of: of.clone(), member, acquired };
        reign.change(of, Then { asker, what }, env);
        reign.tenure.wake_by(now + reign.config.lock, env);
    }
    let share = reign.shares.get(of).filter(|share| !share.waits.is_empty());
    if let Some(next) = share.and_then(|share| share.paced_until(&reign.config, now)) {
        reign.tenure.wake_by(next, env);
    }
}

/// Who has waited for long enough gets nothing.
pub(super) fn on_deadline(share: &mut Share, now: Time, env: &mut Host<'_>) {
    share.waits.retain(|waiting| {
        let keep = waiting.deadline > now;
        if !keep {
            waiting.asker.answer(Reply::Share(ShareReply::Fetch(Ok(Vec::new()))), env);
        }
        keep
    });
}

/// The partition is committed up to there.
pub(super) fn on_news(share: &mut Share, committed: Offset) {
    share.committed = share.committed.max(committed);
}
