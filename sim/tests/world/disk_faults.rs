//! What failing devices do: to bytes, to syncs, to the process that asked.

use squall_core::env::DiskFault;
use squall_core::time::Span;
use squall_sim::disk::{DiskModel, Harm, PowerLoss};
use squall_sim::engine::{World, WorldConfig};
use squall_sim::seed::Seed;

use super::puppet::{A, Order, Puppet, Seen, at_ms, play};

const SYNC: DiskModel = DiskModel::CALM.syncing(Span::from_millis(5), Span::from_millis(5));

/// One node whose file `f` and its name are durable, and hold `bytes`. It is 10 ms past zero.
fn durable(seed: u64, bytes: &'static [u8]) -> World<Puppet> {
    let mut world = World::new(Seed(seed), WorldConfig { disk: SYNC, ..WorldConfig::default() });
    world.add("a", Puppet::default());
    for order in [Order::Append("f", bytes), Order::Sync("f"), Order::SyncDir] {
        world.tell(A, order);
    }
    play(&mut world, at_ms(10));
    world
}

fn syncs(seen: &[(squall_core::ids::NodeId, Seen)]) -> Vec<Result<(), DiskFault>> {
    seen.iter()
        .filter_map(|(_, seen)| match seen {
            Seen::Synced(outcome) => Some(*outcome),
            Seen::Started { .. }
            | Seen::Number { .. }
            | Seen::Expired { .. }
            | Seen::Wrote(_)
            | Seen::Asked(_) => None,
        })
        .collect()
}

#[test]
fn a_disk_that_lies_says_yes_and_shows_it_at_the_power_loss() {
    let mut world = durable(1, b"kept");
    world.set_disk(A, DiskModel { lies: true, ..SYNC });
    world.tell(A, Order::Append("f", b"lost"));
    world.tell(A, Order::Sync("f"));
    assert_eq!(syncs(&play(&mut world, at_ms(20))), [Ok(())]);
    assert_eq!((world.disk(A).len("f"), world.disk(A).synced_len("f")), (Some(8), Some(4)));
    world.set_disk(A, SYNC);
    world.tell(A, Order::Sync("f"));
    play(&mut world, at_ms(30));
    assert_eq!(world.disk(A).synced_len("f"), Some(8), "an honest sync brings all of it to the device");
}

#[test]
fn a_lie_is_known_until_an_honest_sync_of_the_same_covers_it() {
    let mut world = durable(1, b"kept");
    let lied = |world: &World<Puppet>| (world.disk(A).has_lied_about("f"), world.disk(A).has_lied_about("g"));
    world.set_disk(A, DiskModel { lies: true, ..SYNC });
    world.tell(A, Order::Append("f", b"lost"));
    world.tell(A, Order::Sync("f"));
    play(&mut world, at_ms(20));
    assert_eq!(lied(&world), (true, false));
    world.tell(A, Order::Append("g", b"new"));
    world.tell(A, Order::SyncDir);
    play(&mut world, at_ms(30));
    assert_eq!(lied(&world), (true, true), "any name may be meant");
    world.set_disk(A, SYNC);
    world.tell(A, Order::Sync("f"));
    world.tell(A, Order::Sync("g"));
    play(&mut world, at_ms(40));
    assert_eq!(lied(&world), (true, true), "no sync of a file covers its name");
    world.tell(A, Order::SyncDir);
    play(&mut world, at_ms(50));
    assert!(!world.disk(A).has_lied());
}

#[test]
fn what_a_failed_sync_left_counts_as_clean_and_is_gone_with_the_power() {
    for seed in 0..40 {
        let mut world = durable(seed, b"kept");
        world.set_disk(A, DiskModel { sync_error_ppm: 1_000_000, ..SYNC });
        world.tell(A, Order::Append("f", b"lost"));
        world.tell(A, Order::Sync("f"));
        assert_eq!(syncs(&play(&mut world, at_ms(20))), [Err(DiskFault::Io)]);
        world.set_disk(A, SYNC);
        world.tell(A, Order::Append("f", b"more"));
        world.tell(A, Order::Sync("f"));
        assert_eq!(syncs(&play(&mut world, at_ms(30))), [Ok(())], "the next sync ends well all the same");
        assert_eq!(world.disk(A).contents("f"), Some(b"keptlostmore".as_slice()));
        assert_eq!(world.disk(A).synced_len("f"), Some(4));
        world.power_loss(A);
        assert_eq!(world.disk(A).contents("f"), Some(b"kept\0\0\0\0more".as_slice()));
    }
}

#[test]
fn rot_changes_one_durable_byte_and_says_where() {
    let places: std::collections::BTreeSet<usize> = (0..60)
        .map(|seed| {
            let mut world = durable(seed, &[7; 600]);
            world.tell(A, Order::Append("f", b"not durable"));
            assert!(world.harm(A, Harm::RotCold));
            let disk = world.disk(A);
            let changed: Vec<usize> = (0..600).filter(|&at| disk.contents("f").unwrap()[at] != 7).collect();
            assert_eq!(disk.rotten("f"), [(changed[0], changed[0] + 1)]);
            assert_eq!((changed.len(), disk.harmed()), (1, [("f".to_owned(), changed[0])].as_slice()));
            world.power_loss(A);
            assert_ne!(world.disk(A).contents("f").unwrap()[changed[0]], 7, "it is on the device");
            changed[0]
        })
        .collect();
    assert!(places.iter().all(|&at| at < 600 - 512), "the last sector of the last file is no cold data");
    let mut world = durable(3, &[7; 600]);
    assert!(world.harm(A, Harm::RotTail));
    assert!(world.disk(A).rotten("f")[0].0 >= 600 - 512);
}

#[test]
fn where_nothing_is_durable_nothing_rots() {
    let mut world = World::new(Seed(1), WorldConfig::default());
    world.add("a", Puppet::default());
    world.tell(A, Order::Append("f", b"cached"));
    play(&mut world, at_ms(1));
    assert!(!world.harm(A, Harm::RotCold) && !world.harm(A, Harm::RotTail));
    assert!(!world.harm(squall_core::ids::NodeId(9), Harm::RotCold), "nobody lives there");
}

#[test]
fn a_misdirected_write_overwrites_what_is_durable_and_leaves_zeros_where_it_belongs() {
    let mut world = durable(1, b"victim");
    assert!(world.misdirect(A, true) && !world.misdirect(A, true));
    world.tell(A, Order::Append("g", b"new"));
    world.tell(A, Order::Append("g", b"next"));
    play(&mut world, at_ms(11));
    assert_eq!(world.disk(A).contents("f"), Some(b"newtim".as_slice()));
    assert_eq!(world.disk(A).contents("g"), Some(b"\0\0\0next".as_slice()));
    assert_eq!(
        (world.disk(A).rotten("f"), world.disk(A).rotten("g")),
        ([(0, 3)].as_slice(), [(0, 3)].as_slice())
    );
    assert!(!world.misdirect(A, false), "it was one write only");
}

#[test]
fn a_disk_that_cannot_read_says_so_and_checks_still_can() {
    let mut world = durable(1, b"there");
    world.set_disk(A, DiskModel { read_error_ppm: 1_000_000, ..SYNC });
    world.tell(A, Order::Read("f"));
    assert_eq!(play(&mut world, at_ms(11)), [(A, Seen::Wrote(Err(DiskFault::Io)))]);
    assert_eq!((world.stats().read_errors, world.disk(A).contents("f")), (1, Some(b"there".as_slice())));
}

#[test]
fn syncs_do_not_end_while_the_disk_stalls_those_under_way_included() {
    let mut world = durable(1, b"old");
    world.tell(A, Order::Sync("f"));
    world.set_disk(A, DiskModel { stalled: true, ..SYNC });
    world.tell(A, Order::SyncDir);
    assert_eq!(syncs(&play(&mut world, at_ms(500))), []);
    world.set_disk(A, SYNC);
    assert_eq!(syncs(&play(&mut world, at_ms(600))), [Ok(()), Ok(())]);
}

#[test]
fn a_sync_that_waits_for_a_paused_node_when_the_disk_stalls_ends_once() {
    let mut world = durable(1, b"old");
    world.tell(A, Order::Sync("f"));
    play(&mut world, at_ms(11));
    world.pause(A);
    play(&mut world, at_ms(20));
    world.set_disk(A, DiskModel { stalled: true, ..SYNC });
    world.set_disk(A, SYNC);
    world.resume(A);
    assert_eq!(syncs(&play(&mut world, at_ms(60))), [Ok(())]);
}

#[test]
fn a_crash_forgets_the_syncs_of_a_stalled_disk() {
    let mut world = durable(1, b"old");
    world.set_disk(A, DiskModel { stalled: true, ..SYNC });
    world.tell(A, Order::Sync("f"));
    play(&mut world, at_ms(20));
    world.crash(A);
    world.boot(A);
    world.set_disk(A, SYNC);
    assert_eq!(syncs(&play(&mut world, at_ms(60))), []);
}

#[test]
fn lost_names_are_all_the_names_that_no_sync_of_the_directory_covers() {
    for seed in 0..40 {
        let mut world = durable(seed, b"old");
        for order in [Order::Append("g", b"new"), Order::Sync("g"), Order::Rename("f", "h")] {
            world.tell(A, order);
        }
        play(&mut world, at_ms(20));
        world.power_loss_as(A, PowerLoss::LostNames);
        assert_eq!(world.disk(A).list(""), ["f"]);
    }
}

#[test]
fn a_torn_write_leaves_sectors_in_any_combination() {
    let outcomes: std::collections::BTreeSet<Vec<bool>> = (0..200)
        .map(|seed| {
            let mut world = durable(seed, b"");
            world.tell(A, Order::Append("f", &[7; 3 * 512]));
            play(&mut world, at_ms(20));
            world.power_loss_as(A, PowerLoss::TornWrite);
            let bytes = world.disk(A).contents("f").unwrap();
            (0..3).map(|sector| bytes.get(sector * 512) == Some(&7)).collect()
        })
        .collect();
    assert_eq!(outcomes.len(), 8, "{outcomes:?}");
}
