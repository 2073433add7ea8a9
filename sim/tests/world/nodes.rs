//! Messages, timers, lives, pauses, work and clocks.

use squall_core::ids::NodeId;
use squall_sim::engine::UpcomingInput;
use squall_sim::network::LinkModel;
use squall_sim::trace::{Dropped, Kind};

use super::puppet::{A, B, Order, Seen, at_ms, expiries, ms, numbers, pair, play};

#[test]
fn a_message_takes_its_latency_and_names_its_sender() {
    let mut world = pair();
    world.tell(A, Order::Say(1, 7));
    let seen = play(&mut world, at_ms(100));
    assert_eq!(seen, [(B, Seen::Number { from: A, number: 7, now: at_ms(10) })]);
    assert_eq!((world.stats().sent, world.stats().delivered), (2, 2));
}

#[test]
fn messages_of_one_link_arrive_in_the_order_they_were_sent() {
    let mut world = pair();
    world.set_default_link(LinkModel::latency(ms(1), ms(50)));
    (0..50).for_each(|n| world.tell(A, Order::Say(1, n)));
    assert_eq!(numbers(&play(&mut world, at_ms(100))), (0..50).collect::<Vec<_>>());
}

#[test]
fn a_lost_message_is_counted_and_is_no_event() {
    let mut world = pair();
    world.set_link(A, B, LinkModel::CALM.losing(1_000_000));
    world.tell(A, Order::Say(1, 7));
    assert!(play(&mut world, at_ms(100)).is_empty());
    assert_eq!((world.stats().lost, world.stats().down), (1, 0));
}

#[test]
fn a_node_hears_itself_and_the_operator_hears_nobody() {
    let mut world = pair();
    world.tell(A, Order::Say(0, 1));
    world.tell(A, Order::Say(NodeId::OPERATOR.0, 2));
    world.tell(A, Order::Say(99, 3));
    assert_eq!(numbers(&play(&mut world, at_ms(100))), [1]);
    assert_eq!(world.stats().down, 1, "nobody lives at 99");
}

#[test]
fn a_message_to_a_node_that_is_down_when_it_is_due_is_dropped() {
    let mut world = pair();
    world.tell(A, Order::Say(1, 7));
    play(&mut world, at_ms(5));
    assert!(world.crash(B));
    assert!(!world.crash(B));
    assert!(play(&mut world, at_ms(10)).is_empty());
    assert_eq!(world.moment().kind, Kind::Dropped { from: A, why: Dropped::Down });
}

#[test]
fn a_message_to_a_node_that_is_up_again_when_it_is_due_arrives() {
    let mut world = pair();
    world.tell(A, Order::Say(1, 7));
    play(&mut world, at_ms(5));
    assert!(world.crash(B) && world.boot(B));
    assert!(!world.boot(B));
    assert_eq!(numbers(&play(&mut world, at_ms(20))), [7]);
}

#[test]
fn a_message_of_an_old_life_still_arrives() {
    let mut world = pair();
    world.tell(A, Order::Say(1, 7));
    play(&mut world, at_ms(5));
    world.crash(A);
    assert_eq!(numbers(&play(&mut world, at_ms(20))), [7]);
}

#[test]
fn a_new_life_may_overtake_what_the_old_one_sent() {
    let mut world = pair();
    world.tell(A, Order::Say(1, 1));
    play(&mut world, at_ms(1));
    world.set_default_link(LinkModel::latency(ms(1), ms(1)));
    world.crash(A);
    world.boot(A);
    world.tell(A, Order::Say(1, 2));
    assert_eq!(numbers(&play(&mut world, at_ms(20))), [2, 1]);
}

#[test]
fn a_timer_set_anew_runs_out_at_its_last_deadline_only() {
    let mut world = pair();
    world.tell(A, Order::Set(1, ms(10)));
    world.tell(A, Order::Set(1, ms(30)));
    world.tell(A, Order::Set(2, ms(30)));
    world.tell(A, Order::Set(2, ms(20)));
    world.tell(A, Order::Set(3, ms(5)));
    world.tell(A, Order::Cancel(3));
    world.tell(A, Order::Set(4, ms(6)));
    world.tell(A, Order::Cancel(4));
    world.tell(A, Order::Set(4, ms(7)));
    let seen = play(&mut world, at_ms(100));
    assert_eq!(expiries(&seen), [(4, at_ms(7)), (2, at_ms(20)), (1, at_ms(30))]);
    assert_eq!(world.next_at(), None);
}

#[test]
fn many_cancelled_timers_are_forgotten_and_can_be_set_again() {
    let mut world = pair();
    for timer in 0..200 {
        world.tell(A, Order::Set(timer, ms(50)));
        world.tell(A, Order::Cancel(timer));
    }
    world.tell(A, Order::Set(0, ms(9)));
    world.tell(A, Order::Set(199, ms(60)));
    assert_eq!(expiries(&play(&mut world, at_ms(100))), [(0, at_ms(9)), (199, at_ms(60))]);
}

#[test]
fn the_next_event_is_never_a_cancelled_timer() {
    let mut world = pair();
    world.tell(A, Order::Set(1, ms(10)));
    world.tell(A, Order::Cancel(1));
    play(&mut world, at_ms(0));
    assert_eq!(world.next_at(), None);
    assert!(!world.step());
}

#[test]
fn a_paused_node_takes_what_came_meanwhile_in_order_and_late() {
    let mut world = pair();
    world.tell(B, Order::Set(1, ms(12)));
    world.tell(A, Order::Say(1, 7));
    play(&mut world, at_ms(0));
    assert!(world.pause(B) && !world.pause(B));
    world.tell(B, Order::Number(9));
    assert!(play(&mut world, at_ms(40)).is_empty());
    assert!(world.is_paused(B) && world.is_up(B));
    assert!(world.resume(B) && !world.resume(B));
    let seen: Vec<_> = play(&mut world, at_ms(40)).into_iter().map(|(_, seen)| seen).collect();
    let now = at_ms(40);
    let expected = [
        Seen::Number { from: NodeId::OPERATOR, number: 9, now },
        Seen::Number { from: A, number: 7, now },
        Seen::Expired { timer: 1, now },
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_pause_that_ends_before_a_message_is_due_changes_nothing() {
    let mut world = pair();
    world.tell(A, Order::Say(1, 7));
    play(&mut world, at_ms(1));
    world.pause(B);
    world.advance_to(at_ms(2));
    world.resume(B);
    world.tell(B, Order::Number(1));
    let seen = play(&mut world, at_ms(100));
    assert_eq!(seen.last(), Some(&(B, Seen::Number { from: A, number: 7, now: at_ms(10) })));
    assert_eq!(numbers(&seen), [1, 7]);
}

#[test]
fn a_crash_during_a_pause_loses_what_had_arrived_but_not_what_is_still_under_way() {
    let mut world = pair();
    world.pause(B);
    world.tell(A, Order::Say(1, 1));
    play(&mut world, at_ms(5));
    world.tell(A, Order::Say(1, 2));
    play(&mut world, at_ms(12));
    world.crash(B);
    world.boot(B);
    assert!(!world.is_paused(B));
    assert_eq!(numbers(&play(&mut world, at_ms(100))), [2]);
    assert_eq!(world.stats().down, 1);
}

#[test]
fn a_busy_node_takes_its_next_inputs_in_order_once_its_work_is_done() {
    let mut world = pair();
    world.tell(B, Order::Spend(ms(15)));
    world.tell(B, Order::Spend(ms(2)));
    world.tell(A, Order::Say(1, 1));
    world.tell(A, Order::Say(1, 2));
    let seen = play(&mut world, at_ms(100));
    let now = at_ms(17);
    let expected = [1, 2].map(|number| (B, Seen::Number { from: A, number, now }));
    assert_eq!(seen, expected);
}

#[test]
fn a_timer_that_ran_out_during_work_can_still_be_cancelled_or_pushed_back() {
    let mut world = pair();
    world.tell(B, Order::Set(1, ms(3)));
    world.tell(B, Order::Set(2, ms(4)));
    world.tell(B, Order::Spend(ms(10)));
    // They wait in line before the timers run out, and are taken after.
    world.tell(B, Order::Cancel(1));
    world.tell(B, Order::Set(2, ms(20)));
    world.tell(B, Order::Number(5));
    let seen = play(&mut world, at_ms(100));
    assert_eq!(expiries(&seen), [(2, at_ms(30))]);
    assert_eq!(numbers(&seen), [5]);
}

#[test]
fn a_cut_is_one_way_and_counts_when_a_message_is_sent_and_when_it_is_due() {
    let mut world = pair();
    world.tell(A, Order::Say(1, 1));
    world.tell(B, Order::Say(0, 2));
    play(&mut world, at_ms(5));
    assert!(world.cut(A, B) && !world.cut(A, B));
    assert!(!world.can_reach(A, B) && world.can_reach(B, A));
    world.tell(A, Order::Say(1, 3));
    assert_eq!(numbers(&play(&mut world, at_ms(11))), [2], "1 was under way, 2 goes the other way");
    assert!(world.mend_all() && !world.mend_all());
    world.tell(A, Order::Say(1, 4));
    assert_eq!(numbers(&play(&mut world, at_ms(50))), [4], "3 was sent into the cut");
    assert_eq!(world.stats().cut, 2);
}

#[test]
fn a_cut_that_is_mended_in_time_is_not_noticed() {
    let mut world = pair();
    world.tell(A, Order::Say(1, 1));
    play(&mut world, at_ms(2));
    world.cut(A, B);
    world.mend(A, B);
    assert_eq!(numbers(&play(&mut world, at_ms(50))), [1]);
}

#[test]
fn a_doubled_message_arrives_twice() {
    let mut world = pair();
    world.set_link(A, B, LinkModel::CALM.doubling(1_000_000));
    world.tell(A, Order::Say(1, 1));
    assert_eq!(numbers(&play(&mut world, at_ms(50))), [1, 1]);
    assert_eq!(world.stats().duplicated, 1);
}

#[test]
fn a_fast_clock_shows_more_and_runs_its_timers_early() {
    let mut world = pair();
    world.set_drift(A, 100_000);
    world.step_clock(A, 5_000_000);
    world.tell(A, Order::Set(1, ms(11)));
    let seen = play(&mut world, at_ms(50));
    assert_eq!(expiries(&seen), [(1, at_ms(11))], "what is measured is not moved by the calendar");
    assert_eq!(world.moment().at, at_ms(10));
    assert_eq!(world.clock(A).at(at_ms(50)), at_ms(55));
    assert_eq!(world.clock(A).wall_offset_at(at_ms(50)), 10_000_000);
}

#[test]
fn a_frozen_clock_shows_the_same_while_its_timers_run() {
    let mut world = pair();
    play(&mut world, at_ms(5));
    assert!(world.freeze_clock(A, true) && !world.freeze_clock(A, true));
    world.tell(A, Order::Set(1, ms(10)));
    let seen = play(&mut world, at_ms(20));
    assert_eq!((expiries(&seen), world.moment().at), (vec![(1, at_ms(5))], at_ms(15)));
    assert!(world.set_clock_right(A) && !world.set_clock_right(A));
    assert_eq!(world.clock(A).at(at_ms(30)), at_ms(15), "what it lost stays lost");
    assert_eq!(world.clock(A).wall_offset_at(at_ms(30)), 0);
}

#[test]
fn a_clock_that_leaps_keeps_its_timers() {
    let mut world = pair();
    world.tell(A, Order::Set(1, ms(10)));
    play(&mut world, at_ms(5));
    world.leap_clock(A, ms(1_000));
    assert_eq!(expiries(&play(&mut world, at_ms(20))), [(1, at_ms(1_010))]);
}

#[test]
fn the_upcoming_event_is_the_one_that_happens() {
    let mut world = pair();
    world.tell(B, Order::Spend(ms(20)));
    world.tell(A, Order::Say(1, 7));
    world.tell(B, Order::Set(3, ms(1)));
    world.tell(B, Order::Sync("f"));
    let mut inputs = Vec::new();
    while let Some(next) = world.upcoming() {
        let (at, node) = (next.at, next.node);
        inputs.push(match next.input {
            UpcomingInput::Message { from, message } => format!("{at} {node} {from} {message:?}"),
            UpcomingInput::Timer(timer) => format!("{at} {node} timer {timer}"),
            UpcomingInput::Sync(sync) => format!("{at} {node} sync {}", sync.0),
        });
        assert_eq!(world.next_at(), Some(at));
        world.step();
        assert_eq!((world.now(), world.moment().node), (at, node));
    }
    assert!(inputs.contains(&"0.020000s 1 0 Number(7)".to_owned()), "{inputs:?}");
    assert!(inputs.contains(&"0.021000s 1 timer 3".to_owned()), "{inputs:?}");
    assert!(inputs.contains(&"0.025000s 1 sync 1".to_owned()), "{inputs:?}");
}

#[test]
fn the_trace_tells_the_last_events_in_order() {
    let mut world = pair();
    world.tell(A, Order::Say(1, 7));
    play(&mut world, at_ms(20));
    world.pause(B);
    let kinds: Vec<_> = world.trace().map(|moment| (moment.number, moment.node, moment.kind)).collect();
    let expected = [
        (1, A, Kind::Started),
        (2, B, Kind::Started),
        (3, A, Kind::Delivered { from: NodeId::OPERATOR }),
        (4, B, Kind::Delivered { from: A }),
        (5, B, Kind::Paused),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(world.moment().to_string(), "#5 0.020000s node 1 Paused");
    assert_eq!(world.events(), 5);
    assert_eq!(squall_sim::trace::virtual_now(), at_ms(20));
}

#[test]
#[should_panic(expected = "an event comes before")]
fn idle_time_does_not_pass_over_an_event() {
    let mut world = pair();
    world.tell(A, Order::Set(1, ms(3)));
    play(&mut world, at_ms(0));
    world.advance_to(at_ms(4));
}
