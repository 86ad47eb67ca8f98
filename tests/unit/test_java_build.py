"""A program of jars: fetched by Maven, held against known checksums, laid together as one file."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest
from native_fakes import Notes, Project, executable, make_project, path_with

from imsobs.errors import ImsobsError
from imsobs.runtime.build.compile import build_component
from imsobs.runtime.build.java import known_jars
from imsobs.runtime.build.recipe import recipe_key
from imsobs.shipped import JavaBuild, shipped

# Hands out the jars beside it, or fails as the file `says` there has it.
MVN = """#!/bin/sh
here="$(cd "$(dirname "$0")/.." && pwd)"
[ -e "$here/says" ] && { cat "$here/says"; exit 1; }
for word in "$@"; do case "$word" in -DoutputDirectory=*) out="${word#*=}" ;; esac; done
mkdir -p "$out" && cp "$here"/served/*.jar "$out"
"""
JAVA = """#!/bin/sh
[ "$1" = -cp ] && [ "$3" = org.example.Tell ] && { echo 1.2.3; exit; }
echo "$@"
"""
UNREACHABLE = (
    "[ERROR] Failed to execute goal: Could not transfer artifact org.example:server:jar:1.2.3 from"
    " central: no such host\n"
)


class Jars:
    """A project with a program of two jars, and a fake Maven that hands them out."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.cache = root, root / "cache"
        self.bin = root / "tools/bin"
        executable(self.bin / "mvn", MVN)
        executable(self.bin / "java", JAVA)
        self.served = root / "tools/served"
        self.served.mkdir()
        service = "META-INF/services/org.example.Codec"
        manifest = {"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n", "module-info.class": "m"}
        self.jar("a.jar", {**manifest, "org/A.class": "A", service: "org.A\n", "LICENSE": "of a"})
        self.jar("b.jar", {**manifest, "org/B.class": "B", service: "org.B", "LICENSE": "of b",
                           "META-INF/KEY.RSA": "signed", "META-INF/x/f.txt": "kept"})  # fmt: skip
        lines = [f"{_digest(file)}  {file.name}" for file in sorted(self.served.iterdir())]
        (root / "jars").mkdir()
        (root / "jars/server.txt").write_text("# Known.\n" + "\n".join(lines) + "\n")
        monkeypatch.setattr("imsobs.runtime.build.java.JARS", root / "jars")
        monkeypatch.setenv("PATH", path_with(self.bin))
        monkeypatch.delenv("JAVA_HOME", raising=False)
        self.project: Project = make_project(root)
        self.project.data["components"]["server"] = {
            "version": "1.2.3",
            "build": {
                "kind": "java", "artifact": "org.example:server", "jars": "server.txt",
                "main": "org.example.Main", "tells_version": "org.example.Tell",
                "opens": [f"java.base/java.util.some{n}" for n in range(9)],
            },
        }  # fmt: skip

    def jar(self, name: str, entries: dict[str, str]) -> None:
        with zipfile.ZipFile(self.served / name, "w") as jar:
            for entry, text in entries.items():
                jar.writestr(entry, text)

    def build(self, notes: Notes | None = None) -> Path:
        plan = self.project.plan()
        return build_component(plan, self.root, self.cache, "server", notes or Notes())


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jars:
    return Jars(tmp_path, monkeypatch)


def test_the_jars_become_one_program(jars: Jars) -> None:
    notes = Notes()
    program = jars.build(notes)
    assert notes.notes[0] == "building server 1.2.3 with Maven (once)"
    with zipfile.ZipFile(program) as whole:
        texts = {name: whole.read(name).decode() for name in whole.namelist()}
    manifest = texts.pop("META-INF/MANIFEST.MF")
    assert texts == {
        "org/A.class": "A", "org/B.class": "B", "LICENSE": "of a", "META-INF/x/f.txt": "kept",
        "META-INF/services/org.example.Codec": "org.A\norg.B\n",
    }  # fmt: skip
    assert "Main-Class: org.example.Main\nMulti-Release: true\n" in manifest
    assert max(map(len, manifest.splitlines())) <= 72
    opened = manifest.replace("\n ", "").split("Add-Opens: ")[1].split()
    assert opened == [f"java.base/java.util.some{n}" for n in range(9)]
    started = subprocess.run([program, "-f"], capture_output=True, text=True, check=True)
    assert started.stdout == f"-jar {program} -f\n"


def test_the_same_jars_are_the_same_bytes(jars: Jars) -> None:
    first = jars.build().read_bytes()
    jars.cache = jars.root / "another"
    assert jars.build().read_bytes() == first


def test_a_jar_that_is_not_the_known_one_is_refused(jars: Jars) -> None:
    jars.jar("b.jar", {"org/B.class": "evil"})
    jars.jar("c.jar", {"org/C.class": "evil"})
    with pytest.raises(ImsobsError) as caught:
        jars.build()
    text = "the jars of org.example:server are not those that are known: b.jar, c.jar"
    assert str(caught.value).startswith(text)
    assert not list(jars.cache.glob("bin/*/server"))


@pytest.mark.parametrize(
    ("says", "cause", "remedy"),
    [
        (UNREACHABLE, "jars could not be downloaded", "settings.xml"),
        ("[ERROR] Unknown lifecycle phase\n[ERROR] more\n",
         "Maven said: Unknown lifecycle phase", "read the log"),
        ("java.io.IOException: No space left on device\n", "the disk is full", "~/.m2"),
    ],
)  # fmt: skip
def test_what_maven_fails_at(jars: Jars, says: str, cause: str, remedy: str) -> None:
    (jars.root / "tools/says").write_text(says)
    with pytest.raises(ImsobsError) as caught:
        jars.build()
    assert str(caught.value).startswith(f"building server failed: {cause}")
    assert remedy in (caught.value.remedy or "")


def test_without_maven_one_line_says_what_to_do(
    jars: Jars, monkeypatch: pytest.MonkeyPatch
) -> None:
    (jars.bin / "mvn").unlink()
    monkeypatch.setenv("PATH", str(jars.bin))
    with pytest.raises(ImsobsError) as caught:
        jars.build()
    assert str(caught.value).startswith("building server failed: mvn cannot be found on PATH\n")
    assert caught.value.remedy == "install Maven and Java 17, or set IMSOBS_SERVER_BIN"


def test_a_program_without_java_says_so(jars: Jars) -> None:
    program = jars.build()
    (jars.bin / "java").unlink()
    done = subprocess.run(
        ["/bin/sh", program],
        env={"PATH": str(jars.bin)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 127
    assert done.stderr == "Java 17 is needed: java is not here\n"


def test_the_key_changes_with_a_checksum(jars: Jars) -> None:
    component = jars.project.plan().components["server"]
    before = recipe_key(jars.root, "server", component)
    file = jars.root / "jars/server.txt"
    file.write_text(file.read_text() + f"{'0' * 64}  c.jar\n")
    assert recipe_key(jars.root, "server", component) != before


def test_every_program_of_jars_knows_its_own_and_their_dependencies() -> None:
    for component in shipped().natively({}).values():
        if isinstance(component.build, JavaBuild):
            known = known_jars(component.build)
            own = f"{component.build.artifact.split(':')[1]}-{component.version}.jar"
            assert own in known
            assert len(known) > 1
            assert all(len(digest) == 64 for digest in known.values())
