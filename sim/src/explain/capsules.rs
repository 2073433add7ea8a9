//! From a capsule to its explanation, for whoever does not know the scenario's types.

use super::{Explanation, explain};
use crate::run::Scenario;
use crate::shrink::Bounds;
use crate::shrink::capsules::failing;

/// Explains the capsule `text` as it is; `file` is for errors, which are one line.
pub(crate) fn explain_capsule<S: Scenario>(
    scenario: &S,
    file: &str,
    text: &str,
    bounds: &Bounds<'_>,
) -> Result<Explanation, String> {
    let state = failing(scenario, file, text)?.state;
    explain(scenario, &state, bounds).map_err(|why| why.to_string())
}
