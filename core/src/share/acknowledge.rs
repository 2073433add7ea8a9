//! Acknowledgements: a worker says what became of a delivery, or takes more time for it.
//!
//! What names another delivery than the present one, or another worker's, settles nothing: its lock has run out.

use crate::host::Host;
use crate::message::Reply;
use crate::partition::Asker;
use crate::refused::Refused;
use crate::share::message::{ShareAcknowledge, ShareReply, Verdict};
use crate::share::probe::{Delivery, Ending, SharePartition, ShareProbe};
use crate::share::reign::{Reign, Then, What};

pub(super) fn on_request(reign: &mut Reign, asker: Asker, request: ShareAcknowledge, env: &mut Host<'_>) {
    let ShareAcknowledge { group, at, member, offset, turn, verdict } = request;
    let of = SharePartition { group, at };
    let refused = Reply::Share(ShareReply::Acknowledge(Err(Refused::InvalidRecordState)));
    let Some(share) = reign.shares.get_mut(&of) else { return asker.answer(refused, env) };
    let now = env.now();
    let Some(then) = share.settle((offset, turn), member, verdict, &reign.config, reign.quirks, now) else {
        // The answer may have been lost, or this is a copy.
        if share.was_settled((offset, turn), member, verdict) {
            reign.after_all(&of, Then { asker: Some(asker), what: What::Again }, env);
        } else {
            asker.answer(refused, env);
        }
        return;
    };
    let delivery = Delivery { of: of.clone(), offset, turn };
    if verdict == Verdict::Renew {
        // Locks are in no log.
        Reign::probe(ShareProbe::Renewed { delivery, epoch: reign.tenure.epoch }, env);
        asker.answer(Reply::Share(ShareReply::Acknowledge(Ok(()))), env);
        return;
    }
    let how = Ending::Acknowledged(verdict);
    reign.change(&of, Then { asker: Some(asker), what: What::Settled { delivery, how, then } }, env);
    reign.stirred = true;
}
