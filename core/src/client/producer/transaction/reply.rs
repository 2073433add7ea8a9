//! What the answers of coordinators mean.

use crate::client::producer::Producer;
use crate::group::message::GroupReply;
use crate::host::Host;
use crate::ids::{BrokerId, CorrelationId, ProducerEpoch, ProducerId};
use crate::refused::Refused;
use crate::time::Span;
use crate::transaction::message::TransactionReply;

use super::verdict::{Verdict, judge};
use super::{Line, Stage, Transactions};

/// The answer to an end, or to a start.
type Identity = Result<(ProducerId, ProducerEpoch), Refused>;

impl Producer {
    /// An answer about transactions.
    pub(in crate::client::producer) fn on_transaction_reply(
        &mut self,
        id: CorrelationId,
        reply: TransactionReply,
        env: &mut Host<'_>,
    ) {
        let backoff = self.shared.config.retry_backoff;
        let Some(transactions) = &mut self.shared.transactions else { return };
        let anew = match reply {
            TransactionReply::FindCoordinator(result) => {
                found(&mut transactions.coordinator, id, result, backoff, env);
                false
            }
            TransactionReply::Init(result) => transactions.on_identity(id, result, backoff, env),
            TransactionReply::End(result) => transactions.on_ended(id, result, backoff, env),
            // Partitions and offsets are added by others, and markers are between brokers.
            TransactionReply::AddPartitions(_)
            | TransactionReply::AddOffsets(_)
            | TransactionReply::WriteMarker { .. } => false,
        };
        if anew {
            self.begin_streams_anew();
        }
        self.go_on(env);
    }

    /// An answer about the group whose offsets are committed.
    pub(in crate::client::producer) fn on_group_reply(
        &mut self,
        id: CorrelationId,
        reply: GroupReply,
        env: &mut Host<'_>,
    ) {
        let backoff = self.shared.config.retry_backoff;
        let Some(transactions) = &mut self.shared.transactions else { return };
        match reply {
            GroupReply::FindCoordinator(result) => {
                found(&mut transactions.group_coordinator, id, result, backoff, env);
            }
            GroupReply::TxnOffsetCommit(result) => transactions.on_offsets(id, result, backoff, env),
            // A member's.
            GroupReply::Join(_)
            | GroupReply::Sync(_)
            | GroupReply::Heartbeat(_)
            | GroupReply::Leave(_)
            | GroupReply::OffsetCommit(_)
            | GroupReply::OffsetFetch(_)
            | GroupReply::Delete(_) => return,
        }
        self.go_on(env);
    }
}

/// Who coordinates. A refusal says that nobody does now.
fn found(
    line: &mut Line,
    id: CorrelationId,
    result: Result<BrokerId, Refused>,
    backoff: Span,
    env: &mut Host<'_>,
) {
    if line.finding.answered(id) {
        line.found(result.ok(), backoff, env);
    }
}

impl Transactions {
    /// Answers whether the identity is another than before.
    fn on_identity(
        &mut self,
        id: CorrelationId,
        result: Identity,
        backoff: Span,
        env: &mut Host<'_>,
    ) -> bool {
        if !self.coordinator.answered(id) || self.stage != Stage::Starting {
            return false;
        }
        match result {
            Ok(identity) => {
                self.coordinator.asking.succeeded();
                self.identity = Some(identity);
                self.gap = false;
                self.stage = Stage::Ready;
                true
            }
            Err(refused) => {
                self.on_refused(refused, backoff, env);
                false
            }
        }
    }

    /// Answers whether the identity is another than before.
    fn on_ended(&mut self, id: CorrelationId, result: Identity, backoff: Span, env: &mut Host<'_>) -> bool {
        if !self.coordinator.answered(id) || !matches!(self.stage, Stage::Committing | Stage::Aborting) {
            return false;
        }
        match result {
            Ok(identity) => {
                self.coordinator.asking.succeeded();
                self.complete(Some(identity))
            }
            Err(refused) => {
                self.on_refused(refused, backoff, env);
                false
            }
        }
    }

    fn on_refused(&mut self, refused: Refused, backoff: Span, env: &mut Host<'_>) {
        match judge(refused) {
            Verdict::Later => self.coordinator.asking.rest(backoff, env),
            Verdict::Elsewhere => {
                self.coordinator.lose();
                self.coordinator.asking.rest(backoff, env);
            }
            Verdict::Abort if self.stage == Stage::Committing => self.fail(Some(refused)),
            // No abort helps against the refusal of an abort, or of a start.
            Verdict::Abort => self.give_up(refused),
            Verdict::Over => self.give_up(refused),
        }
    }

    fn on_offsets(
        &mut self,
        id: CorrelationId,
        result: Result<(), Refused>,
        backoff: Span,
        env: &mut Host<'_>,
    ) {
        if !self.group_coordinator.answered(id) {
            return;
        }
        let Err(refused) = result else {
            self.group_coordinator.asking.succeeded();
            self.offsets.pop_front();
            return;
        };
        match judge(refused) {
            Verdict::Later => self.group_coordinator.asking.rest(backoff, env),
            Verdict::Elsewhere => {
                self.group_coordinator.lose();
                self.group_coordinator.asking.rest(backoff, env);
            }
            Verdict::Abort => self.fail(Some(refused)),
            Verdict::Over => self.give_up(refused),
        }
    }
}
