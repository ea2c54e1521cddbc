"""Manages a symbolic link: an example of a plugin of dtm in Python.

A link is replaced in one step: another one is made beside it and renamed. Its name follows from the link's, so that what a
killed process leaves is found by the next call.
"""

from __future__ import annotations

import os
from pathlib import Path

import dtm_plugin
from dtm_plugin import Call, Json


class Symlink(dtm_plugin.Plugin):
    def identity(self, options: Json) -> str:
        return str(_path(options))

    def validate(self, want: Json) -> None:
        if os.path.normpath(os.path.join(_path(want).parent, want["target"])) == str(_path(want)):
            raise dtm_plugin.Failure("target: the link would point to itself", hint="choose another target")

    def create(self, call: Call, want: Json) -> Json:
        call.check()
        path = _path(want)
        if path.exists() and not path.is_symlink():
            raise dtm_plugin.Failure(f"{path}: it is not a symbolic link", hint="choose another path, or move it away")
        call.report(f"linking {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = _draft(path)
        draft.unlink(missing_ok=True)
        draft.symlink_to(want["target"])
        draft.rename(path)
        call.log("linked", path=path, target=want["target"])
        return _resource(path)

    def read(self, call: Call, want: Json, last: Json) -> Json:
        call.check()
        # While a new path waits for its update, the link is still where it was.
        return _resource(_path(last.get("outputs") or want))

    def update(self, call: Call, want: Json, have: Json, last: Json) -> Json:
        made = self.create(call, want)
        if have and _path(have) != _path(want):
            self.delete(call, have, last)
        return made

    def delete(self, call: Call, have: Json, last: Json) -> None:
        call.check()
        path = _path(have)
        _draft(path).unlink(missing_ok=True)
        if path.is_symlink():
            path.unlink(missing_ok=True)

    def preview(self, call: Call, want: Json, have: Json, last: Json) -> Json:
        path = _path(want)
        if not path.is_symlink():
            return {"parts": [{"action": "create", "name": f"link {path}"}]}
        if os.readlink(path) != want["target"]:
            return {"parts": [{"action": "update", "name": f"link {path}", "fields": ["target"]}]}
        return {}


def _path(options: Json) -> Path:
    return Path(os.path.normpath(dtm_plugin.folder() / options["path"]))


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.dtm")


def _resource(path: Path) -> Json:
    """The one place that says what a link looks like in the journal."""
    try:
        target = os.readlink(path)
    except FileNotFoundError:
        raise dtm_plugin.NotFound(f"{path}: not found") from None
    return {"outputs": {"path": str(path), "target": target}}


if __name__ == "__main__":
    dtm_plugin.serve(Symlink())
