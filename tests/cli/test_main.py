from tests.cli.support import Platehost


def test_help_tells_the_commands(platehost: Platehost) -> None:
    done = platehost("--help")
    assert done.returncode == 0
    for command in ("read", "serve", "key", "pack"):
        assert f"    {command} " in done.stdout


def test_each_command_has_help(platehost: Platehost) -> None:
    for command in (["read"], ["serve"], ["key", "create"], ["key", "list"], ["key", "revoke"], ["pack", "verify"]):
        done = platehost(*command, "--help")
        assert done.returncode == 0
        assert done.stdout.startswith(f"usage: platehost {' '.join(command)}")


def test_without_a_command_it_shows_the_help(platehost: Platehost) -> None:
    done = platehost()
    assert done.returncode == 2
    assert "platehost read car.jpg" in done.stdout


def test_version(platehost: Platehost) -> None:
    done = platehost("--version")
    assert done.returncode == 0
    assert done.stdout.split()[0] == "platehost"
    assert done.stdout.split()[1][0].isdigit()


def test_an_unknown_command_names_the_known_ones(platehost: Platehost) -> None:
    done = platehost("raed", "car.jpg")
    assert done.returncode == 2
    assert "raed" in done.stderr
    assert "Traceback" not in done.stderr
