"""Compiles the native CPU kernels into the wheel; without a compiler the wheel is pure Python.

SWINKIT_NATIVE=required makes a missing compiler or a failed build an error; SWINKIT_NATIVE=off compiles
nothing.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeKernels(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        wish = os.environ.get("SWINKIT_NATIVE", "")
        if wish == "off":
            return
        sys.path.insert(0, str(Path(self.root, "csrc")))
        import build

        try:
            library = build.build(build.IN_THE_PACKAGE)
        except build.CannotCompile as problem:
            if wish == "required":
                raise
            self.app.display_warning(f"swinkit is built without its native CPU kernels: {problem}")
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"  # one library for every Python and every torch
        build_data["artifacts"].append(str(library.relative_to(self.root)))
