use squall::replicated_log::ReplicatedLog;
use squall_core::ids::NodeId;
use squall_sim::plan::Plan;
use squall_sim::run::{Course, SpareRun, draw_settings};
use squall_sim::seed::Seed;
use squall_sim::settings::Overrides;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let seed: u64 = a[1].parse().unwrap();
    let until: u64 = a[2].parse().unwrap();
    let node: u32 = a[3].parse().unwrap();
    let settings = draw_settings(&ReplicatedLog, Seed(seed), &Overrides::default()).unwrap();
    let plan = Plan::from_seed(&ReplicatedLog, Seed(seed), settings, &[]);
    let mut course = Course::new(&ReplicatedLog, &plan, SpareRun::default());
    while course.world().now().0 < until && course.advance() {}
    let disk = course.world().disk(NodeId(node));
    for f in disk.list(&a[4]) {
        println!("{f} len {:?} synced {:?} rotten {:?}", disk.len(&f), disk.synced_len(&f), disk.rotten(&f));
        if f.ends_with(".log") {
            for (i, c) in disk.contents(&f).unwrap().chunks(32).enumerate() {
                println!(
                    "{:5} {}",
                    i * 32,
                    c.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ")
                );
            }
        }
    }
}
