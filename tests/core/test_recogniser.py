"""The worker's view of the core: readings with their vehicles, and the packs that it loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from platehost.options import Options
from platehost.reading import Model, Reading
from tests.core import vehicle_models
from tests.core.pictures import encoded
from tests.core.test_vehicles import CAR, OTHER_CAR, PLATE, street
from worker.engine import EngineUnavailable, Recogniser, verified


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    vehicle_models.vehicle_pack(folder / "default")
    vehicle_models.make_model_pack(folder / "make-model")
    return folder


@pytest.fixture(scope="module")
def recogniser(packs: Path) -> Recogniser:
    return Recogniser(str(packs / "default"), make_model=str(packs / "make-model"))


def read(recogniser: Recogniser, options: Options) -> Reading:
    [outcome] = recogniser.read([encoded(street({PLATE: "AB1"}, [CAR, OTHER_CAR], paint=250))], [options])
    assert isinstance(outcome, Reading), outcome
    return outcome


def test_a_plate_carries_its_vehicle(recogniser: Recogniser) -> None:
    reading = read(recogniser, Options())
    [plate] = reading.plates
    assert plate.vehicle is not None
    assert plate.vehicle.type == "Van"
    assert plate.vehicle.box == pytest.approx((40, 24, 296, 216), abs=1)
    assert (plate.vehicle.models, plate.vehicle.colours, plate.vehicle.orientations) == ((), (), ())
    assert reading.bare_vehicles == ()


def test_mmc_tells_the_rest(recogniser: Recogniser) -> None:
    [plate] = read(recogniser, Options(mmc=True)).plates
    assert plate.vehicle is not None
    assert plate.vehicle.models[0] == Model("Audi", "S4", pytest.approx(0.5), 2012)
    assert plate.vehicle.colours[0].name == "green"
    assert plate.vehicle.orientations[0].name == "Front"


def test_vehicles_without_a_plate_stand_by_themselves(recogniser: Recogniser) -> None:
    reading = read(recogniser, Options(detection_mode="vehicle"))
    [bare] = reading.bare_vehicles
    assert bare.box == pytest.approx((344, 280, 600, 472), abs=1)
    assert reading.plates[0].vehicle != bare


def test_the_strict_rule_reaches_the_core(recogniser: Recogniser) -> None:
    picture = encoded(street({PLATE: "AB1"}, []))
    free, strict = recogniser.read([picture] * 2, [Options(), Options(detection_rule="strict")])
    assert isinstance(free, Reading)
    assert isinstance(strict, Reading)
    assert (len(free.plates), strict.plates) == (1, ())


def test_both_packs_are_told(recogniser: Recogniser, packs: Path) -> None:
    assert recogniser.pack.stages[-1].stage == "vehicle_attributes"
    assert recogniser.make_model_pack is not None
    assert recogniser.make_model_pack.stages[0].stage == "make_model"
    assert Recogniser(str(packs / "default")).make_model_pack is None


def test_packs_of_both_sorts_are_verified(packs: Path, tmp_path: Path) -> None:
    assert [stage.stage for stage in verified(str(packs / "make-model")).stages] == ["make_model"]
    assert len(verified(str(packs / "default")).stages) == 4
    with pytest.raises(EngineUnavailable, match=r"manifest\.toml"):
        verified(str(tmp_path))
