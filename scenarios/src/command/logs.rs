//! Logs on stderr, with virtual time in front: what a node did has no other time.

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::command::Failure;

struct VirtualTime;

impl FormatTime for VirtualTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{}", squall_sim::trace::virtual_now())
    }
}

/// Switches logs on, if they were asked for.
pub(super) fn install(filter: Option<&str>) -> Result<(), Failure> {
    let Some(filter) = filter else { return Ok(()) };
    let parsed: Targets =
        filter.parse().map_err(|error| Failure::bad(format_args!("bad log filter `{filter}`: {error}")))?;
    let lines = tracing_subscriber::fmt::layer()
        .with_timer(VirtualTime)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    tracing_subscriber::registry().with(lines).with(parsed).init();
    Ok(())
}
