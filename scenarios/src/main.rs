//! The `squall` command. Everything is in `squall::command`.

use std::process::ExitCode;

fn main() -> ExitCode {
    squall::command::main()
}
