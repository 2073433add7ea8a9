//! What a member says, as scripts have it.

use squall_core::client::MemberEvent;
use squall_core::group::message::{CommittedOffset, GroupRequest};
use squall_core::group::probe::GroupProbe;
use squall_core::ids::TopicPartition;
use squall_core::message::{Place, Request};

/// A request; `None`: scripts do not show metadata requests.
pub(crate) fn request(request: &Request) -> Option<String> {
    Some(match request {
        Request::Metadata => return None,
        Request::Fetch(fetch) => {
            let epoch = fetch.last_epoch.map_or(String::new(), |epoch| format!(" after epoch {epoch}"));
            format!("fetch {} from {}{epoch}", fetch.at.partition, fetch.offset)
        }
        Request::EpochEnd(end) => format!("epoch-end {} of {}", end.at.partition, end.epoch),
        Request::ListOffsets(list) => match list.place {
            Place::Earliest => format!("list-offsets {} earliest", list.at.partition),
            Place::Latest => format!("list-offsets {} latest", list.at.partition),
            Place::Timestamp(time) => format!("list-offsets {} at {time}", list.at.partition),
        },
        Request::Group(request) => group_request(request),
        other => format!("{other:?}"),
    })
}

fn group_request(request: &GroupRequest) -> String {
    let named = |instance: &Option<squall_core::ids::InstanceId>| {
        instance.as_ref().map_or(String::new(), |name| format!(" as {name}"))
    };
    match request {
        GroupRequest::FindCoordinator { .. } => "find-coordinator".to_owned(),
        GroupRequest::Join(join) => {
            let names: Vec<&str> = join.protocols.iter().map(|protocol| protocol.name()).collect();
            let member = join.member.map_or("-".to_owned(), |member| member.to_string());
            let subscription = &join.subscription;
            let since = subscription.generation.map_or(String::new(), |g| format!(" since {g}"));
            format!(
                "join member={member}{} {} has {}{since}",
                named(&join.instance),
                names.join(","),
                partitions(&subscription.owned)
            )
        }
        GroupRequest::Sync(sync) => {
            let shares: Vec<String> = sync
                .assignments
                .iter()
                .map(|(member, share)| format!(" {member}:{}", partitions(share)))
                .collect();
            format!("sync member={} generation={}{}", sync.member, sync.generation, shares.concat())
        }
        GroupRequest::Heartbeat(beat) => {
            format!("heartbeat member={} generation={}", beat.member, beat.generation)
        }
        GroupRequest::Leave(leave) => format!("leave member={:?}", leave.member.map(|member| member.0)),
        GroupRequest::OffsetCommit(commit) => {
            let (member, generation) = commit.member.expect("a member commits as itself");
            format!("commit member={member} generation={generation} {}", offsets(&commit.offsets))
        }
        GroupRequest::OffsetFetch(fetch) => {
            format!("offset-fetch {}", partitions(fetch.partitions.as_deref().unwrap_or_default()))
        }
        GroupRequest::Delete { .. } => "delete".to_owned(),
        GroupRequest::TxnOffsetCommit(commit) => format!("txn-commit {}", offsets(&commit.offsets)),
    }
}

/// An event.
pub(crate) fn event(event: &MemberEvent) -> String {
    match event {
        MemberEvent::Revoked(all) => format!("revoked {}", partitions(all)),
        MemberEvent::Lost(all) => format!("lost {}", partitions(all)),
        MemberEvent::Assigned(all) => format!("assigned {}", partitions(all)),
        MemberEvent::Committed(all) => format!("committed {}", offsets(all)),
        MemberEvent::CommitFailed { offsets: all, refused } => {
            format!(
                "commit failed {} {}",
                offsets(all),
                refused.map_or("no answer", |refused| refused.name())
            )
        }
        MemberEvent::NoOffset(at) => format!("no offset in {}", at.partition),
        MemberEvent::Position(event) => format!("{event:?}"),
        MemberEvent::Failed(refused) => format!("failed {refused}"),
    }
}

/// A fact.
pub(crate) fn probe(probe: &GroupProbe) -> Option<String> {
    match probe {
        GroupProbe::OwnedChanged { member, generation, partitions: all, .. } => {
            Some(format!("owns {} as {member} in {generation}", partitions(all)))
        }
        GroupProbe::Resumed { at, offset, .. } => {
            let offset = offset.map_or("no commit".to_owned(), |offset| offset.to_string());
            Some(format!("resumes {} at {offset}", at.partition))
        }
        _ => None,
    }
}

fn partitions(all: &[TopicPartition]) -> String {
    if all.is_empty() {
        return "nothing".to_owned();
    }
    let numbers: Vec<String> = all.iter().map(|at| at.partition.to_string()).collect();
    numbers.join(",")
}

fn offsets(all: &[(TopicPartition, CommittedOffset)]) -> String {
    let epoch =
        |committed: &CommittedOffset| committed.leader_epoch.map_or(String::new(), |e| format!("@{e}"));
    let one = |(at, committed): &(TopicPartition, CommittedOffset)| {
        format!("{}={}{}", at.partition, committed.offset, epoch(committed))
    };
    all.iter().map(one).collect::<Vec<_>>().join(" ")
}
