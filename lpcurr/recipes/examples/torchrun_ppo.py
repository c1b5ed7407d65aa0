"""The PPO of :mod:`lpcurr.recipes.examples.cleanrl_ppo` on several machines, by data: one curriculum over all of them.

    torchrun --nnodes 2 --nproc-per-node 2 --rdzv-backend c10d --rdzv-endpoint node0:29500 \\
        -m lpcurr.recipes.examples.torchrun_ppo --total-steps 2000000 --checkpoint pool.lpc

Each rank plays environments of its own; gradients are averaged, and the nodes exchange what was played after every
update. The checkpoint, which rank 0 writes at the end, is the whole: a run on one rank or on many goes on from it.
"""

import argparse
import json
import os
import time
from dataclasses import dataclass, fields, replace
from typing import Any

import gymnasium
import numpy as np
import torch
import torch.distributed as dist

from lpcurr import DiscreteRandomConfig, FrontierConfig, LearningProgressConfig
from lpcurr.distributed import ReplicatedCurriculum, join
from lpcurr.distributed.torch_distributed import TorchDistributed
from lpcurr.integrations.gymnasium_vector import VectorCurriculumEnv
from lpcurr.recipes.examples import cleanrl_ppo
from lpcurr.recipes.examples.cleanrl_ppo import Agent, Rollouts, make_config, set_physics, share_of_steps, update

SCHEDULERS = {
    "frontier": FrontierConfig(),
    "learning_progress": LearningProgressConfig(ema_timescale=0.3, min_samples_for_lp=4),
    "discrete_random": DiscreteRandomConfig(),
}


@dataclass
class Args(cleanrl_ppo.Args):
    """What the command line may set."""

    scheduler: str = "frontier"  # one of SCHEDULERS; "none": one pole for all, to compare speeds
    checkpoint: str = ""


class AveragingAdam(torch.optim.Adam):  # type: ignore[misc, unused-ignore]
    """Adam on the mean of all ranks' gradients, which travel as one tensor."""

    def step(self, closure: Any = None) -> Any:
        """Average the gradients, and make a step."""
        gradients = [each.grad for group in self.param_groups for each in group["params"]]
        mean = torch.cat([each.flatten() for each in gradients])
        dist.all_reduce(mean)
        mean /= dist.get_world_size()
        for gradient, part in zip(gradients, mean.split([each.numel() for each in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))
        return super().step(closure)


def join_curriculum(args: Args) -> ReplicatedCurriculum:
    """Make or enter this node's pool."""
    config = make_config(args).model_copy(update={"algorithm_config": SCHEDULERS[args.scheduler]})
    return join(config, TorchDistributed(), checkpoint=args.checkpoint or None)


def train(args: Args) -> dict[str, Any]:
    """Train an agent, as one rank of the default process group.

    Returns:
        Steps and episodes of all ranks; this rank's mean score of the last rollout, and its steps per second.
    """
    rank, ranks = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(args.seed)
    agent = Agent(4, 2)  # the same on all ranks
    torch.manual_seed(args.seed + 1000 * rank)
    curriculum = None if args.scheduler == "none" else join_curriculum(args)
    envs: Any = gymnasium.make_vec("CartPole-v1", num_envs=args.num_envs, vectorization_mode="vector_entry_point")
    if curriculum is not None:
        envs = VectorCurriculumEnv(envs, curriculum, apply_tasks=set_physics, score=share_of_steps)
    optimizer = AveragingAdam(agent.parameters(), lr=args.learning_rate, eps=1e-5)
    rollouts = Rollouts(replace(args, seed=args.seed + 1000 * rank), envs)
    iterations = args.total_steps // (args.num_envs * args.num_steps * ranks)
    began, score = time.perf_counter(), 0.0
    for iteration in range(iterations):
        optimizer.param_groups[0]["lr"] = args.learning_rate * (1.0 - iteration / iterations)
        batch, scores = rollouts.play(agent)
        update(args, agent, optimizer, batch)
        score = float(np.mean(scores)) if scores else score
        if curriculum is not None:
            curriculum.sync()
    seconds, steps = time.perf_counter() - began, iterations * args.num_envs * args.num_steps
    result = {"steps": steps * ranks, "score": score, "steps_per_second": steps / seconds}
    envs.close()
    dist.barrier()
    if curriculum is not None:
        result["episodes"] = curriculum.stats()["num_completed"]
        if args.checkpoint and rank == 0:
            curriculum.save(args.checkpoint)
        dist.barrier()
        curriculum.close()
    return result


def main(words: list[str] | None = None) -> None:
    """Train under torchrun; rank 0 prints the result as JSON."""
    parser = argparse.ArgumentParser(description="PPO on CartPole with one curriculum over several machines")
    for field in fields(Args):
        if not isinstance(field.default, bool):
            parser.add_argument("--" + field.name.replace("_", "-"), type=type(field.default), default=field.default)
    dist.init_process_group("gloo")
    result = train(Args(**vars(parser.parse_args(words))))
    if dist.get_rank() == 0:
        print(json.dumps(result))
    dist.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))  # networks this small are slower with more
    main()
