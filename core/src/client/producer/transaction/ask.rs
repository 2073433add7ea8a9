//! What is asked when. Everything that may change that ends in [`Producer::go_on`].

use crate::client::producer::{Producer, Shared};
use crate::group::message::{GroupRequest, TxnOffsetCommit};
use crate::host::Host;
use crate::ids::NodeId;
use crate::message::{Message, Request};
use crate::record::Ending;
use crate::time::Time;
use crate::timer::ClientTimer;
use crate::transaction::message::{EndTxn, InitTransactional, TransactionRequest};

use super::{Stage, Transactions};

/// Whom a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    /// The coordinator of the producer's transactions.
    Transactions,
    /// That of the group whose offsets are to be committed.
    Group,
}

impl Producer {
    /// The first of a life.
    pub(in crate::client::producer) fn start_transactions(&mut self, env: &mut Host<'_>) {
        self.go_on(env);
    }

    /// [`ClientTimer::Transaction`] rang.
    pub(in crate::client::producer) fn on_transaction_timer(&mut self, env: &mut Host<'_>) {
        if let Some(transactions) = &mut self.shared.transactions {
            transactions.alarm.rang();
        }
        self.go_on(env);
    }

    /// Does for the transaction all that can be done now, and sets the timer for what comes next.
    pub(in crate::client::producer) fn go_on(&mut self, env: &mut Host<'_>) {
        let Some(transactions) = &mut self.shared.transactions else { return };
        let now = env.now();
        transactions.coordinator.look_at_the_clock(now);
        transactions.group_coordinator.look_at_the_clock(now);
        self.drop_batches();
        let flushed = self.shared.pending == 0;
        if flushed {
            self.end_unstarted();
        }
        self.shared.ask_of_coordinators(flushed, env);
    }

    /// A transaction of which nothing ever went out ends here.
    fn end_unstarted(&mut self) {
        let Some(transactions) = &mut self.shared.transactions else { return };
        let ends = match transactions.stage {
            Stage::Committing => transactions.offsets.is_empty(),
            Stage::Aborting => true,
            Stage::Starting | Stage::Ready | Stage::Open | Stage::Failed | Stage::Over => false,
        };
        if ends && !transactions.started {
            transactions.complete(transactions.identity);
        }
    }
}

impl Shared {
    fn ask_of_coordinators(&mut self, flushed: bool, env: &mut Host<'_>) {
        let Some(transactions) = &self.transactions else { return };
        let request = transactions.request(flushed).map(Request::Transaction);
        let offsets = transactions.offsets_request().map(Request::Group);
        let mut due = None;
        for (whom, request) in [(Whom::Transactions, request), (Whom::Group, offsets)] {
            if let Some(request) = request {
                let at = self.ask(whom, request, env);
                due = Some(due.map_or(at, |due: Time| due.min(at)));
            }
        }
        if let (Some(due), Some(transactions)) = (due, &mut self.transactions) {
            transactions.alarm.by(ClientTimer::Transaction, due, env);
        }
    }

    /// Asks the coordinator, or who it is; answers when to look again.
    fn ask(&mut self, whom: Whom, request: Request, env: &mut Host<'_>) -> Time {
        let (now, until) = (env.now(), env.now() + self.config.request_timeout);
        let Self { transactions: Some(transactions), numbers, discovery, .. } = self else { return until };
        let finds = transactions.find_request(whom);
        let line = match whom {
            Whom::Transactions => &mut transactions.coordinator,
            Whom::Group => &mut transactions.group_coordinator,
        };
        let mut send = |to: NodeId, request: Request| {
            let id = numbers.next();
            env.send(to, Message::Request { id, request });
            id
        };
        match line.broker {
            None if line.finding.is_free(now) => {
                let id = send(discovery.any_broker(), finds);
                line.finding.sent(id, until);
            }
            Some(broker) if line.asking.is_free(now) => {
                let id = send(broker.node(), request);
                line.asking.sent(id, until);
                transactions.asked(whom);
            }
            None | Some(_) => {}
        }
        match whom {
            Whom::Transactions => transactions.coordinator.due(),
            Whom::Group => transactions.group_coordinator.due(),
        }
    }
}

impl Transactions {
    /// What the transactions' coordinator is to be asked, if anything; `flushed`: every batch has a fate.
    fn request(&self, flushed: bool) -> Option<TransactionRequest> {
        match self.stage {
            Stage::Starting => Some(TransactionRequest::Init(InitTransactional {
                transactional: self.config.id.clone(),
                timeout: self.config.timeout,
                current: self.identity,
            })),
            Stage::Committing if flushed && self.offsets.is_empty() => self.end(Ending::Commit),
            Stage::Aborting if flushed => self.end(Ending::Abort),
            Stage::Committing
            | Stage::Aborting
            | Stage::Ready
            | Stage::Open
            | Stage::Failed
            | Stage::Over => None,
        }
    }

    fn end(&self, ending: Ending) -> Option<TransactionRequest> {
        let (producer, epoch) = self.identity?;
        Some(TransactionRequest::End(EndTxn {
            transactional: self.config.id.clone(),
            producer,
            epoch,
            ending,
        }))
    }

    /// What the group's coordinator is to be asked.
    fn offsets_request(&self) -> Option<GroupRequest> {
        let ((group, offsets), (producer, epoch)) = (self.offsets.front()?, self.identity?);
        self.may_send().then(|| {
            GroupRequest::TxnOffsetCommit(TxnOffsetCommit {
                group: group.group.clone(),
                member: Some(group.member),
                instance: group.instance.clone(),
                transactional: self.config.id.clone(),
                producer,
                epoch,
                offsets: offsets.clone(),
            })
        })
    }

    fn find_request(&self, whom: Whom) -> Request {
        match (whom, self.offsets.front()) {
            (Whom::Group, Some((group, _))) => {
                Request::Group(GroupRequest::FindCoordinator { group: group.group.clone() })
            }
            (Whom::Group, None) | (Whom::Transactions, _) => {
                Request::Transaction(TransactionRequest::FindCoordinator {
                    transactional: self.config.id.clone(),
                })
            }
        }
    }

    /// A request has just gone out.
    const fn asked(&mut self, whom: Whom) {
        match whom {
            // The group's coordinator adds its partition to the transaction.
            Whom::Group => self.started = true,
            Whom::Transactions => self.undecided |= matches!(self.stage, Stage::Committing),
        }
    }
}
