"""A Java program: jars whose checksums are known, as one file that starts itself."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from imsobs import private
from imsobs.errors import ImsobsError
from imsobs.runtime.build.go_errors import Cause, says_full_disk
from imsobs.shipped import JARS, JavaBuild

Run = Callable[[list[str], Path, dict[str, str]], str]

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>imsobs</groupId>
  <artifactId>jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>{group}</groupId>
      <artifactId>{artifact}</artifactId>
      <version>{version}</version>
    </dependency>
  </dependencies>
</project>
"""
# Java reads an archive from its end, a shell from its beginning.
_START = """\
#!/bin/sh
java="${{JAVA_HOME:+$JAVA_HOME/bin/}}java"
command -v "$java" >/dev/null || {{ echo "Java 17 is needed: $java is not here" >&2; exit 127; }}
[ "$1" = --version ] && exec "$java" -cp "$0" {version}
exec "$java" -jar "$0" "$@"
exit 1
"""
_SERVICES = "META-INF/services/"
# Each jar's own; and signatures, which are of jars that are whole.
_LEFT_OUT = re.compile(
    r"META-INF/(MANIFEST\.MF|INDEX\.LIST|[^/]+\.(SF|RSA|DSA|EC))|(.*/)?module-info\.class|.*/"
)
_NO_JARS = re.compile(
    r"Could not (?:transfer|find) artifact|Could not resolve|Unknown host|offline mode"
    r"|Connection (?:refused|reset)|Network is unreachable|plugin.* could not be resolved",
    re.IGNORECASE,
)


def find_maven(name: str, variable: str) -> Path:
    """Return the mvn command. variable: tells where the program is that is to be built.

    Raises ImsobsError when Maven or Java is missing.
    """
    mvn, java = shutil.which("mvn"), shutil.which("java")
    if mvn is None or java is None:
        absent = [program for program, path in (("mvn", mvn), ("java", java)) if path is None]
        raise ImsobsError(
            f"building {name} failed: {' and '.join(absent)} cannot be found on PATH",
            remedy=f"install Maven and Java 17, or set {variable}",
        )
    return Path(mvn)


def explain_maven(output: str) -> Cause:
    """Return the cause that Maven's output shows; its first error otherwise."""
    if says_full_disk(output):
        return Cause(
            "the disk is full",
            "free space for Maven's repository (~/.m2) and IMSOBS_CACHE, or move them",
        )
    if _NO_JARS.search(output):
        return Cause(
            "jars could not be downloaded",
            "check the network, and mirrors and proxies in Maven's settings.xml",
        )
    errors = [line for line in output.splitlines() if line.startswith("[ERROR]")]
    return Cause(f"Maven said: {errors[0][8:308] if errors else 'no error'}", "read the log")


def known_jars(build: JavaBuild) -> dict[str, str]:
    """Return file name -> SHA-256 of every jar of a program."""
    lines = (JARS / build.jars).read_text(encoding="utf-8").splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return {name: digest for digest, name in rows}


def java_program(build: JavaBuild, mvn: Path, work: Path, run: Run) -> Path:
    """Fetch the jars, compare them with the known checksums, and return the file made of them.

    Raises ImsobsError when a jar is missing, unknown or another than the known one.
    """
    group, artifact = build.artifact.split(":")
    pom, folder = work / "pom.xml", work / "jars"
    text = _POM.format(group=group, artifact=artifact, version=build.module_version)
    pom.write_text(text, encoding="utf-8")
    command = [str(mvn), "-B", "-f", str(pom), _COPY, "-DincludeScope=runtime"]
    run([*command, f"-DoutputDirectory={folder}"], work, {})
    found = {file.name: private.digest(file) for file in folder.glob("*.jar")}
    if strange := _differences(known_jars(build), found):
        raise ImsobsError(
            f"the jars of {build.artifact} are not those that are known: {strange}",
            remedy="remove them from Maven's repository (~/.m2) and try again; if it stays, do not"
            " trust where Maven gets them",
        )
    made = work / "program"
    lay_together([folder / name for name in sorted(found)], build, made)
    return made


def _differences(known: Mapping[str, str], found: Mapping[str, str]) -> str:
    names = [n for n in sorted({*known, *found}) if known.get(n) != found.get(n)]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def lay_together(jars: Iterable[Path], build: JavaBuild, made: Path) -> None:
    """Write one archive of several, behind the lines that start it; the same bytes every time."""
    services: dict[str, list[str]] = {}
    seen: set[str] = set()
    with made.open("wb") as file:
        file.write(_START.format(version=build.tells_version).encode())
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as whole:

            def add(name: str, content: bytes) -> None:
                entry = zipfile.ZipInfo(name)
                entry.compress_type = zipfile.ZIP_DEFLATED
                whole.writestr(entry, content)

            add("META-INF/MANIFEST.MF", _manifest(build).encode())
            for jar in jars:
                with zipfile.ZipFile(jar) as part:
                    for name in part.namelist():
                        if name.startswith(_SERVICES) and not name.endswith("/"):
                            lines = part.read(name).decode().splitlines()
                            services.setdefault(name, []).extend(lines)
                        elif name not in seen and not _LEFT_OUT.fullmatch(name):
                            seen.add(name)
                            add(name, part.read(name))
            for name, lines in sorted(services.items()):
                add(name, "".join(f"{line}\n" for line in dict.fromkeys(lines)).encode())


def _manifest(build: JavaBuild) -> str:
    given = {
        "Manifest-Version": "1.0",
        "Main-Class": build.main,
        "Multi-Release": "true",
        "Add-Exports": " ".join(build.exports),
        "Add-Opens": " ".join(build.opens),
    }
    return "".join(_folded(f"{key}: {value}") for key, value in given.items() if value) + "\n"


def _folded(line: str) -> str:
    """Return a line of a manifest; one has at most 72 bytes, and goes on behind a space."""
    parts = [line[:72], *(line[at : at + 71] for at in range(72, len(line), 71))]
    return "\n ".join(parts) + "\n"
