//! Any acts in any order: the world goes on, repeats itself, and keeps its links' order.

use proptest::prelude::*;
use squall_core::ids::NodeId;
use squall_core::time::Span;
use squall_sim::disk::{DiskModel, Harm};
use squall_sim::engine::World;
use squall_sim::network::LinkModel;

use super::puppet::{A, B, Order, Puppet, Seen, ms, numbers, pair};

/// What may be done to a world between two events.
#[derive(Debug, Clone)]
enum Act {
    Steps(usize),
    Tell(u32, Order),
    Pause(u32),
    Resume(u32),
    Crash(u32),
    PowerLoss(u32),
    Boot(u32),
    Cut(u32, u32),
    Mend,
    Stall(u32, bool),
    Harm(u32),
}

fn order() -> impl Strategy<Value = Order> {
    let span = || (0..30_000u64).prop_map(Span::from_micros);
    prop_oneof![
        4 => (0..3u32, 0..1_000u64).prop_map(|(to, number)| Order::Say(to, number)),
        2 => (0..3u8, span()).prop_map(|(timer, after)| Order::Set(timer, after)),
        1 => (0..3u8).prop_map(Order::Cancel),
        1 => span().prop_map(Order::Spend),
        1 => Just(Order::Append("f", b"some bytes")),
        1 => Just(Order::Sync("f")),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let node = || 0..2u32;
    prop_oneof![
        4 => (0..6usize).prop_map(Act::Steps),
        6 => (node(), order()).prop_map(|(to, order)| Act::Tell(to, order)),
        1 => node().prop_map(Act::Pause),
        1 => node().prop_map(Act::Resume),
        1 => node().prop_map(Act::Crash),
        1 => node().prop_map(Act::PowerLoss),
        2 => node().prop_map(Act::Boot),
        1 => (node(), node()).prop_map(|(from, to)| Act::Cut(from, to)),
        1 => Just(Act::Mend),
        2 => (node(), any::<bool>()).prop_map(|(node, stalled)| Act::Stall(node, stalled)),
        1 => node().prop_map(Act::Harm),
    ]
}

fn perform(world: &mut World<Puppet>, act: &Act, seen: &mut Vec<(NodeId, Seen)>) {
    match act {
        Act::Steps(count) => {
            for _ in 0..*count {
                let (events, next) = (world.events(), world.next_at());
                let expected = world.upcoming().map(|next| (next.at, next.node));
                let stepped = world.step();
                assert_eq!(stepped, next.is_some());
                assert_eq!(world.events(), events + u64::from(stepped), "a step is one event");
                if stepped {
                    assert_eq!(expected, Some((world.now(), world.moment().node)));
                    seen.extend_from_slice(world.probes());
                }
            }
        }
        Act::Tell(to, order) => world.tell(NodeId(*to), order.clone()),
        Act::Pause(node) => drop(world.pause(NodeId(*node))),
        Act::Resume(node) => drop(world.resume(NodeId(*node))),
        Act::Crash(node) => drop(world.crash(NodeId(*node))),
        Act::PowerLoss(node) => drop(world.power_loss(NodeId(*node))),
        Act::Boot(node) => drop(world.boot(NodeId(*node))),
        Act::Cut(from, to) => drop(world.cut(NodeId(*from), NodeId(*to))),
        Act::Mend => drop(world.mend_all()),
        Act::Stall(node, stalled) => {
            let model = DiskModel { stalled: *stalled, ..world.disk(NodeId(*node)).model() };
            world.set_disk(NodeId(*node), model);
        }
        Act::Harm(node) => drop(world.harm(NodeId(*node), Harm::RotTail)),
    }
    assert!(world.next_at().is_none_or(|next| next >= world.now()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_done_a_world_goes_on_event_by_event_and_repeats_itself(
        acts in prop::collection::vec(act(), 0..120),
        fork_at in 0..120usize,
    ) {
        let (mut world, mut fork) = (pair(), None);
        let mut seen = Vec::new();
        for (n, act) in acts.iter().enumerate() {
            if n == fork_at {
                fork = Some((world.clone(), seen.clone()));
            }
            perform(&mut world, act, &mut seen);
        }
        let (mut fork, mut seen_by_fork) = fork.unwrap_or_else(|| (pair(), Vec::new()));
        let from = if fork_at < acts.len() { fork_at } else { 0 };
        acts[from..].iter().for_each(|act| perform(&mut fork, act, &mut seen_by_fork));
        prop_assert_eq!(fork.fingerprint(), world.fingerprint());
        prop_assert_eq!(&seen_by_fork, &seen);
        // Once everything is up and running, all that waits gets its turn.
        for node in [A, B] {
            perform(&mut world, &Act::Stall(node.0, false), &mut seen);
            world.boot(node);
            world.resume(node);
        }
        perform(&mut world, &Act::Steps(10_000), &mut seen);
        prop_assert_eq!(world.next_at(), None);
    }

    #[test]
    fn neither_pauses_nor_work_nor_timers_put_a_links_messages_out_of_order(
        acts in prop::collection::vec(
            prop_oneof![
                4 => (0..4usize).prop_map(Act::Steps),
                4 => Just(Act::Tell(0, Order::Say(1, 0))),
                1 => (0..20_000u64).prop_map(|us| Act::Tell(1, Order::Spend(Span::from_micros(us)))),
                1 => (0..3u8, 0..9_000u64).prop_map(|(t, us)| Act::Tell(1, Order::Set(t, Span::from_micros(us)))),
                1 => Just(Act::Pause(1)),
                1 => Just(Act::Resume(1)),
            ],
            0..150,
        ),
        widest in 0..20u64,
    ) {
        let mut world = pair();
        world.set_default_link(LinkModel::latency(ms(1), ms(widest)));
        let (mut seen, mut said) = (Vec::new(), 0);
        for act in acts {
            let act = if let Act::Tell(0, _) = act {
                said += 1;
                Act::Tell(0, Order::Say(1, said))
            } else {
                act
            };
            perform(&mut world, &act, &mut seen);
        }
        world.resume(B);
        perform(&mut world, &Act::Steps(10_000), &mut seen);
        prop_assert_eq!(numbers(&seen), (1..=said).collect::<Vec<_>>());
    }
}
