"""Makes `symbols/` anew, after the plugin has begun to use other names of Nuke's.

    python tests/hosts/nuke/list_symbols.py LISTS

LISTS is a folder with Nuke's public Python names by version, as an installed Nuke documents them: files
`nuke-15.2.tsv`, `nuke-16.1-and-17.0.tsv`, each line `nuke.File_Knob.getText<TAB>method`. They stay where they are; what
is kept here is which versions document each name that the plugin uses, and which of those names (constants, menu
calls) no version's list has and `types-nuke` alone knows.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import conftest
import test_rules


def main(lists: Path) -> None:
    files = (conftest.REPOSITORY / "plugins" / "nuke").rglob("*.py")
    modules = {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}
    names = test_rules.of_the_module(modules)
    methods = {f".{name}" for name in test_rules.methods_called(modules, test_rules.read_stubs())}
    versions: dict[str, set[str]] = {}
    for file in sorted(lists.glob("nuke-*.tsv")):
        for line in file.read_text(encoding="utf-8").splitlines():
            _, owner, *method = line.partition("\t")[0].split(".")
            if not method or test_rules.is_of_graph(owner):
                name = f".{method[-1]}" if method else owner
                versions.setdefault(name, set()).update(re.findall(r"\d+\.\d+", file.stem))
    documented = sorted(name for name in names | methods if name in versions)
    lines = [f"{name}\t{' '.join(sorted(versions[name]))}" for name in documented]
    (test_rules.SYMBOLS / "documented.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (test_rules.SYMBOLS / "undocumented.txt").write_text("\n".join(sorted(names - versions.keys())) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
