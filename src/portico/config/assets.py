"""Front-end packages as static files: the ones that pages use, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage


class PackageFinder(BaseFinder):
    """Finds ``settings.PACKAGE_FILES``: address prefix → (folder, patterns)."""

    def _files(self) -> Iterator[tuple[str, Path, Path]]:
        for prefix, (folder, patterns) in settings.PACKAGE_FILES.items():
            for pattern in patterns:
                for path in sorted(Path(folder).glob(pattern)):
                    yield prefix, folder, path.relative_to(folder)

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, FileSystemStorage]]:
        del ignore_patterns
        for prefix, folder, name in self._files():
            storage = FileSystemStorage(location=folder)
            storage.prefix = prefix  # type: ignore[attr-defined]  # read by collectstatic
            yield str(name), storage

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 -- Django's signature
        find_all = find_all or kwargs.get("all", False)
        found = [
            str(folder / name)
            for prefix, folder, name in self._files()
            if path == f"{prefix}/{name}"
        ]
        if find_all:
            return found
        # Not found is an empty list: Django collects what the finders return.
        return found[0] if found else []
