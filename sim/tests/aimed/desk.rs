//! A world for aimed faults: somebody asks a question every 10 ms, a clerk answers each 3 ms later.

use std::collections::VecDeque;

use squall_core::env::{EnvOf, Input, InputOf, Process};
use squall_core::ids::NodeId;
use squall_core::time::Span;
use squall_sim::engine::World;
use squall_sim::fault::{Fault, Group, Happening, Letters, PlannedFault, Trigger, Whom};
use squall_sim::narrate::{Fields, Kind};
use squall_sim::plan::Plan;
use squall_sim::run::{Course, Sim, SpareRun};
use squall_sim::settings::Settings;
use squall_sim::trace;

pub(crate) const ASKER: NodeId = NodeId(0);
pub(crate) const CLERK: NodeId = NodeId(1);

/// Either of the two.
#[derive(Debug, Clone)]
pub(crate) enum Person {
    Asker {
        asked: u64,
        /// The answers, in the order in which they came.
        heard: Vec<u64>,
    },
    Clerk {
        queue: VecDeque<u64>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Word {
    Question(u64),
    Answer(u64),
}

/// The clerk took or answered a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fact {
    Taken(u64),
    Answered(u64),
}

impl Process for Person {
    type Message = Word;
    type Timer = u64;
    type Probe = Fact;

    fn start(&mut self, env: &mut EnvOf<'_, Self>) {
        if let Self::Asker { .. } = self {
            env.set_timer(0, Span::from_millis(10));
        }
    }

    fn step(&mut self, input: InputOf<Self>, env: &mut EnvOf<'_, Self>) {
        match (self, input) {
            (Self::Asker { asked, .. }, Input::Expired { .. }) => {
                *asked += 1;
                env.send(CLERK, Word::Question(*asked));
                env.set_timer(0, Span::from_millis(10));
            }
            (Self::Asker { heard, .. }, Input::Deliver { message: Word::Answer(number), .. }) => {
                heard.push(number);
            }
            (Self::Clerk { queue }, Input::Deliver { message: Word::Question(number), .. }) => {
                queue.push_back(number);
                env.probe(Fact::Taken(number));
                env.set_timer(number, Span::from_millis(3));
            }
            (Self::Clerk { queue }, Input::Expired { .. }) => {
                let number = queue.pop_front().expect("a timer a question");
                env.probe(Fact::Answered(number));
                env.send(ASKER, Word::Answer(number));
            }
            (_, input) => panic!("nobody takes {input:?}"),
        }
    }
}

const FACTS: &[Kind] = &[
    Kind { name: "question taken", fields: &["number"], about: "the clerk has a question" },
    Kind { name: "question answered", fields: &["number"], about: "the clerk has answered one" },
];

const MESSAGES: &[Kind] = &[
    Kind { name: "question", fields: &["number"], about: "wants an answer" },
    Kind { name: "answer", fields: &["number"], about: "the answer" },
];

fn fact(fact: &Fact) -> &'static str {
    match fact {
        Fact::Taken(_) => "question taken",
        Fact::Answered(_) => "question answered",
    }
}

fn fact_fields(fact: &Fact) -> Fields {
    let (Fact::Taken(number) | Fact::Answered(number)) = fact;
    vec![("number", number.to_string())]
}

fn word(word: &Word) -> &'static str {
    match word {
        Word::Question(_) => "question",
        Word::Answer(_) => "answer",
    }
}

fn word_fields(word: &Word) -> Fields {
    let (Word::Question(number) | Word::Answer(number)) = word;
    vec![("number", number.to_string())]
}

/// A storm of 200 ms; messages take between 100 and 200 us.
pub(crate) fn desk() -> Sim<Person, impl Fn(&mut World<Person>, &Settings) + Sync> {
    Sim::new("desk", |world, _| {
        world.add("asker", Person::Asker { asked: 0, heard: Vec::new() });
        world.add("clerk", Person::Clerk { queue: VecDeque::new() });
    })
    .facts(FACTS, fact, fact_fields)
    .messages(MESSAGES, word, word_fields)
    .group(Group::new("all", [ASKER, CLERK]))
    .role("whoever answers", |_| Some(CLERK))
    .set("run.storm", 200)
    .set("net.latency", 100)
    .set("net.jitter", 100)
}

/// The plan of seed 1 with these faults only.
pub(crate) fn plan(faults: Vec<PlannedFault>) -> Plan<()> {
    let mut plan = desk().plan_of(1);
    plan.faults = faults;
    plan
}

/// What came of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// When each act on a node happened, in microseconds, and what it was.
    pub(crate) acts: Vec<(u64, trace::Kind)>,
    /// The answers that were heard, those up to the given number.
    pub(crate) heard: Vec<u64>,
    pub(crate) faults: Vec<(&'static str, u64)>,
    pub(crate) skipped: u64,
}

/// Runs `plan` and tells what happened during the first `questions`.
pub(crate) fn told(plan: &Plan<()>, questions: u64) -> Told {
    let sim = desk();
    let mut course = Course::new(&sim, plan, SpareRun::default());
    let mut acts = Vec::new();
    let mut heard = Vec::new();
    let mut events = course.world().events();
    while course.advance() {
        let world = course.world();
        let begun = world.trace().skip_while(|moment| moment.number <= events);
        acts.extend(
            begun.filter(|moment| is_act(moment.kind)).map(|moment| (moment.at.0 / 1_000, moment.kind)),
        );
        events = world.events();
        if let Some(Person::Asker { heard: now, .. }) = world.process(ASKER) {
            heard = now.iter().copied().filter(|number| *number <= questions).collect();
        }
    }
    let record = course.finish().0;
    Told { acts, heard, faults: record.faults.into_iter().collect(), skipped: record.skipped }
}

fn is_act(kind: trace::Kind) -> bool {
    matches!(kind, trace::Kind::Crashed | trace::Kind::Started | trace::Kind::Paused | trace::Kind::Resumed)
}

pub(crate) fn pause(whom: NodeId) -> Fault {
    Fault::Pause { whom: Whom::Node(whom) }
}

pub(crate) fn fact_of(kind: &str) -> Trigger {
    Trigger::first(Happening::Fact { kind: kind.to_owned(), by: None })
}

pub(crate) fn letters(kind: &str) -> Letters {
    Letters { kind: kind.to_owned(), from: None, to: None }
}

pub(crate) const MS: u64 = 1_000_000;
