//! `squall scale`: what more partitions and consumers bring, measured size by size without faults.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use squall_reports::CampaignDocument;
use squall_reports::scaling::Curve;
use squall_sim::capsule;
use squall_sim::seed::Seed;
use squall_sim::settings::Overrides;

use crate::command::capsules::Capsules;
use crate::command::progress::Steps;
use crate::command::{Changes, Failure, Found, Output, clock, logs, output};
use crate::scaling::Scaling;
use crate::scaling::sweep::{DECIDED, FIXED, Failed, SIZES, Size, Unmeasured, measure};

/// The most of anything.
const MOST: u32 = 1_000;

#[derive(Debug, Args)]
pub(super) struct ScaleArgs {
    /// How many consumers, and as many partitions: numbers with commas between them.
    #[arg(long, value_name = "N,N…", value_delimiter = ',', default_values_t = SIZES)]
    sizes: Vec<u32>,
    /// Where the consumers alone grow, the topic has so many partitions; 0 leaves that out.
    #[arg(long, value_name = "N", default_value_t = FIXED)]
    partitions: u32,
    /// The seed of what is left to chance: delays and identities.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Draw both curves into this file.
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Set a setting, such as cost.message or cluster.brokers; what is not set has its calm value:
    /// `squall list settings --scenario scaling`. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Take settings from a TOML file; --set goes over it. May be repeated.
    #[arg(long, value_name = "FILE")]
    settings: Vec<PathBuf>,
    /// Where the capsule of a failure goes.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

pub(super) fn scale(args: &ScaleArgs) -> Result<Found, Failure> {
    logs::install(args.output.log.as_deref())?;
    let overrides = overrides(args)?;
    let sizes = sizes(args)?;
    let steps = Steps::new(clock::now(), sizes.len() as u64);
    let mut rows = Vec::with_capacity(sizes.len());
    for size in sizes {
        steps.tell(rows.len() as u64, &format!("{} consumers of {}", size.consumers, size.partitions));
        let began: Instant = clock::now();
        match measure(size, Seed(args.seed), &overrides) {
            Ok(row) => rows.push(row),
            Err(Unmeasured::Impossible(why)) => return Err(Failure::BadInput(why)),
            Err(Unmeasured::Failed(failed)) => {
                steps.end();
                return tell(&failed, args, began.elapsed().as_secs_f64());
            }
        }
        tracing::info!(target: "squall::scale", ?size, took = ?began.elapsed());
    }
    steps.end();
    let fixed = rows.split_off(args.sizes.len());
    let curve = Curve { seed: args.seed, grown: rows, fixed };
    if let Some(file) = &args.svg {
        write(file, &curve.svg())?;
    }
    output::text(&if args.output.json { curve.to_json() } else { curve.table() });
    Ok(Found::Nothing)
}

/// A size that failed is a finding like any other: its capsule is kept.
fn tell(failed: &Failed, args: &ScaleArgs, wall_seconds: f64) -> Result<Found, Failure> {
    let record = &failed.record;
    let capsules = Capsules::into(args.out.as_deref())?;
    let kept = capsules.keep(record.scenario, record.seed.0, &failed.capsule())?;
    output::text(&if args.output.json {
        CampaignDocument::of_run(record, Some(&kept), wall_seconds).to_text()
    } else {
        squall_reports::run::summary(record, Some(&kept))
    });
    Ok(Found::from(&record.verdict))
}

/// What was set, but for what the sizes say.
fn overrides(args: &ScaleArgs) -> Result<Overrides, Failure> {
    let (set, settings) = (args.set.clone(), args.settings.clone());
    let changes = Changes { set, settings, quirks: Vec::new(), beyond_budget: false };
    let overrides = changes.overrides(&[&Scaling])?;
    match DECIDED.into_iter().find(|key| overrides.get(key).is_some()) {
        Some(key) => Err(Failure::bad(format_args!("{key} is what --sizes and --partitions say"))),
        None => Ok(overrides),
    }
}

/// All that is to be measured: first where both grow.
fn sizes(args: &ScaleArgs) -> Result<Vec<Size>, Failure> {
    let all = args.sizes.iter().chain([&args.partitions]);
    if let Some(size) = all.clone().find(|size| **size > MOST) {
        return Err(Failure::bad(format_args!("{size} is too many: at most {MOST} can be measured")));
    }
    if args.sizes.contains(&0) {
        return Err(Failure::bad("0 consumers do nothing: --sizes takes 1 to 1000"));
    }
    let grown = args.sizes.iter().map(|&size| Size { partitions: size, consumers: size });
    let fixed = args.sizes.iter().filter(|_| args.partitions > 0);
    let fixed = fixed.map(|&consumers| Size { partitions: args.partitions, consumers });
    Ok(grown.chain(fixed).collect())
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    capsule::write(file, text)
        .map_err(|error| Failure::bad(format_args!("{}: cannot be written: {error}", file.display())))
}
