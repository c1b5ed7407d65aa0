"""Many machines with Ray
======================

One curriculum over all nodes of a cluster; what that is, and what it costs: `lpcurr help machines`.

Ray alone
---------
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

RLlib
-----
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
"""
