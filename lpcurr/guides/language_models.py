"""Language models
===============

Reinforcement learning with checked answers (GRPO and its relatives) has a list of prompts, draws a batch of distinct
ones, and makes a group of answers to each. The tasks are the prompts, in order: task i is prompts[i].

>>> import lpcurr
>>> prompts = [f"{a} + {b} =" for a in range(100) for b in range(10)]
>>> algorithm = lpcurr.LearnabilityConfig(
...     attempts=8, prior_successes=0.001, prior_failures=0.001, rand_task_rate=0.05)
>>> curriculum = lpcurr.CurriculumConfig(tasks=prompts, seed=0, algorithm_config=algorithm).make()
>>> ids = curriculum.sample_ids(64, distinct=True)                   # without replacement, by weight, exact
>>> successes = [task_id % 9 for task_id in ids.tolist()]            # of 8 answers to each
>>> bool(curriculum.update_groups(ids, successes, attempts=8).all())
True

Drawing and reporting 512 groups of 8 takes a millisecond or two with 100,000 prompts:
`asv_benchmarks/prompts.py`.

Which scheduler
---------------
A group that is all right or all wrong has no gradient. Of 1,000 prompts that a model never solves (450), always solves
(450) or solves half of the time (100), this share of the draws went to the last, once each was tried a few times:

    uniform                                                                                 0.10
    FrontierConfig(), the default                                                           0.13
    LearningProgressConfig()                                                                0.34
    LearnabilityConfig(attempts=8)                                                          0.12
    LearnabilityConfig(attempts=8, prior_successes=0.001, prior_failures=0.001,
                       rand_task_rate=0.05)                                                 0.92

`attempts` makes the weight the chance that a group is mixed. The small prior says that a prompt is hopeless, or done,
once eight answers were all alike; `rand_task_rate` is the share of draws that look again, without which a prompt that
was too hard is never found to have become possible. Raise it (0.25) where the model changes fast, or where a grader may
have rejected a format. With rewards that are more than right or wrong, report scores: `update_many(ids, scores)`.

Pass rates that were measured before are a start: `update_groups(range(n), [round(8 * rate) for rate in rates], 8)`.
Prompts outside of a band can be taken out, and `add_task(id)` puts one back, as a new one:

>>> known = curriculum.columns()
>>> outside = (known["completion_count"] > 0) & (abs(known["success_rate_ema"] - 0.5) > 0.4)
>>> for task_id in known["task_id"][outside].tolist():
...     curriculum.evict(task_id)
>>> curriculum.num_active_tasks == len(prompts) - int(outside.sum())
True

Resuming
--------
What was handed out and not reported must not be lost with the process, nor trained twice. A ledger knows it:

>>> ledger = lpcurr.TaskLedger(curriculum)
>>> first, second = ledger.take(64), ledger.take(64)                 # the second is fetched ahead
>>> credited = ledger.report(first, [4] * 64, attempts=8)
>>> state = ledger.state_dict()                                      # plain data: json, pickle, torch.save
>>> ledger.load_state_dict(state)                                    # in the process that resumes
>>> ledger.take(64).tolist() == second.tolist()
True

`ledger.report_scores(ids, scores)` is for rewards that are more than right or wrong, and `ledger.release(ids)` gives
back what will not be reported. With many batches under way, `ledger.take(64, again=False)` draws from the prompts that
are not in flight. A group counts by the attempts that were made, `attempts=[8, 5]`; where its answers come one by one,
report them by `curriculum.update_groups`, and release the task at the end. A ledger belongs to one process, that which
chooses; it is not in the shared memory, since of many processes that draw from a pool none knows what another still
means to report.

>>> curriculum.close(); curriculum.unlink()

PyTorch and TRL
---------------
`lpcurr.integrations.torch.CurriculumSampler` is a batch sampler with such a ledger, for torch's DataLoader and
torchdata's StatefulDataLoader, with workers that fetch ahead and on several ranks:

    sampler = CurriculumSampler(curriculum, batch_size=64, num_batches=1000)
    for ids, batch in DataLoader(list(enumerate(prompts)), batch_sampler=sampler):
        sampler.report(ids, train_on(batch), attempts=8)

`CurriculumSampler(curriculum, {"maths": 48, "code": 16})` takes so many of each label, whatever the scheduler finds;
`ledger.take(48, label="maths")` likewise. `state_dict()` is read when it is pickled: to keep one in memory, for going
back to it, take `dict(sampler.state_dict())`.

Lightning leaves a loader's state out where a checkpoint was made at an epoch's end. A plain DataLoader (without
workers) and a callback resume exactly, there and in mid-epoch (tried with Lightning 2.6):

    class KeepCurriculum(lightning.Callback):
        def state_dict(self):
            return dict(sampler.state_dict())
        def load_state_dict(self, state):
            sampler.load_state_dict(state | {"yielded": state["yielded"] % len(sampler)})

`lpcurr.integrations.trl.CurriculumGRPOTrainer` is TRL's GRPOTrainer with a curriculum; its checkpoints resume both:

    trainer = CurriculumGRPOTrainer(model, reward_funcs=is_right, args=GRPOConfig(num_generations=8),
                                    train_dataset=dataset, curriculum=curriculum)
    trainer.train()

`prompts_by_label={"maths": 6, "code": 2}` is so many of each in a generation batch. Several processes (`torchrun`):
rank 0 makes the curriculum, the others pass None.

A recipe to try it on
---------------------
    lpcurr train sums_grpo compare=true seeds=5                      # needs lpcurr[llm]; a minute or two a run

trains a Llama of two layers with random weights, a word a number, by TRL's GRPO on sums of three to eight terms. 300
supervised steps on the two easiest grades come first, the same for every arm: a model that is never right learns
nothing from GRPO. Chance of the right answer on held-out sums after 38,400 answers (300 steps; mean ± 95 % interval):

                          all sums        3 terms   5 terms   7 terms   8 terms           seeds
    uniform               0.480 ± 0.028   0.85      0.61      0.22      0.094 ± 0.040     5
    frontier, the default 0.449 ± 0.064   0.81      0.59      0.19      0.088 ± 0.031     5
    learnability          0.487 ± 0.098   0.83      0.60      0.31      0.141 ± 0.057     4

None of these is a difference that so few seeds can show. Learnability had `attempts=8`, priors of 0.001 and
`rand_task_rate=0.25`: three quarters of its answers were right, half of uniform's, a third of the frontier's. With six
grades of 64 prompts, each of which is seen a dozen times, there is little to find; try it on your own prompts.

verl, slime and prime-rl have adapters of the same kind, `lpcurr.integrations.verl`, `.slime` and `.prime_rl`, whose
docstrings say which settings to give. verl's is tested on its own data set, loader, queue and trainer class,
without the model; slime's was tried on its data source; the tests of this and of prime-rl's have stand-ins.
"""
