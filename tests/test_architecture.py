"""The layout is the architecture: who imports whom, what is public, what the wheel holds."""

import ast
import importlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("manifests", "osprep", "osloader", "codemae", "cli")
MAY_IMPORT = {
    "manifests": set(),
    "osprep": {"manifests"},
    "osloader": {"manifests"},
    "codemae": {"manifests", "osloader"},
    "cli": set(PACKAGES),
}
NEVER = {
    "manifests": {"torch", "rasterio"},
    "osprep": {"torch"},
    "osloader": {"rasterio"},
    "codemae": {"rasterio"},
    "cli": set(),
}


def imports(file: Path) -> set[str]:
    """Top-level names that a file imports anywhere in it, functions included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_import_table(package: str) -> None:
    for file in sorted((ROOT / package).rglob("*.py")):
        used = imports(file)
        ours = used & set(PACKAGES) - {package}
        assert ours <= MAY_IMPORT[package], f"{file.relative_to(ROOT)} imports {ours - MAY_IMPORT[package]}"
        assert not used & NEVER[package], f"{file.relative_to(ROOT)} imports {used & NEVER[package]}"
        assert "tests" not in used, f"{file.relative_to(ROOT)} imports the tests"


def test_only_the_demo_strings_packages_together() -> None:
    for file in sorted((ROOT / "cli").glob("*.py")):
        ours = imports(file) & {"osprep", "osloader", "codemae"}
        allowed = {
            "codemae.py": {"codemae", "osloader"},
            "demo.py": {"osprep", "osloader", "codemae"},
            "table1.py": {"osprep"},
        }
        assert ours <= allowed.get(file.name, {file.stem} | ({"osloader"} if file.name == "contact.py" else set()))


def test_webdataset_is_imported_by_the_shard_writer_only() -> None:
    users = [f for p in PACKAGES for f in (ROOT / p).rglob("*.py") if "webdataset" in imports(f)]
    assert [file.relative_to(ROOT).as_posix() for file in users] == ["osprep/shard.py"]


@pytest.mark.parametrize("package", ["manifests", "osprep"])
def test_building_needs_no_torch(package: str) -> None:
    code = f"import sys, {package}; sys.exit('torch' in sys.modules or 'webdataset' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


def test_manifests_needs_no_rasterio() -> None:
    code = "import sys, manifests; sys.exit('rasterio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


@pytest.mark.parametrize("package", ["manifests", "osprep", "osloader", "codemae"])
def test_public_names(package: str) -> None:
    """The public names are pinned in tests/public/<package>.txt: a change of them is a decision."""
    module = importlib.import_module(package)
    pinned = (ROOT / "tests" / "public" / f"{package}.txt").read_text().split()
    assert list(module.__all__) == pinned
    assert all(hasattr(module, name) for name in pinned)


def test_wheel_holds_the_five_packages_and_runs(tmp_path: Path) -> None:
    """Build the wheel from the files git knows, install it in a clean environment, run its commands."""
    source = tmp_path / "source"
    source.mkdir()
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, tracked.decode().split("\0")):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, source]
    subprocess.run(build, check=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == set(PACKAGES)
    assert "manifests/sources/spacenet6.yaml" in names
    assert not [name for name in names if "test" in name.split("/")[0]]

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True, timeout=120)
    python = tmp_path / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel]
    subprocess.run(install, check=True, timeout=300)
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    libraries = {str(Path(importlib.import_module(name).__file__ or "").parents[1]) for name in ("numpy", "torch")}
    (site / "libraries.pth").write_text("\n".join(sorted(libraries)) + "\n")  # the wheel's own needs, already installed
    for command in ("osprep", "osloader", "codemae"):
        program = tmp_path / "venv" / "bin" / command
        run = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=120, cwd=tmp_path)
        assert run.stdout.startswith("ospretrain "), run.stderr
    where = subprocess.run(
        [python, "-c", "import manifests; print(manifests.__file__)"], capture_output=True, text=True, cwd=tmp_path
    )
    assert where.stdout.startswith(str(site))
