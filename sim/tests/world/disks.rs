//! What crashes, power losses, wipes and failing devices do to files.

use squall_core::env::DiskFault;
use squall_core::time::Time;
use squall_sim::disk::DiskModel;
use squall_sim::engine::{World, WorldConfig};
use squall_sim::seed::Seed;

use super::puppet::{A, B, Order, Puppet, Seen, at_ms, ms, pair, play};

#[test]
fn a_crash_ends_memory_timers_and_syncs_and_keeps_the_cache() {
    let mut world = pair();
    world.tell(A, Order::Append("f", b"cached"));
    world.tell(A, Order::Sync("f"));
    world.tell(A, Order::Set(1, ms(8)));
    play(&mut world, at_ms(1));
    world.crash(A);
    assert!(world.process(A).is_none() && !world.is_up(A) && world.is_up(B));
    world.boot(A);
    assert_eq!(world.probes(), [(A, Seen::Started { now: at_ms(1), files: vec!["f".to_owned()] })]);
    assert_eq!(world.process(A).unwrap().inputs_this_life, 0);
    assert!(play(&mut world, at_ms(50)).is_empty(), "something of the old life happened in the new one");
    assert_eq!(world.disk(A).contents("f"), Some(b"cached".as_slice()));
    assert_eq!(world.disk(A).synced_len("f"), Some(0));
}

#[test]
fn a_sync_makes_durable_what_was_written_before_it_was_asked_for() {
    let mut world = pair();
    world.tell(A, Order::Append("f", b"before"));
    world.tell(A, Order::Sync("f"));
    world.tell(A, Order::SyncDir);
    world.tell(A, Order::Append("f", b"after"));
    assert_eq!(world.disk(A).synced_len("f"), None);
    let seen = play(&mut world, at_ms(50));
    assert_eq!(seen.last(), Some(&(A, Seen::Synced(Ok(())))));
    assert_eq!((world.disk(A).len("f"), world.disk(A).synced_len("f")), (Some(11), Some(6)));
    assert_eq!((world.stats().synced, world.stats().bytes_written), (2, 11));
}

/// What files are there, with their contents, after a power loss under many seeds. Each phase of orders has
/// 10 ms, twice what a sync takes, but the last one has until `until`.
fn after_power_losses(phases: &[&[Order]], until: Time) -> Vec<Vec<(String, Vec<u8>)>> {
    let mut outcomes: Vec<_> = (0..200)
        .map(|seed| {
            let disk = DiskModel::CALM.syncing(ms(5), ms(5));
            let mut world = World::new(Seed(seed), WorldConfig { disk, ..WorldConfig::default() });
            world.add("a", Puppet::default());
            for (phase, end) in
                phases.iter().zip((1..phases.len() as u64).map(|n| at_ms(10 * n)).chain([until]))
            {
                phase.iter().for_each(|order| world.tell(A, order.clone()));
                play(&mut world, end);
            }
            world.crash(A);
            assert!(world.power_loss(A));
            let disk = world.disk(A);
            disk.list("")
                .into_iter()
                .map(|name| (disk.contents(&name).unwrap_or_default().to_vec(), name))
                .collect()
        })
        .map(|files: Vec<(Vec<u8>, String)>| {
            files.into_iter().map(|(content, name)| (name, content)).collect()
        })
        .collect();
    outcomes.sort();
    outcomes.dedup();
    outcomes
}

fn file(name: &str, content: &[u8]) -> (String, Vec<u8>) {
    (name.to_owned(), content.to_vec())
}

#[test]
fn a_synced_file_whose_name_was_not_synced_may_be_gone() {
    let orders = [Order::Append("f", b"x"), Order::Sync("f")];
    assert_eq!(after_power_losses(&[&orders], at_ms(20)), [vec![], vec![file("f", b"x")]]);
}

#[test]
fn a_rename_over_a_synced_file_leaves_the_old_or_the_new_one_whole() {
    let before = [Order::Append("f", b"old"), Order::Sync("f"), Order::SyncDir];
    let after = [Order::Append("tmp", b"new"), Order::Sync("tmp")];
    let outcomes = after_power_losses(&[&before, &after, &[Order::Rename("tmp", "f")]], at_ms(20));
    let expected =
        [vec![file("f", b"new")], vec![file("f", b"old")], vec![file("f", b"old"), file("tmp", b"new")]];
    assert_eq!(outcomes, expected);
}

#[test]
fn a_power_loss_before_a_sync_ends_may_or_may_not_keep_what_it_covers() {
    let orders = [Order::Append("f", b"x"), Order::SyncDir, Order::Sync("f")];
    let outcomes = after_power_losses(&[&orders], at_ms(4));
    assert_eq!(outcomes, [vec![], vec![file("f", b"")], vec![file("f", b"x")]]);
}

#[test]
fn a_synced_file_under_a_synced_name_survives_any_power_loss() {
    let orders = [Order::Append("f", b"x"), Order::Append("g", b"y"), Order::Sync("f"), Order::SyncDir];
    let outcomes = after_power_losses(&[&orders], at_ms(20));
    assert!(outcomes.iter().all(|files| files[0] == file("f", b"x")));
    assert!(outcomes.len() > 1, "the unsynced file never suffers");
}

#[test]
fn a_removal_that_was_not_synced_may_be_undone_with_its_content() {
    let before = [Order::Append("f", b"x"), Order::Sync("f"), Order::SyncDir];
    let outcomes = after_power_losses(&[&before, &[Order::Remove("f")]], at_ms(10));
    assert_eq!(outcomes, [vec![], vec![file("f", b"x")]]);
    let outcomes = after_power_losses(&[&before, &[Order::Remove("f"), Order::SyncDir]], at_ms(20));
    assert_eq!(outcomes, [vec![]], "a synced removal is undone");
}

#[test]
fn a_wiped_node_boots_with_an_empty_disk_and_its_memory_gone() {
    let mut world = pair();
    world.tell(A, Order::Append("f", b"x"));
    world.tell(A, Order::Sync("f"));
    play(&mut world, at_ms(1));
    assert!(world.wipe(A));
    assert!(!world.is_up(A) && world.disk(A).is_empty() && world.disk(A).used() == 0);
    world.boot(A);
    assert_eq!(world.probes(), [(A, Seen::Started { now: at_ms(1), files: vec![] })]);
    assert!(play(&mut world, at_ms(50)).is_empty());
}

#[test]
fn a_full_disk_and_a_failing_one_say_so_and_change_nothing() {
    let mut world = pair();
    world.set_disk(A, DiskModel { capacity: 3, ..DiskModel::CALM });
    world.tell(A, Order::Append("f", b"ab"));
    world.tell(A, Order::Append("f", b"cd"));
    world.tell(B, Order::Sync("none"));
    let seen = play(&mut world, at_ms(50));
    let expected = [Ok(()), Err(DiskFault::Full)].map(|outcome| (A, Seen::Wrote(outcome)));
    assert_eq!(seen[..2], expected);
    assert_eq!(seen.last(), Some(&(B, Seen::Synced(Err(DiskFault::NotFound)))));
    world.set_disk(A, DiskModel { write_error_ppm: 1_000_000, sync_error_ppm: 1_000_000, ..DiskModel::CALM });
    world.tell(A, Order::Append("f", b"e"));
    world.tell(A, Order::Sync("f"));
    let seen = play(&mut world, at_ms(100));
    assert_eq!(seen[0], (A, Seen::Wrote(Err(DiskFault::Io))));
    assert_eq!(seen.last(), Some(&(A, Seen::Synced(Err(DiskFault::Io)))));
    assert_eq!(
        (world.disk(A).contents("f"), world.disk(A).synced_len("f")),
        (Some(b"ab".as_slice()), Some(0))
    );
    assert_eq!((world.stats().write_errors, world.stats().sync_errors), (2, 2));
}
