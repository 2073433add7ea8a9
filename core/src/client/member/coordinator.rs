//! Who coordinates the group, and every request to it.

use super::verdict::{Verdict, judge};
use super::{Member, MemberEvent, Phase};
use crate::group::message::{GroupReply, GroupRequest};
use crate::host::Host;
use crate::ids::{BrokerId, CorrelationId, NodeId};
use crate::message::{Message, Request};
use crate::refused::Refused;

impl Member {
    /// A reply about groups.
    pub(super) fn on_group_reply(&mut self, id: CorrelationId, reply: GroupReply, env: &mut Host<'_>) {
        match reply {
            GroupReply::FindCoordinator(result) => self.on_coordinator(id, result, env),
            GroupReply::Join(result) => self.on_joined(id, result, env),
            GroupReply::Sync(result) => self.on_synced(id, result, env),
            GroupReply::Heartbeat(result) => self.on_heartbeat(id, result, env),
            GroupReply::OffsetCommit(result) => self.on_committed(id, result, env),
            GroupReply::OffsetFetch(result) => self.on_offsets(id, result, env),
            // A leave is not waited for, and nobody deletes groups through a member.
            GroupReply::Leave(_) | GroupReply::Delete(_) | GroupReply::TxnOffsetCommit(_) => {}
        }
    }

    /// Sends a request to the coordinator; answers its number.
    pub(super) fn ask(&mut self, to: BrokerId, request: GroupRequest, env: &mut Host<'_>) -> CorrelationId {
        self.send(to.node(), request, env)
    }

    fn send(&mut self, to: NodeId, request: GroupRequest, env: &mut Host<'_>) -> CorrelationId {
        let id = self.consumer.next_number();
        env.send(to, Message::Request { id, request: Request::Group(request) });
        id
    }

    /// Asks any broker who coordinates.
    pub(super) fn find_coordinator(&mut self, env: &mut Host<'_>) {
        let now = env.now();
        if !self.finding.is_free(now) {
            return;
        }
        let to = self.consumer.any_broker();
        let request = GroupRequest::FindCoordinator { group: self.config.group.clone() };
        let id = self.send(to, request, env);
        self.finding.sent(id, now + self.config.consumer.request_timeout);
    }

    fn on_coordinator(&mut self, id: CorrelationId, result: Result<BrokerId, Refused>, env: &mut Host<'_>) {
        if !self.finding.answered(id) {
            return;
        }
        match result {
            Ok(broker) => {
                self.coordinator = Some(broker);
                // It is asked again only when this one turns out to be wrong, which two brokers that disagree
                // may bring about without end.
                self.finding.rest(self.config.consumer.retry_backoff, env);
                self.session_end = env.now() + self.config.session_timeout;
            }
            Err(refused) => match judge(refused) {
                Verdict::Fatal => self.fail(refused, env),
                Verdict::Later
                | Verdict::Elsewhere
                | Verdict::Rejoin
                | Verdict::Named(_)
                | Verdict::GenerationOver
                | Verdict::Unknown => self.finding.rest(self.config.consumer.retry_backoff, env),
            },
        }
    }

    /// Whoever coordinated does so no longer, or does not answer. What was asked of it is asked anew.
    pub(super) fn lose_coordinator(&mut self) {
        self.coordinator = None;
        self.follows = self.assigned_in;
        self.beating.forget();
        self.joining.forget();
        self.fetching.forget();
        self.commits.unanswered();
        if matches!(self.phase, Phase::Syncing(_)) {
            // Whether the leader's assignment has arrived is not known; joining again settles it.
            self.phase = Phase::Joining;
        }
    }

    /// The generation is over for this member. What it owns may be another's already; the application is told
    /// when it polls.
    pub(super) fn lose_generation(&mut self, id_too: bool) {
        self.generation = None;
        if id_too {
            self.id = None;
        }
        self.beating.forget();
        self.joining.forget();
        match self.phase {
            Phase::Joining | Phase::Syncing(_) | Phase::Assigned(_) | Phase::Stable => {
                self.phase = Phase::Unjoined;
            }
            // The application does its part first.
            Phase::Unjoined | Phase::Revoking(_) | Phase::Gone => {}
        }
    }

    /// Out for good.
    pub(super) fn fail(&mut self, refused: Refused, env: &mut Host<'_>) {
        self.lose_everything(env);
        self.generation = None;
        self.phase = Phase::Gone;
        self.events.push_back(MemberEvent::Failed(refused));
    }
}
