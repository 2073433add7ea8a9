//! Kafka's own examples, with Kafka's results: `RangeAssignorTest`, `RoundRobinAssignorTest` and
//! `AbstractStickyAssignorTest` of apache/kafka, `clients/src/test/java/org/apache/kafka/clients/consumer`.

use super::*;
use crate::group::message::Subscription;
use crate::ids::{Generation, InstanceId};

/// `topic1` has the id 11, so that an order by number is not one by name.
fn topics(sizes: &[(&str, u32)]) -> Vec<Topic> {
    let numbered = |&(name, partitions): &(&str, u32)| {
        let number = name.bytes().last().map_or(0, |digit| 60 - u32::from(digit));
        Topic { name: name.into(), topic: TopicId(number), partitions }
    };
    sizes.iter().map(numbered).collect()
}

/// A partition as `topic1-0`.
fn at(topics: &[Topic], text: &str) -> TopicPartition {
    let (name, partition) = text.rsplit_once('-').unwrap();
    let topic = topics.iter().find(|topic| *topic.name == *name).unwrap().topic;
    TopicPartition { topic, partition: partition.parse().unwrap() }
}

/// A member that wants `wanted` and has `owned` since generation 1.
fn member(all: &[Topic], id: u64, wanted: &[&str], owned: &str) -> JoinedMember {
    let mut names: Vec<Arc<str>> = wanted.iter().map(|&name| name.into()).collect();
    names.sort();
    let mut owned: Vec<TopicPartition> = owned.split_whitespace().map(|text| at(all, text)).collect();
    owned.sort_unstable();
    let generation = (!owned.is_empty()).then_some(Generation(1));
    let subscription = Arc::new(Subscription { topics: names, owned, generation });
    JoinedMember { member: MemberId(id), instance: None, subscription }
}

fn fixed(mut member: JoinedMember, instance: &str) -> JoinedMember {
    member.instance = Some(InstanceId(instance.into()));
    member
}

/// Each member's partitions, as text.
fn told(assignor: Assignor, topics: &[Topic], members: &[JoinedMember]) -> Vec<String> {
    let name = |partition: &TopicPartition| {
        let topic = topics.iter().find(|topic| topic.topic == partition.topic).unwrap();
        format!("{}-{}", topic.name, partition.partition)
    };
    let text = |share: &[TopicPartition]| {
        let mut names: Vec<String> = share.iter().map(name).collect();
        names.sort();
        names.join(" ")
    };
    assign(assignor, topics, members).iter().map(|(_, share)| text(share)).collect()
}

const BOTH: [&str; 2] = ["topic1", "topic2"];

#[test]
fn whoever_wants_nothing_that_exists_gets_nothing() {
    let all = topics(&[]);
    for assignor in Assignor::ALL {
        assert_eq!(told(assignor, &all, &[member(&all, 1, &[], "")]), [""]);
        assert_eq!(
            told(assignor, &all, &[member(&all, 1, &["topic1"], "")]),
            [""],
            "testOneConsumerNonexistentTopic"
        );
        assert_eq!(told(assignor, &all, &[]), [""; 0]);
    }
}

#[test]
fn only_subscribed_topics_are_divided() {
    let all = topics(&[("topic1", 3), ("topic2", 3)]);
    for assignor in Assignor::ALL {
        let one = [member(&all, 1, &["topic1"], "")];
        assert_eq!(
            told(assignor, &all, &one),
            ["topic1-0 topic1-1 topic1-2"],
            "testOnlyAssignsPartitionsFromSubscribedTopics"
        );
    }
}

#[test]
fn a_surplus_member_stands_by() {
    let all = topics(&[("topic1", 1)]);
    for assignor in Assignor::ALL {
        let two = [member(&all, 1, &["topic1"], ""), member(&all, 2, &["topic1"], "")];
        assert_eq!(told(assignor, &all, &two), ["topic1-0", ""], "testTwoConsumersOneTopicOnePartition");
    }
}

#[test]
fn range_gives_the_first_members_one_more_of_each_topic() {
    let all = topics(&[("topic1", 3), ("topic2", 3)]);
    let two = [member(&all, 1, &BOTH, ""), member(&all, 2, &BOTH, "")];
    let expected = ["topic1-0 topic1-1 topic2-0 topic2-1", "topic1-2 topic2-2"];
    assert_eq!(told(Assignor::Range, &all, &two), expected, "testTwoConsumersTwoTopicsSixPartitions");
    let all = topics(&[("topic1", 3), ("topic2", 2)]);
    let mixed =
        [member(&all, 1, &["topic1"], ""), member(&all, 2, &BOTH, ""), member(&all, 3, &["topic1"], "")];
    let expected = ["topic1-0", "topic1-1 topic2-0 topic2-1", "topic1-2"];
    assert_eq!(told(Assignor::Range, &all, &mixed), expected, "testMultipleConsumersMixedTopics");
}

#[test]
fn static_members_keep_their_range_when_a_dynamic_one_is_replaced() {
    let all = topics(&[("topic1", 5), ("topic2", 4)]);
    let with = |dynamic: u64| {
        let mut members: Vec<JoinedMember> =
            (1..=3).map(|id| fixed(member(&all, id, &BOTH, ""), &format!("instance{id}"))).collect();
        members.push(member(&all, dynamic, &BOTH, ""));
        told(Assignor::Range, &all, &members)
    };
    let expected =
        ["topic1-0 topic1-1 topic2-0", "topic1-2 topic2-1", "topic1-3 topic2-2", "topic1-4 topic2-3"];
    assert_eq!(with(4), expected, "testStaticMemberRangeAssignmentPersistent");
    assert_eq!(with(5), expected);
}

#[test]
fn instance_names_go_before_member_ids() {
    let all = topics(&[("topic1", 3), ("topic2", 3)]);
    let range = |two: &[JoinedMember]| told(Assignor::Range, &all, two);
    let low = fixed(member(&all, 2, &BOTH, ""), "instance1");
    let high = fixed(member(&all, 1, &BOTH, ""), "instance2");
    let expected = ["topic1-2 topic2-2", "topic1-0 topic1-1 topic2-0 topic2-1"];
    assert_eq!(range(&[low.clone(), high]), expected, "testTwoStaticConsumersTwoTopicsSixPartitions");
    let dynamic = member(&all, 1, &BOTH, "");
    assert_eq!(
        range(&[low, dynamic]),
        expected,
        "testOneStaticConsumerAndOneDynamicConsumerTwoTopicsSixPartitions"
    );
}

#[test]
fn round_robin_goes_on_where_the_topic_before_ended() {
    let all = topics(&[("topic1", 3), ("topic2", 3)]);
    let two = [member(&all, 1, &BOTH, ""), member(&all, 2, &BOTH, "")];
    let expected = ["topic1-0 topic1-2 topic2-1", "topic1-1 topic2-0 topic2-2"];
    assert_eq!(
        told(Assignor::RoundRobin, &all, &two),
        expected,
        "testTwoDynamicConsumersTwoTopicsSixPartitions"
    );
    let mut four: Vec<JoinedMember> =
        (1..=3).map(|id| fixed(member(&all, id, &BOTH, ""), &format!("instance{id}"))).collect();
    four.push(member(&all, 4, &BOTH, ""));
    let expected = ["topic1-0 topic2-1", "topic1-1 topic2-2", "topic1-2", "topic2-0"];
    assert_eq!(told(Assignor::RoundRobin, &all, &four), expected, "testStaticMemberAssignmentPersistent");
}

#[test]
fn round_robin_passes_over_those_who_do_not_want_a_topic() {
    let all = topics(&[("topic1", 3), ("topic2", 2)]);
    let mixed =
        [member(&all, 1, &["topic1"], ""), member(&all, 2, &BOTH, ""), member(&all, 3, &["topic1"], "")];
    let expected = ["topic1-0", "topic1-1 topic2-0 topic2-1", "topic1-2"];
    assert_eq!(told(Assignor::RoundRobin, &all, &mixed), expected, "testMultipleConsumersMixedTopics");
}

#[test]
fn sticky_is_balanced_where_round_robin_is_not() {
    let all = topics(&[("topic1", 3), ("topic2", 2)]);
    let mixed =
        [member(&all, 1, &["topic1"], ""), member(&all, 2, &BOTH, ""), member(&all, 3, &["topic1"], "")];
    let expected = ["topic1-0 topic1-2", "topic2-0 topic2-1", "topic1-1"];
    assert_eq!(
        told(Assignor::Sticky, &all, &mixed),
        expected,
        "testMultipleConsumersMixedTopicSubscriptions"
    );
    let all = topics(&[("topic1", 2), ("topic2", 1), ("topic3", 2), ("topic4", 1), ("topic5", 2)]);
    let odd = ["topic1", "topic3", "topic5"];
    let every = ["topic1", "topic2", "topic3", "topic4", "topic5"];
    let wanted: [&[&str]; 4] = [&every, &odd, &odd, &every];
    let four: Vec<JoinedMember> =
        wanted.iter().zip(1..).map(|(wanted, id)| member(&all, id, wanted, "")).collect();
    let expected = ["topic2-0 topic3-0", "topic1-0 topic3-1", "topic1-1 topic5-0", "topic4-0 topic5-1"];
    assert_eq!(told(Assignor::Sticky, &all, &four), expected, "testPoorRoundRobinAssignmentScenario");
}

#[test]
fn sticky_fills_up_from_what_members_have() {
    let sticky = |all: &[Topic], owned: &[&str]| {
        let members: Vec<JoinedMember> =
            owned.iter().zip(1..).map(|(owned, id)| member(all, id, &BOTH, owned)).collect();
        told(Assignor::Sticky, all, &members)
    };
    let all = topics(&[("topic1", 2), ("topic2", 3)]);
    assert_eq!(
        sticky(&all, &["topic1-0 topic2-1", "topic1-1 topic2-2"]),
        ["topic1-0 topic2-0 topic2-1", "topic1-1 topic2-2"],
        "testConsumerOwningMinQuotaExpectedMaxQuota"
    );
    assert_eq!(
        sticky(&all, &["topic1-0", "topic1-1", ""]),
        ["topic1-0 topic2-1", "topic1-1 topic2-2", "topic2-0"],
        "testAllConsumersAreUnderMinQuota"
    );
    let all = topics(&[("topic1", 3), ("topic2", 3)]);
    assert_eq!(
        sticky(&all, &["", ""]),
        ["topic1-0 topic1-2 topic2-1", "topic1-1 topic2-0 topic2-2"],
        "testTwoConsumersTwoTopicsSixPartitions"
    );
}

#[test]
fn sticky_moves_only_what_newcomers_get_and_leavers_had() {
    let all = topics(&[("topic1", 3), ("topic2", 4)]);
    let sticky = |owned: &[(u64, &str)]| {
        let members: Vec<JoinedMember> =
            owned.iter().map(|&(id, owned)| member(&all, id, &BOTH, owned)).collect();
        told(Assignor::Sticky, &all, &members)
    };
    let two = sticky(&[(1, ""), (2, "")]);
    assert_eq!(two, ["topic1-0 topic1-2 topic2-1 topic2-3", "topic1-1 topic2-0 topic2-2"]);
    // Whom a partition moves from depends on the order of what it has: Kafka's by time, here by number.
    let four = sticky(&[(1, &two[0]), (2, &two[1]), (3, ""), (4, "")]);
    let kept =
        |before: &str, after: &str| before.split(' ').filter(|p| after.split(' ').any(|q| q == *p)).count();
    assert_eq!(four.iter().map(|share| share.split(' ').count()).collect::<Vec<_>>(), [2, 2, 2, 1]);
    assert_eq!(
        (kept(&two[0], &four[0]), kept(&two[1], &four[1])),
        (2, 2),
        "testAddRemoveTwoConsumersTwoTopics"
    );
    let left = sticky(&[(3, "topic2-1 topic2-3"), (4, "topic2-2")]);
    assert_eq!(left, ["topic1-0 topic2-0 topic2-1 topic2-3", "topic1-1 topic1-2 topic2-2"]);
}

#[test]
fn cooperative_gives_a_moving_partition_to_nobody_until_it_is_let_go() {
    let all = topics(&[("topic1", 3)]);
    let cooperative = |first: &str, second: &str| {
        let two = [member(&all, 1, &["topic1"], first), member(&all, 2, &["topic1"], second)];
        told(Assignor::CooperativeSticky, &all, &two)
    };
    let first = cooperative("topic1-0 topic1-1 topic1-2", "");
    assert_eq!(first, ["topic1-0 topic1-1", ""], "testAddRemoveConsumerOneTopic");
    assert_eq!(cooperative(&first[0], &first[1]), ["topic1-0 topic1-1", "topic1-2"]);
}

#[test]
fn of_two_claims_the_newer_generation_wins_and_equal_ones_are_void() {
    let all = topics(&[("topic1", 2)]);
    let claim = |id: u64, owned: &str, generation: u32| {
        let mut member = member(&all, id, &["topic1"], owned);
        Arc::make_mut(&mut member.subscription).generation = Some(Generation(generation));
        member
    };
    let sticky = |two: &[JoinedMember]| told(Assignor::Sticky, &all, two);
    let old = claim(1, "topic1-0 topic1-1", 4);
    assert_eq!(sticky(&[old.clone(), claim(2, "topic1-0", 5)]), ["topic1-1", "topic1-0"]);
    assert_eq!(
        told(Assignor::CooperativeSticky, &all, &[old.clone(), claim(2, "topic1-0", 5)]),
        ["topic1-1", ""],
        "the old claim may still be read from"
    );
    assert_eq!(sticky(&[old, claim(2, "topic1-0", 4)]), ["topic1-1", "topic1-0"], "KAFKA-12984");
}
