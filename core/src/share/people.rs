//! What people ask: which records are stuck, and that a dead one is worked on again.

use crate::host::Host;
use crate::ids::{GroupId, TopicPartition};
use crate::message::Reply;
use crate::partition::Asker;
use crate::refused::Refused;
use crate::share::message::{PutBack, ShareReply};
use crate::share::probe::{Delivery, SharePartition};
use crate::share::reign::{Reign, Then, What};
use crate::share::state::Share;

pub(super) fn on_put_back(reign: &mut Reign, asker: Asker, request: PutBack, env: &mut Host<'_>) {
    let PutBack { group, at, offset, turn } = request;
    let of = SharePartition { group, at };
    let back = reign.shares.get_mut(&of).is_some_and(|share| share.put_back(offset, turn));
    if !back {
        let refused = Reply::Share(ShareReply::PutBack(Err(Refused::InvalidRecordState)));
        return asker.answer(refused, env);
    }
    let delivery = Delivery { of: of.clone(), offset, turn };
    reign.change(&of, Then { asker: Some(asker), what: What::PutBack { delivery } }, env);
    reign.stirred = true;
}

/// The answer waits for what is under way, like any other: it would tell of what may still vanish.
pub(super) fn on_list(
    reign: &mut Reign,
    asker: Asker,
    (group, at): (GroupId, TopicPartition),
    env: &mut Host<'_>,
) {
    let of = SharePartition { group, at };
    let stuck = reign.shares.get(&of).map(Share::stuck).unwrap_or_default();
    reign.after_all(&of, Then { asker: Some(asker), what: What::Listed { stuck } }, env);
}
