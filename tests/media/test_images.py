"""Every mode and type that Pillow reads becomes the same upright 8-bit RGB picture."""

from __future__ import annotations

import resource
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from visavox.errors import DataError, MediaError
from visavox.media.images import read_image, write_face

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quadrants(size: int = 32) -> Image.Image:
    """Red and green above, blue and white below: no two turns of it look the same."""
    pixels = np.empty((size, size, 3), dtype=np.uint8)
    half = size // 2
    pixels[:half, :half], pixels[:half, half:] = RED, GREEN
    pixels[half:, :half], pixels[half:, half:] = BLUE, WHITE
    return Image.fromarray(pixels)


def corners(image: np.ndarray) -> list[tuple[int, ...]]:
    """Colours at a quarter and three quarters: above left, above right, below left, below right."""
    h, w = image.shape[:2]
    return [tuple(int(v) for v in image[y, x]) for y in (h // 4, 3 * h // 4) for x in (w // 4, 3 * w // 4)]


def assert_quadrants(image: np.ndarray, *, tolerance: int = 0) -> None:
    assert image.dtype == np.uint8
    assert image.ndim == 3
    np.testing.assert_allclose(corners(image), [RED, GREEN, BLUE, WHITE], atol=tolerance)


@pytest.mark.parametrize(
    ("suffix", "options", "tolerance"),
    [
        ("png", {}, 0),
        ("bmp", {}, 0),
        ("tiff", {}, 0),
        ("tiff", {"compression": "tiff_lzw"}, 0),
        ("ppm", {}, 0),
        ("tga", {}, 0),
        ("ico", {"sizes": [(32, 32)]}, 0),
        ("jpg", {"quality": 95}, 12),
        ("jpg", {"quality": 95, "progressive": True}, 12),
        ("webp", {"lossless": True}, 0),
        ("webp", {"quality": 95}, 24),
        ("gif", {}, 0),
        ("jp2", {}, 0),
        ("avif", {"quality": 95}, 24),
    ],
)
def test_every_type_gives_the_same_picture(tmp_path: Path, suffix: str, options: dict, tolerance: int) -> None:
    path = tmp_path / f"face.{suffix}"
    quadrants().save(path, **options)
    assert_quadrants(read_image(path), tolerance=tolerance)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "RGBX", "P", "PA", "CMYK", "YCbCr", "HSV"])
def test_every_colour_mode_gives_the_same_picture(tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quadrants().save(tmp_path / "face.png")
    source = quadrants().convert("P") if mode == "PA" else quadrants()
    # As if a decoder gave it: few types store the rarer modes.
    monkeypatch.setattr(Image, "open", lambda _, **_options: source.convert(mode))
    assert_quadrants(read_image(tmp_path / "face.png"), tolerance=3)


def test_a_cmyk_tiff_is_converted(tmp_path: Path) -> None:
    quadrants().convert("CMYK").save(tmp_path / "face.tiff")
    assert_quadrants(read_image(tmp_path / "face.tiff"))


def test_a_cmyk_jpeg_as_printers_make_it_is_not_inverted(tmp_path: Path) -> None:
    quadrants().convert("CMYK").save(tmp_path / "face.jpg", quality=95)
    assert_quadrants(read_image(tmp_path / "face.jpg"), tolerance=12)


def test_lab_colours_are_converted(tmp_path: Path) -> None:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    image = ImageCms.applyTransform(quadrants(), to_lab)
    assert image is not None
    image.save(tmp_path / "face.tiff")
    with Image.open(tmp_path / "face.tiff") as stored:
        assert stored.mode == "LAB"
    assert_quadrants(read_image(tmp_path / "face.tiff"), tolerance=24)  # pure colours lie at the edge of 8-bit Lab


# How a stored picture must be turned so that the camera's tag turns it back.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_the_orientation_of_a_camera_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    image = quadrants().resize((48, 32), Image.Resampling.NEAREST)
    turn = STORED[orientation]
    stored = image.transpose(turn) if turn is not None else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"face.{suffix}", exif=exif, quality=95)
    result = read_image(tmp_path / f"face.{suffix}")
    assert result.shape == (32, 48, 3)
    assert_quadrants(result, tolerance=24)


def test_a_damaged_orientation_is_passed_over(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 99
    quadrants().save(tmp_path / "face.png", exif=exif)
    assert_quadrants(read_image(tmp_path / "face.png"))


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
        ("LA", (0, 0), WHITE),
        ("LA", (100, 255), (100, 100, 100)),
        ("L", 100, (100, 100, 100)),
        ("1", 1, WHITE),
        ("1", 0, (0, 0, 0)),
    ],
)
def test_alpha_lies_over_white_and_grey_becomes_colour(
    tmp_path: Path, mode: str, colour: tuple[int, ...] | int, expected: tuple[int, ...]
) -> None:
    Image.new(mode, (4, 4), colour).save(tmp_path / "face.png")
    np.testing.assert_array_equal(read_image(tmp_path / "face.png"), np.full((4, 4, 3), expected))


def test_transparent_palette_and_colour_key_lie_over_white(tmp_path: Path) -> None:
    image = quadrants().convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    blue = image.getpixel((2, 30))
    image.save(tmp_path / "palette.png", transparency=blue)
    image.save(tmp_path / "palette.gif", transparency=blue)
    quadrants().save(tmp_path / "key.png", transparency=BLUE)
    for name in ("palette.png", "palette.gif", "key.png"):
        assert corners(read_image(tmp_path / name)) == [RED, GREEN, WHITE, WHITE], name


@pytest.mark.parametrize(("mode", "colour"), [("RGBA", (200, 0, 0, 128)), ("LA", (200, 128))])
def test_premultiplied_colours_are_divided_again(
    tmp_path: Path, mode: str, colour: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    half = Image.new(mode, (4, 4), colour)
    half.save(tmp_path / "face.png")
    expected = read_image(tmp_path / "face.png")
    monkeypatch.setattr(Image, "open", lambda _, **_options: half.convert({"RGBA": "RGBa", "LA": "La"}[mode]))
    np.testing.assert_allclose(read_image(tmp_path / "face.png"), expected, atol=1)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bit_grey_is_scaled_and_not_cut(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 257, 128 * 257, 65535]], dtype=np.uint16)
    path = tmp_path / f"face.{suffix}"
    Image.fromarray(values).save(path)
    np.testing.assert_array_equal(read_image(path)[0, :, 1], [0, 1, 128, 255])


def test_big_endian_and_32_bit_grey_are_scaled(tmp_path: Path) -> None:
    values = np.array([[0, 257, 65535]], dtype=np.int32)
    Image.fromarray(values).save(tmp_path / "deep.tiff")
    Image.fromarray(values.astype(">u2")).save(tmp_path / "big.tiff")
    for name in ("deep.tiff", "big.tiff"):
        np.testing.assert_array_equal(read_image(tmp_path / name)[0, :, 0], [0, 1, 255])


def test_float_grey_is_taken_as_0_to_1_or_0_to_255(tmp_path: Path) -> None:
    for values in ([0.0, 0.2, 1.0], [0.0, 51.0, 255.0]):
        Image.fromarray(np.array([values], dtype=np.float32)).save(tmp_path / "face.tiff")
        np.testing.assert_array_equal(read_image(tmp_path / "face.tiff")[0, :, 2], [0, 51, 255])


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0.0, np.nan]], dtype=np.float32),
        np.array([[-1.0, 1.0]], dtype=np.float32),
        np.array([[0.0, 300.0]], dtype=np.float32),
        np.array([[0, 70_000]], dtype=np.int32),
        np.array([[-5, 100]], dtype=np.int32),
    ],
)
def test_values_without_a_known_full_scale_are_refused(tmp_path: Path, values: np.ndarray) -> None:
    Image.fromarray(values).save(tmp_path / "face.tiff")
    with pytest.raises(MediaError, match="full scale is unknown") as caught:
        read_image(tmp_path / "face.tiff")
    assert caught.value.status == "unreadable_image"


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_the_first_frame_of_an_animation_counts(tmp_path: Path, suffix: str) -> None:
    others = [Image.new("RGB", (32, 32), (i, i, i)) for i in (0, 100)]
    path = tmp_path / f"face.{suffix}"
    quadrants().save(path, save_all=True, append_images=others, duration=100)
    with Image.open(path) as stored:
        assert getattr(stored, "n_frames", 1) == 3
    assert_quadrants(read_image(path), tolerance=30)


def test_bad_files_have_a_status_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a picture\n", encoding="utf-8")
    quadrants(256).save(tmp_path / "whole.jpg")
    quadrants(256).save(tmp_path / "whole.png")
    for name in ("jpg", "png"):
        content = (tmp_path / f"whole.{name}").read_bytes()
        (tmp_path / f"cut.{name}").write_bytes(content[: len(content) // 2])
        (tmp_path / f"head.{name}").write_bytes(content[:20])
    for name, status in [
        ("nowhere.jpg", "missing_file"),
        ("empty.jpg", "empty_file"),
        ("text.jpg", "unreadable_image"),
        ("cut.jpg", "unreadable_image"),
        ("cut.png", "unreadable_image"),
        ("head.jpg", "unreadable_image"),
        ("head.png", "unreadable_image"),
    ]:
        with pytest.raises(MediaError) as caught:
            read_image(tmp_path / name)
        assert caught.value.status == status, name
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "tiff", "webp", "bmp", "ico", "tga", "avif", "jp2"])
def test_damage_is_a_media_error_or_a_picture_but_no_other_exception(tmp_path: Path, suffix: str) -> None:
    random = np.random.default_rng(0)
    path = tmp_path / f"face.{suffix}"
    quadrants().save(path)
    whole = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    n_refused = 0
    for _ in range(40):
        damaged = whole.copy()
        where = random.integers(0, min(len(damaged), 200), size=6)
        damaged[where] = random.integers(0, 256, size=6)
        path.write_bytes(damaged.tobytes())
        try:
            assert read_image(path).dtype == np.uint8
        except MediaError as error:
            assert error.status in ("unreadable_image", "image_too_large")
            n_refused += 1
    assert n_refused > 0


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quadrants().save(tmp_path / "small.png")
    small = (tmp_path / "small.png").read_bytes()
    for name, side in [("large.png", 12_000), ("huge.png", 20_000)]:  # Pillow warns of the first, refuses the other
        header = b"IHDR" + struct.pack(">II", side, side) + small[24:29]
        (tmp_path / name).write_bytes(small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("large.png", "huge.png"):
            with pytest.raises(MediaError, match=r"89478485 pixels at most\. It has \d{9} pixels\. Make it") as caught:
                read_image(tmp_path / name)
            assert caught.value.status == "image_too_large"
        # Also where the caller's own program has switched Pillow's check off.
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
        with pytest.raises(MediaError, match="12000 x 12000 pixels"):
            read_image(tmp_path / "large.png")


def test_the_array_is_the_callers_to_change(tmp_path: Path) -> None:
    quadrants().save(tmp_path / "-a face.png")
    image = read_image(tmp_path / "-a face.png")
    image[:] = 0
    assert_quadrants(read_image(str(tmp_path / "-a face.png")))


def test_a_written_face_is_near_lossless_and_keeps_its_colours(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256]
    face = np.stack([x, y, 255 - x], axis=2).astype(np.uint8)
    face[100:110, 100:110] = random.integers(0, 256, (10, 10, 3))
    write_face(tmp_path / "face.jpg", face)
    again = read_image(tmp_path / "face.jpg").astype(int)
    assert np.abs(again - face)[:90].mean() < 1.5
    with Image.open(tmp_path / "face.jpg") as stored:
        assert stored.format == "JPEG"
        # One sample of chroma for each of luma.
        assert all(layer[1:3] == (1, 1) for layer in stored.layer)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 4), (0, 8, 3)])
def test_what_is_no_face_is_not_written(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="uint8 array of shape"):
        write_face(tmp_path / "face.jpg", np.zeros(shape, dtype=np.uint8))
    with pytest.raises(DataError, match="float64"):
        write_face(tmp_path / "face.jpg", np.zeros((8, 8, 3)))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_an_error_of_the_disk_and_leaves_no_half_face(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_face(tmp_path / "face.jpg", noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_a_picture_that_is_a_program_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "face.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    with pytest.raises(MediaError, match="face.jpg") as raised:
        read_image(tmp_path / "face.jpg")
    assert raised.value.status == "unreadable_image"


def test_threads_leave_the_filters_of_warnings_as_they_were(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), "teal").save(tmp_path / "a.png")
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: read_image(tmp_path / "a.png"), range(60)))
    assert list(warnings.filters) == before


def test_a_smaller_limit_of_pixels_is_held_and_a_larger_one_changes_nothing(tmp_path: Path) -> None:
    quadrants().save(tmp_path / "face.png")
    n_pixels = quadrants().width * quadrants().height
    assert read_image(tmp_path / "face.png", max_pixels=n_pixels).size == 3 * n_pixels
    with pytest.raises(MediaError, match=f"a picture may have {n_pixels - 1} pixels at most") as caught:
        read_image(tmp_path / "face.png", max_pixels=n_pixels - 1)
    assert caught.value.status == "image_too_large"
    assert read_image(tmp_path / "face.png", max_pixels=10**12).size == 3 * n_pixels
