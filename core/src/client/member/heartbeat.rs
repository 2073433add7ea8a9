//! Signs of life, the session, and an application that does not poll.

use super::verdict::{Verdict, judge};
use super::{Member, Phase};
use crate::group::message::{GroupHeartbeat, GroupRequest, Leave};
use crate::host::Host;
use crate::ids::CorrelationId;
use crate::refused::Refused;

impl Member {
    /// Whether it shows that it is alive: in a generation, and not on its way into the next, which shows it too.
    pub(super) const fn beats(&self) -> bool {
        match self.phase {
            Phase::Revoking(_) | Phase::Syncing(_) | Phase::Assigned(_) | Phase::Stable => {
                self.generation.is_some()
            }
            Phase::Unjoined | Phase::Joining | Phase::Gone => false,
        }
    }

    /// The next heartbeat, if it is due.
    pub(super) fn send_heartbeat(&mut self, env: &mut Host<'_>) {
        let now = env.now();
        let (Some(to), Some((member, generation))) = (self.coordinator, self.identity()) else { return };
        if !self.beats() || now < self.next_heartbeat || !self.beating.is_free(now) {
            return;
        }
        let request = GroupHeartbeat {
            group: self.config.group.clone(),
            generation,
            member,
            instance: self.config.instance.clone(),
        };
        let id = self.ask(to, GroupRequest::Heartbeat(request), env);
        self.beating.sent(id, now + self.config.consumer.request_timeout);
        self.next_heartbeat = now + self.config.heartbeat;
    }

    /// The answer to a heartbeat.
    pub(super) fn on_heartbeat(
        &mut self,
        id: CorrelationId,
        result: Result<(), Refused>,
        env: &mut Host<'_>,
    ) {
        if !self.beating.answered(id) {
            return;
        }
        self.session_end = env.now() + self.config.session_timeout;
        let Err(refused) = result else { return };
        match judge(refused) {
            Verdict::Later => {}
            // Only now: while it syncs, the rebalance that is meant is the one it is in.
            Verdict::Rejoin => self.rejoin |= self.phase == Phase::Stable,
            Verdict::Elsewhere => self.lose_coordinator(),
            Verdict::GenerationOver => self.lose_generation(false),
            Verdict::Named(_) | Verdict::Unknown => self.lose_generation(true),
            Verdict::Fatal => self.fail(refused, env),
        }
    }

    /// What is over because of the time: answers that do not come, the session, the application's poll.
    pub(super) fn look_at_the_clock(&mut self, env: &mut Host<'_>) {
        let now = env.now();
        if self.finding.is_overdue(now) {
            self.finding.rest(self.config.consumer.retry_backoff, env);
        }
        let silent = self.beats() && self.coordinator.is_some() && now >= self.session_end;
        // A heartbeat without an answer is not the last one of its session.
        self.beating.is_overdue(now);
        let (joining, fetching) = (self.joining.is_overdue(now), self.fetching.is_overdue(now));
        let committing = self.commits.is_overdue(now);
        if silent || joining || fetching || committing {
            self.lose_coordinator();
        }
        if let Some(failed) = self.commits.given_up(now) {
            self.events.push_back(failed);
        }
        self.look_at_withheld(now);
        let waits_for_application = match self.phase {
            Phase::Revoking(_) | Phase::Assigned(_) | Phase::Stable => true,
            // On its way into a generation: there is nothing to poll for.
            Phase::Unjoined | Phase::Joining | Phase::Syncing(_) | Phase::Gone => false,
        };
        if waits_for_application && self.generation.is_some() && now >= self.polled + self.config.max_poll {
            self.leave(env);
            self.lose_generation(true);
        }
    }

    /// Says that it goes, so that others need not wait for its session to end. A static member does not: it is
    /// expected back (KIP-345). Whether that is heard is not waited for.
    pub(super) fn leave(&mut self, env: &mut Host<'_>) {
        let (Some(to), Some(member), None) = (self.coordinator, self.id, &self.config.instance) else {
            return;
        };
        let request = Leave { group: self.config.group.clone(), member: Some(member), instance: None };
        self.ask(to, GroupRequest::Leave(request), env);
    }
}
