"""The sampler in torch's and torchdata's loaders: cut and resumed, with workers that fetch ahead, on several ranks."""

from __future__ import annotations

import io
import itertools
import random
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as distributed
from torch.multiprocessing.spawn import spawn
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from lpcurr import ConfigError, Curriculum, CurriculumConfig, InvalidBatchError, LearnabilityConfig
from lpcurr.guides import guide
from lpcurr.integrations.torch import CurriculumSampler

PROMPTS = [(i, f"{i} + {i} =") for i in range(30)]
STEPS = 24


def make_curriculum(seed: int, **fields: Any) -> Curriculum:
    algorithm = LearnabilityConfig(attempts=8, rand_task_rate=0.2)
    values = {"tasks": [text for _, text in PROMPTS], "seed": seed, "use_shared_memory": False} | fields
    return CurriculumConfig(algorithm_config=algorithm, **values).make()


def step(sampler: CurriculumSampler, ids: torch.Tensor, number: int) -> list[int]:
    """Train one batch: its answers depend on the step alone, as a model's would after a resume."""
    draws = random.Random(number)
    sampler.report(ids, [sum(draws.random() < (task_id % 10) / 9 for _ in range(8)) for task_id in ids.tolist()], 8)
    return ids.tolist()


def saved_and_loaded(state: Any, weights_only: bool) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    return torch.load(io.BytesIO(file.getvalue()), weights_only=weights_only)


def run(
    kind: type[DataLoader[Any]], seed: int, workers: int, first: int = 0, state: Any = None, cut: int = STEPS
) -> Any:
    """Train from one step to another: the prompts of each, and the state at the end."""
    with make_curriculum(seed if state is None else seed + 1000) as curriculum:
        sampler = CurriculumSampler(curriculum, 5, num_batches=STEPS)
        loader = kind(PROMPTS, batch_sampler=sampler, num_workers=workers)
        keeper = loader if kind is StatefulDataLoader else sampler
        if state is not None:
            keeper.load_state_dict(state)
        trained = []
        for number, (ids, _) in enumerate(loader, first):
            trained.append(step(sampler, ids, number))
            if number == cut - 1:
                return trained, saved_and_loaded(keeper.state_dict(), weights_only=keeper is sampler)
        return trained, None


@pytest.mark.parametrize("cut", range(50))
def test_a_run_that_is_cut_and_resumed_trains_the_same_prompts(cut: int) -> None:
    at = random.Random(cut).randrange(1, STEPS)
    before, state = run(DataLoader, cut, workers=0, cut=at)
    assert len(state["in_flight"]) == 0
    after, _ = run(DataLoader, cut, workers=0, first=at, state=state)
    assert before + after == run(DataLoader, cut, workers=0)[0]


@pytest.mark.parametrize("kind", [DataLoader, StatefulDataLoader])
@pytest.mark.parametrize("cut", [1, 7, 22])
def test_what_workers_have_fetched_ahead_is_neither_lost_nor_trained_twice(kind: Any, cut: int) -> None:
    expected, _ = run(kind, cut, workers=2)
    assert len(expected) == STEPS
    before, state = run(kind, cut, workers=2, cut=cut)
    after, _ = run(kind, cut, workers=2, first=cut, state=state)
    assert before + after == expected


def test_torchdatas_loader_without_workers() -> None:
    expected, _ = run(StatefulDataLoader, 3, workers=0)
    before, state = run(StatefulDataLoader, 3, workers=0, cut=9)
    assert before + run(StatefulDataLoader, 3, workers=0, first=9, state=state)[0] == expected


def test_groups_stand_together_and_a_batch_has_no_prompt_twice() -> None:
    with make_curriculum(0) as curriculum:
        sampler = CurriculumSampler(curriculum, 4, num_generations=3, num_batches=5)
        batches = list(sampler)
        assert len(batches) == len(sampler) == 5
        for batch in batches:
            assert batch == [task_id for task_id in batch[::3] for _ in range(3)]
            assert len(set(batch)) == 4
        assert len(list(sampler)) == 5  # another pass
        assert sampler.ledger is not None
        assert sampler.ledger.in_flight.size == 40


def test_a_batch_has_so_many_of_each_label_also_after_a_resume() -> None:
    quotas: dict[str | int, int] = {"maths": 3, 7: 2}
    with make_curriculum(0, task_labels=["maths"] * 20 + [7] * 10) as curriculum:
        sampler = CurriculumSampler(curriculum, quotas, num_batches=6)
        first, second, third = itertools.islice(sampler, 3)
        sampler.report(first, [1] * 5, attempts=8)
        state = saved_and_loaded(sampler.state_dict(), weights_only=True)
        following = sampler.sample().tolist()
        resumed = CurriculumSampler(curriculum, quotas, num_batches=6)
        resumed.load_state_dict(state)
        again = list(resumed)
        assert again[:3] == [second, third, following]
        assert len(again) == 5
        for batch in again:
            assert max(batch[:3]) < 20 <= min(batch[3:])
            assert len(set(batch)) == 5
        with pytest.raises(ConfigError, match="batch_size is 0"):
            CurriculumSampler(curriculum, {})


class KeepCurriculumOfTheGuide:
    """The callback that the guide gives for Lightning."""

    def __new__(cls, sampler: CurriculumSampler) -> Any:
        lines = guide("language_models").split("    class KeepCurriculum", 1)[1].split("\n\n", 1)[0]
        names: dict[str, Any] = {"sampler": sampler, "lightning": SimpleNamespace(Callback=object)}
        exec(textwrap.dedent("    class KeepCurriculum" + lines), names)
        return names["KeepCurriculum"]()


@pytest.mark.parametrize("cut", [2, 5, 7])
def test_the_guides_callback_goes_on_where_a_trainer_that_counts_the_batches_was(cut: int) -> None:
    def train(trained: list[list[int]], keeper: Any, sampler: CurriculumSampler, until: int) -> Any:
        while len(trained) < until:  # as Lightning does: never asked for the batch after the last one
            rest = 5 - len(trained) % 5
            for ids in itertools.islice(DataLoader(range(30), batch_sampler=sampler), rest):
                trained.append(step(sampler, ids, len(trained)))
                if len(trained) == until:
                    return saved_and_loaded(keeper.state_dict(), weights_only=False)
        return None

    runs = []
    for parts in ([12], [cut, 12]):
        trained: list[list[int]] = []
        state = None
        for number, until in enumerate(parts):
            with make_curriculum(number) as curriculum:
                sampler = CurriculumSampler(curriculum, 4, num_batches=5)
                keeper = KeepCurriculumOfTheGuide(sampler)
                if state is not None:
                    keeper.load_state_dict(state)
                state = train(trained, keeper, sampler, until)
        runs.append(trained)
    assert runs[0] == runs[1]


def test_each_pass_is_whole_for_a_trainer_that_counts_the_batches() -> None:
    with make_curriculum(0) as curriculum:
        loader = DataLoader(PROMPTS, batch_sampler=CurriculumSampler(curriculum, 4, num_batches=5))
        assert [len(list(itertools.islice(loader, taken))) for taken in (5, 3, 5)] == [5, 3, 5]


def test_scores_that_are_more_than_right_or_wrong_are_no_longer_in_flight() -> None:
    with make_curriculum(0) as curriculum:
        sampler = CurriculumSampler(curriculum, 8, num_batches=3)
        for ids in sampler:
            assert sampler.report_scores(ids, torch.rand(8)).all()
        assert sampler.ledger is not None
        assert sampler.ledger.in_flight.size == 0
        assert curriculum.stats()["num_completed"] == 24


def test_a_session_is_named_in_place_of_its_curriculum() -> None:
    with make_curriculum(3, use_shared_memory=True) as curriculum:
        sampler = CurriculumSampler(curriculum.session_id, batch_size=4)
        assert sampler.ledger is not None
        with sampler.ledger.curriculum:
            sampler.report(sampler.sample(), [1] * 4, attempts=2)
        assert curriculum.stats()["num_completed"] == 8


def test_what_a_sampler_cannot_do_is_said() -> None:
    with pytest.raises(ConfigError, match="NoneType"):
        CurriculumSampler(None, 4)
    making_its_own = CurriculumConfig(num_active_tasks=8, use_shared_memory=False)
    with making_its_own.make() as curriculum, pytest.raises(ConfigError, match="no indices"):
        CurriculumSampler(curriculum, 4)
    with make_curriculum(0) as curriculum:
        with pytest.raises(ConfigError, match="batch_size is 0"):
            CurriculumSampler(curriculum, 0)
        with pytest.raises(TypeError, match="num_batches"):
            len(CurriculumSampler(curriculum, 4))
        with pytest.raises(InvalidBatchError, match="31 were asked for"):
            CurriculumSampler(curriculum, 31).sample()


def _rank(rank: int, folder: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    curriculum = make_curriculum(7) if rank == 0 else None
    sampler = CurriculumSampler(curriculum, 5, num_batches=6)
    trained = []
    for number, (ids, _) in enumerate(DataLoader(PROMPTS, batch_sampler=sampler)):
        trained.append(step(sampler, ids, number))
    torch.save(trained, f"{folder}/{rank}.pt")
    sampler = CurriculumSampler(curriculum, 31)
    with pytest.raises(InvalidBatchError if rank == 0 else RuntimeError):
        sampler.sample()
    distributed.destroy_process_group()
    if curriculum is not None:
        curriculum.close()


def test_all_ranks_see_the_batches_that_rank_0_chose(tmp_path: Path) -> None:
    spawn(_rank, (str(tmp_path),), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert len(first) == 6
    assert first == second == run(DataLoader, 7, workers=0, cut=6)[0]


def test_rewards_of_half_precision_and_counts_of_one_number_are_taken() -> None:
    with make_curriculum(0) as curriculum:
        rewards = torch.tensor([[1.0, 0.0], [1.0, 1.0]], dtype=torch.bfloat16, requires_grad=True)
        assert curriculum.update_many(torch.tensor([0, 1]), rewards[:, 0]) == 2
        assert curriculum.update_groups([0, 1], rewards.sum(1), torch.tensor(2)).all()
        with pytest.raises(InvalidBatchError, match="ids has dtype"):
            curriculum.update_many(rewards[0], [1.0, 1.0])
