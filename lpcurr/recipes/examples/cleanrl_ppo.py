"""PPO in one file, as CleanRL writes it, on CartPole whose poles and gravity a curriculum chooses.

    python -m lpcurr.recipes.examples.cleanrl_ppo --total-steps 500000

The lines that lpcurr adds to such a file are marked ``# curriculum``. The environments are Gymnasium's natively
vectorised CartPole, a task each; needs torch and ``lpcurr[train]``.

>>> result = train(Args(total_steps=2048, num_envs=16, num_steps=64))
>>> result["steps"], result["episodes"] > 20
(2048, True)
"""

import argparse
from dataclasses import dataclass, fields
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

from lpcurr import CurriculumConfig, DiscreteRandomConfig, LearningProgressConfig
from lpcurr.generators import Span, bucketed
from lpcurr.integrations.gymnasium_vector import Episodes, VectorCurriculumEnv


@dataclass
class Args:
    """What the command line may set."""

    seed: int = 1
    total_steps: int = 500_000
    learning_rate: float = 1e-3
    num_envs: int = 64
    num_steps: int = 128
    gamma: float = 0.99
    gae_lambda: float = 0.95
    num_minibatches: int = 8
    update_epochs: int = 6
    clip_coef: float = 0.2
    ent_coef: float = 0.0
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    use_lp: bool = True


class Agent(nn.Module):  # type: ignore[misc, unused-ignore]
    """A policy and a value, with a network each."""

    def __init__(self, observations: int, actions: int) -> None:
        super().__init__()
        self.actor, self.critic = (
            nn.Sequential(nn.Linear(observations, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))
            for outputs in (actions, 1)
        )

    def policy(self, observation: Any) -> Any:
        """The distribution of the action."""
        return Categorical(logits=self.actor(observation))

    def value(self, observation: Any) -> Any:
        """The discounted rewards to be expected."""
        return self.critic(observation).squeeze(-1)


def make_config(args: Args) -> CurriculumConfig:  # curriculum
    """Poles of 6 cm to 2 m and of 0.05 to 3 kg, from the gravity of the Moon to five times Earth's."""
    tasks = bucketed({"length": 0.5, "masspole": 0.1, "gravity": 9.8}, label="pole")
    tasks.add_bucket("length", [0.03, 0.08, 0.2, 0.5, 1.0], label=True)
    tasks.add_bucket("masspole", Span(0.05, 3.0)).add_bucket("gravity", Span(1.6, 50.0))
    algorithm: LearningProgressConfig | DiscreteRandomConfig = DiscreteRandomConfig()
    if args.use_lp:
        algorithm = LearningProgressConfig(ema_timescale=0.3, min_samples_for_lp=4)
    return CurriculumConfig(num_active_tasks=128, seed=args.seed, task_generator=tasks, algorithm_config=algorithm)


def set_physics(envs: Any, indices: Any, configs: list[dict[str, float]]) -> None:  # curriculum
    """Give some of the poles other physics: numbers become arrays, which broadcast through CartPole's step."""
    for name in ("length", "masspole", "gravity"):
        values = np.array(np.broadcast_to(getattr(envs, name), envs.num_envs))
        values[indices] = [config[name] for config in configs]
        setattr(envs, name, values)
    envs.total_mass = envs.masscart + envs.masspole
    envs.polemass_length = envs.masspole * envs.length


def share_of_steps(episodes: Episodes) -> Any:  # curriculum
    """Return the share of the 500 steps that each pole was held."""
    return episodes.lengths / 500


def advantages_of(args: Args, rewards: Any, terminated: Any, ended: Any, values: Any) -> Any:
    """Generalised advantage estimates; where a time limit ended an episode, the last observation has a value."""
    advantages, carried = torch.zeros_like(rewards), torch.zeros(args.num_envs)
    for t in reversed(range(args.num_steps)):
        error = rewards[t] + args.gamma * values[t + 1] * ~terminated[t] - values[t]
        advantages[t] = carried = error + args.gamma * args.gae_lambda * carried * ~ended[t]
    return advantages


def update(args: Args, agent: Agent, optimizer: Any, batch: dict[str, Any]) -> None:
    """Some passes over a batch in minibatches."""
    count = len(batch["actions"])
    for _ in range(args.update_epochs):
        for part in torch.randperm(count).tensor_split(args.num_minibatches):
            policy, values = agent.policy(batch["observations"][part]), agent.value(batch["observations"][part])
            ratio = (policy.log_prob(batch["actions"][part]) - batch["log_probs"][part]).exp()
            advantages = batch["advantages"][part]
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
            clipped = ratio.clamp(1 - args.clip_coef, 1 + args.clip_coef)
            policy_loss = -torch.min(advantages * ratio, advantages * clipped).mean()
            value_loss = 0.5 * (values - batch["returns"][part]).square().mean()
            loss = policy_loss + args.vf_coef * value_loss - args.ent_coef * policy.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), args.max_grad_norm)
            optimizer.step()


class Rollouts:
    """Plays the policy, ``num_steps`` at a time."""

    def __init__(self, args: Args, envs: Any) -> None:
        self._args, self._envs = args, envs
        observation, _ = envs.reset(seed=args.seed)
        self._observation = torch.as_tensor(observation)
        self._begins = torch.zeros(args.num_envs, dtype=torch.bool)  # the next step begins an episode

    def play(self, agent: Agent) -> tuple[dict[str, Any], list[float]]:
        """A batch for :func:`update`, and the scores of the episodes that ended."""
        shape = self._args.num_steps, self._args.num_envs
        observations = torch.zeros(*shape, self._observation.shape[1])
        actions, log_probs, rewards = torch.zeros(shape, dtype=torch.long), torch.zeros(shape), torch.zeros(shape)
        terminated, ended, valid = (torch.zeros(shape, dtype=torch.bool) for _ in range(3))
        values, scores = torch.zeros(shape[0] + 1, shape[1]), []
        with torch.no_grad():
            for t in range(self._args.num_steps):
                observations[t], valid[t] = self._observation, ~self._begins
                policy = agent.policy(self._observation)
                actions[t] = policy.sample()
                log_probs[t], values[t] = policy.log_prob(actions[t]), agent.value(self._observation)
                observation, reward, terminal, truncated, infos = self._envs.step(actions[t].numpy())
                self._observation = torch.as_tensor(observation)
                rewards[t], terminated[t] = torch.as_tensor(reward), torch.as_tensor(terminal)
                ended[t] = self._begins = torch.as_tensor(terminal | truncated)
                if "curriculum/score" in infos:  # curriculum
                    scores += infos["curriculum/score"][infos["_curriculum/score"]].tolist()
            values[-1] = agent.value(self._observation)
        advantages = advantages_of(self._args, rewards, terminated, ended, values)
        # The step after an episode's end begins the next one, whatever the action: nothing is to be learned from it.
        whole = {"observations": observations, "actions": actions, "log_probs": log_probs, "advantages": advantages}
        return {name: each[valid] for name, each in (whole | {"returns": advantages + values[:-1]}).items()}, scores


def train(args: Args, *, verbose: bool = False) -> dict[str, float]:
    """Train an agent; return steps, episodes, and the mean score of the last rollout with an ended episode.

    ``verbose`` prints a line for each of about twenty parts of the training.
    """
    torch.manual_seed(args.seed)
    with make_config(args).make() as curriculum:  # curriculum
        poles = gymnasium.make_vec("CartPole-v1", num_envs=args.num_envs, vectorization_mode="vector_entry_point")
        envs = VectorCurriculumEnv(poles, curriculum, apply_tasks=set_physics, score=share_of_steps)  # curriculum
        agent = Agent(4, 2)
        optimizer = torch.optim.Adam(agent.parameters(), lr=args.learning_rate, eps=1e-5)
        rollouts = Rollouts(args, envs)
        iterations = args.total_steps // (args.num_envs * args.num_steps)
        score = 0.0
        for iteration in range(iterations):
            optimizer.param_groups[0]["lr"] = args.learning_rate * (1.0 - iteration / iterations)
            batch, scores = rollouts.play(agent)
            update(args, agent, optimizer, batch)
            score = float(np.mean(scores)) if scores else score
            if verbose and iteration % max(iterations // 20, 1) == 0:
                steps = (iteration + 1) * args.num_envs * args.num_steps
                learned = curriculum.stats()  # curriculum
                print(f"{steps:>9,} steps  score {score:.3f}  episodes {learned['num_completed']:,.0f}")
        episodes = curriculum.stats()["num_completed"]
        envs.close()
    return {"steps": iterations * args.num_envs * args.num_steps, "episodes": episodes, "score": score}


def parse_args(words: list[str] | None = None) -> Args:
    """Read the command line.

    >>> parse_args(["--num-envs", "8", "--no-use-lp"]).use_lp
    False
    """
    parser = argparse.ArgumentParser(description="PPO on CartPole with a curriculum")
    for field in fields(Args):
        name = "--" + field.name.replace("_", "-")
        if isinstance(field.default, bool):
            parser.add_argument(name, action=argparse.BooleanOptionalAction, default=field.default)
        else:
            parser.add_argument(name, type=type(field.default), default=field.default)
    return Args(**vars(parser.parse_args(words)))


if __name__ == "__main__":
    torch.set_num_threads(1)  # networks this small are slower with more
    print(train(parse_args(), verbose=True))
