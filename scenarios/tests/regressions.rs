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

/// A bit had changed in a value of nothing but zeros: the broker took these for sectors that a power loss had left
/// unwritten, vouched for its log and cut a committed record.
#[test]
fn zeros_of_a_value_taken_for_an_unfinished_write() {
    let file = "zeros-of-a-value-taken-for-an-unfinished-write.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/zeros-of-a-value-taken-for-an-unfinished-write.capsule.json"),
    )
    .passes();
}

/// The check forgot what the disk had changed once retention had removed it, though a power loss brought it back.
#[test]
fn rot_that_comes_back_with_what_retention_removed() {
    let file = "rot-that-comes-back-with-what-retention-removed.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/rot-that-comes-back-with-what-retention-removed.capsule.json"),
    )
    .passes();
}

/// The leader of a group assigned nothing, as it did not know the topic yet, lost the answer, joined the same
/// generation again and assigned everything; the first assignment had counted, and nobody ever looked again.
#[test]
fn an_assignment_made_before_the_topics_were_known() {
    let file = "an-assignment-made-before-the-topics-were-known.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/an-assignment-made-before-the-topics-were-known.capsule.json"),
    )
    .passes();
}

/// A write that went astray had left a later batch of the same log in the place of its first one. A truncation walked
/// over it as if nothing were missing, and the log went on behind a file that nobody removed.
#[test]
fn a_batch_in_the_place_of_another_ends_a_truncation() {
    let file = "a-batch-in-the-place-of-another-ends-a-truncation.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-batch-in-the-place-of-another-ends-a-truncation.capsule.json"),
    )
    .passes();
}

/// A static member that led its group came back into a generation in which its earlier life had assigned nothing, as
/// it did not know the topic; it took all topics for assigned.
#[test]
fn a_static_leader_that_returns_to_an_empty_assignment() {
    let file = "a-static-leader-that-returns-to-an-empty-assignment.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-static-leader-that-returns-to-an-empty-assignment.capsule.json"),
    )
    .passes();
}

/// Offsets of an empty group expired while a coordinator that was deposed, and did not know it, let a member join:
/// the check believed that one.
#[test]
fn an_offset_that_expires_while_a_deposed_coordinator_has_members() {
    let file = "an-offset-that-expires-while-a-deposed-coordinator-has-members.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/an-offset-that-expires-while-a-deposed-coordinator-has-members.capsule.json"),
    )
    .passes();
}

/// Two processes had one static name; the coordinator that told them apart had lost its leadership a moment before, as
/// the controllers saw it, with nobody in its place: the check took what it said for nothing.
#[test]
fn two_of_one_name_under_a_coordinator_nobody_replaced_yet() {
    let file = "two-of-one-name-under-a-coordinator-nobody-replaced-yet.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/two-of-one-name-under-a-coordinator-nobody-replaced-yet.capsule.json"),
    )
    .passes();
}

/// A power loss left a voter's last sector unwritten, and only one bit had been set there: the voter took that for a
/// bit that had changed, and never voted again.
#[test]
fn a_write_whose_last_sector_held_one_bit() {
    let file = "a-write-whose-last-sector-held-one-bit.capsule.json";
    squall::pinned(file, include_str!("capsules/a-write-whose-last-sector-held-one-bit.capsule.json"))
        .passes();
}

/// A coordinator that was deposed while it was paused reported a commit after its successor had taken a later one: the
/// check believed that the later one was lost.
#[test]
fn a_commit_that_a_deposed_coordinator_reports_late() {
    let file = "a-commit-that-a-deposed-coordinator-reports-late.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-commit-that-a-deposed-coordinator-reports-late.capsule.json"),
    )
    .passes();
}

/// A registration that a broker's first life had sent arrived in its second one, whose session had just run out: the
/// controllers took it at its word that it held nothing, and the last eligible replica was gone.
#[test]
fn a_registration_of_an_earlier_life_that_arrives_late() {
    let file = "a-registration-of-an-earlier-life-that-arrives-late.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-registration-of-an-earlier-life-that-arrives-late.capsule.json"),
    )
    .passes();
}

/// A new leader that did not know the high watermark yet served a reader of committed records without the names of
/// what was aborted, and the reader took that too.
#[test]
fn a_new_leader_that_does_not_name_what_was_aborted() {
    let file = "a-new-leader-that-does-not-name-what-was-aborted.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-new-leader-that-does-not-name-what-was-aborted.capsule.json"),
    )
    .passes();
}

/// A leader that was deposed, and did not know it, showed a last stable offset that was right when it led: the check
/// compared it with what its successor had settled since.
#[test]
fn a_deposed_leader_that_shows_an_older_stable_offset() {
    let file = "a-deposed-leader-that-shows-an-older-stable-offset.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-deposed-leader-that-shows-an-older-stable-offset.capsule.json"),
    )
    .passes();
}

/// A transaction coordinator that was deposed heard late that its change was copied, and reported it after its
/// successor had changed more: the check took that for a step back.
#[test]
fn a_deposed_coordinator_that_reports_a_change_late() {
    let file = "a-deposed-coordinator-that-reports-a-change-late.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-deposed-coordinator-that-reports-a-change-late.capsule.json"),
    )
    .passes();
}

/// A coordinator's calendar had been set back, and was put right while its group was empty: the group's offset was too
/// old and was forgotten, as it should be, and the check blamed the transactions for what was processed again.
#[test]
fn an_offset_that_was_forgotten_when_a_calendar_was_put_right() {
    let file = "an-offset-that-was-forgotten-when-a-calendar-was-put-right.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/an-offset-that-was-forgotten-when-a-calendar-was-put-right.capsule.json"),
    )
    .passes();
}

/// A power loss in the middle of a swap had left old files behind a cleaned one: a broker that looked whether its log
/// was sound walked over what they replace, took them for a gap, saw nothing of the rot behind, and vouched.
#[test]
fn rot_behind_an_old_file_that_a_cleaning_left() {
    let file = "rot-behind-an-old-file-that-a-cleaning-left.capsule.json";
    squall::pinned(file, include_str!("capsules/rot-behind-an-old-file-that-a-cleaning-left.capsule.json"))
        .passes();
}

/// A group's coordinator failed between the marker of a transaction and its report that the offset in it is committed;
/// its successor read both. The check waited for the report.
#[test]
fn a_commit_that_its_coordinator_only_read() {
    let file = "a-commit-that-its-coordinator-only-read.capsule.json";
    squall::pinned(file, include_str!("capsules/a-commit-that-its-coordinator-only-read.capsule.json"))
        .passes();
}

/// A transaction coordinator slept through its whole reign, awoke, loaded its log as it was and found nothing: the
/// check forgot what its successor had decided.
#[test]
fn a_coordinator_that_slept_through_its_reign() {
    let file = "a-coordinator-that-slept-through-its-reign.capsule.json";
    squall::pinned(file, include_str!("capsules/a-coordinator-that-slept-through-its-reign.capsule.json"))
        .passes();
}

/// The controllers had elected another coordinator, of which no broker had heard: the present one gave a static
/// member's name to a new process, all replicas in sync copied that, and the check did not believe it.
#[test]
fn two_of_one_name_when_nobody_has_heard_of_the_new_coordinator() {
    let file = "two-of-one-name-when-nobody-has-heard-of-the-new-coordinator.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/two-of-one-name-when-nobody-has-heard-of-the-new-coordinator.capsule.json"),
    )
    .passes();
}

/// Beyond the budget every replica of the transactions' topic was lost, and with it who would have ended a transaction:
/// the check waited for a reader that may not read on.
#[test]
fn a_transaction_that_nobody_may_decide_any_more() {
    let file = "a-transaction-that-nobody-may-decide-any-more.capsule.json";
    squall::pinned(file, include_str!("capsules/a-transaction-that-nobody-may-decide-any-more.capsule.json"))
        .passes();
}

/// A member slept over the answer that nothing was committed, and its group went on without it and committed: the check
/// took that for a commit that was lost.
#[test]
fn an_answer_that_a_member_slept_over() {
    let file = "an-answer-that-a-member-slept-over.capsule.json";
    squall::pinned(file, include_str!("capsules/an-answer-that-a-member-slept-over.capsule.json")).passes();
}

/// A transaction coordinator reported a change when its successor had begun to read the log, in which it is: the check
/// took it for one that came too late, and the records of the transaction for nobody's.
#[test]
fn a_change_reported_while_the_next_coordinator_reads() {
    let file = "a-change-reported-while-the-next-coordinator-reads.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-change-reported-while-the-next-coordinator-reads.capsule.json"),
    )
    .passes();
}

/// A coordinator slept through its deposition and reported a commit when its successor had told of a later one: the
/// check took that for a commit set back.
#[test]
fn a_commit_reported_by_a_coordinator_that_slept() {
    let file = "a-commit-reported-by-a-coordinator-that-slept.capsule.json";
    squall::pinned(file, include_str!("capsules/a-commit-reported-by-a-coordinator-that-slept.capsule.json"))
        .passes();
}

/// A cleaned file was in its place when the disk failed: the broker halted without a word of it, and the check knew
/// only of the old files.
#[test]
fn a_cleaning_whose_disk_failed_after_the_swap() {
    let file = "a-cleaning-whose-disk-failed-after-the-swap.capsule.json";
    squall::pinned(file, include_str!("capsules/a-cleaning-whose-disk-failed-after-the-swap.capsule.json"))
        .passes();
}

/// The controllers gave out blocks of one producer id, and took longer for it than a broker waits: every answer came
/// after the next request and was thrown away, for ever.
#[test]
fn producer_ids_that_always_come_too_late() {
    let file = "producer-ids-that-always-come-too-late.capsule.json";
    squall::pinned(file, include_str!("capsules/producer-ids-that-always-come-too-late.capsule.json"))
        .passes();
}

/// The controllers had elected another coordinator, of which no broker had heard: the present one let silent members
/// go, gave what they had to another, all replicas in sync copied that, and the check did not believe that they had
/// left.
#[test]
fn members_that_left_a_coordinator_nobody_knows_to_be_deposed() {
    let file = "members-that-left-a-coordinator-nobody-knows-to-be-deposed.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/members-that-left-a-coordinator-nobody-knows-to-be-deposed.capsule.json"),
    )
    .passes();
}

/// A member slept over the answer that nothing was committed, until its group was removed and had begun anew with a
/// generation of the same number: the check took what that one committed for what it should have been told.
#[test]
fn an_answer_that_outlived_its_group() {
    let file = "an-answer-that-outlived-its-group.capsule.json";
    squall::pinned(file, include_str!("capsules/an-answer-that-outlived-its-group.capsule.json")).passes();
}

/// Beyond the budget nobody could lead a partition any more, and a worker waited to be told what became of a record of
/// it: the check waited for the records of the others.
#[test]
fn a_worker_that_waits_for_a_partition_nobody_leads() {
    let file = "a-worker-that-waits-for-a-partition-nobody-leads.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-worker-that-waits-for-a-partition-nobody-leads.capsule.json"),
    )
    .passes();
}

/// Beyond the budget the controllers lost everything, and the transactions' topic got the number of another one, whose
/// records were still there: the coordinator that read them panicked.
#[test]
fn a_topic_with_the_number_of_another() {
    let file = "a-topic-with-the-number-of-another.capsule.json";
    squall::pinned(file, include_str!("capsules/a-topic-with-the-number-of-another.capsule.json")).passes();
}

/// A static member joined a generation that its coordinator never wrote down, slept, and came back when the next one had
/// counted that generation again and given its partitions away in it: the check took the two for one. The member gives
/// up what it may have missed now.
#[test]
fn a_member_that_joined_a_generation_no_coordinator_remembers() {
    let file = "a-member-that-joined-a-generation-no-coordinator-remembers.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-member-that-joined-a-generation-no-coordinator-remembers.capsule.json"),
    )
    .passes();
}

/// A cooperative static member slept through a generation with its join under way, and took what had been given to others
/// into the next: it loses everything now when it hears of a generation that does not follow its own.
#[test]
fn a_static_member_that_slept_through_a_generation() {
    let file = "a-static-member-that-slept-through-a-generation.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-static-member-that-slept-through-a-generation.capsule.json"),
    )
    .passes();
}

/// A worker slept over the answer to its commit until its group's offsets had expired: the check took what it was told
/// then for what its next life should find.
#[test]
fn an_answer_that_outlived_what_it_tells() {
    let file = "an-answer-that-outlived-what-it-tells.capsule.json";
    squall::pinned(file, include_str!("capsules/an-answer-that-outlived-what-it-tells.capsule.json"))
        .passes();
}

/// A deposed coordinator had let a static member's next life take its place, which got into the log; its successor read
/// that and replaced that one too: the check still had the first for a member.
#[test]
fn two_of_one_name_whom_a_deposed_coordinator_replaced() {
    let file = "two-of-one-name-whom-a-deposed-coordinator-replaced.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/two-of-one-name-whom-a-deposed-coordinator-replaced.capsule.json"),
    )
    .passes();
}

/// A voter's cut came back with the power, since no sync had covered it: it ended in the middle of a batch that was
/// written after the cut, and the check took the log for shorter than it was.
#[test]
fn a_cut_that_came_back_in_the_middle_of_a_later_batch() {
    let file = "a-cut-that-came-back-in-the-middle-of-a-later-batch.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-cut-that-came-back-in-the-middle-of-a-later-batch.capsule.json"),
    )
    .passes();
}

/// The power brought back what a follower had cut and what retention had removed before it: the check knew either
/// alone, and took the log for shorter than it was.
#[test]
fn a_cut_and_a_removal_that_came_back_together() {
    let file = "a-cut-and-a-removal-that-came-back-together.capsule.json";
    squall::pinned(file, include_str!("capsules/a-cut-and-a-removal-that-came-back-together.capsule.json"))
        .passes();
}

/// A broker died before its disk's name was durable. The next life read it from the cache and vouched under it; a power
/// loss took the name, and the one who was eligible came back as somebody who vouches for nothing.
#[test]
fn a_disks_name_that_was_in_the_cache_only() {
    let file = "a-disks-name-that-was-in-the-cache-only.capsule.json";
    squall::pinned(file, include_str!("capsules/a-disks-name-that-was-in-the-cache-only.capsule.json"))
        .passes();
}

/// The leader of a share-partition asked how far its partition is committed more often than an answer takes, and only the
/// last question counted: no worker got anything.
#[test]
fn a_leader_that_asks_again_before_it_is_answered() {
    let file = "a-leader-that-asks-again-before-it-is-answered.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-leader-that-asks-again-before-it-is-answered.capsule.json"),
    )
    .passes();
}

/// Rot left a log that ends with a batch which compaction had thinned out: it was a producer's still, and the check took
/// it for nobody's.
#[test]
fn a_thinned_batch_of_a_transaction_at_the_end_of_what_rot_left() {
    let file = "a-thinned-batch-of-a-transaction-at-the-end-of-what-rot-left.capsule.json";
    squall::pinned(
        file,
        include_str!("capsules/a-thinned-batch-of-a-transaction-at-the-end-of-what-rot-left.capsule.json"),
    )
    .passes();
}
