"""Evaluation
==========

`curriculum.evaluation(tasks, episodes_each=3)` goes through a fixed set of tasks in order, each equally often, and
takes a curriculum's place wherever one is expected: in `CurriculumEnv`, in vectors of environments, in worker
processes. Nothing is learned from it: the training's pool never hears of these episodes.

Tasks are ids of the curriculum's task generator, which training has hardly seen if they are chosen apart (training
draws them from 53 bits); or tasks of its own: a list, a dict of them by label, or, with several tasks to a label and
for tasks that are integers, `lpcurr.generators.TaskList(tasks=[…], labels=[…])`.

>>> import lpcurr
>>> tasks = lpcurr.bucketed({"gravity": 9.8}).add_bucket("gravity", lpcurr.Span(1, 25))
>>> training = lpcurr.CurriculumConfig(num_active_tasks=64, seed=0, task_generator=tasks).make()
>>> with training.evaluation(range(20), episodes_each=3) as evaluation:
...     while not evaluation.done:
...         task = evaluation.get_task()
...         score = 1 - task.get_env_cfg()["gravity"] / 25
...         counted = evaluation.update_task_performance(task.task_id, score)
...     result = evaluation.result()
>>> result.episodes, len(result.scores), result.worst_tenth < result.mean
(60, 20, True)
>>> training.stats()["num_completed"]
0.0
>>> training.close(); training.unlink()

`result.mean` is the mean over the tasks, `result.by_label` that of each label's, `result.worst_tenth` that over the
tenth with the least scores: curricula differ there first. A vector goes on drawing when the last episode has begun;
these episodes have negative ids and are not counted, so that short episodes do not crowd out the long ones that are
still being played. What an environment was playing when it was reset is handed out again, at the end. A task that
cannot be played is missing from `result.scores`, and `done` stays False: bound the loop where that may happen.

One task, to film it or to look into it: `CurriculumEnv(env, curriculum.evaluation([task_id]))`.

An evaluation is one pass. `evaluation.restart()` begins the next one, in all processes, when the result has been read:
an evaluation every so often in a training keeps one, and one set of environments. With Stable-Baselines3's
`EvalCallback`, which resets its environments at the start of each evaluation:

    evaluation = curriculum.evaluation(range(20), episodes_each=3)
    eval_env = make_vec_env("CartPole-v1", 1, wrapper_class=CurriculumEnv,
                            wrapper_kwargs=dict(curriculum=evaluation, apply_task=set_gravity))

    class NextPass(BaseCallback):
        def _on_step(self):
            self.logger.record("eval/worst_tenth", evaluation.result().worst_tenth)
            evaluation.restart()
            return True

    EvalCallback(eval_env, n_eval_episodes=60, eval_freq=5000, callback_after_eval=NextPass())

With one environment, `n_eval_episodes` of tasks times `episodes_each` is the whole pass. Several environments end
theirs in SB3's order, which cuts some episodes off: where every task has to count, begin the next pass only when
`evaluation.done`, which a later evaluation reaches.
"""
