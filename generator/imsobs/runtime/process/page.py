"""Web pages that a process serves from its working directory: laid out there from the cache.

Such a process always works in a folder of the state that holds its page and nothing else, also
when there is no page. It reads the files when it is asked for them: a page that is built later
appears without a restart, and a file of the project is never served.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from imsobs import private
from imsobs.errors import ImsobsError
from imsobs.runtime.build.binaries import locate
from imsobs.runtime.paths import STATE_REMEDY, Layout
from imsobs.runtime.process.launch import Launch
from imsobs.runtime.process.plan import Plan
from imsobs.runtime.progress import Progress
from imsobs.shipped import PageBuild


def lay_out(plan: Plan, layout: Layout, launches: Mapping[str, Launch], progress: Progress) -> None:
    """Put the pages of these processes where they serve them; remove what is no longer built.

    Raises ImsobsError for a page of the cache that is not the one that was built.
    """
    for name, launch in launches.items():
        page = launch.process.page
        build = plan.components[page].build if page else None
        if page is None or not isinstance(build, PageBuild):
            continue
        folder = layout.page_of(page)
        private.make_below(layout.state, folder, STATE_REMEDY)
        archive = locate(plan, layout.root, page, progress)
        digest = private.digest(archive.path) if archive else ""
        noted = folder / "sha256"
        if noted.exists() and noted.read_text(encoding="utf-8") == digest:
            continue
        # Without its digest, a page that was half laid out is laid out anew.
        noted.unlink(missing_ok=True)
        top = folder / build.result.split("/")[0]
        shutil.rmtree(top, ignore_errors=True)
        if archive is not None:
            _unpack(archive.path, folder / build.result)
            progress.note(f"{name} has its web page: {launch.process.url}")
            private.write(noted, digest)


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as whole:
            whole.extractall(folder)
    except (OSError, zipfile.BadZipFile) as error:
        raise ImsobsError(
            f"{archive} cannot be unpacked to {folder}: {error}",
            remedy=f"free space there, or remove {archive.parent} and build it again",
        ) from error
