//! Where capsules of failures go: a directory that is made when the first one is written, or was named.

use std::path::{Path, PathBuf};

use crate::command::Failure;

/// Where capsules go that nobody named a directory for.
const DEFAULT: &str = "out";

/// The directory for capsules. If it was made for them and none came, it goes with the value.
pub(super) struct Capsules {
    directory: PathBuf,
    made: bool,
}

impl Capsules {
    /// The named directory or the usual one, tried before hours of work are spent on what cannot be kept.
    pub(super) fn into(named: Option<&Path>) -> Result<Self, Failure> {
        let directory = named.unwrap_or(Path::new(DEFAULT)).to_owned();
        let shown = directory.display();
        let made = !directory.is_dir();
        std::fs::create_dir_all(&directory)
            .map_err(|error| Failure::bad(format_args!("{shown}: cannot be made a directory: {error}")))?;
        let capsules = Self { directory: directory.clone(), made };
        let probe = directory.join(".squall-probe");
        std::fs::write(&probe, b"")
            .and_then(|()| std::fs::remove_file(&probe))
            .map_err(|error| Failure::bad(format_args!("{shown}: cannot be written to: {error}")))?;
        Ok(capsules)
    }

    /// Where it is.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes a capsule; answers its path.
    pub(super) fn keep(&self, scenario: &str, seed: u64, text: &str) -> Result<String, Failure> {
        let path = self.directory.join(format!("{scenario}-{seed}.capsule.json"));
        squall_sim::capsule::write(&path, text)
            .map_err(|error| Failure::bad(format_args!("{}: cannot be written: {error}", path.display())))?;
        Ok(path.display().to_string())
    }
}

impl Drop for Capsules {
    fn drop(&mut self) {
        if self.made {
            // Not if there is a capsule in it: then it is not empty.
            let _ = std::fs::remove_dir(&self.directory);
        }
    }
}
