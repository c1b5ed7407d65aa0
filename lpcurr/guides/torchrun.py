"""Many machines with torchrun
============================

One curriculum over all nodes of a training; what that is, and what it costs: `lpcurr help machines`.

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

The machines need nothing but the process group that the trainer has anyway. Where torchrun starts all ranks anew after
a failure, `checkpoint="pool.lpc"` goes on from what was saved, on as many nodes as there are then; where there is no
such file yet, the curriculum begins.
"""
