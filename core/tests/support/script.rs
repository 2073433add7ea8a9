//! Scripts: conversations as text files, commands with what came of them.
//!
//! ```text
//! # Why this is done.
//! command argument key=value
//! another command
//! ----
//! what came out
//! ```
//!
//! A block is commands up to `----` and output up to a blank line; everything else is comment. `REWRITE=1`
//! stores what came out; a rewritten file is committed only once its diff is understood.

use std::fs;
use std::path::{Path, PathBuf};

/// One line of a block, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What to do.
    pub verb: String,
    /// The words behind it, in order, but for those with a `=`.
    pub words: Vec<String>,
    /// The words with a `=`, split there.
    pub options: Vec<(String, String)>,
}

impl Command {
    /// Takes a line apart.
    pub fn parse(line: &str) -> Self {
        let mut all = line.split_whitespace().map(str::to_owned);
        let verb = all.next().expect("a command has a verb");
        let (options, words): (Vec<_>, Vec<_>) = all.partition(|word| word.contains('='));
        let split =
            |word: &String| word.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self { verb, words, options: options.iter().filter_map(split).collect() }
    }

    /// The value of `key=value`.
    pub fn option(&self, key: &str) -> Option<&str> {
        self.options.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The word in place `index`, as a number.
    pub fn number(&self, index: usize) -> u64 {
        let word = self.words.get(index).unwrap_or_else(|| panic!("word {index} is missing: {self:?}"));
        word.parse().unwrap_or_else(|_| panic!("{word} is no number: {self:?}"))
    }
}

enum Part {
    /// A comment or a blank line.
    Text(String),
    Block {
        commands: Vec<String>,
    },
}

/// Runs every `*.txt` in `directory` (below the crate) on a bench of its own and compares what comes out.
pub fn each_script<B>(directory: &str, bench: impl Fn() -> B, run: impl Fn(&mut B, &Command) -> String) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut files: Vec<PathBuf> = fs::read_dir(&directory)
        .expect("the directory of scripts")
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no scripts in {}", directory.display());
    let rewrite = std::env::var_os("REWRITE").is_some();
    let mut wrong = Vec::new();
    for file in &files {
        let script = fs::read_to_string(file).expect("a script");
        // Shown if a command panics.
        println!("{}", file.display());
        let result = play(&script, &mut bench(), &run);
        if rewrite {
            fs::write(file, &result).expect("a script can be written");
        } else if result != script {
            wrong.push(difference(file, &script, &result));
        }
    }
    assert!(wrong.is_empty(), "{}\nREWRITE=1 stores what came out", wrong.join("\n"));
}

fn play<B>(script: &str, bench: &mut B, run: &impl Fn(&mut B, &Command) -> String) -> String {
    let mut result = String::new();
    for part in parse(script) {
        match part {
            Part::Text(text) => result += &(text + "\n"),
            Part::Block { commands } => {
                let mut output = String::new();
                for command in &commands {
                    println!("{command}");
                    output += &run(bench, &Command::parse(command));
                }
                if output.is_empty() {
                    output = "nothing\n".to_owned();
                }
                result += &format!("{}\n----\n{output}", commands.join("\n"));
            }
        }
    }
    result
}

fn parse(script: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            parts.push(Part::Text(line.to_owned()));
            continue;
        }
        let mut commands = vec![line.to_owned()];
        commands.extend(lines.by_ref().take_while(|line| *line != "----").map(str::to_owned));
        // What the file says came out is compared with the whole file at the end.
        lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
        parts.push(Part::Block { commands });
        parts.push(Part::Text(String::new()));
    }
    // A block at the very end has no blank line behind it.
    if matches!(parts.as_slice(), [.., Part::Block { .. }, Part::Text(_)]) && !script.ends_with("\n\n") {
        parts.pop();
    }
    parts
}

fn difference(file: &Path, script: &str, result: &str) -> String {
    let first = script.lines().zip(result.lines()).position(|(old, new)| old != new);
    let line = first.unwrap_or_else(|| script.lines().count().min(result.lines().count()));
    let show =
        |text: &str| text.lines().skip(line).take(6).map(|line| format!("    {line}\n")).collect::<String>();
    format!("{}:{}\n  expected\n{}  came out\n{}", file.display(), line + 1, show(script), show(result))
}
