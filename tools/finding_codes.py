"""Collects every finding code from the source: severity, message and remedy of each place.

Nothing is run: the syntax tree of each module is read. A code is a text `room.subject.problem`, or
the last part of one where a function puts the first two before it. A message is shown with its
holes: `{count}` where a figure goes, `…` where a longer text does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["CODE", "Code", "collect"]

SOURCE = Path(__file__).resolve().parents[1] / "src" / "gridtally"
CODE = re.compile(r"(intake|metering|rating|review|subledger|delivery)(\.[a-z_]+){2}\Z")
_LEFT_OUT = ("demo/", "review/faults.py", "control/migrations/")
"""Towns and corpora of faults name codes that others give."""
_WORDS = ("intake/words.py", "intake/known.py", "intake/master/words.py")
_SEVERITY_OF = {"QUARANTINED": "warn", "NOTED": "note", "HELD": "hold", "WARNED": "warn"}
_ERRORS = {"InvalidDocument", "RefusedFile", "GridtallyError"}
_HOLES = {"when": "{when}", "_at": "{when}", "counted": "{count}", "lasting": "{length}"}
_MESSAGES = ("message", "tell", "reason", "why", "text_")


@dataclass(slots=True)
class Code:
    """One code, gathered over all places that give it."""

    kind: str
    """finding, document, refusal, error or second (said by the second rater alone)."""
    severities: set[str] = field(default_factory=set)
    must_hold: bool = False
    says: list[tuple[str, str]] = field(default_factory=list)
    """Messages, each with its remedy."""
    places: set[str] = field(default_factory=set)

    def add(self, message: str, remedy: str) -> None:
        """Keep one pair, once, when it says anything."""
        if message and (message, remedy) not in self.says:
            self.says.append((message, remedy))


def collect() -> dict[str, Code]:
    """Every code of the code base, sorted."""
    found: dict[str, Code] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if not name.startswith(_LEFT_OUT):
            _Module(name, ast.parse(path.read_text())).collect(found)
    _rules(found)
    return dict(sorted(found.items()))


def _rules(found: dict[str, Code]) -> None:
    from gridtally.review.library import shipped_rules

    for rule in shipped_rules():
        code = found[rule.id] = Code("finding", {str(rule.severity)}, rule.must_hold)
        code.add(rule.message, rule.remedy)
        code.places.add(f"review/rules/{rule.id.removeprefix('review.').replace('.', '_')}.sql")


class _Module:
    """One module and what its functions are called with."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name = name
        self.tree = tree
        self.head = ""
        self.above = {kid: node for node in ast.walk(tree) for kid in ast.iter_child_nodes(node)}
        self.functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        self.classes = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)}

    # ------------------------------------------------------------ which codes

    def collect(self, found: dict[str, Code]) -> None:
        """Add what this module says."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if CODE.match(node.value):
                    self._place(found, node.value, node)
            elif isinstance(node, ast.JoinedStr):
                self._family(found, node)

    def _family(self, found: dict[str, Code], node: ast.JoinedStr) -> None:
        """`f"metering.register.{code}"`: the calls of the function around it name the rest."""
        head, hole = node.values[0], node.values[-1]
        if not (
            len(node.values) == 2
            and isinstance(head, ast.Constant)
            and isinstance(hole, ast.FormattedValue)
            and isinstance(hole.value, ast.Name)
            and CODE.match(f"{head.value}x")
        ):
            return
        self.head = str(head.value)
        for maker, name in self._makers(self._function(node), hole.value.id):
            self._called(found, self, maker, name)
            if not maker.name.startswith("_"):
                self._elsewhere(found, maker, name)

    def _makers(
        self, function: ast.FunctionDef | None, name: str
    ) -> Iterator[tuple[ast.FunctionDef, str]]:
        """The function that puts the code together, and those that hand the code on to it."""
        if function is None:
            return
        yield function, name
        for call in self._calls(function):
            given, outer = self._argument(call, function, name), self._function(call)
            names = {a.arg for a in _parameters(outer)} if outer else set()
            if isinstance(given, ast.Name) and given.id in names:
                yield from self._makers(outer, given.id)

    def _words(self, given: ast.expr | None, call: ast.Call) -> list[str]:
        """The last parts that an argument can have: a text, or a name that stands for a few."""
        if isinstance(given, ast.Constant):
            return [str(given.value)]
        function = self._function(call)
        if not isinstance(given, ast.Name) or function is None:
            return []
        if given.id in {a.arg for a in _parameters(function)}:
            return []
        words = []
        for node in ast.walk(function):
            if isinstance(node, ast.For) and isinstance(node.target, ast.Tuple):
                names = [n.id for n in node.target.elts if isinstance(n, ast.Name)]
                if given.id in names and isinstance(node.iter, ast.Tuple):
                    at = names.index(given.id)
                    rows = [row for row in node.iter.elts if isinstance(row, ast.Tuple)]
                    cells = [row.elts[at] for row in rows]
                    words += [str(c.value) for c in cells if isinstance(c, ast.Constant)]
        return words

    # ------------------------------------------------------- what a place says

    def _place(
        self, found: dict[str, Code], name: str, node: ast.AST, call: ast.Call | None = None
    ) -> None:
        call = call or self._call(node)
        kind = self._kind(name, call)
        code = found.setdefault(name, Code(kind))
        if kind == "finding" and code.kind == "second":
            code.kind = kind
        code.places.add(self.name)
        words = self._entry(node)
        if words is not None:
            severity = _SEVERITY_OF.get(words[2])
            code.kind = "finding" if severity else "refusal"
            code.severities |= {severity} if severity else set()
            code.must_hold = code.must_hold or severity == "hold"
            code.add(words[0], words[1])
            return
        if call is None or kind == "second":
            if call is not None and code.kind == "second":
                code.add(self._said(call), "")
            return
        code.severities |= self._severities(call)
        code.must_hold = code.must_hold or self._must_hold(call)
        code.add(self._said(call), self._remedy(call))

    def _kind(self, name: str, call: ast.Call | None) -> str:
        made = _callee(call)
        if self.name.startswith("rating/reference/"):
            return "second"
        if name.startswith("rating.document."):
            return "document"
        return "error" if made in _ERRORS else "finding"

    def _entry(self, node: ast.AST) -> tuple[str, str, str] | None:
        """A key of the tables of the words.py files: message, remedy, name of the table."""
        table = self.above.get(node)
        if self.name not in _WORDS or not isinstance(table, ast.Dict):
            return None
        value = table.values[table.keys.index(node)]  # type: ignore[arg-type]
        assert isinstance(value, ast.Call)
        target = self.above[table]
        assert isinstance(target, ast.AnnAssign)
        assert isinstance(target.target, ast.Name)
        message, remedy = (self._text(part, value) for part in value.args)
        return message, remedy, target.target.id

    def _said(self, call: ast.Call) -> str:
        return self._text(self._named(call, _MESSAGES), call)

    def _remedy(self, call: ast.Call) -> str:
        """The remedy of a call; else the one that the called function falls back on."""
        given = self._text(self._named(call, ("remedy",)), call)
        maker = self.functions.get(_callee(call))
        for node in ast.walk(maker) if maker and not given else ():
            if isinstance(node, ast.Assign) and _names(node) == ["remedy"]:
                value = node.value
                inner = value.args[0] if isinstance(value, ast.Call) and value.args else value
                inner = inner.args[-1] if isinstance(inner, ast.Call) else inner
                return self._text(inner, node)
        return given

    def _severities(self, call: ast.Call) -> set[str]:
        """Severities that the call names; else those that the called function names."""
        own = _severities(call) | {
            name for a in _arguments(call) for name in self._assigned(a, call, _severities)
        }
        maker = self.functions.get(_callee(call))
        deeper = [c for c in ast.walk(maker) if isinstance(c, ast.Call)] if maker else []
        own = own or (_severities(maker) if maker else set())
        for inner in deeper if not own else ():
            own |= self._severities(inner) if _callee(inner) != _callee(call) else set()
        if _callee(call) == "_wrong":
            own = own or {"hold"}
        held = {"Hold", "hold", "stop", "want", "Unfit", "_unfit", "Problem", "remark", "wrong"}
        return own or ({"hold"} if _callee(call) in held else set())

    def _must_hold(self, call: ast.Call) -> bool:
        maker = self.functions.get(_callee(call))
        tree = [call, *([maker] if maker else [])]
        said = any(
            isinstance(node, ast.keyword)
            and node.arg == "must_hold"
            and not (isinstance(node.value, ast.Constant) and node.value.value is False)
            for part in tree
            for node in ast.walk(part)
        )
        return said or _callee(call) in {"Hold", "hold", "stop", "Unfit", "_unfit", "wrong"}

    # --------------------------------------------------------- reading a call

    def _call(self, node: ast.AST) -> ast.Call | None:
        """The call that a code is an argument of, or a few lines of the same function away."""
        at = node
        while at in self.above and not isinstance(at, ast.stmt):
            at = self.above[at]
            if isinstance(at, ast.Call) and (self._named(at, _MESSAGES) or _callee(at) in _ERRORS):
                return at
        return self._nearby(node)

    def _nearby(self, node: ast.AST) -> ast.Call | None:
        """Where the code is first given a name: the next call of the function that takes it."""
        function = self._function(node)
        calls = [n for n in ast.walk(function) if isinstance(n, ast.Call)] if function else []
        later = [c for c in calls if c.lineno >= node.lineno and self._named(c, _MESSAGES)]  # type: ignore[attr-defined]
        return min(later, key=lambda c: c.lineno, default=None)

    def _calls(self, function: ast.FunctionDef) -> list[ast.Call]:
        calls = [n for n in ast.walk(self.tree) if isinstance(n, ast.Call)]
        return [call for call in calls if _callee(call) == function.name]

    def _elsewhere(self, found: dict[str, Code], maker: ast.FunctionDef, name: str) -> None:
        """The calls of a public function of this module in its neighbours."""
        for path in sorted((SOURCE / self.name).parent.glob("*.py")):
            other = _Module(path.relative_to(SOURCE).as_posix(), ast.parse(path.read_text()))
            if other.name != self.name and maker.name not in other.functions:
                other.functions[maker.name] = maker
                self._called(found, other, maker, name)

    def _called(
        self, found: dict[str, Code], module: _Module, maker: ast.FunctionDef, name: str,
    ) -> None:  # fmt: skip
        for call in module._calls(maker):
            for word in module._words(module._argument(call, maker, name), call):
                module._place(found, f"{self.head}{word}", call, call)

    def _function(self, node: ast.AST) -> ast.FunctionDef | None:
        at: ast.AST | None = node
        while at is not None and not isinstance(at, ast.FunctionDef):
            at = self.above.get(at)
        return at

    def _argument(self, call: ast.Call, function: ast.FunctionDef, name: str) -> ast.expr | None:
        for keyword in call.keywords:
            if keyword.arg == name:
                return keyword.value
        names = [a.arg for a in _parameters(function) if a.arg != "self"]
        at = names.index(name) if name in names else len(call.args)
        return call.args[at] if at < len(call.args) else None

    def _named(self, call: ast.Call, names: tuple[str, ...]) -> ast.expr | None:
        """The argument that is the message, or the remedy: by name, else by its place."""
        for keyword in call.keywords:
            if keyword.arg in names:
                return keyword.value
        order = self._order(_callee(call))
        for at, given in enumerate(call.args):
            if at < len(order) and order[at] in names:
                return given
        return None

    def _order(self, callee: str) -> list[str]:
        known = {
            "finding": ["code", "severity", "message"],
            "Hold": ["code", "where", "message", "remedy"],
            "Problem": ["code", "path", "message", "remedy"],
            "Held": ["code", "message"],
            "Unfit": ["code", "wanted", "message"],
            "hold": ["code", "where", "message", "remedy"],
            "remark": ["code", "message"],
            "wrong": ["path", "message", "remedy"],
            "stop": ["row", "code", "message"],
        } | {error: ["message"] for error in _ERRORS}
        if callee in self.functions:
            return [a.arg for a in _parameters(self.functions[callee]) if a.arg != "self"]
        return known.get(callee, [])

    # -------------------------------------------------------- a text, as read

    def _text(self, node: ast.expr | None, near: ast.AST) -> str:  # noqa: PLR0911  a case each
        """A text with its holes; names are followed to where they are given a text."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ast.JoinedStr):
            return "".join(self._part(part, near) for part in node.values)
        if isinstance(node, ast.Name):
            texts = [t for t in self._assigned(node, near, lambda v: [self._text(v, near)]) if t]
            return " / ".join(dict.fromkeys(texts))
        if isinstance(node, ast.IfExp):
            parts = [self._text(part, near) for part in (node.body, node.orelse)]
            return " / ".join(part for part in parts if part)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._text(node.left, near) + self._text(node.right, near)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self._text(node.func.value, near) if node.func.attr == "format" else ""
        return ""

    def _part(self, part: ast.expr, near: ast.AST) -> str:
        if isinstance(part, ast.Constant):
            return str(part.value)
        assert isinstance(part, ast.FormattedValue)
        value = part.value
        made = _callee(value) if isinstance(value, ast.Call) else ""
        if made in _HOLES:
            return _HOLES[made]
        if isinstance(value, ast.Call) and value.args and not isinstance(value.args[0], ast.Call):
            value = value.args[0]
        if isinstance(value, ast.Name):
            return f"{{{value.id.strip('_')}}}"
        if isinstance(value, ast.Attribute):
            return f"{{{value.attr.strip('_')}}}"
        return "{…}"

    def _assigned(
        self, node: ast.expr, near: ast.AST, read: Callable[[ast.expr], Iterable[str]]
    ) -> list[str]:
        """What `read` finds in the values of a name: in its function since its last use, else in
        its module.
        """
        if not isinstance(node, ast.Name):
            return []
        function = self._function(near)
        line = getattr(near, "lineno", 0)
        uses = [
            call.lineno
            for call in ast.walk(function or self.tree)
            if isinstance(call, ast.Call) and call.lineno < line
            for given in _arguments(call)
            if isinstance(given, ast.Name) and given.id == node.id
        ]
        found: list[str] = []
        for part in ast.walk(function) if function else ():
            if max(uses, default=0) <= getattr(part, "lineno", 0) <= line:
                found += _values(part, node.id, read)
        for part in () if found else self.tree.body:
            found += _values(part, node.id, read)
        return found


def _values(part: ast.AST, name: str, read: Callable[[ast.expr], Iterable[str]]) -> list[str]:
    """What a statement gives to a name: by itself, in a tuple, or as one of a loop's rows."""
    pairs: list[tuple[ast.expr, ast.expr]] = []
    if isinstance(part, ast.Assign):
        pairs = [(target, part.value) for target in part.targets]
    elif isinstance(part, ast.AugAssign):
        return []
    elif isinstance(part, ast.For) and isinstance(part.iter, ast.Tuple):
        pairs = [(part.target, row) for row in part.iter.elts]
    found: list[str] = []
    for target, value in pairs:
        if isinstance(target, ast.Name) and target.id == name:
            found += read(value)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for own, given in zip(target.elts, value.elts, strict=False):  # one may be starred
                if isinstance(own, ast.Name) and own.id == name:
                    found += read(given)
    return found


def _severities(tree: ast.AST) -> set[str]:
    return {
        node.attr.lower()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Severity"
    }


def _names(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _parameters(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _callee(call: ast.Call | None) -> str:
    if call is None:
        return ""
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
