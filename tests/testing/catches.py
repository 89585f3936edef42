"""Which test of the contract must catch which mutant."""

__all__ = ["CAUGHT", "FOUND_BY_MACHINE", "MACHINE", "is_wanted"]

MACHINE = "test_random_stories_are_told_as_the_model_tells_them"

# Which test must catch which mutant; others may catch it too.
CAUGHT = {
    "LastArrivalWins": "test_last_wins_by_order_not_by_arrival",
    "NanIsLost": "test_points_keep_values_and_types",
    "BoolIsInt": "test_params_keep_values_keys_and_types",
    "IntIsFloat": "test_points_keep_values_and_types",
    "ZeroLosesItsSign": "test_params_keep_values_keys_and_types",
    "RepeatsCountTwice": "test_repeated_batch_changes_nothing",
    "KnowsBatchesByName": "test_overlapping_batches_count_each_record_once",
    "WatermarkOnly": "test_gap_is_filled_later",
    "LabelsByPrefix": "test_sources_with_a_label_are_those_of_exactly_that_label",
    "UnknownRunIsEmpty": "test_unknown_run_is_an_error_to_the_typed_reads",
    "ReadingCreates": "test_reading_leaves_no_trace",
    "SummaryByArrival": "test_summary_does_not_depend_on_batches",
    "MeanIsRounded": "test_summary_follows_from_the_values",
    "FoldsCase": "test_tags_keep_keys_and_texts",
    "CutsNames": "test_artifacts_keep_names_apart",
    "TrimsRunIds": "test_run_ids_keep_runs_apart",
    "IgnoresLimits": "test_runs_stop_at_the_limit",
    "OldestFirst": "test_runs_come_newest_first",
    "IndexFromWindow": "test_points_are_cut_by_start_and_limit",
    "RefusesTheUnknown": "test_unknown_kinds_are_taken",
    "IgnoresParents": "test_run_ids_of_a_parent_are_the_runs_that_used_it",
    "JobBeatsLauncher": "test_launcher_may_know_better_than_a_job_that_failed",
    "OneAttempt": "test_attempts_are_told_apart",
    "ForgetsFactsOfAttempts": "test_attempts_tell_their_facts",
    "TimesInMicroseconds": "test_points_tell_index_step_and_time",
    "Unsorted": "test_mappings_are_sorted_by_key",
    "HalfABatch": "test_large_batch_is_taken_whole",
    "NotPersistent": "test_processes_write_one_run",
    "ForgetsOnClosing": "test_store_survives_closing",
    "DependsOnStart": "test_any_record_makes_the_run_known",
    "NanInColumnsIsLost": "test_columns_keep_values_and_types",
    "ColumnsAreFloats": "test_columns_keep_values_and_types",
    "CutsColumns": "test_thousands_of_points_in_one_record_are_all_kept",
    "ColumnsReplaceSteps": "test_columns_keep_values_and_types",
    "FloatSteps": "test_points_tell_index_step_and_time",
    "SteplessIsZero": "test_points_without_a_step_stay",
    "ForgetsAbandoned": "test_abandoned_points_are_kept_and_shown_on_request",
    "ShowsAbandoned": "test_restart_from_an_earlier_step_abandons_what_lies_beyond",
    "SummaryOfAllPoints": "test_summary_is_that_of_the_current_curve",
    "OneRank": "test_ranks_rewind_each_for_itself",
    "RewindsWhatHasArrived": "test_rewinds_do_not_depend_on_arrival",
    "TotalIsWhatIsGiven": "test_rows_are_cut_by_start_and_limit",
    "FieldsOfTheFirstRow": "test_rows_join_the_fields_of_a_stream",
    "RowsOfStreamsBelow": (
        "test_rows_of_the_root_stream_are_those_of_series_without_a_stream"
    ),
    "CollapsesParams": (
        "test_param_history_gives_every_value_with_its_time_and_attempt"
    ),
    "StepsRunForEver": (
        "test_step_under_way_when_the_run_ended_has_ended_as_the_run_did"
    ),
    "CompactsLogsAway": "test_compaction_changes_no_answer",
    "CompactsWhatRuns": "test_compaction_passes_over_what_it_cannot_compact",
    "ClosesWhatIsCompacted": "test_records_that_come_after_a_compaction_count",
    "RemovesFromListsAlone": "test_removed_run_is_unknown_to_every_read",
    "RemovesWhatOthersSay": "test_removal_leaves_other_runs_as_they_are",
    "RemovesContentOfOthers": "test_content_that_another_run_names_stays",
    "BringsRunsBack": "test_what_comes_late_of_a_removed_run_is_passed_over",
    "BuriesTheId": "test_run_written_again_begins_anew",
    "RemovesNothingQuietly": "test_unknown_run_cannot_be_removed",
    "OneExecution": "test_step_executed_again_has_another_attempt",
    "StepsByName": "test_steps_come_in_the_order_in_which_they_began",
    "LimitTakesTheFirst": "test_limit_keeps_the_last_messages_in_their_order",
    "LimitBeforeTheText": "test_limit_counts_what_the_other_filters_leave",
    "LevelIsExact": "test_logs_of_a_level_are_those_and_graver_ones",
    "UnknownLevelIsEmpty": "test_unknown_level_is_refused",
    "CaseCountsInTexts": "test_logs_with_a_text_contain_it_in_any_letter_case",
    "OnlyAsciiHasCase": "test_logs_with_a_text_contain_it_in_any_letter_case",
    "EndIsExclusive": "test_logs_between_two_times_include_both",
    "NoMetadataIsEmpty": "test_log_keeps_message_level_time_and_metadata",
    "LogsByTime": "test_logs_come_in_the_order_of_the_run",
    "MergesByArrival": (
        "test_equal_timestamps_are_merged_whatever_order_they_arrive_in"
    ),
    "MergesNothing": "test_entries_of_one_batch_are_merged",
    "ZerosAreTwoMoments": "test_both_zeros_are_one_moment",
    "LatestEntryFirst": "test_entries_come_in_the_order_of_time",
    "LaterEndIsExclusive": "test_range_of_time_includes_both_ends",
    "RoundsMoments": "test_timestamps_that_differ_by_a_bit_are_two_moments",
    "FoldsTopics": "test_topics_are_kept_apart_and_sorted",
    "ForgetsEmptyEntries": "test_entry_without_fields_is_an_entry",
    "VerifiesNoContent": "test_content_that_has_changed_is_refused_and_not_kept",
    "KeepsBeforeItVerifies": (
        "test_content_that_cannot_be_read_to_its_end_is_not_kept"
    ),
    "ReadsContentWhole": "test_large_content_is_taken_in_pieces",
    "KnowsContentBySize": "test_contents_are_kept_apart",
    "OneFileForAll": "test_content_is_opened_anew_each_time",
    "OpensReferences": "test_reference_has_no_content",
    "AnyDigestWillDo": "test_unknown_artifact_is_an_error",
    "KnowsArtifactsByName": "test_artifact_history_gives_all_that_a_name_meant",
    "ForgetsRoles": "test_artifact_with_content_keeps_all_that_is_known_of_it",
    "ForgetsContentOnClosing": "test_content_survives_closing",
    "ReplacesProvenance": ("test_provenance_is_the_last_that_was_said_of_each_key"),
    "ReplacesSpans": "test_span_is_the_last_that_was_said",
    "StatusByArrival": (
        "test_creation_that_arrives_late_does_not_make_the_run_pending"
    ),
    "ConfigOfTheFirstRun": (
        "test_experiment_has_the_config_of_its_newest_run_that_told_one"
    ),
    "CountsRunsTwice": (
        "test_run_that_changed_its_experiment_is_in_the_later_one_alone"
    ),
    "LimitBeforeTheQuery": ("test_limit_counts_the_runs_that_match_in_their_order"),
    "MissingComesFirst": "test_order_sorts_runs",
    "BadQueryFindsNothing": "test_query_that_means_nothing_is_refused",
    "ComparesWithinOneType": "test_filter_compares_values_of_one_kind_alone",
    "ComparesTexts": "test_filter_compares_values_of_one_kind_alone",
    "AnswersWhatItLacks": "test_history_is_answered_or_refused",
    "KeepsWhatItRefuses": "test_content_is_kept_or_refused",
    "ShowsNoHeartbeatInLists": "test_heartbeat_is_shown_by_reads",
    "LastHeartbeatCounts": "test_newest_heartbeat_counts",
    "OneHeartbeatForAll": "test_heartbeats_of_runs_are_apart",
    "HeartbeatMakesARun": "test_heartbeat_of_an_unknown_run_is_passed_over",
    "NoHeartbeatAfterRecords": "test_heartbeat_stays_when_more_is_written",
    "HeartbeatOfThisTracker": "test_heartbeat_is_seen_by_other_trackers",
    "ForgetsHeartbeatsOnClosing": "test_heartbeat_survives_closing",
    "TakesNoColumns": "test_gathered_points_are_told_as_their_records",
    "RepeatedColumnsCountTwice": "test_repeated_gathered_batch_changes_nothing",
    "KnowsColumnsByName": "test_overlapping_gathered_batches_count_each_point_once",
    "ColumnsNeverRewind": "test_gathered_points_of_a_later_attempt_rewind",
    "FourThousandPoints": "test_thousands_of_gathered_points_are_all_kept",
    "TellsWhatStands": "test_batches_tell_another_tracker_everything",
    "FillsGaps": "test_what_was_never_taken_is_not_told",
    "TellsWithoutRanks": "test_ranks_are_told",
    "TellsAsSomebodyElse": "test_batches_that_come_twice_change_nothing",
    "TellsTheUnknownLater": "test_unknown_run_has_no_batches",
    "TellsAllAtOnce": "test_batches_stay_where_they_are_when_more_is_written",
    "TakenUpToTheLast": "test_taken_names_what_the_batches_hold",
}
# Those that random stories alone would find too.
FOUND_BY_MACHINE = (
    "TimesInMicroseconds",
    "IntIsFloat",
    "RepeatsCountTwice",
    "KnowsBatchesByName",
    "WatermarkOnly",
    "OneAttempt",
    "NanInColumnsIsLost",
    "ForgetsAbandoned",
    "OneRank",
)


def is_wanted(mutant: str, test: str) -> bool:
    """Tell whether a mutant must run a test; one that was forgotten runs them all."""
    if test == MACHINE and mutant in FOUND_BY_MACHINE:
        return True
    return CAUGHT.get(mutant, test) == test
