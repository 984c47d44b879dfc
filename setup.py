"""The wheel carries what a page needs: templates, built static files, compiled translations.

They lie beside the packages in a checkout, and in ``licsync/packed`` where the wheel is installed
(``licsync.settings``). Everything else about the package is in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
FOLDERS = ("templates", "staticfiles", "locale")
BUILT = (
    "staticfiles/staticfiles.json",
    *(f"locale/{language}/LC_MESSAGES/django.mo" for language in ("de", "zh_Hans")),
)


class BuildWithResources(build_py):
    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in BUILT:
            if not (ROOT / name).exists():
                raise SystemExit(f"{name} is not built; run make install before the wheel is made.")
        packed = Path(self.build_lib) / "licsync" / "packed"
        shutil.rmtree(packed, ignore_errors=True)
        for folder in FOLDERS:
            shutil.copytree(
                ROOT / folder, packed / folder, ignore=shutil.ignore_patterns("*.po", ".*")
            )


setup(cmdclass={"build_py": BuildWithResources})
