"""7z archives, in one file or in volumes: by py7zr where it is installed, else by the program 7zz or 7z."""

import importlib.util
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from osprep.errors import ArchiveError
from osprep.harvest.archive import Archive, volumes
from osprep.harvest.members import Member

PROGRAMS = ("7zz", "7z", "7za")


@contextmanager
def open_7z(path: Path) -> Iterator[Archive]:
    """Open a 7z archive, or a zip that Python cannot read. Raises ArchiveError that says what to install."""
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    zipped = path.suffix.lower() == ".zip"
    parts = volumes(path)
    library = importlib.util.find_spec("py7zr") and (len(parts) == 1 or importlib.util.find_spec("multivolumefile"))
    if library and not zipped:
        with _open_library(path, parts) as archive:
            yield archive
    elif program:
        yield _Program(program, path)
    else:
        remedy = "install 7-Zip" if zipped else "pip install 'ospretrain[archives]' or install 7-Zip"
        raise ArchiveError(f"{path}: cannot be unpacked here; {remedy}, or unpack it by hand and use --locate")


@contextmanager
def _open_library(path: Path, parts: Sequence[Path]) -> Iterator[Archive]:
    import py7zr  # optional, and slow to import
    from py7zr.exceptions import ArchiveError as LibraryError

    try:
        if len(parts) == 1:
            with py7zr.SevenZipFile(path) as file:
                yield _Library(file, path)
        else:
            import multivolumefile

            with multivolumefile.open(path.with_name(path.name.removesuffix(".001")), mode="rb") as joined:
                stream: Any = joined
                with py7zr.SevenZipFile(stream) as file:
                    yield _Library(file, path)
    except (LibraryError, ValueError, IndexError) as error:
        fault = f"broken, cut short or incomplete ({type(error).__name__}: {error})"
        raise ArchiveError(f"{path}: {fault}; get it, or its missing volumes, again") from error


class _Library:
    def __init__(self, file: Any, path: Path) -> None:
        self._file, self._path = file, path

    def members(self) -> Iterator[Member]:
        if self._file.needs_password():
            raise ArchiveError(f"{self._path}: needs a password; unpack it by hand, then use --locate")
        for info in self._file.files:
            if info.is_symlink or info.is_junction or info.is_socket:
                yield Member(info.filename, "device")  # where a link points to cannot be told before it is unpacked
            else:
                yield Member(info.filename, "folder" if info.is_directory else "file", info.uncompressed)

    def extract(self, members: Sequence[Member], into: Path, step: Callable[[int], None]) -> None:
        self._file.extractall(into)
        step(len(members))


class _Program:
    def __init__(self, program: str, path: Path) -> None:
        self._program, self._path = program, path

    def members(self) -> Iterator[Member]:
        listing = self._run("l", "-slt", "-ba", "-sccUTF-8", "--", str(self._path))
        for block in listing.split("\n\n"):
            fields = dict(line.partition(" = ")[::2] for line in block.splitlines() if " = " in line)
            if "Path" not in fields:
                continue
            if fields.get("Encrypted") == "+":
                raise ArchiveError(f"{self._path}: needs a password; unpack it by hand, then use --locate")
            yield _listed(fields)

    def extract(self, members: Sequence[Member], into: Path, step: Callable[[int], None]) -> None:
        self._run("x", "-y", "-bd", f"-o{into}", "--", str(self._path))
        step(len(members))

    def _run(self, *arguments: str) -> str:
        command = [self._program, *arguments]
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
        if run.returncode:
            words = " ".join((run.stderr or run.stdout).split())[-300:]
            raise ArchiveError(f"{self._path}: {Path(self._program).name} gives up ({words}); get the archive again")
        return run.stdout


def _listed(fields: dict[str, str]) -> Member:
    attributes = fields.get("Attributes", "")
    mode = attributes.split()[-1] if attributes else ""
    if fields.get("Symbolic Link"):
        return Member(fields["Path"], "symlink", target=fields["Symbolic Link"])
    if fields.get("Hard Link"):
        return Member(fields["Path"], "hardlink", target=fields["Hard Link"])
    if len(mode) == 10 and mode[0] not in "d-":
        return Member(fields["Path"], "device")  # also a link whose target the listing leaves out
    folder = fields.get("Folder") == "+" or attributes.startswith("D")
    return Member(fields["Path"], "folder" if folder else "file", int(fields.get("Size") or 0))
