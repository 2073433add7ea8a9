//! `squall report`: what it writes, and the page in a browser, clicked through.

mod browser;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use browser::Browser;
use serde_json::Value;

fn squall(directory: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.current_dir(directory).args(words);
    command.output().expect("the command was built for this test")
}

/// A failing run's capsule in `home`, and the seed in its name.
fn capsule(home: &Path) -> (String, u64) {
    let words =
        ["campaign", "replicated-log", "--seeds", "0..40", "--quirk", "trunc-to-hw", "--no-shrink", "--json"];
    let output = squall(home, &words);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let found = &found["findings"][0];
    let from = home.join(found["capsule"].as_str().expect("a path"));
    let seed = found["seed"].as_u64().expect("a number");
    let name = format!("orders-{seed}.capsule.json");
    std::fs::copy(from, home.join(&name)).expect("a capsule was kept");
    std::fs::remove_dir_all(home.join("out")).expect("it is ours");
    (name, seed)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A page of a plan as it was found, with many faults.
fn page(home: &Path) -> PathBuf {
    let (capsule, _) = capsule(home);
    let output = squall(home, &["report", &capsule, "-o", "shown", "--as-it-is", "--for", "1s"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    home.join("shown/index.html")
}

#[test]
fn a_report_is_written_whole_beside_its_capsule() {
    let home = tempfile::tempdir().expect("a directory");
    let (capsule, seed) = capsule(home.path());
    let output = squall(home.path(), &["report", &capsule, "--test", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    for key in ["capsule", "verdict", "invariant", "directory", "files"] {
        assert!(document.get(key).is_some(), "the document has no {key}");
    }
    let directory = home.path().join(document["directory"].as_str().expect("a path"));
    assert_eq!(
        directory.file_name().and_then(|name| name.to_str()),
        Some(format!("orders-{seed}.report").as_str())
    );
    let mut files: Vec<_> =
        document["files"].as_array().expect("a list").iter().map(|f| f.as_str().unwrap()).collect();
    files.sort_unstable();
    assert_eq!(names(&directory), files, "something else was left behind");
    let kept = format!("orders-{seed}.min.capsule.json");
    for file in [
        "index.html",
        "issue.md",
        "trace.json",
        "history.edn",
        "history.json",
        &format!("orders_{seed}_min.rs"),
        &kept,
    ] {
        assert!(files.contains(&file), "no {file}");
    }
    let replay = squall(&directory, &["replay", &kept]);
    assert_eq!(replay.status.code(), Some(1), "the smaller plan does not fail");
    assert!(String::from_utf8_lossy(&replay.stdout).contains("bit for bit"));
    let read = |file: &str| std::fs::read_to_string(directory.join(file)).expect("readable");
    assert!(read(&format!("orders_{seed}_min.rs")).contains(&format!("include_str!(\"{kept}\")")));
    for words in ["What is needed", "The story", "shrunk from"] {
        assert!(read("index.html").contains(words), "the page has no {words}");
    }
    assert!(read("index.html").len() < 2_000_000);
    let trace: Value = serde_json::from_str(&read("trace.json")).expect("JSON");
    assert!(trace["traceEvents"].as_array().is_some_and(|events| events.len() > 100));
}

#[test]
fn what_cannot_be_reported_leaves_nothing_behind() {
    let home = tempfile::tempdir().expect("a directory");
    let (capsule, _) = capsule(home.path());
    std::fs::write(home.path().join("file"), "").expect("writable");
    std::fs::write(home.path().join("cut.capsule.json"), "{\"format\": 1,").expect("writable");
    std::fs::create_dir_all(home.path().join("taken/trace.json/full")).expect("writable");
    let cases: [(&[&str], &str); 4] = [
        (&["report", "no-such.capsule.json"], "no-such.capsule.json"),
        (&["report", "cut.capsule.json"], "cut.capsule.json"),
        (&["report", &capsule, "--as-it-is", "--no-explain", "-o", "file/below"], "file/below"),
        (&["report", &capsule, "--as-it-is", "--no-explain", "-o", "taken"], "taken/trace.json"),
    ];
    let before = names(home.path());
    for (words, named) in cases {
        let output = squall(home.path(), words);
        let line = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{words:?}: {line}");
        assert!(line.contains(named) && line.lines().count() == 1, "{words:?}: {line}");
        assert_eq!(names(home.path()), before, "{words:?} left something behind");
        assert_eq!(names(&home.path().join("taken")), ["trace.json"], "{words:?} left something behind");
    }
}

/// How much of the run is in view.
fn width(browser: &mut Browser) -> f64 {
    browser.ask("view.b - view.a").as_f64().expect("a number")
}

/// Somewhere on the diagram where a message is under the hand, and its kind.
const A_MESSAGE: &str = "(() => {
    const box = $('diagram').getBoundingClientRect();
    for (const arrow of arrows) {
        const at = within(arrow.sent, arrow.until) && segment(arrow);
        if (!at || arrow.from === arrow.to) continue;
        const [x, y] = [(at[0] + at[2]) / 2, (at[1] + at[3]) / 2];
        if (under(x, y) === arrow && x > stage.left) return [box.left + x, box.top + y, arrow.kind];
    }
})()";

fn a_message(browser: &mut Browser) -> ((f64, f64), String) {
    browser.show("$('diagram')");
    let found = browser.ask(A_MESSAGE);
    let at = |place: usize| found[place].as_f64().expect("a message is in view");
    ((at(0), at(1)), found[2].as_str().expect("a kind").to_owned())
}

fn look_and_click(browser: &mut Browser) {
    let title = browser.text("document.title");
    assert!(title.contains("replicated-log, seed "), "{title}");
    // The pin, the lanes, the panels.
    let shown = browser.text("$('diagram').textContent");
    for words in ["broker 0", "controller", "producer"] {
        assert!(shown.contains(words), "{words} is not in the diagram: {shown}");
    }
    assert!(browser.text("$('panel-0').textContent").contains("epoch"));

    // Hover: a message's content.
    let (at, kind) = a_message(browser);
    browser.hover(at);
    let tip = browser.text("$('tip').hidden ? '' : $('tip').textContent");
    assert!(tip.contains(&kind) && tip.contains("→"), "{tip}");

    // Zoom by button, by key, and by the wheel.
    let whole = width(browser);
    browser.click("$('do-in')");
    let closer = width(browser);
    assert!(closer < whole, "the button did not zoom");
    browser.ask("$('diagram').focus({ preventScroll: true })");
    browser.press("+");
    assert!(width(browser) < closer, "the key did not zoom");
    let before = browser.ask("view.a");
    browser.press("ArrowLeft");
    assert!(browser.ask("view.a").as_f64() < before.as_f64(), "the key did not pan");
    browser.press("0");
    assert!(width(browser) >= whole, "not all is in view");

    // Drag.
    browser.click("$('do-end')");
    browser.press("+");
    let (x, y) = browser.middle("$('diagram')");
    let before = browser.ask("view.a");
    browser.drag((x, y), (x + 120.0, y));
    assert!(browser.ask("view.a").as_f64() < before.as_f64(), "dragging did not pan");

    step_and_filter(browser);
}

fn step_and_filter(browser: &mut Browser) {
    // Step by keys: told in words, for those who do not see the diagram.
    browser.ask("$('diagram').focus({ preventScroll: true })");
    browser.press("n");
    let first = browser.text("$('said').textContent");
    browser.press("n");
    let second = browser.text("$('said').textContent");
    assert!(!first.is_empty() && first != second, "`{first}`, then `{second}`");
    assert_eq!(browser.ask("$('tip').hidden"), false);
    browser.press("Escape");
    assert_eq!(browser.ask("$('tip').hidden"), true);
    browser.press("?");
    assert_eq!(browser.ask("$('keys').open"), true);
    browser.click("document.querySelector('#keys button')");
    assert_eq!(browser.ask("$('keys').open"), false);

    // Filter by node and by partition.
    browser.click("document.querySelector('details summary')");
    let chip = |row: &str, words: &str| {
        format!(
            "[...document.querySelectorAll('#{row} .chip')].find((chip) => chip.textContent === '{words}')"
        )
    };
    browser.click(&chip("nodes", "broker 0"));
    assert!(!browser.text("$('diagram').textContent").contains("broker 0"), "the lane is still there");
    browser.click(&chip("nodes", "broker 0"));
    assert!(browser.text("$('diagram').textContent").contains("broker 0"), "the lane did not come back");
    browser.click(&chip("partitions", "0-0"));
    let hidden = "[...document.querySelectorAll('.panel')].filter((panel) => panel.hidden).map((panel) => panel.textContent)";
    assert!(browser.ask(hidden)[0].as_str().is_some_and(|panel| panel.contains("Partition 0-0")));
    browser.click("[...document.querySelectorAll('#partitions button')][0]");
    assert_eq!(browser.ask(hidden).as_array().map(Vec::len), Some(0));

    // Light and dark, and the command.
    let paper = "getComputedStyle(document.body).backgroundColor";
    let light = browser.text(paper);
    browser.click("$('theme')");
    assert_ne!(browser.text(paper), light, "the colours did not change");
    browser.click("$('theme')");
    assert_eq!(browser.text(paper), light);
    browser.click("document.querySelector('button[data-copy]')");
    browser.until("/Copied|Selected/.test(document.querySelector('button[data-copy]').textContent)");
}

#[test]
fn the_page_is_clicked_through_in_a_browser() {
    let Some(name) = browser::installed() else {
        eprintln!("skipped: no Chromium is installed");
        return;
    };
    let home = tempfile::tempdir().expect("a directory");
    let page = page(home.path());
    let profile = tempfile::tempdir().expect("a directory");
    let mut browser = Browser::start(name, profile.path());
    browser.screen(1_400, 900, false);
    browser.open(&page);
    look_and_click(&mut browser);

    // A phone: nothing is wider than it, and a finger's tap tells what is there.
    browser.screen(390, 844, true);
    browser.open(&page);
    assert_eq!(
        browser.ask("document.documentElement.scrollWidth <= 390"),
        true,
        "the page is wider than a phone"
    );
    let (at, _) = a_message(&mut browser);
    browser.click_at(at);
    assert_eq!(browser.ask("$('tip').hidden"), false);
    let paper = "getComputedStyle(document.body).backgroundColor";
    let light = browser.text(paper);
    let dark = serde_json::json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    browser.call("Emulation.setEmulatedMedia", dark);
    assert_ne!(browser.text(paper), light, "the page does not follow the system's colours");

    for trouble in ["Runtime.exceptionThrown", "Log.entryAdded"] {
        assert_eq!(browser.told(trouble), Vec::<&Value>::new());
    }
    let asked = browser.told("Network.requestWillBeSent");
    let own = format!("file://{}", page.display());
    assert!(
        !asked.is_empty() && asked.iter().all(|event| event["params"]["request"]["url"] == own),
        "{asked:?}"
    );
}
