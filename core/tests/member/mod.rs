//! Conversations between one group member and a coordinator that says what the script tells it to.

#![allow(clippy::wildcard_enum_match_arm, reason = "a script that meets what it does not know of stops")]

mod text;
mod world;

#[test]
fn conversations_go_as_their_scripts_say() {
    crate::support::script::each_script("tests/member", world::World::default, world::run);
}
