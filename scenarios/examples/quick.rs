use squall_sim::campaign::Campaign;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let from: u64 = a[2].parse().unwrap();
    let to: u64 = a[3].parse().unwrap();
    let all = squall::scenarios();
    let pick: Vec<_> = all.iter().copied().filter(|s| a[1] == "all" || s.info().name == a[1]).collect();
    let quirks: Vec<String> = a[4..].iter().cloned().collect();
    let t = std::time::Instant::now();
    let r = Campaign::of(&pick)
        .seeds(from..to)
        .jobs(1)
        .quirks(quirks)
        .out(std::path::Path::new("/tmp"))
        .run()
        .unwrap();
    println!(
        "{:#?}\n{:#?}\n{:#?} {:#?} events {} virt {} wall {:?} verdicts {:?} never {:?} problems {:?}",
        r.tally.exercised,
        r.tally.permitted,
        r.tally.compared,
        r.faults,
        r.events,
        r.virtual_ns / 1_000_000_000,
        t.elapsed(),
        r.verdicts,
        r.never,
        r.problems
    );
    for f in r.findings.iter().take(12) {
        println!("seed {} {:?} after {} events", f.record.seed, f.record.verdict, f.record.events);
    }
}
