"""The decoder's samples: the expected face, its scatter, guidance, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError
from visavox.generation.drawers.base import DrawingRequest, HeardForDrawing
from visavox.generation.drawers.decoder import CHUNK, DecoderDrawer, sample_seed
from visavox.generation.parts import save_part
from visavox.generation.provenance import FROM_VOICE, GIVEN, Condition
from visavox.models.face_decoders.small import SmallDecoder
from visavox.models.face_predictors.light import LightPredictor
from visavox.models.face_predictors.speech2face import Speech2FacePredictor
from visavox.models.speech_image import speech_image

HEARD = HeardForDrawing(np.arange(4.0), np.ones((2, 4)), np.zeros(16000, np.float32))


def parts(spread_rank: int = 3, image_px: int = 8) -> tuple[LightPredictor, SmallDecoder]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        predictor = LightPredictor(input_dim=4, feature_dim=5, spread_rank=spread_rank)
        decoder = SmallDecoder(feature_dim=5, image_px=image_px, channel_factor=0.2)
        with torch.no_grad():
            predictor.affine.weight.normal_()
            predictor.centre.normal_()
            predictor.spread.normal_()
    return predictor, decoder


def drawer(**changes: Any) -> DecoderDrawer:
    return DecoderDrawer(*parts(**changes), guidance=1.5)


def request(**changes: Any) -> DrawingRequest:
    return DrawingRequest(**{"heard": HEARD, "n_samples": 3, "seed": 7, **changes})


def test_features_are_those_of_a_plain_loop() -> None:
    drawing = drawer()
    found = drawing.features(request(guidance=2.0)).detach().numpy()
    predictor = drawing.predictor
    voice = torch.from_numpy(HEARD.vector).float()
    centre = predictor.centre.numpy()
    predicted = predictor(voice[None])[0].detach().numpy()
    for sample in range(3):
        wanted = centre + 2.0 * (predicted - centre)
        if sample:
            z = torch.randn(3, generator=torch.Generator().manual_seed(sample_seed(7, sample))).numpy()
            for row in range(5):
                wanted[row] += sum(float(predictor.spread[row, k]) * z[k] for k in range(3))
        assert np.allclose(found[sample], wanted, atol=1e-5)


def test_the_first_sample_is_the_expected_face_whatever_the_seed() -> None:
    drawing = drawer()
    one, other = drawing.draw(request(seed=1)), drawing.draw(request(seed=2))
    assert np.array_equal(one[0], other[0])
    assert not np.array_equal(one[1], other[1]) and not np.array_equal(one[1], one[2])


def test_without_guidance_nobody_in_particular_is_drawn() -> None:
    drawing = drawer()
    other = HeardForDrawing(-HEARD.vector, HEARD.windows, HEARD.samples)
    silent = drawing.draw(request(guidance=0.0, n_samples=1))
    assert np.array_equal(silent, drawing.draw(request(guidance=0.0, n_samples=1, heard=other)))
    assert np.array_equal(silent, drawing.pictures(drawing.predictor.centre[None]))
    assert not np.array_equal(silent, drawing.draw(request(n_samples=1)))


def test_its_own_guidance_is_taken_where_none_is_asked_for() -> None:
    drawing = drawer()
    assert np.array_equal(drawing.draw(request()), drawing.draw(request(guidance=1.5)))


def test_pieces_are_the_same_as_all_at_once_however_many() -> None:
    drawing, n = drawer(), CHUNK + 3
    seen: list[tuple[int, int]] = []
    together = drawing.draw(request(n_samples=n), lambda done, total: seen.append((done, total)))
    pieces = [drawing.draw(request(n_samples=5, first_sample=at)) for at in range(0, n, 5)]
    assert np.array_equal(together, np.concatenate(pieces)[:n])
    assert seen == [(CHUNK, n), (n, n)]
    assert together.shape == (n, 8, 8, 3) and together.dtype == np.uint8


def test_a_predictor_without_scatter_draws_the_expected_face_every_time() -> None:
    drawn = drawer(spread_rank=0).draw(request())
    assert np.array_equal(drawn[0], drawn[1]) and np.array_equal(drawn[0], drawn[2])


def test_drawing_leaves_other_random_numbers_alone() -> None:
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    drawer().draw(request())
    assert torch.equal(torch.rand(1), wanted)


def test_a_predictor_of_spectrograms_hears_the_samples() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        predictor = Speech2FacePredictor(feature_dim=5, channel_factor=0.02, hidden_dim=8).eval()
    samples = np.sin(np.arange(20000) / 9).astype(np.float32)
    drawing = DecoderDrawer(predictor, parts()[1])
    found = drawing.predict(HeardForDrawing(HEARD.vector, HEARD.windows, samples))
    wanted = predictor(torch.from_numpy(speech_image(samples))[None])[0]
    assert found.shape == (5,) and torch.allclose(found, wanted) and drawing.guidance == 1.0


def test_what_the_user_says_of_the_face_is_refused() -> None:
    told = (Condition("voice", FROM_VOICE),)
    assert drawer().draw(request(told=told)).shape == (3, 8, 8, 3)
    given = (*told, Condition("gender", GIVEN, "female"), Condition("age", GIVEN, 30))
    with pytest.raises(ConfigError, match="can be told voice, not gender, age. Leave that out"):
        drawer().draw(request(told=given))


def test_a_generator_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    predictor, decoder = parts()
    arguments = {"input_dim": 4, "feature_dim": 5, "spread_rank": 3}
    save_part(tmp_path, "predictor", name="light", arguments=arguments, network=predictor)
    shape = {"feature_dim": 5, "image_px": 8, "channel_factor": 0.2}
    save_part(tmp_path, "decoder", name="small", arguments=shape, network=decoder)
    choices = {"guidance": 1.5, "face_encoder": {"name": "face_look"}}
    again = DecoderDrawer.from_generator(tmp_path, image_px=8, choices=choices)
    assert (again.image_px, again.sizes_px, again.guidance) == (8, (8,), 1.5)
    assert np.array_equal(again.draw(request()), DecoderDrawer(predictor, decoder, guidance=1.5).draw(request()))
    with pytest.raises(ConfigError, match="draws 8 px, its generator says 16. Train it again"):
        DecoderDrawer.from_generator(tmp_path, image_px=16, choices={})


def test_missing_or_foreign_parts_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no part predictor. Its parts: none"):
        DecoderDrawer.from_generator(tmp_path, image_px=8, choices={})
    with pytest.raises(ConfigError, match="gives features of 5 numbers, the decoder takes 6. Train both in one run"):
        DecoderDrawer(parts()[0], SmallDecoder(feature_dim=6, image_px=8))


def test_a_sample_is_the_same_to_the_last_bit_however_many_are_drawn_with_it() -> None:
    sizes: list[int] = []
    drawing = drawer()
    drawing.decoder.register_forward_hook(lambda _, given, made: sizes.append(len(given[0])))
    together = drawing.draw(request(n_samples=CHUNK + 1))
    alone = [drawing.draw(request(n_samples=1, first_sample=i)) for i in range(CHUNK + 1)]
    assert np.array_equal(together, np.concatenate(alone))
    assert set(sizes) == {CHUNK}  # another size of batch rounds its sums otherwise


def test_a_voice_of_another_encoder_is_one_line() -> None:
    heard = HeardForDrawing(np.zeros(6), np.zeros((1, 6)), np.zeros(16000, np.float32))
    with pytest.raises(ConfigError, match=r"listens to vectors of 4 numbers. Got \(6,\). Use the voice encoder"):
        drawer().draw(request(heard=heard))


@pytest.mark.parametrize("part", ["predictor", "decoder"])
def test_a_part_of_another_version_is_named(tmp_path: Path, part: str) -> None:
    for name, kind, network in zip(("predictor", "decoder"), ("light", "small"), parts(), strict=True):
        size = {"input_dim": 4} if kind == "light" else {"image_px": 8}
        arguments = {"feature_dim": 5, **size, **({"newer": 1} if name == part else {})}
        save_part(tmp_path, name, name=kind, arguments=arguments, network=network)
    with pytest.raises(DataError, match=f"The {part} of .* of another version or damaged .*'newer'.* train again"):
        DecoderDrawer.from_generator(tmp_path, image_px=8, choices={})
