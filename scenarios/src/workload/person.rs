//! A person who looks after dead letters: reads them, puts back what is worth another try, and looks now and then
//! at what is stuck.

use std::collections::BTreeMap;

use squall_core::client::{Desk, DeskEvent};
use squall_core::env::Input;
use squall_core::host::Host;
use squall_core::ids::{Offset, TopicPartition};
use squall_core::message::Message;
use squall_core::probe::Probe;
use squall_core::share::message::Standstill;
use squall_core::share::probe::{Delivery, SharePartition, ShareProbe};
use squall_core::time::Span;
use squall_core::timer::Timer;

const PUT_BACK: Timer = Timer::Application(0);
const LOOK: Timer = Timer::Application(1);

/// How a person works.
#[derive(Debug, Clone)]
pub struct Habits {
    /// A letter lies for so long.
    pub pause: Span,
    /// So often a record is put back.
    pub put_backs: u32,
    /// How often a look is taken at one of what the groups work on.
    pub look_every: Span,
    /// All that there is to look at.
    pub shares: Vec<SharePartition>,
    /// So many looks are taken.
    pub looks: u32,
}

/// A person at a desk.
#[derive(Debug, Clone)]
pub struct Person {
    desk: Desk,
    habits: Habits,
    looked: u32,
    /// How often each record was put back, or meant to be, and its last letter.
    returned: BTreeMap<(SharePartition, Offset), (u32, Delivery)>,
    /// Letters that lie.
    lying: Vec<Delivery>,
}

impl Person {
    /// Sits down.
    pub const fn new(desk: Desk, habits: Habits) -> Self {
        Self { desk, habits, looked: 0, returned: BTreeMap::new(), lying: Vec::new() }
    }

    /// Whether there is nothing to do.
    pub fn is_idle(&self) -> bool {
        self.lying.is_empty() && self.desk.is_idle() && self.looked == self.habits.looks
    }

    /// Up to where the letters are read.
    pub fn position(&self, at: TopicPartition) -> Option<Offset> {
        self.desk.position(at)
    }

    pub(crate) fn start(&mut self, env: &mut Host<'_>) {
        self.desk.start(env);
        env.set_timer(LOOK, self.habits.look_every);
    }

    pub(crate) fn step(&mut self, input: Input<Message, Timer>, env: &mut Host<'_>) {
        match input {
            Input::Deliver { from, message: Message::Reply { id, reply } } => {
                self.desk.on_reply(from, id, reply, env);
            }
            Input::Expired { timer: Timer::Client(timer) } => self.desk.on_timer(timer, env),
            Input::Expired { timer: PUT_BACK } => {
                for delivery in std::mem::take(&mut self.lying) {
                    self.desk.put_back(delivery, env);
                }
            }
            Input::Expired { timer: LOOK } => self.look(env),
            // Nobody asks a client, and it has no disk.
            Input::Expired { .. } | Input::Deliver { .. } | Input::Synced { .. } => {}
        }
        while let Some(event) = self.desk.poll_event() {
            self.hear(event, env);
        }
    }

    fn look(&mut self, env: &mut Host<'_>) {
        let shares = &self.habits.shares;
        if self.looked == self.habits.looks || shares.is_empty() {
            self.looked = self.habits.looks;
            return;
        }
        let of = shares[self.looked as usize % shares.len()].clone();
        self.looked += 1;
        self.desk.list(of, env);
        env.set_timer(LOOK, self.habits.look_every);
    }

    fn hear(&mut self, event: DeskEvent, env: &mut Host<'_>) {
        match event {
            DeskEvent::Letter(delivery) => {
                env.probe(Probe::Share(ShareProbe::LetterRead { delivery: delivery.clone() }));
                self.sort(delivery, env);
            }
            DeskEvent::Returned(delivery) => {
                env.probe(Probe::Share(ShareProbe::Returned { delivery }));
            }
            DeskEvent::NotReturned(_) => {}
            DeskEvent::Stuck(of, stuck) => {
                let is_dead = |how| matches!(how, Standstill::Dying | Standstill::Dead);
                let dead = stuck.iter().filter(|one| is_dead(one.how)).count() as u32;
                let retried = stuck.len() as u32 - dead;
                env.probe(Probe::Share(ShareProbe::Monitored { of, retried, dead }));
            }
        }
    }

    /// Whether a letter is worth another try. The same may come twice.
    fn sort(&mut self, delivery: Delivery, env: &mut Host<'_>) {
        let key = (delivery.of.clone(), delivery.offset);
        let known = self.returned.get(&key);
        if known.is_some_and(|(_, last)| last.turn >= delivery.turn) {
            return;
        }
        let times = known.map_or(0, |(times, _)| *times);
        if times < self.habits.put_backs {
            self.returned.insert(key, (times + 1, delivery.clone()));
            if self.lying.is_empty() {
                env.set_timer(PUT_BACK, self.habits.pause);
            }
            self.lying.push(delivery);
        }
    }
}
