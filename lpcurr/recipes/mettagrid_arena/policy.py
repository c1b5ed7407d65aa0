"""A small policy for MettaGrid's observation tokens. Needs mettagrid, pufferlib and torch."""

from typing import Any

import torch
from mettagrid.config.mettagrid_config import MettaGridConfig
from mettagrid.policy.policy_env_interface import PolicyEnvInterface
from pufferlib.pytorch import layer_init
from torch import Tensor, nn

_GLOBAL, _NOTHING = 254, 255
_KINDS = 16  # tags of objects that are told apart


class ArenaPolicy(nn.Module):  # type: ignore[misc, unused-ignore]
    """One embedding for what lies where, a hidden layer, and heads for actions and value.

    A token says that at a place in view a feature has a value. Each (place, feature) has an embedding, and an
    observation is the sum of those of its tokens, weighted by log(1 + value): a linear layer on the whole view, at the
    cost of the few tokens that are there. Tags name kinds of objects, so (place, tag) has an embedding of its own.
    ``config`` is that of any task: what is observed and done is the same in all of them.
    """

    places: Tensor

    def __init__(self, config: MettaGridConfig, hidden_size: int) -> None:
        super().__init__()
        interface = PolicyEnvInterface.from_mg_cfg(config)
        width, height = config.game.obs.width, config.game.obs.height
        features = {feature.name: feature.id for feature in interface.obs_features}
        self.hidden_size = hidden_size
        self._tag = features["tag"]
        self._channels = _KINDS + max(features.values()) + 1
        places = torch.zeros(256, dtype=torch.long)  # by the byte y·16 + x; the last place is for global tokens
        for y in range(height):
            places[y * 16 : y * 16 + width] = torch.arange(y * width, (y + 1) * width)
        places[_GLOBAL] = width * height
        self.register_buffer("places", places, persistent=False)
        self.embeddings = nn.Parameter(torch.randn((width * height + 1) * self._channels, hidden_size) * 0.1)
        self.hidden = nn.Sequential(nn.ReLU(), layer_init(nn.Linear(hidden_size, hidden_size)), nn.ReLU())
        self.actions = layer_init(nn.Linear(hidden_size, int(interface.action_space.n)), std=0.01)
        self.value = layer_init(nn.Linear(hidden_size, 1), std=1)

    def forward(self, observations: Tensor, state: Any = None) -> tuple[Tensor, Tensor]:
        """Logits float[n, actions] and values float[n, 1], for observations uint8[n, tokens, 3]."""
        used = int((observations[:, :, 0] != _NOTHING).sum(dim=1).max())  # tokens come first, padding last
        place, feature, value = observations[:, : max(used, 1)].long().unbind(dim=-1)
        is_tag = feature == self._tag
        channel = torch.where(is_tag, value.clamp(max=_KINDS - 1), _KINDS + feature.clamp(max=self._channels - 17))
        weight = torch.where(is_tag, torch.ones(()), torch.log1p(value.float()))
        weight = torch.where(place == _NOTHING, torch.zeros(()), weight)
        rows = self.places[place] * self._channels + channel
        seen = nn.functional.embedding_bag(rows, self.embeddings, per_sample_weights=weight, mode="sum")
        hidden = self.hidden(seen)
        return self.actions(hidden), self.value(hidden)

    forward_eval = forward  # PufferLib's trainer acts by this name and learns by the other
