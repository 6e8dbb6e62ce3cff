"""The stubs say what is there."""
import ast
import glob
import importlib
import importlib.util
import inspect
import os
import subprocess
import sys
import unittest

import wws

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(wws.__file__)


def stubs():
    for path in sorted(glob.glob(os.path.join(PACKAGE, "[a-z]*.pyi"))):
        name = os.path.splitext(os.path.basename(path))[0]
        with open(path) as file:
            yield importlib.import_module(f"wws.{name}"), ast.parse(file.read())


def is_attribute(node):
    return any(isinstance(decorator, ast.Name) and decorator.id == "property"
               for decorator in node.decorator_list)


def takes(node):
    """The names of the parameters, with what the name has to be given for."""
    arguments = node.args
    return ([(argument.arg, False) for argument in arguments.args]
            + [(argument.arg, True) for argument in arguments.kwonlyargs])


class Stubs(unittest.TestCase):
    def test_stubs__say_what_each_function_takes(self):
        count = 0
        for module, tree in stubs():
            for holder, node in self.functions(module, tree):
                count += 1
                found = inspect.getattr_static(holder, node.name)
                if is_attribute(node):
                    self.assertIsInstance(found, property)
                    continue
                function = getattr(found, "__func__", found)
                parameters = inspect.signature(function).parameters.values()
                self.assertEqual(
                    takes(node),
                    [(parameter.name,
                      parameter.kind is parameter.KEYWORD_ONLY)
                     for parameter in parameters], node.name)
                self.assertEqual(isinstance(node, ast.AsyncFunctionDef),
                                 inspect.iscoroutinefunction(function),
                                 node.name)
        self.assertGreater(count, 100)

    def functions(self, module, tree):
        kinds = ast.FunctionDef, ast.AsyncFunctionDef
        for node in tree.body:
            if isinstance(node, kinds):
                yield module, node
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, kinds):
                        yield getattr(module, node.name), inner

    def test_stubs__leave_nothing_out(self):
        for module, tree in stubs():
            said = {node.name: node for node in tree.body
                    if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
            for name, thing in vars(module).items():
                if getattr(thing, "__module__", None) != module.__name__:
                    continue
                self.assertIn(name, said)
                if not inspect.isclass(thing):
                    continue
                members = {getattr(inner, "name", None)
                           for inner in said[name].body}
                members |= {target.id for inner in said[name].body
                            if isinstance(inner, ast.Assign)
                            for target in inner.targets}
                for member, value in vars(thing).items():
                    if not member.startswith("_") and (
                            callable(value) or isinstance(value, property)):
                        self.assertIn(member, members, name)

    def test_everything__has_a_docstring(self):
        for name, thing in vars(wws).items():
            if name.startswith("_") or inspect.ismodule(thing):
                continue
            if inspect.isclass(thing):
                self.assertTrue(thing.__doc__, name)
                for member, value in vars(thing).items():
                    if inspect.isroutine(value) and not member.startswith("_"):
                        self.assertTrue(value.__doc__, f"{name}.{member}")

    @unittest.skipUnless(importlib.util.find_spec("mypy"), "there is no mypy")
    def test_stubs__satisfy_a_strict_checker(self):
        checked = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--no-incremental",
             "--cache-dir", os.devnull, os.path.join(HERE, "typed.py")],
            env=dict(os.environ, MYPYPATH=os.path.dirname(PACKAGE)),
            stdout=subprocess.PIPE, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout)


if __name__ == "__main__":
    unittest.main()
