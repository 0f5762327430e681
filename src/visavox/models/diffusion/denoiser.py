"""What is in the noise: diffusers' UNet with cross-attention on condition tokens.

The tokens are attended to at the lower resolutions, and their mean is added to the embedding of the step, which tells
every layer. It samples nothing; that is `visavox.generation.sampling`'s affair.

Example:
    denoiser = Denoiser(latent_shape=(4, 16, 16), kinds=("voice", "windows"), voice_dim=256)
    denoiser(noisy, steps, told).shape      # (n, 4, 16, 16)

Source: Ho et al. 2020 (DDPM); Salimans and Ho 2022, appendix D (v-prediction); Rombach et al. 2022, section 3.3;
    Saharia et al. 2022 (Imagen), whose pooled conditions are added to the step's embedding too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.models.diffusion.condition_tokens import ConditionTokens, pooled
from visavox.models.diffusion.conditions import Told
from visavox.models.diffusion.diffusers_import import import_from_diffusers

Prediction = Literal["epsilon", "v_prediction"]
NoiseSchedule = Literal["linear", "squaredcos_cap_v2"]
NORM_GROUPS = 16


class Denoiser(nn.Module):
    """Noisy latents, a step and conditions to what the noise, or the velocity, is.

    Args:
        latent_shape: (channels, side, side) of what is denoised.
        kinds: conditions that it is told, names of `visavox.models.diffusion.condition_tokens.KINDS`.
        voice_dim: length of a vector of the voice encoder.
        token_dim: length of a token.
        channels: widths of the resolutions, finest first; multiples of 16 and of `head_dim` where it attends.
        layers: residual blocks a resolution, 1 or more.
        attend_from: first resolution, 0 is the finest, that attends to the tokens.
        head_dim: width of a head of attention.
        prediction: epsilon, the noise; or v_prediction, the velocity, which is defined at every step.
        n_train_steps: steps of the noise, 2 or more.
        schedule: how the noise grows: linear (DDPM) or squaredcos_cap_v2 (Nichol and Dhariwal 2021).

    Raises:
        ConfigError: a value is out of range.
    """

    def __init__(
        self,
        *,
        latent_shape: Sequence[int],
        kinds: Sequence[str],
        voice_dim: int,
        token_dim: int = 128,
        channels: Sequence[int] = (64, 128, 128),
        layers: int = 1,
        attend_from: int = 1,
        head_dim: int = 32,
        prediction: Prediction = "v_prediction",
        n_train_steps: int = 1000,
        schedule: NoiseSchedule = "squaredcos_cap_v2",
    ) -> None:
        super().__init__()
        planes, side, _ = latent_shape
        _check(channels, layers=layers, attend_from=attend_from, head_dim=head_dim, side=side)
        if prediction not in get_args(Prediction) or schedule not in get_args(NoiseSchedule) or n_train_steps < 2:
            raise ConfigError(
                f"A denoiser takes `prediction` {' or '.join(get_args(Prediction))}, `schedule` "
                f"{' or '.join(get_args(NoiseSchedule))} and `n_train_steps` of 2 or more. "
                f"Got {prediction!r}, {schedule!r}, {n_train_steps}."
            )
        UNet2DConditionModel = import_from_diffusers("diffusers.models.unets.unet_2d_condition", "UNet2DConditionModel")

        self.latent_shape = tuple(latent_shape)
        self.prediction, self.n_train_steps, self.schedule = prediction, n_train_steps, schedule
        self.tokens = ConditionTokens(kinds=kinds, voice_dim=voice_dim, token_dim=token_dim)
        attends = [index >= attend_from for index in range(len(channels))]
        self.network = UNet2DConditionModel(
            sample_size=side,
            in_channels=planes,
            out_channels=planes,
            block_out_channels=tuple(channels),
            layers_per_block=layers,
            down_block_types=tuple("CrossAttnDownBlock2D" if yes else "DownBlock2D" for yes in attends),
            up_block_types=tuple("CrossAttnUpBlock2D" if yes else "UpBlock2D" for yes in reversed(attends)),
            cross_attention_dim=token_dim,
            attention_head_dim=[max(width // head_dim, 1) for width in channels],  # diffusers means the number of heads
            norm_num_groups=NORM_GROUPS,
            resnet_time_scale_shift="scale_shift",
            class_embed_type="simple_projection",
            projection_class_embeddings_input_dim=token_dim,
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Conditions that it is told, in the order of their positions."""
        return self.tokens.kinds

    def forward(self, noisy: Tensor, steps: Tensor, told: Told) -> Tensor:
        """Return (n, *latent_shape) float32: the noise or the velocity.

        Args:
            noisy: (n, *latent_shape) float32.
            steps: (n,) int64, 0 (hardly any noise) to n_train_steps - 1 (nothing but noise).
            told: n rows of conditions.
        """
        sequence, mask = self.tokens(told)
        found: Any = self.network(
            noisy,
            steps,
            encoder_hidden_states=sequence,
            encoder_attention_mask=mask,
            class_labels=pooled(sequence, mask),
            return_dict=False,
        )
        answer: Tensor = found[0]
        return answer.float()


def _check(channels: Sequence[int], *, layers: int, attend_from: int, head_dim: int, side: int) -> None:
    if not channels or layers < 1 or not 0 <= attend_from <= len(channels) or head_dim < 1:
        raise ConfigError(
            f"A denoiser needs `channels`, `layers` of 1 or more, `attend_from` of 0 to their number and `head_dim` of "
            f"1 or more. Got {list(channels)}, {layers}, {attend_from}, {head_dim}."
        )
    if any(width % NORM_GROUPS or width % head_dim for width in channels):
        raise ConfigError(
            f"`channels` must be multiples of {NORM_GROUPS} and of `head_dim` {head_dim}. Got {list(channels)}."
        )
    if side % 2 ** (len(channels) - 1):
        raise ConfigError(
            f"Latents of side {side} cannot be halved {len(channels) - 1} times. Give fewer `channels`. "
            f"Got {list(channels)}."
        )
