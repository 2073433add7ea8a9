//! What goes to stdout. A reader that goes away (`| head`) ends the command quietly.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

use crate::command::Failure;

/// One line.
pub(super) fn line(text: fmt::Arguments<'_>) {
    write(format_args!("{text}\n"));
}

/// Text that ends its own lines.
pub(super) fn text(text: &str) {
    write(format_args!("{text}"));
}

fn write(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    if out.write_fmt(text).and_then(|()| out.flush()).is_err() {
        // Nobody reads any more.
        std::process::exit(0);
    }
}

/// One JSON document.
pub(super) fn json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Failure::Internal(format!("the document cannot be written: {error}")))?;
    line(format_args!("{text}"));
    Ok(())
}
