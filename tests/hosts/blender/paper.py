"""Stands where Blender's layout stands: without a window nothing is drawn, so calls are held against what Blender
declares."""

from __future__ import annotations

from typing import Any

import bpy


class Button:
    """Takes an operator's properties and refuses those it has not."""

    def __init__(self, declared: Any) -> None:
        self.__dict__["declared"] = declared

    def __setattr__(self, name: str, value: Any) -> None:
        assert name in self.declared.properties, name


class Paper:
    """Takes the calls of a `UILayout`, refuses those that Blender does not declare, and keeps the texts."""

    def __init__(self, texts: list[str]) -> None:
        self.__dict__["texts"] = texts

    def __setattr__(self, name: str, value: Any) -> None:
        assert name in bpy.types.UILayout.bl_rna.properties, name

    def __getattr__(self, name: str) -> Any:
        declared = bpy.types.UILayout.bl_rna.functions[name].parameters

        def call(*arguments: Any, **named: Any) -> Any:
            assert set(named) <= set(declared.keys()), (name, named)
            if "icon" in named:
                assert named["icon"] in declared["icon"].enum_items, named["icon"]
            if name == "prop":
                assert arguments[1] in arguments[0].bl_rna.properties, arguments[1]
                self.texts.append(arguments[1])
            if name == "operator":
                group, operator = arguments[0].split(".")
                self.texts.append(operator)
                self.texts.append(named.get("text", ""))
                return Button(getattr(getattr(bpy.ops, group), operator).get_rna_type())
            if name == "template_icon":
                self.texts.append(name)
            self.texts.append(str(named.get("text", "")))
            return Paper(self.texts)

        return call
