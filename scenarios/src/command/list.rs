//! `squall list`: what there is, one line each.

use serde::Serialize;
use squall_sim::campaign::{AnyScenario, Info};
use squall_sim::fault;
use squall_sim::knob;
use squall_sim::narrate::Kind;

use crate::command::{Failure, Found, output, scenario};
use crate::{invariants, scenarios};

#[derive(Serialize)]
struct Item {
    name: String,
    about: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scenario: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calm: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storm: Option<(u64, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<(u64, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exposes: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<&'static [&'static str]>,
}

impl Item {
    fn new(name: &str, about: &str) -> Self {
        Self {
            name: name.to_owned(),
            about: about.to_owned(),
            scenario: None,
            unit: None,
            calm: None,
            storm: None,
            limits: None,
            exposes: None,
            fields: None,
        }
    }
}

pub(super) fn list(what: &str, of: Option<&str>, json: bool) -> Result<Found, Failure> {
    let of = match of {
        Some(name) => vec![scenario(name)?],
        None => scenarios().to_vec(),
    };
    let items = match what {
        "scenarios" => of.iter().map(|s| Item::new(s.info().name, s.info().about)).collect(),
        "faults" => faults(),
        "invariants" => invariants::ALL.iter().map(|(name, about)| Item::new(name, about)).collect(),
        "quirks" => quirks(&of),
        "settings" => settings(&of),
        "facts" => kinds(&of, |info| info.facts),
        "messages" => kinds(&of, |info| info.messages),
        _ => {
            return Err(Failure::bad(format_args!(
                "nothing to list is called `{what}`: there are scenarios, faults, invariants, quirks, settings, facts and messages"
            )));
        }
    };
    if json {
        output::json(&items)?;
    } else {
        print(&items);
    }
    Ok(Found::Nothing)
}

fn faults() -> Vec<Item> {
    let rows = fault::TABLE.iter().map(|row| Item {
        unit: Some(row.knob.unit.to_string()),
        calm: Some(row.knob.calm),
        storm: Some(row.knob.storm),
        limits: Some(row.knob.limits),
        exposes: Some(row.exposes),
        ..Item::new(row.knob.key, row.knob.why)
    });
    rows.collect()
}

fn quirks(of: &[&'static dyn AnyScenario]) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for (name, about) in of.iter().flat_map(|scenario| scenario.info().quirks) {
        if !items.iter().any(|item| item.name == *name) {
            items.push(Item::new(name, about));
        }
    }
    items
}

fn settings(of: &[&'static dyn AnyScenario]) -> Vec<Item> {
    let rows = of.iter().flat_map(|scenario| {
        let info = scenario.info();
        knob::table(info.knobs).into_iter().map(move |knob| Item {
            scenario: Some(info.name),
            unit: Some(knob.unit.to_string()),
            calm: Some(knob.calm),
            storm: Some(knob.storm),
            limits: Some(knob.limits),
            ..Item::new(knob.key, knob.why)
        })
    });
    rows.collect()
}

/// What triggers may wait for, with the fields that they may ask for.
fn kinds(of: &[&'static dyn AnyScenario], which: fn(Info) -> &'static [Kind]) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for kind in of.iter().flat_map(|scenario| which(scenario.info())) {
        if !items.iter().any(|item| item.name == kind.name) {
            items.push(Item { fields: Some(kind.fields), ..Item::new(kind.name, kind.about) });
        }
    }
    items
}

fn print(items: &[Item]) {
    let width = items.iter().map(|item| item.name.len()).max().unwrap_or(0);
    let mut shown = None;
    for item in items {
        if item.scenario.is_some() && item.scenario != shown {
            shown = item.scenario;
            output::line(format_args!("# {}", item.scenario.unwrap_or_default()));
        }
        let mut about = item.about.clone();
        if let (Some(unit), Some((least, most)), Some(calm)) = (&item.unit, item.storm, item.calm) {
            about = format!("{about} [{unit}; a storm draws {least} to {most}, calm is {calm}]");
        }
        if let (Some(exposes), Some((least, most))) = (item.exposes, item.limits) {
            about = format!("{about}; may be set {least} to {most}; exposes: {exposes}");
        }
        if let Some(fields) = item.fields.filter(|fields| !fields.is_empty()) {
            about = format!("{about} [{}]", fields.join(", "));
        }
        output::line(format_args!("{:width$}  {about}", item.name));
    }
}
