"""Many machines
=============

One curriculum over all nodes of a training: each node has the pool in its own shared memory, where an episode costs
what it costs on one machine; now and then the nodes exchange what happened, and afterwards all pools are equal, to
the bit. One checkpoint, saved on any node, is the whole.

With torchrun
-------------
Every rank makes the transport, once the trainer has its process group, whatever its backend, and joins:

    import torch.distributed as dist

    import lpcurr
    from lpcurr.distributed import join
    from lpcurr.distributed.torch_distributed import TorchDistributed

    dist.init_process_group("gloo")
    config = lpcurr.CurriculumConfig(num_active_tasks=100, seed=0)
    transport = TorchDistributed(timeout=300)
    curriculum = join(config, transport, lambda task_id: {"map_seed": task_id}, checkpoint="pool.lpc")
    for update in range(10):
        for _ in range(20):
            task = curriculum.get_task()
            curriculum.update_task_performance(task.task_id, 0.5)
        curriculum.sync()
    dist.barrier()
    if dist.get_rank() == 0:
        curriculum.save("pool.lpc")
        print(int(curriculum.stats()["num_completed"]), "of", 200 * dist.get_world_size(), "episodes")
    dist.barrier()
    curriculum.close()
    dist.destroy_process_group()

    torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint node0:29500 train.py

Of the ranks of a machine one speaks for the node; the others attach to its session, and `sync()` does nothing in them.
Environments in further processes attach as ever: pickle the curriculum, or `lpcurr.attach(curriculum.session_id)`.
A whole PPO of this kind is `lpcurr/recipes/examples/torchrun_ppo.py`.

With Ray
--------
One process of each machine makes the transport, a task, an actor or a driver, with a name for the curriculum and the
node's number; the machine's other processes attach to `curriculum.session_id`. Here are two nodes, whichever machines
they have for place:

    import ray

    import lpcurr
    from lpcurr.distributed import join
    from lpcurr.distributed.ray_actor import RayActor

    @ray.remote(scheduling_strategy="SPREAD")
    def train(node: int, nodes: int) -> int:
        config = lpcurr.CurriculumConfig(num_active_tasks=100, seed=0)
        transport = RayActor("run 7", node, nodes, timeout=300)
        curriculum = join(config, transport, lambda task_id: {"map_seed": task_id})
        for update in range(10):
            for _ in range(30):
                task = curriculum.get_task()
                curriculum.update_task_performance(task.task_id, 0.5)
            curriculum.sync()
        completed = int(curriculum.stats()["num_completed"])
        curriculum.close()
        curriculum.unlink()
        return completed

    completed, _ = ray.get([train.remote(node, 2) for node in range(2)])
    print(completed, "of 600 episodes")

The actor gathers entries, one call an exchange and none an episode. It is found by its name from every job of the
cluster, costs no CPU, and ends with the last node's `close()`. Where it dies, Ray restarts it: the exchange ends with
`ExchangeError`, and every node says `curriculum.meet(RayActor("run 7", node, nodes))`.

With RLlib
----------
The driver makes the curriculum on all nodes of the cluster; env runners, wherever Ray puts them, attach to that of
their node. With the new API stack:

    import gymnasium
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.tune import register_env

    import lpcurr
    from lpcurr.distributed.rllib import ClusterCurriculum
    from lpcurr.generators import Span, bucketed

    def set_physics(pole, physics):
        for name, value in physics.items():
            setattr(pole.unwrapped, name, value)

    def share_of_steps(episode):
        return episode.length / 500

    def make_pole(_context):
        pole = gymnasium.make("CartPole-v1")
        return lpcurr.CurriculumEnv(pole, cluster.attach(), apply_task=set_physics, score=share_of_steps)

    poles = bucketed({"length": 0.5, "gravity": 9.8}, label="pole")
    poles.add_bucket("length", Span(0.03, 1.0)).add_bucket("gravity", Span(1.6, 50.0))
    tasks = lpcurr.CurriculumConfig(num_active_tasks=100, seed=0, task_generator=poles)
    cluster = ClusterCurriculum("run 8", tasks, sync_every=5.0)
    register_env("poles", make_pole)
    config = PPOConfig().environment("poles").env_runners(num_env_runners=2)
    algorithm = config.callbacks(on_train_result=cluster.on_train_result).build_algo()
    for _ in range(2):
        result = algorithm.train()
        print(int(result["curriculum"]["num_completed"]), "episodes")
    algorithm.stop()
    cluster.save("pool.lpc")
    cluster.close()

`on_train_result` ends an epoch and puts `curriculum.stats()` into the result. What `save()` wrote, on the driver's
machine, is the whole: `ClusterCurriculum(…, checkpoint="pool.lpc")` goes on from it in a cluster of any size, and
`lpcurr.Curriculum.load("pool.lpc")` without Ray. A node that joins the cluster later has no pool; where one is lost,
make the curriculum anew from the checkpoint.

How often
---------
Every rank calls `sync()` equally often; once an update of the learner is a good beginning. Or leave it to a thread:
`join(…, sync_every=5.0)` exchanges every five seconds on every node, until the first one closes its curriculum. Its
errors are logged, and raised by the next `stats()` or `sync()`; by Ray, the nodes meet a restarted actor anew by
themselves.

`lpcurr top` shows the nodes, with how many entries each was behind and sent at the last exchange, and who waits for
whom; `curriculum.stats()` has the same under `exchange/…`, and a report draws it.

What a node lacks is what the others played since the last exchange: with 8 nodes, 1,000 episodes a second in all and an
exchange every ten seconds, the last 8,750 episodes of others. An episode is two entries of 40 bytes (80 KB a second
there), and applying them takes less than a microsecond each, beside the training of the node's other processes. Between
two exchanges entries wait in the log: `log_entries=262_144`, 10 MB, by default. Where it overflows, what found no room
is undone at the next exchange, counted in `curriculum.last_exchange.lost` and warned of; the pools stay equal.

How far it goes
---------------
Every node applies everybody's entries, ten million a second on one core at 1,000 tasks and three million at 100,000
(`asv_benchmarks/distributed.py`, the log of 64 nodes on one machine). To bring a pool into place takes 0.1 ms at 1,000
tasks and 27 ms at a million. With an exchange every ten seconds:

    nodes  episodes/s in all  bytes of all  applying, 1,000 / 100,000 tasks  a node is behind by  log of a node
        8              1,000        0.8 MB                    2 ms / 7 ms       8,750 episodes         0.1 MB
        8            100,000         80 MB                  0.2 s / 0.7 s     875,000 episodes          10 MB
       64            100,000         80 MB                  0.2 s / 0.7 s     984,000 episodes         1.3 MB
       64          1,000,000        800 MB                      2 s / 7 s   9,844,000 episodes          13 MB
      512            100,000         80 MB                  0.2 s / 0.7 s     998,000 episodes         0.2 MB
      512          1,000,000        800 MB                      2 s / 7 s   9,980,000 episodes         1.6 MB

The limit is what one core applies: some 5 million episodes a second in all at 1,000 tasks, 1.5 million at 100,000,
however many nodes there are.

In a training it costs next to nothing: PPO under torchrun, two nodes with two ranks each, an exchange an update, made
1.00 (frontier) and 1.00 (learning progress) times the steps a second of no curriculum; RLlib on a cluster of two nodes
0.99 and 1.01 (medians of four and eight pairs, all on one machine of two cores, where single pairs lie between 0.8 and
1.3).

What is equal, and what is not
------------------------------
Equal after each exchange: the tasks with all that `columns()` says of them, their slots and entry numbers, labels
with their counts, the counters of `stats()`, the epoch, and the scheduler (`use()` on one node is everybody's). A
node's own: its random streams, its session, what `process_counters()` says, and which tasks it may evict by their
score: those whose id falls to it, so that nodes do not all evict the same one. A score for a task that another node
has evicted meanwhile is refused and counted, as on one machine; where two nodes' tasks want one free slot, the first
in the order of nodes gets it. Call `on_epoch_end()` on one rank alone. Lists of tasks cannot be appended to while
nodes share them.

When a node dies
----------------
The exchange ends with `ExchangeError` at its timeout, or at once where the connection breaks, and names who was
missing (by torch, node 0's error all of them, another's whom it waited for; by Ray, each node's all of them). Its
entries since the last exchange are lost, nobody else's. torchrun starts all ranks anew: `join(…, checkpoint=…)` goes
on from the file, on as many nodes as there are. A trainer that goes on by itself makes a new process group and says
`curriculum.meet(TorchDistributed())` on every rank, or with Ray `curriculum.meet(RayActor(…))`, each node with its new
number; nodes that are new `join` at that moment, and get the pool from the others.

Another transport
-----------------
`lpcurr.distributed.Transport` has three functions: meet the others, exchange entries in one order for all, and leave.

A recording
-----------
The same log, of one machine, written to a file:

>>> import tempfile, lpcurr
>>> folder = tempfile.TemporaryDirectory()
>>> with lpcurr.CurriculumConfig(num_active_tasks=4, seed=0, log_entries=100_000).make() as curriculum:
...     recording = curriculum.record(folder.name + "/played.log")
...     credited = curriculum.update_many(curriculum.sample_ids(8), [0.0, 1.0] * 4)
...     recording.close()
...     again = lpcurr.Curriculum.replay(folder.name + "/played.log")
...     again.get_state()["columns"] == curriculum.get_state()["columns"]
True
>>> folder.cleanup()

`lpcurr replay played.log --at 1000` shows the pool as it was after the thousandth entry.
"""
