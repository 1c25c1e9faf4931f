"""`platehost register`: from a CSV file into the store, and out again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from platehost.reading import Registration
from platehost.register import Register
from tests.cli.support import Platehost, one_sentence
from tests.service.support import RedisServer

CARS = """Plate,Make,Model,Color,Year,Fuel,Owner
AB12 CDE,Ford,Focus,Blue,2012,petrol,Ada
11-zkz-3,Škoda,"Citigo, the small one",,2013,,Bob
"""
FORD = Registration("register", "Ford", "Focus", "Blue", 2012, "petrol")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def register(server: RedisServer) -> Register:
    return Register(server.client())


@pytest.fixture
def in_store(platehost: Platehost, server: RedisServer) -> Platehost:
    return lambda *arguments: platehost("register", *arguments, env={"REDIS_URL": server.url})


@pytest.fixture
def cars(tmp_path: Path) -> Path:
    file = tmp_path / "cars.csv"
    file.write_text(CARS, encoding="utf-8")
    return file


def test_import_takes_what_the_file_holds(in_store: Platehost, register: Register, cars: Path) -> None:
    done = in_store("import", cars)
    assert (done.returncode, done.stdout) == (0, "2 vehicles taken.\n"), done.stderr
    assert done.stderr == "Columns that mean nothing here: owner.\n"
    assert dict(register.vehicles()) == {
        "11ZKZ3": Registration("register", "Škoda", "Citigo, the small one", None, 2013, None),
        "AB12CDE": FORD,
    }


def test_import_adds_and_replace_forgets_the_rest(in_store: Platehost, register: Register, cars: Path) -> None:
    register.add({"OLD1": FORD, "AB12CDE": Registration("register", "Lada")})
    assert in_store("import", cars).returncode == 0
    assert set(dict(register.vehicles())) == {"OLD1", "AB12CDE", "11ZKZ3"}
    assert register.find(["AB12CDE"]) == {"AB12CDE": FORD}
    done = in_store("import", cars, "--replace")
    assert done.stdout == "2 vehicles taken, all others forgotten.\n"
    assert set(dict(register.vehicles())) == {"AB12CDE", "11ZKZ3"}


def test_a_file_with_a_fault_changes_nothing(in_store: Platehost, register: Register, cars: Path) -> None:
    register.add({"OLD1": FORD})
    cars.write_text("plate,make,year\nAB12CDE,Ford,12\nÖL 1,VW,2012\n", encoding="utf-8")
    done = in_store("import", cars, "--replace")
    assert done.returncode == 1
    assert f"platehost: {cars} was not taken. Line 2, column year is '12'" in done.stderr
    assert "Line 3, column plate is 'ÖL 1'" in done.stderr
    assert "Traceback" not in done.stderr
    assert register.find(["OLD1"]) == {"OLD1": FORD}


def test_a_file_that_is_not_there(in_store: Platehost, cars: Path) -> None:
    assert "cannot be read: no such file" in one_sentence(in_store("import", cars.parent / "none.csv"))


def test_list_remove_and_clear(in_store: Platehost, register: Register, cars: Path) -> None:
    assert in_store("import", cars).returncode == 0
    listed = in_store("list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["plate", "11ZKZ3", "AB12CDE"]
    assert "Focus" in listed[2]
    assert in_store("remove", "ab12 cde").stdout == "AB12CDE forgotten.\n"
    assert "does not know AB12CDE" in one_sentence(in_store("remove", "AB12CDE"))
    assert "PLATE is empty" in one_sentence(in_store("remove", "."))
    assert in_store("clear").stdout == "1 vehicle forgotten.\n"
    assert dict(register.vehicles()) == {}


def test_serve_refuses_a_lookup_that_cannot_work(platehost: Platehost, free_port: int, tmp_path: Path) -> None:
    arguments = ("serve", "--port", free_port, "--data", tmp_path / "data")
    told = one_sentence(platehost(*arguments, env={"PLATEHOST_LOOKUP": "gb=dvla"}))
    assert "PLATEHOST_DVLA_KEY" in told
