//! Runs that once ended in an alarm, each shrunk to what mattered and kept: what was wrong has been mended, and
//! they pass.

/// The check read a disk's batches without unsealing them, so it never saw that a cut had come back with the names.
#[test]
fn a_cut_undone_with_the_names_it_took() {
    let file = "a-cut-undone-with-the-names-it-took.capsule.json";
    squall::pinned(file, include_str!("capsules/a-cut-undone-with-the-names-it-took.capsule.json")).passes();
}

/// The disk lied about a file's name before the file held a record, and was honest about the first record: the check
/// took that for durable.
#[test]
fn a_lie_about_a_name_told_before_the_first_record() {
    let file = "a-lie-about-a-name-told-before-the-first-record.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-lie-about-a-name-told-before-the-first-record.capsule.json"),
    )
    .passes();
}
