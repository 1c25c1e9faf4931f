"""The operator's own register: its files, with faults by line and column, and its place in the store."""

from __future__ import annotations

import pytest
import redis

from platehost.reading import Registration
from platehost.register import KEY, PlateError, Register, plate_of
from platehost.register_csv import CsvError, parse

FORD = Registration("register", "Ford", "Focus", "Blue", 2012, "petrol")


@pytest.mark.parametrize(("text", "plate"), [("ab12 cde", "AB12CDE"), (" 11-ZKZ-3 ", "11ZKZ3"), ("B.AB\t1", "BAB1")])
def test_a_plate_is_written_as_it_is_read(text: str, plate: str) -> None:
    assert plate_of(text) == plate


@pytest.mark.parametrize("text", ["", " - ", "ÖL1", "AB12_CDE", "A" * 13])
def test_what_is_no_plate_is_refused(text: str) -> None:
    with pytest.raises(PlateError):
        plate_of(text)


@pytest.mark.parametrize(
    "content",
    [
        b"plate,make,model,colour,year,fuel_type\nAB12CDE,Ford,Focus,Blue,2012,petrol\n",
        b"\xef\xbb\xbfplate;make;model;colour;year;fuel_type\r\nAB12CDE;Ford;Focus;Blue;2012;petrol\r\n",
        b"year,fuel type,PLATE,make,model,color\n\n2012,petrol,ab12 cde, Ford ,Focus,Blue\n,,,,,\n",
    ],
    ids=["commas", "a spreadsheet's", "another order"],
)
def test_files_of_several_kinds_mean_the_same(content: bytes) -> None:
    assert parse(content).vehicles == {"AB12CDE": FORD}


def test_what_a_file_does_not_tell_is_not_known() -> None:
    parsed = parse(b"plate,make,owner\nAB12CDE,,Ada\nAB13CDE\n")
    assert parsed.vehicles == {"AB12CDE": Registration("register"), "AB13CDE": Registration("register")}
    assert parsed.ignored == ("owner",)


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (b"", ["Line 1 names no column plate."]),
        (b"AB12CDE,Ford\n", ["Line 1 names no column plate."]),
        (b"plate,make,make\n", ["Line 1 names the column make 2 times."]),
        (b"plate,make\nAB12CDE,F\xf6rd\n", ["Line 2 is not UTF-8."]),
        (b"plate,make\nAB12CDE,Ford,2012\n", ["Line 2 has 3 columns, but line 1 names 2."]),
        (b"plate,year\nAB12CDE,12\n", ["Line 2, column year is '12'"]),
        (b"plate,year\nAB12CDE,1800\n", ["Line 2, column year is '1800'"]),
        (b"plate,year\n,2012\nAB_1,2012\n", ["Line 2, column plate is empty", "Line 3, column plate is 'AB_1'"]),
        (b"plate\nAB12CDE\n\nab12-cde\n", ["Line 4, column plate: AB12CDE stands in line 2 already."]),
        (b"plate,make\nAB12CDE," + b"x" * 101 + b"\n", ["Line 2, column make has 101 characters"]),
        (b'plate,make\nAB12CDE,"Ford\n' + b"x" * 140_000, ["Line 3 is no CSV"]),
        (b"plate,make\nAB12CDE,Fo\0rd\nAB_2,x\n", ["Line 2, column make", "Line 3, column plate"]),
    ],
)
def test_faults_are_told_with_line_and_column(content: bytes, faults: list[str]) -> None:
    with pytest.raises(CsvError) as raised:
        parse(content)
    told = raised.value.faults
    assert len(told) == len(faults)
    assert all(each.startswith(fault) for each, fault in zip(told, faults, strict=True)), told


def test_a_file_of_faults_does_not_flood_the_screen() -> None:
    with pytest.raises(CsvError) as raised:
        parse(b"plate\n" + b"_\n" * 1000)
    assert len(raised.value.faults) == 11
    assert raised.value.faults[-1] == "There may be more."


def test_vehicles_are_added_found_and_forgotten(store: redis.Redis) -> None:
    register = Register(store)
    register.add({"AB12CDE": FORD, "AB13CDE": Registration("register")})
    assert register.find(["AB13CDE", "NONE", "AB12CDE"]) == {"AB13CDE": Registration("register"), "AB12CDE": FORD}
    assert register.find([]) == {}
    assert register.remove("AB12CDE")
    assert not register.remove("AB12CDE")
    assert register.clear() == 1
    assert list(register.vehicles()) == []


def test_a_replacement_is_whole_or_not_at_all(store: redis.Redis) -> None:
    register = Register(store)
    many = {f"AB{number}": FORD for number in range(2500)}
    register.add(many)
    register.add({"NEW1": FORD}, replace=True)
    assert dict(register.vehicles()) == {"NEW1": FORD}
    assert store.ttl(KEY) == -1, "it stays for ever"
    assert store.keys(f"{KEY}:*") == []
    register.add({}, replace=True)
    assert list(register.vehicles()) == []


def test_the_register_is_listed_in_the_order_of_the_plates(store: redis.Redis) -> None:
    register = Register(store)
    register.add({f"P{number:04d}": FORD for number in range(2500, 0, -1)})
    plates = [plate for plate, _ in register.vehicles()]
    assert len(plates) == 2500
    assert plates == sorted(plates)
