"""Statistics
==========

`curriculum.stats()` once an epoch gives flat numbers under the names that dashboards of metta's curriculum use.
It is one consistent moment and O(n), during which the pool is locked only while what is known of its tasks is copied.
`performance_mode=True` leaves out whatever looks at every task.

Always
    num_created, num_evicted, num_completed,       counts since the beginning; scheduled are handed out, refused are
    num_scheduled, num_refused, num_dropped        scores for tasks that had left, dropped could not be built
    num_active_tasks                               tasks in the pool
    per_label_completions/<label>                  episodes by label
    algorithm/tracker/mean_score                   mean of all scores so far
    algorithm/tracker/total_completions            of the tasks that are in the pool
    algorithm/pool_composition/<label>             tasks in the pool by label
    algorithm/sampling_counts/<label>              draws by label, since the epoch began
    algorithm/eviction_counts/<label>              evictions by label, since the beginning
    epoch_mean_score                               mean of the scores since the last on_epoch_end(), in the process that
                                                   called it, where there are any
    num_locked_tasks                               tasks that wait for their stage, where there are stages

Unless in performance mode
    mean_success_rate                              of the tasks that were played, of some fifty episodes each
    per_label_scores/<label>                       mean score by label: of its tasks' averages of some fifty episodes
    algorithm/draws/share/<way>                    of the draws: by the scheduler's own rule (`scheduler`), `uniform`,
                                                   `exploring`, by `staleness` or by `label`; they add up to 1
    algorithm/draws/starving_tasks                 tasks that were not drawn in the last five draws a task, that is,
                                                   that get less than a fifth of the mean

Unless in performance mode, too; 0 where another scheduler than learning progress draws, nothing where all are alike
    algorithm/lp/mean_learning_progress            how much the agent improves on the mean task
    algorithm/lp/mean_lp_score                     mean of sigmoid / Σ sigmoid
    algorithm/lp/mean_task_success_rate            as mean_success_rate, and tasks that were not played count
    algorithm/lp/mean_sample_prob                  1 / number of tasks
    algorithm/lp/num_zeros_lp_dist                 tasks that are never drawn

With show_curriculum_troubleshooting_logging, or by their own calls
    curriculum_gini/<stage>                        calculate_gini_coefficients(): inequality, from 0 (all alike) to
                                                   1 (one has all): of progress, scores, probabilities, episodes, ages
    per_label_stats/mean_lp_score/<label>          calculate_per_label_mean_lp_stats(): mean raw progress by label
    per_label_stats/mean_reward_ema/<label>        and mean score
    per_label_stats/probability/<label>            that the next draw is of that label
    debug/raw_lp_mean, _std, _min, _max, …         calculate_raw_lp_debug_stats(): over the pool
    debug/task_age_mean_seconds, …                 how long tasks have been in the pool

By episode: get_episode_stats(label)
    env_curriculum_stats/per_label_samples         {label: 1}
    env_curriculum_stats/per_label_evictions       {label: evictions so far in this epoch}, of the whole pool

>>> import lpcurr
>>> with lpcurr.CurriculumConfig(num_active_tasks=4, seed=0).make() as curriculum:
...     for task_id in curriculum.sample_ids(8).tolist():
...         accepted = curriculum.update_task_performance(task_id, 0.5)
...     figures = curriculum.stats()
...     curriculum.on_epoch_end()  # per-epoch counts begin again
>>> figures["num_completed"], figures["algorithm/tracker/mean_score"]
(8.0, 0.5)

Figures of your own: `curriculum.columns()` gives what is known of all tasks as NumPy arrays by name, in one call.

>>> with lpcurr.CurriculumConfig(num_active_tasks=100, seed=0, defer_init=True).make() as curriculum:
...     for task_id in range(100):
...         curriculum.add_task(task_id)
...     accepted = curriculum.update_many(range(100), [task_id / 100 for task_id in range(100)])
...     columns = curriculum.columns()
>>> hardest = columns["task_id"][columns["mean_score"].argsort()][:10]  # a tenth of the tasks
>>> hardest.tolist(), round(float(columns["mean_score"][hardest].mean()), 3)
([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 0.045)

That is all a logger needs: `wandb.log(curriculum.stats())`, or `writer.add_scalar(name, value, step)` for each of them;
and `pandas.DataFrame(curriculum.columns())` is a table of the tasks, as is `lpcurr inspect SESSION --csv`.

`curriculum.moment()` is the copy that this and all figures are made from, with counters, labels and processes;
`curriculum.statistics()` has every group of figures of one moment.

`curriculum.process_counters()` tells what each attached process did: draws, tries, waits for the lock, and so on.
"""
