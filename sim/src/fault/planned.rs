//! A fault together with when it begins and how long it lasts: one item of a plan.

use serde::{Deserialize, Serialize};

use super::{Fault, Trigger, When, text};

/// A fault with its time. Written as `{"at": "3.5s", "lasts": "120ms", "fault": "crash", "whom": "node 2"}`,
/// or with a trigger instead of the time: `{"when": {"fact": "leader elected", "nth": 2}, …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct PlannedFault {
    /// When it begins.
    pub when: When,
    /// How long it lasts, in nanoseconds. The calm ends it in any case.
    pub lasts: u64,
    /// What it is.
    pub fault: Fault,
}

/// For so long lasts what nobody gave an end: no storm is longer.
pub const TO_THE_CALM: u64 = 24 * 3_600_000_000_000;

impl PlannedFault {
    /// A fault that begins at a time; both in nanoseconds.
    pub fn at(at: u64, lasts: u64, fault: Fault) -> Self {
        Self { when: When::At(at), lasts, fault }
    }

    /// A fault that begins when something happens.
    pub fn on(trigger: Trigger, lasts: u64, fault: Fault) -> Self {
        Self { when: When::On(trigger), lasts, fault }
    }
}

/// A planned fault as it stands in a file: one flat object.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<Trigger>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    lasts: Option<u64>,
    #[serde(flatten)]
    fault: Fault,
}

impl From<PlannedFault> for Written {
    fn from(PlannedFault { when, lasts, fault }: PlannedFault) -> Self {
        let lasts = (lasts < TO_THE_CALM).then_some(lasts);
        match when {
            When::At(at) => Self { at: Some(at), when: None, lasts, fault },
            When::On(trigger) => Self { at: None, when: Some(trigger), lasts, fault },
        }
    }
}

impl TryFrom<Written> for PlannedFault {
    type Error = String;

    fn try_from(Written { at, when, lasts, fault }: Written) -> Result<Self, String> {
        let when = match (at, when) {
            (Some(at), None) => When::At(at),
            (None, Some(trigger)) => When::On(trigger),
            (None, None) | (Some(_), Some(_)) => {
                return Err("a fault has either a time, `at`, or a trigger, `when`".to_owned());
            }
        };
        Ok(Self { when, lasts: lasts.unwrap_or(TO_THE_CALM), fault })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use squall_core::ids::NodeId;

    use super::*;
    use crate::fault::{Happening, Letters, Whom};

    #[test]
    fn a_planned_fault_is_one_flat_line_that_a_person_can_write() {
        let crash = Fault::Crash { whom: Whom::Role("leader of 0-1".to_owned()) };
        let fault = PlannedFault::at(3_500_000_001, 120_000_000, crash);
        let text = serde_json::to_string(&fault).unwrap();
        expect![[r#"{"at":"3.500000001s","lasts":"120ms","fault":"crash","whom":"leader of 0-1"}"#]]
            .assert_eq(&text);
        assert_eq!(serde_json::from_str::<PlannedFault>(&text).unwrap(), fault);
    }

    #[test]
    fn an_aimed_fault_has_a_trigger_in_place_of_its_time() {
        let trigger = Trigger {
            nth: 2,
            ..Trigger::first(Happening::Sent(Letters {
                kind: "fetch".to_owned(),
                from: None,
                to: Some(Whom::Node(NodeId(2))),
            }))
        };
        let rule = Fault::DropMessage {
            message: "fetch reply".to_owned(),
            from: None,
            to: Some(Whom::Node(NodeId(3))),
            nth: 1,
            count: 4,
        };
        let fault = PlannedFault::on(trigger, TO_THE_CALM, rule);
        let text = serde_json::to_string(&fault).unwrap();
        expect![[r#"{"when":{"sent":"fetch","to":"node 2","nth":2},"fault":"drop-message","message":"fetch reply","to":"node 3","count":4}"#]]
            .assert_eq(&text);
        assert_eq!(serde_json::from_str::<PlannedFault>(&text).unwrap(), fault);
        let both = text.replacen("{", r#"{"at":"1s","#, 1);
        let refused = serde_json::from_str::<PlannedFault>(&both).unwrap_err().to_string();
        assert!(refused.contains("either a time, `at`, or a trigger, `when`"), "{refused}");
    }

    #[test]
    fn an_unknown_fault_or_target_is_refused_by_name() {
        let refused = |text: &str| serde_json::from_str::<PlannedFault>(text).unwrap_err().to_string();
        let unknown = refused(r#"{"at":"1s","lasts":"1s","fault":"crsh","whom":"node 1"}"#);
        assert!(unknown.contains("unknown variant `crsh`"), "{unknown}");
        let more = refused(r#"{"at":"1s","lasts":"1s","fault":"crash","whom":"node 1","why":3}"#);
        assert!(more.contains("unknown field `why`"), "{more}");
        let nobody = refused(r#"{"at":"1s","lasts":"1s","fault":"crash","whom":"node x"}"#);
        assert!(nobody.contains("`node x` names no node"), "{nobody}");
    }

    #[test]
    fn faults_over_time_are_lines_that_a_person_can_write_too() {
        for text in [
            r#"{"at":"1s","lasts":"2s","fault":"swizzle","cut":[[0,1],[1,2]],"mend":[[1,2],[0,1]]}"#,
            r#"{"at":"1s","lasts":"0s","fault":"clock-step","whom":"node 2","by":"-3.5s"}"#,
            r#"{"at":"1s","lasts":"2s","fault":"flapping","on":"node 1 -> node 2","period":"40ms"}"#,
            r#"{"at":"1s","lasts":"2s","fault":"bandwidth","on":"all","bytes":2000}"#,
        ] {
            let fault: PlannedFault = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&fault).unwrap(), text);
        }
    }
}
