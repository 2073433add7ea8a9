//! Transactions: requests about them.

use crate::host::Host;
use crate::message::Reply;
use crate::partition::Asker;
use crate::refused::Refused;
use crate::transaction::message::TransactionRequest;

/// A producer, a leader or a coordinator asks. Nobody coordinates transactions here.
pub(super) fn on_request(asker: Asker, request: &TransactionRequest, env: &mut Host<'_>) {
    asker.answer(Reply::Transaction(request.refuse(Refused::CoordinatorNotAvailable)), env);
}
