"""MettaGrid's arena: PPO by PufferLib's trainer on the CPU, several worker processes on one pool.

Four agents share a room. Mines give ore, generators make batteries of it, altars hearts, and hearts are what counts.
Tasks differ in the size of the room (their label), in how many machines there are, in what agents have to begin with,
in whether ore and batteries are rewarded too, and in how long an episode is. A score is the mean reward of the agents:
0 to about 1.

Install (CPython 3.11 or 3.12; MettaGrid has no packages for others)::

    pip install "lpcurr[metta]"

This takes PufferLib's own pin of torch, and with it 7 GB of CUDA packages. Without those, in 1.3 GB, with whatever
torch you have (2.13 for the CPU was tried)::

    pip install torch --index-url <the index of PyTorch's CPU builds>
    pip install "lpcurr[train]" "mettagrid>=0.26" psutil pyro-ppl rich rich-argparse
    pip install --no-deps "pufferlib-core>=3.0.21"

Run::

    lpcurr train mettagrid_arena                                # the frontier, 2 worker processes
    lpcurr train mettagrid_arena use_lp=false                   # discrete random
    lpcurr train mettagrid_arena workers=8 envs_per_worker=16 total_steps=50000000 max_seconds=36000
    lpcurr train mettagrid_arena compare=true seeds=3
    lpcurr train mettagrid_arena vectorization=serial           # no worker processes

Steps are those of agents, as PufferLib counts them. A checkpoint has the policy, the optimiser and torch's random state
(``torch.save``, read back with ``weights_only=True``). With the same seed a training goes the same way until two
workers meet at the pool in another order, and to its end with ``vectorization=serial``.

A short run, ``lpcurr train mettagrid_arena max_seconds=130`` on two cores that other work kept busy: 303,000 agent
steps at about 2,300 a second, 1,038 episodes; the mean score of an epoch's episodes rose from 0.18 to 0.25 while the
curriculum chose them from all rooms alike (it had not yet seen enough of them to tell them apart). That it learns is
all this shows; ``compare=true`` asks whether the curriculum helps, and wants millions of steps.
"""
