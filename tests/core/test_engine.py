"""Whole calls: batches, order, options, errors beside answers, threads, deadlines."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import core_rs
from tests.core import models
from tests.core.pictures import Pixels, encoded, noise, plate, scene


def read(answer: core_rs.ImageReading | core_rs.CoreError) -> core_rs.ImageReading:
    assert isinstance(answer, core_rs.ImageReading), answer
    return answer


def marker(pixels: Pixels) -> npt.NDArray[np.bool_]:
    red: npt.NDArray[np.bool_] = np.all(pixels == (255, 0, 0), axis=2)
    return red


def texts(answer: core_rs.ImageReading | core_rs.CoreError) -> list[str]:
    return sorted(plate.text for plate in read(answer).plates)


def test_it_reads_a_plate_where_it_is(engine: core_rs.Engine) -> None:
    [answer] = engine.recognise([encoded(scene({(64, 96): "AB12CDE"}))])
    [found] = read(answer).plates
    assert found.text == "AB12CDE"
    assert found.box == pytest.approx((64, 96, 224, 160), abs=9)
    assert found.candidates[0] == (found.text, found.score)
    assert len(found.char_scores) == len(found.text)
    assert 0.6 <= found.score <= 1
    assert found.region is not None
    assert found.region[0] == "bb"
    assert found.region[1] == pytest.approx(np.exp(2) / (1 + np.exp(2) + np.e), abs=1e-4)


def test_it_tells_size_and_stage_times(engine: core_rs.Engine) -> None:
    answer = read(engine.recognise([encoded(scene({(64, 96): "AB1"}))])[0])
    assert (answer.width, answer.height) == (320, 256)
    assert set(answer.timings) == {
        "decode",
        "letterbox",
        "detect",
        "boxes",
        "vehicles",
        "zoom",
        "rectify",
        "read",
        "text",
        "attributes",
        "make_model",
    }
    assert all(ms >= 0 for ms in answer.timings.values())


def test_corners_are_clockwise_from_the_top_left(engine: core_rs.Engine) -> None:
    [found] = read(engine.recognise([encoded(scene({(64, 96): "AB1"}))])[0]).plates
    assert found.corners is not None
    x1, y1, x2, y2 = found.box
    assert np.allclose(found.corners, [(x1, y1), (x2, y1), (x2, y2), (x1, y2)], atol=0.01)


def test_a_batch_keeps_its_order_over_sizes_and_formats(engine: core_rs.Engine) -> None:
    # Three shapes after the letterbox, so that groups of equal shape are made and taken apart again.
    images = [
        encoded(scene({(64, 96): "AB1"})),
        encoded(scene({(8, 8): "CD2"}, width=256, height=320)),
        encoded(scene({(64, 96): "EF3"}), "JPEG", quality=98, subsampling=0),
        encoded(scene({}, width=320, height=128)),
        encoded(scene({(64, 96): "GH4"}), "WEBP", lossless=True),
    ]
    assert [texts(answer) for answer in engine.recognise(images)] == [["AB1"], ["CD2"], ["EF3"], [], ["GH4"]]


def test_all_plates_of_all_images_are_read(engine: core_rs.Engine) -> None:
    images = [encoded(scene({(0, 0): "AB1", (160, 100): "CD2", (0, 180): f"X{n}Y"})) for n in range(9)]
    for n, answer in enumerate(engine.recognise(images)):
        assert texts(answer) == ["AB1", "CD2", f"X{n}Y"]


def test_more_images_than_a_batch_holds(tiny: Path) -> None:
    engine = core_rs.Engine(tiny, max_batch=2)
    images = [encoded(scene({(64, 96): f"A{n}"})) for n in range(7)]
    assert [texts(answer) for answer in engine.recognise(images)] == [[f"A{n}"] for n in range(7)]


def test_an_empty_call_gives_an_empty_list(engine: core_rs.Engine) -> None:
    assert engine.recognise([]) == []


def test_one_bad_image_leaves_the_others_alone(engine: core_rs.Engine) -> None:
    good = encoded(scene({(64, 96): "AB1"}))
    answers = engine.recognise([b"", good, b"not an image", good[: len(good) // 2], good])
    assert [getattr(answer, "code", None) for answer in answers] == [
        "empty_image",
        None,
        "unsupported_format",
        "truncated_image",
        None,
    ]
    assert texts(answers[1]) == texts(answers[4]) == ["AB1"]
    assert all(isinstance(answers[n], core_rs.ImageError) for n in (0, 2, 3))


def test_threshold_d_drops_weak_detections(engine: core_rs.Engine) -> None:
    pixels = scene({(64, 96): "AB1"})
    pixels[marker(pixels)] = (128, 0, 0)
    image = encoded(pixels)
    weak, strict = core_rs.Options(threshold_d=0.4), core_rs.Options(threshold_d=0.6)
    answers = engine.recognise([image, image], [weak, strict])
    assert [texts(answer) for answer in answers] == [["AB1"], []]


def test_redaction_halves_the_detection_threshold(engine: core_rs.Engine) -> None:
    pixels = scene({(64, 96): "AB1"})
    pixels[marker(pixels)] = (128, 0, 0)
    image = encoded(pixels)
    modes = [core_rs.Options(threshold_d=0.8, mode=mode) for mode in ("default", "fast", "redaction")]
    assert [texts(answer) for answer in engine.recognise([image] * 3, modes)] == [[], [], ["AB1"]]


def test_threshold_o_drops_weak_readings(engine: core_rs.Engine) -> None:
    # A shade half way between two letters makes the reader unsure.
    pixels = scene({(64, 96): "AB1"})
    pixels[96:112, 80:96] = 75
    image = encoded(pixels)
    kept, dropped = core_rs.Options(threshold_o=0.0), core_rs.Options(threshold_o=0.99)
    some, none = engine.recognise([image, image], [kept, dropped])
    [unsure] = read(some).plates
    assert unsure.score < 0.99
    assert len(unsure.candidates) > 1
    assert read(none).plates == []


def test_candidates_are_ordered_and_bounded(engine: core_rs.Engine) -> None:
    pixels = scene({(64, 96): "AB1"})
    pixels[96:112, 64:112] = 75
    options = core_rs.Options(threshold_o=0.0, max_candidates=2)
    [found] = read(engine.recognise([encoded(pixels)], [options])[0]).plates
    scores = [score for _, score in found.candidates]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)
    assert len({text for text, _ in found.candidates}) == 2


def test_max_plates_keeps_the_best(engine: core_rs.Engine) -> None:
    image = encoded(scene({(0, 0): "AB1", (160, 100): "CD2", (0, 180): "EF3"}))
    [answer] = engine.recognise([image], [core_rs.Options(max_plates=2)])
    assert len(read(answer).plates) == 2


def test_plates_come_by_falling_detection_score(engine: core_rs.Engine) -> None:
    pixels = scene({(0, 0): "AB1", (160, 100): "CD2"})
    top = pixels[:64]
    top[marker(top)] = (140, 0, 0)
    [answer] = engine.recognise([encoded(pixels)])
    assert [plate.text for plate in read(answer).plates] == ["CD2", "AB1"]


def test_crops_are_read_whole(engine: core_rs.Engine) -> None:
    big = np.repeat(np.repeat(plate("ZX98"), 3, axis=0), 2, axis=1)
    answers = engine.read_crops([encoded(plate("AB12")), encoded(big), b"nothing"])
    [small], [large] = read(answers[0]).plates, read(answers[1]).plates
    assert (small.text, large.text) == ("AB12", "ZX98")
    assert small.box == (0, 0, 160, 64)
    assert isinstance(answers[2], core_rs.ImageError)


def test_a_detector_of_batch_one_reads_a_batch(tmp_path: Path) -> None:
    pack = models.write_pack(
        tmp_path, models.end2end_toml(tmp_path, [[64, 96, 224, 160, 0.9]], side=320), models.slot_toml(tmp_path)
    )
    images = [encoded(scene({(64, 96 - 32): f"A{n}B"}, height=256)) for n in range(3)]
    answers = core_rs.Engine(pack).recognise(images)
    assert [texts(answer) for answer in answers] == [["A0B"], ["A1B"], ["A2B"]]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_detector_of_a_fixed_batch_reads_any_number(tmp_path: Path, count: int) -> None:
    detector = models.marker_toml(tmp_path, batch=2)
    engine = core_rs.Engine(models.write_pack(tmp_path, detector, models.stripe_toml(tmp_path)))
    images = [encoded(scene({(64, 96): f"A{n}B"})) for n in range(count)]
    # The second call meets what the first left in the working memory.
    for _ in range(2):
        assert [texts(answer) for answer in engine.recognise(images)] == [[f"A{n}B"] for n in range(count)]


def test_nothing_of_one_image_reaches_the_next(engine: core_rs.Engine) -> None:
    # The same input size with other padding: what the first picture left must not be found in the second.
    full, half = encoded(scene({(64, 160): "AB1"})), encoded(scene({}, width=320, height=250))
    for _ in range(3):
        assert texts(engine.recognise([full])[0]) == ["AB1"]
        assert texts(engine.recognise([half])[0]) == []


def test_options_of_another_length_are_refused(engine: core_rs.Engine) -> None:
    with pytest.raises(ValueError, match="options: 2 given for 1 images"):
        engine.recognise([b"x"], [core_rs.Options()] * 2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("threshold_d", 1.5),
        ("threshold_o", -0.1),
        ("threshold_d", float("nan")),
        ("mode", "slow"),
        ("max_plates", 0),
        ("max_candidates", 65),
    ],
)
def test_bad_options_name_their_field(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        core_rs.Options(**{field: value})  # type: ignore[arg-type]


def test_options_keep_what_they_were_given() -> None:
    options = core_rs.Options(regions=["gb", "us-ca"], region_strict=True, text_formats=["[a-z]"], mode="fast")
    assert (options.regions, options.region_strict, options.text_formats) == (["gb", "us-ca"], True, ["[a-z]"])
    assert (options.mode, options.plates_per_vehicle, options.zoom_in_vehicles) == ("fast", 1, 4)


def test_a_passed_deadline_is_an_error_for_each_image(engine: core_rs.Engine) -> None:
    answers = engine.recognise([encoded(scene({}))] * 3, deadline_ms=0)
    assert all(isinstance(answer, core_rs.DeadlineExceeded) for answer in answers)
    assert {getattr(answer, "code", None) for answer in answers} == {"deadline_exceeded"}


def test_a_deadline_in_the_middle_keeps_what_is_done(tiny: Path) -> None:
    # One image a group: the first is answered before the many after it run into the deadline.
    engine = core_rs.Engine(tiny, max_batch=1)
    image = encoded(noise(1500, 1500))
    answers = engine.recognise([image] * 200, deadline_ms=700)
    assert isinstance(answers[0], core_rs.ImageReading)
    assert isinstance(answers[-1], core_rs.DeadlineExceeded)


def test_threads_share_one_engine(engine: core_rs.Engine) -> None:
    wrong: list[object] = []

    def work(seed: int) -> None:
        for n in range(5):
            text = f"T{seed}N{n}"
            [answer] = engine.recognise([encoded(scene({(64, 96): text}))])
            if texts(answer) != [text]:
                wrong.append(answer)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_interpreter_runs_on_during_a_call(engine: core_rs.Engine) -> None:
    images = [encoded(noise(1200, 1200, seed), "PNG") for seed in range(8)]
    beats, done = [], threading.Event()

    def beat() -> None:
        while not done.is_set():
            beats.append(time.monotonic())
            time.sleep(0.005)

    thread = threading.Thread(target=beat)
    thread.start()
    engine.recognise(images)
    done.set()
    thread.join()
    # With the GIL held for the whole call there would be one beat before it and one after.
    assert len(beats) > 4


def test_engine_arguments_are_bounded(tiny: Path) -> None:
    for field in ("intra_threads", "max_batch", "max_pixels"):
        with pytest.raises(ValueError, match=field):
            core_rs.Engine(tiny, **{field: 0})


def test_every_error_has_the_one_base() -> None:
    kinds = ("ImageError", "PackError", "DeadlineExceeded", "RuntimeUnavailable", "InferenceError")
    for name in kinds:
        assert issubclass(getattr(core_rs, name), core_rs.CoreError)
    assert issubclass(core_rs.CoreError, Exception)
