//! What holds of every assignment, whatever members want and have.

use proptest::prelude::*;

use super::*;
use crate::group::message::Subscription;
use crate::ids::{Generation, InstanceId};

/// Topics 0..n of these sizes.
fn topics(sizes: &[u32]) -> Vec<Topic> {
    (0..).zip(sizes).map(|(n, &partitions)| topic(n, partitions)).collect()
}

fn topic(number: u32, partitions: u32) -> Topic {
    Topic { name: format!("t{number}").into(), topic: TopicId(number), partitions }
}

fn member(id: u64, wanted: &[bool]) -> JoinedMember {
    let wanted = wanted.iter().enumerate().filter(|(_, wanted)| **wanted);
    let topics = wanted.map(|(number, _)| format!("t{number}").into()).collect();
    let subscription = Arc::new(Subscription { topics, owned: Vec::new(), generation: None });
    // Every third is static.
    let instance = id.is_multiple_of(3).then(|| InstanceId(format!("i{}", 50 - id).into()));
    JoinedMember { member: MemberId(id), instance, subscription }
}

/// Topics, and members that want some of them.
fn groups() -> impl Strategy<Value = (Vec<Topic>, Vec<JoinedMember>)> {
    (prop::collection::vec(0u32..7, 1..4), 1usize..7).prop_flat_map(|(sizes, members)| {
        let wanted =
            prop::collection::vec(prop::collection::vec(prop::bool::weighted(0.7), sizes.len()), members);
        wanted.prop_map(move |wanted| {
            let members = (1..).zip(&wanted).map(|(id, wanted)| member(id, wanted)).collect();
            (topics(&sizes), members)
        })
    })
}

/// How many partitions there are, and how many members, who all want all of them; who leaves and who joins.
fn changes() -> impl Strategy<Value = (Vec<u32>, u64, Vec<u64>, u64)> {
    (prop::collection::vec(1u32..9, 1..3), 1u64..8).prop_flat_map(|(sizes, members)| {
        let leavers = prop::sample::subsequence((1..=members).collect::<Vec<_>>(), 0..members as usize);
        (Just(sizes), Just(members), leavers, 0u64..4)
    })
}

/// The members as they come to the next generation, with what `shares` gave them in `generation`.
fn having(members: &[JoinedMember], shares: &Shares, generation: u32) -> Vec<JoinedMember> {
    let with = |member: &JoinedMember| {
        let mut member = member.clone();
        let subscription = Arc::make_mut(&mut member.subscription);
        let found = shares.iter().find(|(id, _)| *id == member.member);
        subscription.owned = found.map(|(_, share)| share.clone()).unwrap_or_default();
        subscription.generation = Some(Generation(generation));
        member
    };
    members.iter().map(with).collect()
}

/// Every partition that somebody wants, given to one of those who do, to nobody else and to nobody twice.
fn check_complete(topics: &[Topic], members: &[JoinedMember], shares: &Shares) -> Result<(), TestCaseError> {
    prop_assert_eq!(shares.len(), members.len());
    let mut given: Vec<TopicPartition> = shares.iter().flat_map(|(_, share)| share.iter().copied()).collect();
    given.sort_unstable();
    let wanted = topics.iter().filter(|topic| members.iter().any(|member| wants(member, topic)));
    prop_assert_eq!(given, wanted.flat_map(partitions_of).collect::<Vec<_>>());
    for (id, share) in shares {
        let member = members.iter().find(|member| member.member == *id).unwrap();
        prop_assert!(share.iter().all(|p| wants(member, &topics[p.topic.0 as usize])));
    }
    Ok(())
}

/// As few moves as can be: a member keeps what it has up to its quota, and as many as may have the larger
/// quota keep one more.
fn most_kept(sizes: &[u32], had: &[usize]) -> usize {
    let all = sizes.iter().sum::<u32>() as usize;
    let (least, more) = (all / had.len(), all % had.len());
    let above = had.iter().filter(|&&had| had > least).count();
    had.iter().map(|&had| had.min(least)).sum::<usize>() + above.min(more)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_wanted_partition_goes_to_one_of_those_who_want_it((topics, members) in groups()) {
        for assignor in Assignor::ALL {
            check_complete(&topics, &members, &assign(assignor, &topics, &members))?;
        }
    }

    #[test]
    fn the_order_of_members_and_topics_is_of_no_account((mut topics, mut members) in groups(), turn in 0usize..6) {
        let first: Vec<Shares> = Assignor::ALL.map(|assignor| assign(assignor, &topics, &members)).into();
        let by = turn % members.len();
        members.rotate_left(by);
        topics.reverse();
        let second: Vec<Shares> = Assignor::ALL.map(|assignor| assign(assignor, &topics, &members)).into();
        prop_assert_eq!(first, second);
    }

    #[test]
    fn no_single_move_makes_a_sticky_assignment_more_even((topics, members) in groups(), (_, others) in groups()) {
        // From scratch, and from what another set of wishes had led to.
        let others = others.into_iter().filter(|other| members.iter().any(|member| member.member == other.member));
        let before = assign(Assignor::Sticky, &topics, &others.collect::<Vec<_>>());
        for members in [members.clone(), having(&members, &before, 1)] {
            let shares = assign(Assignor::Sticky, &topics, &members);
            check_complete(&topics, &members, &shares)?;
            for (from, had) in &shares {
                for (to, has) in &shares {
                    let taker = members.iter().find(|member| member.member == *to).unwrap();
                    let movable = had.iter().any(|p| wants(taker, &topics[p.topic.0 as usize]));
                    prop_assert!(!movable || had.len() <= has.len() + 1, "{} to {}: {:?}", from, to, shares);
                }
            }
        }
    }

    #[test]
    fn comings_and_goings_move_the_fewest_partitions((sizes, count, leavers, joiners) in changes()) {
        let topics = topics(&sizes);
        let wanted = vec![true; sizes.len()];
        let mut members: Vec<JoinedMember> = (1..=count).map(|id| member(id, &wanted)).collect();
        let before = assign(Assignor::Sticky, &topics, &members);
        members.retain(|member| !leavers.contains(&member.member.0));
        members.extend((0..joiners).map(|n| member(count + 1 + n, &wanted)));
        let members = having(&members, &before, 1);
        let after = assign(Assignor::Sticky, &topics, &members);
        check_complete(&topics, &members, &after)?;
        let (fewest, most) =
            (after.iter().map(|(_, s)| s.len()).min().unwrap(), after.iter().map(|(_, s)| s.len()).max().unwrap());
        prop_assert!(most - fewest <= 1, "{:?}", after);
        let had: Vec<usize> = members.iter().map(|member| member.subscription.owned.len()).collect();
        let owned_before = |id: MemberId, p: &TopicPartition| {
            members.iter().any(|member| member.member == id && member.subscription.owned.contains(p))
        };
        let kept: usize =
            after.iter().map(|(id, share)| share.iter().filter(|p| owned_before(*id, p)).count()).sum();
        prop_assert_eq!(kept, most_kept(&sizes, &had));
    }

    #[test]
    fn cooperative_members_never_get_what_another_has_and_end_where_sticky_does(
        (sizes, count, leavers, joiners) in changes()
    ) {
        let topics = topics(&sizes);
        let wanted = vec![true; sizes.len()];
        let mut members: Vec<JoinedMember> = (1..=count).map(|id| member(id, &wanted)).collect();
        let before = assign(Assignor::CooperativeSticky, &topics, &members);
        members.retain(|member| !leavers.contains(&member.member.0));
        members.extend((0..joiners).map(|n| member(count + 1 + n, &wanted)));
        let members = having(&members, &before, 1);
        let first = assign(Assignor::CooperativeSticky, &topics, &members);
        for (id, share) in &first {
            let others = members.iter().filter(|member| member.member != *id);
            for other in others {
                prop_assert!(share.iter().all(|p| !other.subscription.owned.contains(p)));
            }
        }
        let second = assign(Assignor::CooperativeSticky, &topics, &having(&members, &first, 2));
        check_complete(&topics, &members, &second)?;
        prop_assert_eq!(second, assign(Assignor::Sticky, &topics, &having(&members, &first, 2)));
    }
}
