//! Whether a planned fault can be at all: its kinds, fields and nodes are known, its numbers mean something.
//!
//! For plans from files. What the generator draws needs no check.

use super::{Happening, PlannedFault, When, Whom, text};
use crate::narrate::{self, Kind};
use crate::run::Scenario;
use crate::settings::overrides::near;

/// What there is to speak of.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    facts: &'static [Kind],
    messages: &'static [Kind],
    /// Nodes by number, and roles; `None` if it is not known who there is.
    who: Option<(Vec<String>, Vec<String>)>,
    /// In nanoseconds; `None` if it is not known how long the storm is.
    storm: Option<u64>,
}

/// Why a fault cannot be, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The word that is wrong, as it stands in the file.
    pub word: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Objection {
    fn new(word: impl Into<String>, problem: String) -> Self {
        Self { word: word.into(), problem }
    }
}

impl Vocabulary {
    /// The words of `scenario`. Faults that speak of nobody who is there are let pass.
    pub fn of<S: Scenario + ?Sized>(scenario: &S) -> Self {
        Self { facts: scenario.probe_kinds(), messages: scenario.message_kinds(), who: None, storm: None }
    }

    /// The same for one world: these are its nodes, by number, and the roles; the storm is so long.
    #[must_use]
    pub fn in_world(self, nodes: Vec<String>, roles: Vec<String>, storm: u64) -> Self {
        Self { who: Some((nodes, roles)), storm: Some(storm), ..self }
    }

    /// Why `fault` cannot be; `None` if it can.
    pub fn objection(&self, fault: &PlannedFault) -> Option<Objection> {
        self.moment(&fault.when)
            .or_else(|| self.rule(fault))
            .or_else(|| fault.fault.targets().iter().find_map(|whom| self.nobody(whom)))
    }

    fn moment(&self, when: &When) -> Option<Objection> {
        let trigger = match when {
            When::At(at) => return self.too_late("at", *at),
            When::On(trigger) => trigger,
        };
        let (kinds, sort) = match &trigger.what {
            Happening::Fact { .. } => (self.facts, "fact"),
            Happening::Sent(_) | Happening::Taken(_) | Happening::Unanswered(_) => (self.messages, "message"),
        };
        let name = trigger.what.kind();
        let Some(kind) = narrate::find(kinds, name) else { return Some(unknown(sort, name, kinds)) };
        if let Some(field) = trigger.fields.keys().find(|field| !kind.fields.contains(&field.as_str())) {
            let known = match kind.fields {
                [] => "it has none".to_owned(),
                fields => format!("it has {}", fields.join(", ")),
            };
            return Some(Objection::new(field, format!("`{name}` has no field `{field}`: {known}")));
        }
        let nobody = |whom: &Option<Whom>| whom.as_ref().and_then(|whom| self.nobody(whom));
        let absent = match &trigger.what {
            Happening::Fact { by, .. } => nobody(by),
            Happening::Sent(letters) | Happening::Taken(letters) | Happening::Unanswered(letters) => {
                nobody(&letters.from).or_else(|| nobody(&letters.to))
            }
        };
        absent.or_else(|| self.too_late("after", trigger.after))
    }

    fn too_late(&self, word: &str, at: u64) -> Option<Objection> {
        let storm = self.storm.filter(|storm| at >= *storm)?;
        let (at, storm) = (text::written(at), text::written(storm));
        Some(Objection::new(at.clone(), format!("`{word}` is {at}, but the storm is over after {storm}")))
    }

    fn rule(&self, fault: &PlannedFault) -> Option<Objection> {
        let rule = fault.fault.rule()?;
        if rule.nth == 0 || rule.count == 0 {
            let word = if rule.nth == 0 { "nth" } else { "count" };
            return Some(Objection::new(word, format!("`{word}` counts from 1")));
        }
        let known = narrate::find(self.messages, rule.kind).is_some();
        (!known).then(|| unknown("message", rule.kind, self.messages))
    }

    fn nobody(&self, whom: &Whom) -> Option<Objection> {
        let (nodes, roles) = self.who.as_ref()?;
        match whom {
            Whom::Node(node) if node.index() < nodes.len() => None,
            Whom::Node(node) => {
                let problem = format!("there is no node {node}: the last one is node {}", nodes.len() - 1);
                Some(Objection::new(node.to_string(), problem))
            }
            Whom::Role(name) if nodes.contains(name) || roles.contains(name) => None,
            Whom::Role(name) => {
                let all = || nodes.iter().chain(roles).map(String::as_str);
                let like = match near(name, all()) {
                    Some(like) => format!("did you mean `{like}`?"),
                    None => format!("there are {}", all().collect::<Vec<_>>().join(", ")),
                };
                Some(Objection::new(name, format!("nobody is called `{name}` ({like})")))
            }
        }
    }
}

fn unknown(sort: &str, name: &str, kinds: &'static [Kind]) -> Objection {
    let hint = match near(name, kinds.iter().map(|kind| kind.name)) {
        Some(like) => format!("did you mean `{like}`?"),
        None => format!("`squall list {sort}s` names them all"),
    };
    Objection::new(name, format!("no {sort} is called `{name}` ({hint})"))
}
