"""What this machine has, as the layer of an image, in place of base images from a registry.

That is programs, the libraries that they load, and a Python with installed packages.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

# Where the official Python images have theirs; Python finds its library relative to itself.
PREFIX = "usr/local"
_VERSION = f"python{sysconfig.get_python_version()}"
_LIBRARY = f"{PREFIX}/lib/{_VERSION}"
_SKIPPED = {"site-packages", "dist-packages", "test", "idlelib", "tkinter", "turtledemo"}
_LOADED = re.compile(r"(?:=> )?(/\S+) \(0x[0-9a-f]+\)")


def libraries(programs: Iterable[Path]) -> list[Path]:
    """Return the shared libraries that programs and modules load, as the loader finds them."""
    names = [str(program) for program in programs]
    found: set[str] = set()
    # In portions, below the longest command line.
    for start in range(0, len(names), 200):
        done = subprocess.run(
            ["ldd", *names[start : start + 200]], capture_output=True, text=True, check=False
        )
        found.update(_LOADED.findall(done.stdout))
    return [Path(name) for name in sorted(found)]


def add_programs(
    tar: tarfile.TarFile, names: Iterable[str], loaded_by: Iterable[Path] = ()
) -> None:
    """Add programs from PATH to ``bin/``, with what they and ``loaded_by`` load."""
    found = [shutil.which(name) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        raise SystemExit(f"not here: {', '.join(missing)}")
    paths = [Path(path).resolve() for path in found if path is not None]
    for name, path in zip(names, paths, strict=True):
        tar.add(path, f"bin/{name}")
    packages = sysconfig.get_path("purelib")
    for path in libraries([*paths, *loaded_by]):
        # What a package brings along is in its folder already.
        if not path.is_relative_to(packages):
            # A library is often a link to its version: the file itself is taken.
            tar.add(path.resolve(), str(path).lstrip("/"))


def python_layer() -> bytes:
    """Return the tar of this Python, the packages installed beside it, and a shell."""
    paths = sysconfig.get_paths()
    library, packages = Path(paths["stdlib"]), Path(paths["purelib"])
    interpreter = (Path(sys.base_prefix) / "bin" / _VERSION).resolve()
    modules = [*library.glob("lib-dynload/*.so"), *packages.rglob("*.so")]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(folder)
        tar.add(interpreter, f"{PREFIX}/bin/{_VERSION}")
        for name in ("python", "python3"):
            _link(tar, f"{PREFIX}/bin/{name}", _VERSION)
        tar.add(library, _LIBRARY, filter=_standard)
        tar.add(packages, f"{_LIBRARY}/site-packages", filter=_installed)
        # Where Debian's Python looks.
        _link(tar, f"{_LIBRARY}/dist-packages", "site-packages")
        for name, text in _scripts(Path(paths["scripts"])):
            info = tarfile.TarInfo(f"{PREFIX}/bin/{name}")
            info.size, info.mode = len(text), 0o755
            tar.addfile(info, io.BytesIO(text))
        add_programs(tar, ["sh"], [interpreter, *modules])
    return buffer.getvalue()


def _link(tar: tarfile.TarFile, name: str, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    tar.addfile(info)


def _standard(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = Path(info.name).relative_to(_LIBRARY).parts
    wanted = not parts or not (parts[0] in _SKIPPED or parts[0].startswith("config-"))
    return _readable(info) if wanted else None


def _installed(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    # This project is not part of the demo's image.
    return None if Path(info.name).name.startswith("__editable__") else _readable(info)


def _readable(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mode |= 0o555 if info.isdir() else 0o444
    info.uid = info.gid = 0
    return info


def _scripts(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the console scripts of a virtual environment, for the image's Python."""
    for path in sorted(folder.iterdir()):
        text = path.read_bytes() if path.is_file() else b""
        first, _, rest = text.partition(b"\n")
        if first.startswith(b"#!") and b"python" in first and not path.is_symlink():
            yield path.name, f"#!/{PREFIX}/bin/{_VERSION}\n".encode() + rest
