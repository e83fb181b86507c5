"""A network that learns batch by batch: optimizer, average of the weights, mixed precision on a GPU."""

import copy
from typing import Any

import numpy as np
import torch

from indexing.compute.encoders.loader import load_strictly
from training.compute import networks
from training.compute.augmentation import Mixed
from training.compute.checkpoints import Checkpoint
from training.compute.losses import loss_of
from training.compute.networks import Normalized
from training.compute.settings import Settings

BatchNorm = torch.nn.modules.batchnorm._BatchNorm  # of one, two and three dimensions
AVERAGE_WARM_UP = 10  # the average follows closely at first: decay (1 + t) / (10 + t)


def device_of(name: str) -> torch.device:
    """auto: the first GPU where there is one, else the CPU."""
    return torch.device(("cuda:0" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


class Learner:
    """The network of `settings` in training. `weights_of_classes` (C,) weigh the loss."""

    def __init__(self, settings: Settings, weights_of_classes: np.ndarray | None) -> None:
        self._settings, self._device = settings, device_of(settings.device)
        self._network = networks.build(
            settings.architecture,
            settings.num_classes,
            weights=settings.weights,
            drops=settings.drops,
            seed=settings.seed,
        ).to(self._device)
        named = list(networks.trainable(self._network, settings.architecture, settings.trainable))
        self._names = [name for name, _ in named]
        self._optimizer = torch.optim.AdamW(
            [parameter for _, parameter in named], lr=settings.rate, weight_decay=settings.weight_decay
        )
        self._average = copy.deepcopy(self._network) if settings.ema_decay else None
        self._num_steps = 0
        self._class_weights = (
            None if weights_of_classes is None else torch.from_numpy(weights_of_classes).to(self._device)
        )
        self._is_mixed = self._device.type == "cuda" and torch.cuda.is_bf16_supported()

    def placed(self, images: torch.Tensor) -> torch.Tensor:
        """The images where the network is."""
        return images.to(self._device)

    def begin_training(self) -> None:
        """Layers that behave otherwise in training do; with only the head trained, its own alone."""
        self._network.train()
        if self._settings.trainable == "head":
            self._network.eval()
            self._head(self._network).train()
        for layer in self._network.modules():
            if isinstance(layer, BatchNorm) and (self._settings.is_norm_frozen or self._is_folded(layer)):
                layer.eval()

    def step(self, images: torch.Tensor, targets: torch.Tensor, mixed: Mixed | None) -> float:
        """One step on (N, 3, S, S) images; the loss before it."""
        place = self._normalized(self._network)
        targets = targets.to(self._device)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._is_mixed):
            logits = place(self.placed(images) if mixed is None else mixed.images)
        loss = loss_of(logits.float(), targets, self._settings.kind, self._class_weights, mixed)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        self._num_steps += 1
        self._follow()
        return float(loss.detach())

    def logits(self, images: torch.Tensor) -> np.ndarray:
        """(N, C) float32 of (N, 3, S, S) images, by the weights that are saved."""
        network = self._measured().eval()
        with torch.inference_mode():  # in fp32, as the classifier will answer
            return self._normalized(network)(self.placed(images)).float().cpu().numpy()

    def head_inputs(self, images: torch.Tensor) -> np.ndarray | None:
        """(N, D) float32: what the last layer gets of (N, 3, S, S) images; None for one that convolves."""
        head = self._head(self._network)
        if not isinstance(head, torch.nn.Linear):
            return None
        seen: list[torch.Tensor] = []
        hook = head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        with hook, torch.inference_mode():
            self._normalized(self._network.eval())(self.placed(images))
        return seen[0].float().cpu().numpy()

    def start_head(self, weights: np.ndarray, bias: np.ndarray) -> None:
        """Give the last layer weights (C, D) and bias (C,), also in the average."""
        for network in {self._network, self._measured()}:
            state = {"weight": torch.from_numpy(weights), "bias": torch.from_numpy(bias)}
            self._head(network).load_state_dict(state)

    def _head(self, network: torch.nn.Module) -> torch.nn.Module:
        return network.get_submodule(networks.head_name(network, self._settings.architecture))

    def plain_loss(self, logits: np.ndarray, targets: torch.Tensor) -> float:
        """The mean loss without class weights."""
        return float(loss_of(torch.from_numpy(logits), targets, self._settings.kind))

    def weights(self) -> dict[str, torch.Tensor]:
        """The weights that are measured and saved: the average, where there is one."""
        return self._measured().state_dict()

    def training_state(self) -> dict[str, torch.Tensor]:
        """What else is needed to go on: the optimizer's state and, beside an average, the weights learned."""
        state = {"num_steps": torch.tensor(self._num_steps)}
        for number, values in self._optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{self._names[number]}/{name}": value for name, value in values.items()}
        if self._average is not None:
            state |= {f"network.{name}": value for name, value in self._network.state_dict().items()}
        return state

    def restore(self, start: Checkpoint) -> None:
        """Take over a checkpoint's weights and, where it has one, its training state."""
        load_strictly(self._measured(), start.weights, drops=(), source=str(start.path))
        if self._average is not None:
            own = {
                name.removeprefix("network."): value
                for name, value in start.training.items()
                if name.startswith("network.")
            }
            load_strictly(self._network, own or start.weights, drops=(), source=str(start.path))
        if not start.training:
            return
        self._num_steps = int(start.training["num_steps"])
        state: dict[int, dict[str, Any]] = {}
        for number, name in enumerate(self._names):
            prefix = f"optimizer.{name}/"
            found = {
                key.removeprefix(prefix): value
                for key, value in start.training.items()
                if key.startswith(prefix)
            }
            if found:
                state[number] = found
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": state, "param_groups": groups})

    def _is_folded(self, layer: torch.nn.modules.batchnorm._BatchNorm) -> bool:
        """Whether a pretrained layer does nothing any more, as in files whose publisher folded it away.

        Such a network is not used to normalized batches; what it has learned would be lost with them.
        """
        if self._settings.weights is None and not self._num_steps:
            return False  # random numbers: it has not measured anything yet
        mean, variance = layer.running_mean, layer.running_var
        return mean is not None and variance is not None and not mean.any() and bool((variance == 1).all())

    def _measured(self) -> torch.nn.Module:
        return self._network if self._average is None else self._average

    def _normalized(self, network: torch.nn.Module) -> Normalized:
        return Normalized(network, self._settings.preprocessing).to(self._device)

    def _follow(self) -> None:
        if self._average is None or self._settings.ema_decay is None:
            return
        decay = min(self._settings.ema_decay, (1 + self._num_steps) / (AVERAGE_WARM_UP + self._num_steps))
        current = self._network.state_dict()
        with torch.no_grad():
            for name, value in self._average.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(current[name], 1 - decay)
                else:
                    value.copy_(current[name])
