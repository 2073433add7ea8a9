use squall_sim::campaign::Request;
use squall_sim::seed::Seed;
use squall_sim::settings::Overrides;
use squall_sim::shrink::Bounds;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let s = squall::scenarios().iter().find(|s| s.info().name == a[1]).unwrap();
    let (from, to): (u64, u64) = (a[2].parse().unwrap(), a[3].parse().unwrap());
    let want: usize = a[4].parse().unwrap();
    let o = Overrides::default();
    let q: Vec<String> = a[5..].to_vec();
    let mut found = 0;
    let mut w = s.worker();
    for seed in from..to {
        let r = w.run(Seed(seed), &Request { overrides: &o, quirks: &q, verify: false }).unwrap();
        let Some(text) = r.capsule else { continue };
        found += 1;
        let t = std::time::Instant::now();
        let b = Bounds { jobs: 2, runs: 100_000, stop: &|| t.elapsed().as_secs() > 60, watch: &|_| () };
        let k = s.shrink("x", &text, None, &b, &mut |_| ()).unwrap();
        println!(
            "{seed}: {} faults {:?} ops {:?} runs {} events {}->{} {:?} fin {} | {}",
            k.record.verdict.invariant().unwrap_or("?"),
            k.faults,
            k.operations,
            k.runs,
            r.record.events,
            k.record.events,
            t.elapsed(),
            k.finished,
            k.likeness
        );
        std::fs::write(
            format!("/tmp/shr-{}-{seed}.capsule.json", q.first().map_or("none", |q| q.as_str())),
            &k.text,
        )
        .unwrap();
        // without the quirk
        let mut c: serde_json::Value = serde_json::from_str(&k.text).unwrap();
        c["plan"]["quirks"] = serde_json::json!([]);
        let again = s.replay("y", &c.to_string(), None).unwrap();
        if !again.record.verdict.is_pass() {
            println!("   FAILS WITHOUT THE QUIRK: {:?}", again.record.verdict);
        }
        let v: serde_json::Value = serde_json::from_str(&k.text).unwrap();
        if want <= 3 {
            for f in v["plan"]["faults"].as_array().unwrap() {
                println!("   {f}");
            }
            for f in v["plan"]["operations"].as_array().unwrap() {
                println!("   {f}");
            }
        }
        if found >= want {
            break;
        }
    }
}
