"""Every kind of picture in, and every kind of nonsense."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import core_rs
from tests.core.pictures import Pixels, encoded, noise, scene

TEXT = "AB12CDE"


@pytest.fixture
def pixels() -> Pixels:
    return scene({(64, 96): TEXT})


def texts(engine: core_rs.Engine, image: bytes) -> list[str]:
    [answer] = engine.recognise([image])
    assert isinstance(answer, core_rs.ImageReading), answer
    return [plate.text for plate in answer.plates]


def fault(engine: core_rs.Engine, image: bytes) -> core_rs.CoreError:
    [answer] = engine.recognise([image])
    assert isinstance(answer, core_rs.CoreError), answer
    assert str(answer)
    return answer


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(width: int, height: int, depth: int = 8) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {"quality": 98, "subsampling": 0}),
        ("JPEG", {"quality": 98, "subsampling": 2}),
        ("JPEG", {"quality": 98, "progressive": True}),
        ("JPEG", {"quality": 98, "restart_marker_rows": 1}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 98}),
    ],
)
def test_formats(engine: core_rs.Engine, pixels: Pixels, kind: str, options: dict[str, object]) -> None:
    assert texts(engine, encoded(pixels, kind, **options)) == [TEXT]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation(engine: core_rs.Engine, pixels: Pixels, orientation: int, kind: str) -> None:
    back = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    picture = Image.fromarray(pixels)
    stored = picture if orientation == 1 else picture.transpose(turns[back[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = saved(stored, kind, exif=exif.tobytes(), quality=98, subsampling=0, lossless=True)
    [answer] = engine.recognise([image])
    assert isinstance(answer, core_rs.ImageReading)
    assert (answer.width, answer.height) == (320, 256)
    assert [plate.text for plate in answer.plates] == [TEXT]


def test_a_wrong_exif_orientation_is_no_orientation(engine: core_rs.Engine, pixels: Pixels) -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    assert texts(engine, encoded(pixels, "JPEG", quality=98, subsampling=0, exif=exif.tobytes())) == [TEXT]


def test_palette_png(engine: core_rs.Engine, pixels: Pixels) -> None:
    assert texts(engine, saved(Image.fromarray(pixels).quantize(64), "PNG")) == [TEXT]


def test_16_bit_png(engine: core_rs.Engine, pixels: Pixels) -> None:
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels.astype(np.uint16) * 257)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, 2, 0, 0, 0)
    image = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert texts(engine, image) == [TEXT]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGBA", "I;16"])
def test_other_png_modes_are_read_as_rgb(engine: core_rs.Engine, pixels: Pixels, mode: str) -> None:
    picture = Image.fromarray(pixels)
    picture = picture.convert("L").convert(mode) if mode in ("1", "I;16") else picture.convert(mode)
    found = texts(engine, saved(picture, "PNG"))
    assert found == ([TEXT] if mode == "RGBA" else [])


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_jpegs_are_pictures(engine: core_rs.Engine, pixels: Pixels, mode: str) -> None:
    [answer] = engine.recognise([saved(Image.fromarray(pixels).convert(mode), "JPEG", quality=98)])
    assert isinstance(answer, core_rs.ImageReading)
    # Pillow writes CMYK with an Adobe marker, inverted, as Photoshop does.
    assert [plate.text for plate in answer.plates] == ([TEXT] if mode == "CMYK" else [])


def test_cmyk_without_an_adobe_marker(engine: core_rs.Engine, pixels: Pixels) -> None:
    inverted = Image.fromarray(255 - np.asarray(Image.fromarray(pixels).convert("CMYK")), "CMYK")
    image = bytearray(saved(inverted, "JPEG", quality=98))
    at = image.index(b"\xff\xee")
    length = struct.unpack(">H", image[at + 2 : at + 4])[0]
    del image[at : at + 2 + length]
    assert texts(engine, bytes(image)) == [TEXT]


def test_an_animated_webp_is_its_first_frame(engine: core_rs.Engine, pixels: Pixels) -> None:
    frames = [Image.fromarray(scene({(64, 96): other})) for other in ("ZZ9", "YY8")]
    image = saved(
        Image.fromarray(pixels), "WEBP", save_all=True, append_images=frames, lossless=True, duration=50, loop=0
    )
    assert texts(engine, image) == [TEXT]


def test_an_animated_png_is_its_first_frame(engine: core_rs.Engine, pixels: Pixels) -> None:
    frames = [Image.fromarray(scene({(64, 96): "ZZ9"}))]
    assert texts(engine, saved(Image.fromarray(pixels), "PNG", save_all=True, append_images=frames)) == [TEXT]


def test_bytes_after_the_end_do_no_harm(engine: core_rs.Engine, pixels: Pixels) -> None:
    for kind in ("JPEG", "PNG"):
        assert texts(engine, encoded(pixels, kind, quality=98) + b"trailing bytes") == [TEXT]


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (b"", "empty_image"),
        (b"plate: AB12CDE\n", "unsupported_format"),
        (b"GIF89a" + b"\0" * 100, "unsupported_format"),
        (b"\xff\xd8\xff", "truncated_image"),
        (b"\x89PNG\r\n\x1a\n", "truncated_image"),
        (b"RIFF\x10\0\0\0WEBP", "truncated_image"),
        (b"\xff\xd8\xff\xe0not a jpeg at all", "truncated_image"),
        (b"\xff\xd8\xff\xda\0\x02no frame\xff\xd9", "corrupt_image"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"no header") + chunk(b"IEND", b""), "corrupt_image"),
        (b"RIFF\x10\0\0\0WEBPVP8L\x04\0\0\0none", "corrupt_image"),
    ],
)
def test_not_a_picture(engine: core_rs.Engine, image: bytes, code: str) -> None:
    error = fault(engine, image)
    assert isinstance(error, core_rs.ImageError)
    assert error.code == code


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_files(engine: core_rs.Engine, kind: str, share: float) -> None:
    image = encoded(noise(200, 150), kind)
    assert fault(engine, image[: int(len(image) * share)]).code == "truncated_image"


def test_a_truncated_jpeg_whose_thumbnail_is_whole(engine: core_rs.Engine) -> None:
    thumbnail = encoded(noise(16, 16), "JPEG")
    whole = encoded(noise(200, 150), "JPEG")
    segment = b"Exif\0\0" + thumbnail
    image = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + whole[2:]
    [answer] = engine.recognise([image])
    assert isinstance(answer, core_rs.ImageReading)
    assert fault(engine, image[: len(image) - 1000]).code == "truncated_image"


@pytest.mark.parametrize("depth", [8, 16])
def test_a_header_of_too_many_pixels_is_refused_before_decoding(engine: core_rs.Engine, depth: int) -> None:
    error = fault(engine, png_bomb(20_000, 20_000, depth))
    assert error.code == "image_too_large"
    assert "20000 x 20000" in str(error)
    assert "50000000" in str(error)


def test_the_largest_header_a_png_can_have(engine: core_rs.Engine) -> None:
    assert fault(engine, png_bomb(2**31 - 1, 2**31 - 1)).code == "image_too_large"


def test_a_jpeg_header_of_too_many_pixels(engine: core_rs.Engine) -> None:
    image = bytearray(encoded(noise(64, 64), "JPEG"))
    at = image.index(b"\xff\xc0")
    image[at + 5 : at + 9] = struct.pack(">HH", 65_535, 65_535)
    assert fault(engine, bytes(image)).code == "image_too_large"


def test_a_webp_header_of_too_many_pixels(engine: core_rs.Engine) -> None:
    canvas = (16_383).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + canvas + canvas
    body += b"VP8L" + struct.pack("<I", 8) + b"\x2f" + b"\0" * 7
    assert fault(engine, b"RIFF" + struct.pack("<I", len(body)) + body).code in ("image_too_large", "corrupt_image")


def test_a_limit_that_a_caller_lowers(tiny: object) -> None:
    engine = core_rs.Engine(tiny, max_pixels=100 * 100)  # type: ignore[arg-type]
    small, large = engine.recognise([encoded(noise(100, 100)), encoded(noise(101, 100))])
    assert isinstance(small, core_rs.ImageReading)
    assert isinstance(large, core_rs.ImageError)
    assert large.code == "image_too_large"


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 300), (300, 7)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_too_small_for_a_plate(engine: core_rs.Engine, width: int, height: int, kind: str) -> None:
    error = fault(engine, encoded(noise(width, height), kind))
    assert error.code == "image_too_small"
    assert f"{width} x {height}" in str(error)


def test_extreme_shapes_are_read(engine: core_rs.Engine) -> None:
    for width, height in ((8, 8), (5000, 8), (8, 5000)):
        [answer] = engine.recognise([encoded(noise(width, height))])
        assert isinstance(answer, core_rs.ImageReading)


def test_a_compressed_text_chunk_cannot_fill_the_memory(engine: core_rs.Engine, pixels: Pixels) -> None:
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * 200_000_000, 9))
    whole = encoded(pixels)
    # IHDR ends after 8 + 25 bytes.
    [answer] = engine.recognise([whole[:33] + bomb + whole[33:]])
    assert isinstance(answer, core_rs.ImageReading) or answer.code in ("image_too_large", "corrupt_image")


CODES = {"empty_image", "unsupported_format", "image_too_large", "image_too_small", "truncated_image", "corrupt_image"}
SEEDS = [encoded(noise(24, 16), kind) for kind in ("JPEG", "PNG", "WEBP")] + [
    saved(Image.fromarray(noise(24, 16)), "JPEG", progressive=True),
    saved(Image.fromarray(noise(24, 16)).convert("CMYK"), "JPEG"),
    saved(Image.fromarray(noise(24, 16)).quantize(16), "PNG"),
    saved(Image.fromarray(noise(24, 16)), "WEBP", save_all=True, append_images=[Image.fromarray(noise(24, 16, 1))]),
]


def check_total(engine: core_rs.Engine, image: bytes) -> None:
    """Whatever the bytes: a reading, or an error with a code that is about the image. Never a fault of the core."""
    [answer] = engine.recognise([image])
    if isinstance(answer, core_rs.CoreError):
        assert answer.code in CODES, (answer.code, str(answer))


@settings(max_examples=150, deadline=None)
@given(
    head=st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"]),
    tail=st.binary(max_size=400),
)
def test_random_bytes_never_break_the_core(engine: core_rs.Engine, head: bytes, tail: bytes) -> None:
    check_total(engine, head + tail)


@settings(max_examples=300, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    cut=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
)
def test_damaged_files_never_break_the_core(
    engine: core_rs.Engine, seed: bytes, cut: float, changes: list[tuple[float, int]]
) -> None:
    image = bytearray(seed)
    for place, value in changes:
        image[int(place * (len(image) - 1))] = value
    check_total(engine, bytes(image[: len(image) if cut > 0.7 else int(cut * len(image))]))
