"""Training from prepared media: it learns, it repeats itself, and a killed run ends with the same bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from visavox.batches.augment import FaceAugmentation, VoiceAugmentation
from visavox.batches.media_pairs import MediaPairs
from visavox.batches.pair_batches import Pairs
from visavox.errors import ConfigError, DataError
from visavox.persistence import read_tensors
from visavox.pipeline import end_to_end
from visavox.pipeline.checkpoints import STATE_FILE
from visavox.pipeline.distributed import Processes
from visavox.pipeline.end_to_end import (
    RunOptions,
    autocast_pays,
    check_patience,
    check_people,
    check_rows,
    deal,
    train_end_to_end,
)
from visavox.pipeline.end_to_end_network import JointNetwork
from visavox.pipeline.end_to_end_settings import EndToEndSettings
from visavox.pipeline.end_to_end_step import EpochDraws
from visavox.pipeline.monitoring import PairFigures, pair_figures
from visavox.pipeline.training_log import RunPlace, read_metrics

SETTINGS = EndToEndSettings(
    n_epochs=4,
    people_a_batch=6,
    learning_rate=0.02,
    output_dim=4,
    window_s=0.2,
    watch_every_epochs=2,
    face_augmentation=FaceAugmentation(brightness=0.01, colour=0.01, contrast=0.05, cutout=0.05),
    voice_augmentation=VoiceAugmentation(gain=0.1, tilt=0.05),
)
Make = Callable[..., MediaPairs]
MakeNetwork = Callable[..., JointNetwork]


def place(folder: Path) -> RunPlace:
    return RunPlace(folder, member="encoders", tensorboard=False)


def matching_score(network: JointNetwork, media: MediaPairs) -> float:
    vectors = [
        encoder.encode_prepared(list(items))
        for encoder, items in ((network.voice_encoder, media.voices), (network.face_encoder, media.faces))
    ]
    pairs = Pairs.of(*vectors, identities=media.voice_person.astype(str))
    return pair_figures(network.heads, pairs, pairs.allowed()).matching_score


def assert_same_bits(one: JointNetwork, other: JointNetwork) -> None:
    for name, array in one.tensors().items():
        np.testing.assert_array_equal(array, other.tensors()[name], err_msg=name)


def figures(score: float) -> dict[str, PairFigures]:
    return {"validation": PairFigures(0.5, 0.1, score, score)}


def test_it_learns_to_match_people_it_has_not_met(make_network: MakeNetwork, make_media: Make) -> None:
    network = make_network(SETTINGS)
    others = make_media(30, seed=1)
    before = matching_score(network, others)
    train_end_to_end(network, make_media(40), replace(SETTINGS, n_epochs=15, people_a_batch=20), RunOptions())
    assert matching_score(network, others) > 0.85 > before
    assert not network.training


def test_each_term_alone_lowers_its_own_loss(make_network: MakeNetwork, make_media: Make, tmp_path: Path) -> None:
    names = {
        "across_weight": ("voice_to_face_loss", "face_to_voice_loss"),
        "within_voice_weight": ("within_voice_loss",),
        "within_face_weight": ("within_face_loss",),
    }
    for chosen, losses in names.items():
        settings = replace(SETTINGS, n_epochs=8, **{name: float(name == chosen) for name in names})  # type: ignore[arg-type]
        network = make_network(settings)
        first = network.tensors()
        train_end_to_end(network, make_media(), settings, RunOptions(place=place(tmp_path / chosen)))
        rows = read_metrics(tmp_path / chosen)
        for loss in losses:
            assert rows[-1][loss] < rows[0][loss]
        assert not {name for other in names.values() for name in other if other != losses} & set(rows[0])
        heads_moved = any((first[n] != a).any() for n, a in network.tensors().items() if n.startswith("heads"))
        assert heads_moved == (chosen == "across_weight")


def test_a_run_is_a_pure_function_of_its_seed(make_network: MakeNetwork, make_media: Make) -> None:
    torch.manual_seed(1)
    one = train_end_to_end(make_network(SETTINGS), make_media(), SETTINGS, RunOptions(seed=3))
    torch.manual_seed(2)  # nobody else's random numbers play a part
    same = train_end_to_end(make_network(SETTINGS), make_media(), SETTINGS, RunOptions(seed=3))
    assert_same_bits(one, same)
    other = train_end_to_end(make_network(SETTINGS), make_media(), SETTINGS, RunOptions(seed=4))
    assert any((a != other.tensors()[n]).any() for n, a in one.tensors().items())


def test_the_callers_random_numbers_are_left_alone(make_network: MakeNetwork, make_media: Make) -> None:
    network = make_network(SETTINGS)
    state = torch.random.get_rng_state()
    train_end_to_end(network, make_media(), SETTINGS, RunOptions())
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_run_that_is_stopped_after_any_epoch_ends_with_the_same_bits(
    make_network: MakeNetwork, make_media: Make, tmp_path: Path
) -> None:
    whole = train_end_to_end(make_network(SETTINGS), make_media(), SETTINGS, RunOptions(place=place(tmp_path / "w")))

    class StoppedError(Exception):
        pass

    def stop_after(wanted: int) -> Callable[[int, int], None]:
        def progress(epoch: int, _total: int) -> None:
            if epoch == wanted:
                raise StoppedError

        return progress

    options = RunOptions(place=place(tmp_path / "r"))
    for epoch in (1, 3):
        with pytest.raises(StoppedError):
            train_end_to_end(make_network(SETTINGS), make_media(), SETTINGS, options, progress=stop_after(epoch))
    resumed = train_end_to_end(make_network(SETTINGS), make_media(), SETTINGS, options)
    assert_same_bits(whole, resumed)
    rows = [read_metrics(tmp_path / name) for name in ("w", "r")]
    assert [row["epoch"] for row in rows[1]] == [1, 2, 3, 4]
    assert [row["loss"] for row in rows[0]] == [row["loss"] for row in rows[1]]


def test_a_finished_run_is_read_back_without_a_step(
    make_network: MakeNetwork, make_media: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = RunOptions(place=place(tmp_path))
    done = train_end_to_end(make_network(SETTINGS), make_media(), SETTINGS, options)
    monkeypatch.setattr(end_to_end._Run, "_train_epoch", lambda self: pytest.fail("trained again"))
    assert_same_bits(done, train_end_to_end(make_network(SETTINGS), make_media(), SETTINGS, options))


def test_a_state_of_another_run_is_refused(make_network: MakeNetwork, make_media: Make, tmp_path: Path) -> None:
    options = RunOptions(place=place(tmp_path))
    train_end_to_end(make_network(SETTINGS), make_media(), SETTINGS, options)
    for media, settings, run, word in (
        (make_media(seed=9), SETTINGS, options, "data was"),
        (make_media(), replace(SETTINGS, learning_rate=0.1), options, "learning_rate was 0.02, is 0.1"),
        (make_media(), SETTINGS, replace(options, bfloat16=True), "bfloat16 was False, is True"),
    ):
        with pytest.raises(DataError, match=word):
            train_end_to_end(make_network(SETTINGS), media, settings, run)
    state = tmp_path / "member-encoders" / STATE_FILE
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(DataError, match="damaged"):
        train_end_to_end(make_network(SETTINGS), make_media(), SETTINGS, options)


def test_patience_stops_and_keeps_the_best(make_network: MakeNetwork, make_media: Make, tmp_path: Path) -> None:
    scores = iter([0.6, 0.9, 0.8, 0.7, 0.6, 0.5])
    kept: list[dict[str, np.ndarray]] = []
    settings = replace(SETTINGS, n_epochs=12, watch_every_epochs=1)
    network = make_network(settings)

    def watch() -> dict[str, PairFigures]:
        kept.append(network.tensors())
        return figures(next(scores))

    options = RunOptions(patience_epochs=3, place=place(tmp_path))
    train_end_to_end(network, make_media(), settings, options, watch=watch)
    assert len(kept) == 5  # the best was the second, and three more were waited for
    for name, array in network.tensors().items():
        np.testing.assert_array_equal(array, kept[1][name])
    again = train_end_to_end(make_network(settings), make_media(), settings, options)
    assert_same_bits(network, again)


def test_patience_is_judged_only_where_the_run_is_measured(
    make_network: MakeNetwork, make_media: Make, tmp_path: Path
) -> None:
    """It ran out in an epoch that nobody had measured, before the first measurement in a published recipe."""
    scores = iter([0.6, 0.9, 0.8, 0.7])
    settings = replace(SETTINGS, n_epochs=20, watch_every_epochs=2)
    network = make_network(settings)
    kept: list[dict[str, np.ndarray]] = []

    def watch() -> dict[str, PairFigures]:
        kept.append(network.tensors())
        return figures(next(scores))

    options = RunOptions(patience_epochs=3, place=place(tmp_path))
    train_end_to_end(network, make_media(), settings, options, watch=watch)
    rows = read_metrics(tmp_path)
    assert [row["epoch"] for row in rows if "validation_matching_score" in row] == [2, 4, 6, 8]
    assert len(rows) == 8  # the best is of epoch 4; 6 is two epochs later, 8 is four
    for name, array in network.tensors().items():
        np.testing.assert_array_equal(array, kept[1][name])


def test_patience_as_long_as_the_run_keeps_the_best_and_never_stops(
    make_network: MakeNetwork, make_media: Make, tmp_path: Path
) -> None:
    scores = iter([0.9, 0.8, 0.7])
    settings = replace(SETTINGS, n_epochs=5, watch_every_epochs=2)
    network = make_network(settings)
    kept: list[dict[str, np.ndarray]] = []

    def watch() -> dict[str, PairFigures]:
        kept.append(network.tensors())
        return figures(next(scores))

    train_end_to_end(network, make_media(), settings, RunOptions(patience_epochs=5, place=place(tmp_path)), watch=watch)
    assert len(read_metrics(tmp_path)) == 5 and len(kept) == 3
    for name, array in network.tensors().items():
        np.testing.assert_array_equal(array, kept[0][name])


def test_a_patience_shorter_than_a_measurement_is_one_line(make_network: MakeNetwork, make_media: Make) -> None:
    settings = replace(SETTINGS, watch_every_epochs=3)
    words = (
        "`patience_epochs` must be 0 or at least `watch_every_epochs`, 3, since a run .* Got 2. Raise it, or measure"
    )
    with pytest.raises(ConfigError, match=words):
        train_end_to_end(make_network(settings), make_media(), settings, RunOptions(patience_epochs=2))
    for fine in (0, 3, 4):
        check_patience(settings, fine)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_the_encoders_draw_other_numbers_than_the_changes_of_the_media(
    make_network: MakeNetwork, make_media: Make, monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    """And in every process others; windows, changes and losses draw the same in all of them."""
    settings = replace(SETTINGS, n_epochs=1)
    run = end_to_end._Run(make_network(settings), make_media(), settings, RunOptions(seed=3), Processes())
    seen: list[tuple[int, int, int]] = []

    def of(batch: object, draws: EpochDraws, *, step: int) -> dict[str, torch.Tensor]:
        seen.append((draws.media.initial_seed(), draws.loss_seed, torch.initial_seed()))
        return {"loss": torch.zeros(())}

    run.gradients = SimpleNamespace(of=of)  # type: ignore[assignment]
    run.processes = Processes(rank=rank, count=3)
    run._train_epoch()
    media, loss, encoders = seen[0]
    streams = [np.random.SeedSequence([3, 1, *key]).generate_state(1)[0] for key in ((1,), (2,), (4, rank))]
    assert [media, loss, encoders] == [int(stream) for stream in streams]
    others = {int(np.random.SeedSequence([3, 1, 4, other]).generate_state(1)[0]) for other in range(3)}
    assert len(others | {media, loss}) == 5


def test_it_is_watched_every_so_many_epochs_and_at_the_end(
    make_network: MakeNetwork, make_media: Make, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, n_epochs=5)
    options = RunOptions(place=place(tmp_path), checkpoint_every_epochs=3)
    steps: list[int] = []
    train_end_to_end(
        make_network(settings), make_media(), settings, options, watch=lambda: figures(0.5), keep=steps.append
    )
    rows = read_metrics(tmp_path)
    assert [row["epoch"] for row in rows if "validation_matching_score" in row] == [2, 4, 5]
    assert steps == [6, 10]  # two steps an epoch; after epochs 3 and 5
    assert {"temperature", "within_voice_temperature", "learning_rate", "seconds", "loss"} <= set(rows[0])


def test_a_loss_that_is_no_number_is_one_line(
    make_network: MakeNetwork, make_media: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make_network(SETTINGS)
    monkeypatch.setattr(network, "losses", lambda voice, face, clips: {"loss": voice.sum() * math.nan})
    with pytest.raises(DataError, match=r"nan or infinite in epoch 1 \(seed 0\). Lower `learning_rate`, now 0.02"):
        train_end_to_end(network, make_media(), SETTINGS, RunOptions())


def test_people_without_a_second_clip_are_refused_where_a_term_needs_them(make_media: Make) -> None:
    single = make_media(n_clips=1)
    people = (single.voice_person.tolist(), single.face_person.tolist())
    with pytest.raises(DataError, match="`within_voice_weight` needs people with two voices"):
        check_people(*people, SETTINGS)
    with pytest.raises(DataError, match="`within_face_weight` needs people with two faces"):
        check_people(*people, replace(SETTINGS, within_voice_weight=0.0))
    check_people(*people, replace(SETTINGS, within_voice_weight=0.0, within_face_weight=0.0))
    with pytest.raises(DataError, match="at least 2 people with a voice and a face. Got 1"):
        check_people([0, 0], [0, 0], SETTINGS)


def test_bfloat16_learns_nearly_the_same(make_network: MakeNetwork, make_media: Make) -> None:
    settings = replace(SETTINGS, n_epochs=15, people_a_batch=20)
    network = train_end_to_end(make_network(settings), make_media(40), settings, RunOptions(bfloat16=True))
    assert matching_score(network, make_media(30, seed=1)) > 0.8
    assert all(tensor.dtype != torch.bfloat16 for tensor in network.state_dict().values())


def test_automatic_precision_depends_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for able in (True, False):
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
            monkeypatch.setattr(torch.cpu, name, lambda able=able: able, raising=False)
        assert autocast_pays("cpu") is able
    assert autocast_pays("mps") is False


@pytest.mark.parametrize("objective", ["siglip", "shared_classifier", "seeking_shape", "barlow_twins", "fop"])
def test_any_objective_is_trained_and_resumed_bit_for_bit(
    make_network: MakeNetwork, make_media: Make, tmp_path: Path, objective: str
) -> None:
    """Classifiers, curricula and biases are the network's own: they move, and come back with the state."""
    settings = replace(SETTINGS, objective=objective, heads="sss", optimiser="sgd", schedule="steps", drop_at=(0.5,))
    if objective == "seeking_shape":
        told = {"name": objective, "reweight": "paper", "first_update": 2, "update_every": 1}
        settings = replace(settings, objective=told)

    def train(folder: Path, stop_at: int = 0) -> JointNetwork:
        def progress(epoch: int, _total: int) -> None:
            if epoch == stop_at:
                raise KeyboardInterrupt

        options = RunOptions(place=place(folder))
        return train_end_to_end(make_network(settings), make_media(), settings, options, progress=progress)

    whole = train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "stopped", stop_at=2)
    assert_same_bits(whole, train(tmp_path / "stopped"))
    fresh = make_network(settings)
    assert any((fresh.tensors()[n] != a).any() for n, a in whole.tensors().items() if n.startswith("heads"))
    rows = read_metrics(tmp_path / "whole")
    assert all(math.isfinite(row["loss"]) for row in rows)
    if objective == "seeking_shape":
        assert rows[-1]["active_share"] < 1


def test_weights_of_a_first_run_may_go_into_a_second(
    make_network: MakeNetwork, make_media: Make, tmp_path: Path
) -> None:
    """The three steps of Seeking the Shape of Sound: the state file of the first run is what the second one reads."""
    first = {"name": "seeking_shape", "reweight": "paper", "first_update": 2, "update_every": 1}
    settings = replace(SETTINGS, objective=first)
    train_end_to_end(make_network(settings), make_media(), settings, RunOptions(place=place(tmp_path)))
    state = tmp_path / "member-encoders" / STATE_FILE
    second = {"name": "seeking_shape", "reweight": "paper", "identity_weights": str(state)}
    settings = replace(SETTINGS, objective=second)
    network = train_end_to_end(make_network(settings), make_media(), settings, RunOptions())
    written, _ = read_tensors(state)
    kept = network.tensors()["across.center.weight"]
    np.testing.assert_allclose(kept, written["network.across.center.weight"])
    assert len(set(kept.tolist())) > 1
    with pytest.raises(DataError, match="must be of the people in training. Got none for 12 of 12"):
        others = replace(make_media(), people=tuple(f"q{i:03}" for i in range(12)))
        train_end_to_end(make_network(settings), others, settings, RunOptions())
    missing = replace(SETTINGS, objective={**second, "identity_weights": str(tmp_path / "nowhere")})
    with pytest.raises(DataError, match="There is no .*nowhere. Train that run first"):
        train_end_to_end(make_network(missing), make_media(), missing, RunOptions())


def test_a_run_in_parts_is_resumed_with_the_same_bits(
    make_network: MakeNetwork, make_media: Make, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, accumulate=3, window_s=(0.1, 0.25))
    whole = train_end_to_end(make_network(settings), make_media(), settings, RunOptions())
    options = RunOptions(place=place(tmp_path))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train_end_to_end(make_network(settings), make_media(), settings, options, progress=interrupt)
    assert_same_bits(whole, train_end_to_end(make_network(settings), make_media(), settings, options))


def interrupt(epoch: int, n_epochs: int) -> None:
    if epoch < n_epochs:
        raise KeyboardInterrupt


def test_every_process_needs_a_row_of_every_batch(make_media: Make) -> None:
    media = make_media(n_people=5)
    settings = replace(SETTINGS, people_a_batch=2)  # 5 turns: batches of 2, 2 and 1 people, two rows each
    dealt = deal(media.voice_person, media.face_person, settings, seed=0)
    check_rows(dealt, settings, Processes(count=2))
    with pytest.raises(
        ConfigError, match="smallest has 2 for 3 processes. Start fewer, or raise `people_a_batch`, now 2"
    ):
        check_rows(dealt, settings, Processes(count=3))


EQUALITY = """
import sys
from pathlib import Path
import numpy as np
import torch
from visavox.batches.media_pairs import MediaPairs, PreparedItems
from visavox.models.encoders.face_cnn import FaceCNNEncoder
from visavox.models.encoders.voice_cnn import VoiceCNNEncoder
from visavox.pipeline.distributed import join_processes
from visavox.pipeline.end_to_end import RunOptions, train_end_to_end
from visavox.pipeline.end_to_end_network import JointNetwork
from visavox.pipeline.end_to_end_settings import EndToEndSettings
from visavox.pipeline.training_log import RunPlace, read_metrics

torch.set_num_threads(1)
folder = Path(sys.argv[1])
rng = np.random.default_rng(0)
voices = [rng.normal(size=(50 + i, 64)).astype(np.float16) for i in range(16)]
faces = [rng.integers(0, 255, (64, 64, 3), dtype=np.uint8) for _ in range(16)]
people, videos = [f"p{i // 2}" for i in range(16)], [f"v{i}" for i in range(16)]
media = MediaPairs.of(
    PreparedItems.of(voices), PreparedItems.of(faces),
    voice_people=people, face_people=people, voice_videos=videos, face_videos=videos,
)
processes = join_processes("cpu", timeout_s=30)


def widen(network):
    # the encoders compute in float64: what differs then is no rounding
    for encoder in (network.voice_encoder, network.face_encoder):
        encoder.network.double()
        narrow = encoder.collate
        encoder.collate = lambda items, narrow=narrow: tuple(
            x.double() if x.is_floating_point() else x for x in narrow(items)
        )


for name, more in {
    "narrow": {"accumulate": 2},
    "info_nce": {"accumulate": 2},
    "seeking_shape": {"heads": "sss", "objective": {"name": "seeking_shape", "reweight": "paper", "first_update": 1}},
}.items():
    settings = EndToEndSettings.of({
        "n_epochs": 1, "people_a_batch": 3, "window_s": 0.4, "warm_up": 0, "optimiser": "sgd", "learning_rate": 0.003,
        "output_dim": 8, **more,
    })
    network = JointNetwork(VoiceCNNEncoder(seed=1), FaceCNNEncoder(seed=2), settings, seed=0)
    if name != "narrow":
        widen(network)
    if processes.count == 1:
        np.savez(folder / f"{name}-start.npz", **network.tensors())
    place = RunPlace(folder / f"{name}-{processes.count}", member="encoders", tensorboard=False)
    train_end_to_end(network, media, settings, RunOptions(place=place), processes=processes)
    rank = processes.rank
    np.savez(folder / f"{name}-{processes.count}-{rank}.npz", **network.tensors())
processes.leave()
"""


@pytest.mark.slow
def test_two_processes_train_the_same_network_as_one(
    run_script: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loss and all weights and statistics after three steps, the last batch uneven: 3, 3 and 2 people of two clips."""
    run_script(EQUALITY, elastic=True)
    monkeypatch.setattr("sys.argv", ["script", str(tmp_path)])
    exec(compile(EQUALITY, "script", "exec"), {})
    for name, tolerance in (("narrow", 1e-4), ("info_nce", 1e-9), ("seeking_shape", 1e-9)):
        one, first, second = (np.load(tmp_path / f"{name}-{suffix}.npz") for suffix in ("1-0", "2-0", "2-1"))
        assert set(one.files) == set(first.files) == set(second.files)
        start = np.load(tmp_path / f"{name}-start.npz")
        assert max(float(np.abs(one[key] - start[key]).max()) for key in start.files if "running" not in key) > 5e-4
        for key in one.files:
            np.testing.assert_array_equal(first[key], second[key], err_msg=key)
            np.testing.assert_allclose(first[key], one[key], atol=tolerance, rtol=tolerance, err_msg=key)
        off = np.concatenate([np.abs(first[key] - one[key]).ravel() for key in one.files])
        assert (off > 1e-5).mean() < 1e-4  # in float32 rounding opens or shuts a unit now and then
        rows = [read_metrics(tmp_path / f"{name}-{count}")[0] for count in (1, 2)]
        assert rows[0]["step"] == rows[1]["step"] == 3
        assert rows[1]["loss"] == pytest.approx(rows[0]["loss"], abs=1e-5)
