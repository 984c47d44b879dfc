"""Fetch GitHub's Primer styles and make ``static/vendor/primer.css`` of them.

``npm ci`` installs the packages that ``package-lock.json`` pins; from their ready CSS files one
bundle is made. Primer's token files define thousands of custom properties, most of them for parts
that this console does not have: only those that the bundle or ``static/licsync.css`` refers to are
kept, which takes a page's styles from 130 kB to 50 kB (compressed).

Node comes from the machine or, if it has none, from PyPI (``requirements-node.txt``). A second call
does nothing while nothing it was made of has changed. Exit code 1, with a sentence, if it cannot.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules" / "@primer"
VENDOR = ROOT / "static" / "vendor"
OWN_STYLES = ROOT / "static" / "licsync.css"
NODE_REQUIREMENTS = ROOT / "requirements-node.txt"
LOCKED = (ROOT / "package.json", ROOT / "package-lock.json")
# Each folder remembers what it was made of; collectstatic passes over names with a leading dot.
PACKAGES_STAMP = ROOT / "node_modules" / ".made-from"
BUNDLE_STAMP = VENDOR / ".made-from"

TOKENS = tuple(
    f"primitives/dist/css/{name}.css"
    for name in (
        "base/size/size",
        "base/size/z-index",
        "base/typography/typography",
        "base/motion/motion",
        "functional/size/border",
        "functional/size/breakpoints",
        "functional/size/radius",
        "functional/size/size",
        "functional/size/size-coarse",
        "functional/size/size-fine",
        "functional/size/viewport",
        "functional/size/z-index",
        "functional/spacing/space",
        "functional/typography/typography",
        "functional/motion/motion",
        "functional/themes/light",
        "functional/themes/dark",
        "functional/themes/light-high-contrast",
        "functional/themes/dark-high-contrast",
    )
)
RULES = (
    "css/dist/core.css",
    "css/dist/header.css",
    "css/dist/markdown.css",
    "css/dist/select-menu.css",
    "view-components/app/assets/styles/primer_view_components.css",
)
NOTICE = (
    "/*! Made by scripts/build_assets.py of @primer/primitives, @primer/css and\n"
    "@primer/view-components. Copyright (c) GitHub Inc., MIT License. */\n"
)

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)  # "sourceMappingURL" too, which collectstatic follows
DECLARATION = re.compile(r"(--[\w-]+)\s*:\s*([^;{}]*);")
REFERENCE = re.compile(r"var\(\s*(--[\w-]+)")


class AssetsError(Exception):
    """What stands in the way, as a sentence that says what to do."""


def main() -> int:
    packages = _fingerprint(*LOCKED)
    bundle = _fingerprint(*LOCKED, OWN_STYLES, Path(__file__))
    if (VENDOR / "primer.css").exists() and _stamp(BUNDLE_STAMP) == bundle:
        return 0
    if _stamp(PACKAGES_STAMP) != packages:
        try:
            _install_packages()
        except AssetsError as error:
            print(f"build_assets: {error}", file=sys.stderr)
            return 1
        PACKAGES_STAMP.write_text(packages)
    VENDOR.mkdir(parents=True, exist_ok=True)
    text = _bundle()
    (VENDOR / "primer.css").write_text(text, encoding="utf-8")
    BUNDLE_STAMP.write_text(bundle)
    print(f"build_assets: static/vendor/primer.css, {len(text) // 1000} kB")
    return 0


def _fingerprint(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _stamp(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _install_packages() -> None:
    npm = _npm()
    # npm is a script whose first line looks for node on the PATH.
    environment = {**os.environ, "PATH": f"{npm.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise AssetsError(
            "npm could not install the styles that package-lock.json names. Is its registry "
            "reachable from here (npm ping; npm config get registry)? npm said:\n"
            + (done.stderr.strip() or done.stdout.strip())
        )


def _npm() -> Path:
    """The machine's npm, else the one of this environment, which is installed if need be."""
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return Path(found)
    own = Path(sys.executable).parent / ("npm.cmd" if os.name == "nt" else "npm")
    if not own.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes"]
        done = subprocess.run(  # noqa: S603
            [*pip, "-r", str(NODE_REQUIREMENTS)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssetsError(
                "This machine has no Node, and it could not be installed from "
                f"{NODE_REQUIREMENTS.name}. Install Node 20 or newer, or see what pip said:\n"
                + done.stderr.strip()
            )
    return own


def _bundle() -> str:
    rules = "".join(_read(name) for name in RULES)
    tokens = [_read(name) for name in TOKENS]
    needed = _needed(rules + OWN_STYLES.read_text(encoding="utf-8"), tokens)

    def keep(match: re.Match[str]) -> str:
        return match[0] if match[1] in needed else ""

    kept = (re.sub(r"\s*\n\s*", "", DECLARATION.sub(keep, text)) for text in tokens)
    return NOTICE + "\n".join(kept) + "\n" + rules


def _read(name: str) -> str:
    return COMMENT.sub("", (MODULES / name).read_text(encoding="utf-8")).strip() + "\n"


def _needed(rules: str, tokens: list[str]) -> set[str]:
    """The custom properties that the rules refer to, by themselves or through other properties."""
    refers: dict[str, set[str]] = {}
    for text in tokens:
        for name, value in DECLARATION.findall(text):
            refers.setdefault(name, set()).update(REFERENCE.findall(value))
    needed: set[str] = set()
    waiting = set(REFERENCE.findall(rules))
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting |= refers.get(name, set())
    return needed


if __name__ == "__main__":
    sys.exit(main())
