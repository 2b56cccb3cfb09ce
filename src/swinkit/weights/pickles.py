"""Read a pickle without running it.

A pickle is a program for a small stack machine, and Python's own reader lets that program import and call
whatever it names. This reader does the stack work only: a name becomes a `Global`, a call or an object a
`Record` of it, a reference to data outside the pickle a `Persistent`. Nothing is imported, looked up or
called here; `rebuild.py` gives a meaning to a closed list of names and turns all others into plain values.
"""

from __future__ import annotations

import pickletools
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from swinkit.errors import CheckpointError

# Bounds on what a file may ask of us. A training checkpoint of a large Swin takes about 200 000 steps.
MAX_STEPS = 5_000_000
MAX_INTEGER_BITS = 8192
MAX_KEY_PARTS = 16

# Modules and functions that start programs, read files, import code or reach into the interpreter. A
# checkpoint has no use for them: a file that names one is refused. Each entry covers what lies under it.
_DANGEROUS_WORDS = """
os sys subprocess runpy importlib imp pkgutil zipimport ctypes _ctypes cffi socket _socket socketserver ssl
shutil pty popen2 webbrowser antigravity operator _operator pickle _pickle cPickle cloudpickle dill
joblib marshal shelve timeit pdb bdb cProfile doctest multiprocessing _multiprocessing
concurrent asyncio threading _thread signal urllib urllib2 urllib3 http httplib ftplib smtplib telnetlib
xmlrpc requests httpx tempfile fileinput linecache glob gc inspect pydoc pip setuptools distutils ensurepip
venv idlelib sysconfig select selectors _posixsubprocess platform
types.FunctionType types.CodeType types.MethodType types.ModuleType types.new_class
code.interact code.InteractiveInterpreter code.InteractiveConsole code.compile_command codeop
builtins.eval builtins.exec builtins.execfile builtins.compile builtins.open builtins.file builtins.apply
builtins.getattr builtins.setattr builtins.delattr builtins.hasattr builtins.__import__ builtins.globals
builtins.locals builtins.vars builtins.dir builtins.input builtins.raw_input builtins.breakpoint
builtins.help builtins.exit builtins.quit builtins.map builtins.filter builtins.reduce builtins.memoryview
builtins.super builtins.classmethod builtins.staticmethod builtins.property
io.open io.open_code io.FileIO codecs.open logging.config
functools.reduce functools.partialmethod _functools.reduce copyreg.pickle copyreg.constructor
copyreg.add_extension copyreg.remove_extension copyreg.dispatch_table
torch.load torch.save torch.hub torch.package torch.compile torch.ops torch.classes torch.library
torch.serialization.load torch.serialization.save torch.jit.load
torch.utils.cpp_extension torch.utils.model_zoo torch.utils.collect_env torch._inductor torch._dynamo
torch.distributed.rpc torch.distributed.run torch.distributed.launch torch.multiprocessing
numpy.load numpy.save numpy.loadtxt numpy.fromfile numpy.memmap numpy.f2py numpy.testing numpy.distutils
numpy.ctypeslib numpy.lib.npyio numpy.lib._npyio_impl numpy.lib.format numpy.core.records.fromfile
"""
_DANGEROUS = frozenset(_DANGEROUS_WORDS.split())
_DANGEROUS_ANYWHERE = frozenset(
    ["os", "sys", "subprocess", "builtins", "__builtins__", "__globals__", "__import__", "__subclasses__"]
)
_PLATFORM_NAMES = {
    "posix": "os",
    "nt": "os",
    "_io": "io",
    "__builtin__": "builtins",
    "__builtins__": "builtins",
}

_LITERAL_WORDS = """
INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE
BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8
"""
_LITERALS = frozenset(_LITERAL_WORDS.split())
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}


@dataclass(frozen=True, slots=True)
class Global:
    """A class or function that a pickle names; only its name, `module.name`."""

    path: str


@dataclass(slots=True, eq=False)
class Record:
    """A call or an object that a pickle describes: what is called with what, and what is put in."""

    function: Global
    args: tuple[Any, ...]
    items: list[tuple[Any, Any]] = field(default_factory=list)
    elements: list[Any] = field(default_factory=list)
    state: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Persistent:
    """A reference to data kept outside the pickle (in torch files: a storage)."""

    key: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """One pickle as data, with the names it mentions and its references to the outside, in order."""

    value: Any
    names: frozenset[str]
    persistent: tuple[Persistent, ...]


def parse(stream: IO[bytes]) -> Parsed:
    """Read one pickle (protocols 0 to 5) from `stream`, which is left behind its last byte.

    The value consists of plain Python data, `Global`, `Record` and `Persistent`; sets come as lists.
    Raises CheckpointError when the pickle is damaged, names something dangerous, or asks for too much.
    """
    machine = _Machine()
    try:
        for steps, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if steps >= MAX_STEPS:
                raise CheckpointError(f"refused: its pickle takes more than {MAX_STEPS:,} steps")
            machine.step(opcode.name, argument)
        (value,) = machine.stack
    except CheckpointError:
        raise
    # A Warning where warnings are errors: pickletools unescapes old texts with one.
    except (ValueError, LookupError, TypeError, OverflowError, MemoryError, EOFError, Warning) as error:
        reason = str(error) or type(error).__name__
        raise CheckpointError(
            f"its pickle is damaged or cut short ({reason})", hint="fetch or copy the file again"
        ) from None
    return Parsed(value=value, names=frozenset(machine.names), persistent=tuple(machine.persistent))


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []  # the stacks set aside at each MARK
        self.memo: dict[int, Any] = {}
        self.protocol = 0
        self.names: set[str] = set()
        self.persistent: list[Persistent] = []

    def step(self, opcode: str, argument: Any) -> None:
        stack = self.stack
        if opcode in _LITERALS:
            stack.append(_bounded(argument))
            return
        if opcode in _CONSTANTS:
            stack.append(_CONSTANTS[opcode])
            return
        match opcode:
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "MARK":
                self.marks.append(stack)
                self.stack = []
            case "TUPLE":
                self.push(tuple(self.since_mark()))
            case "TUPLE1":
                stack.append((stack.pop(),))
            case "TUPLE2":
                stack[-2:] = [(stack[-2], stack[-1])]
            case "TUPLE3":
                stack[-3:] = [(stack[-3], stack[-2], stack[-1])]
            case "EMPTY_LIST" | "EMPTY_SET":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "LIST" | "FROZENSET":
                self.push(self.since_mark())
            case "DICT":
                self.push(dict(_pairs(self.since_mark())))
            case "APPEND":
                element = stack.pop()
                _elements_of(stack[-1]).append(element)
            case "APPENDS" | "ADDITEMS":
                elements = self.since_mark()
                _elements_of(self.stack[-1]).extend(elements)
            case "SETITEM":
                entry = [stack.pop(-2), stack.pop()]
                _set_items(stack[-1], entry)
            case "SETITEMS":
                entries = self.since_mark()
                _set_items(self.stack[-1], entries)
            case "GLOBAL":
                module, _, name = argument.partition(" ")
                stack.append(self.named(module, name))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(self.named(module, name))
            case "REDUCE" | "NEWOBJ":
                args, function = stack.pop(), stack.pop()
                stack.append(_record(function, args))
            case "NEWOBJ_EX":
                keywords, args, function = stack.pop(), stack.pop(), stack.pop()
                if not isinstance(keywords, dict):
                    raise ValueError("the named arguments of a call are no dict")
                record = _record(function, args)
                record.state = keywords
                stack.append(record)
            case "INST":
                module, _, name = argument.partition(" ")
                args = tuple(self.since_mark())
                self.push(_record(self.named(module, name), args))
            case "OBJ":
                function, *args = self.since_mark()
                self.push(_record(function, tuple(args)))
            case "BUILD":
                state = stack.pop()
                _instance(stack[-1]).state = state
            case "BINPERSID":
                stack.append(self.outside(stack.pop()))
            case "POP":
                _ = stack.pop() if stack else self.since_mark()
            case "POP_MARK":
                self.since_mark()
            case "DUP":
                stack.append(stack[-1])
            case "STOP":
                if len(stack) != 1 or self.marks:
                    raise ValueError("it ends with values left over")
            case "PROTO":
                self.protocol = argument
            case "FRAME":
                pass
            case _:  # EXT*, PERSID, NEXT_BUFFER, READONLY_BUFFER: never in a checkpoint
                raise CheckpointError(f"refused: its pickle uses {opcode}, which no checkpoint needs")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def since_mark(self) -> list[Any]:
        values, self.stack = self.stack, self.marks.pop()
        return values

    def named(self, module: Any, name: Any) -> Global:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("a name is no text")
        if self.protocol < 3:  # which spells names as Python 2 did
            module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        root, dot, rest = module.partition(".")
        path = f"{_PLATFORM_NAMES.get(root, root)}{dot}{rest}.{name}"
        if _is_dangerous(path):
            raise CheckpointError(
                f"refused: the file wants to run {path}",
                hint="nothing in it was run; weights need no such call, so do not trust this file",
            )
        self.names.add(path)
        return Global(path)

    def outside(self, key: Any) -> Persistent | Global:
        if not isinstance(key, tuple) or not key:
            raise ValueError("a reference to outside data is no tuple")
        if key[0] == "module":  # a class saved by old torch with its source text, which we leave unread
            if not isinstance(key[1], Global):
                raise ValueError("a saved class is no name")
            return key[1]
        reference = Persistent(key)
        self.persistent.append(reference)
        return reference


def _record(function: Any, args: Any) -> Record:
    if not isinstance(function, Global):
        made = f" ({function.function.path})" if isinstance(function, Record) else ""
        raise CheckpointError(
            f"refused: the file wants to call something it has built itself{made}",
            hint="nothing in it was run; weights need no such call, so do not trust this file",
        )
    if not isinstance(args, tuple):
        raise ValueError("the arguments of a call are no tuple")
    return Record(function, args)


def _instance(target: Any) -> Record:
    if not isinstance(target, Record):
        raise ValueError(f"a state for a {type(target).__name__}")
    return target


def _elements_of(target: Any) -> list[Any]:
    if isinstance(target, list):
        return target
    return _instance(target).elements


def _set_items(target: Any, entries: list[Any]) -> None:
    if isinstance(target, dict):
        target.update(_pairs(entries))
    else:
        _instance(target).items.extend(_pairs(entries))


def _pairs(entries: list[Any]) -> Iterator[tuple[Any, Any]]:
    keys, values = entries[::2], entries[1::2]
    return ((plain_key(key), value) for key, value in zip(keys, values, strict=True))


def plain_key(key: Any) -> Any:
    """A dictionary key that is cheap to hash: a scalar or a few of them; anything else becomes a text."""
    if _is_scalar(key) or _is_short(key):
        return key
    if isinstance(key, Global):
        return key.path
    if isinstance(key, Record) and _is_short(key.args) and all(len(str(part)) < 100 for part in key.args):
        return f"{key.function.path}{key.args}"
    return f"<{type(key).__name__}>"


def _is_short(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) <= MAX_KEY_PARTS and all(map(_is_scalar, value))


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | bytes | int | float)


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
        raise CheckpointError(f"refused: its pickle holds a number of {value.bit_length():,} bits")
    return value


def _is_dangerous(path: str) -> bool:
    parts = path.split(".")
    return any(prefix in _DANGEROUS for prefix in _prefixes(parts)) or not _DANGEROUS_ANYWHERE.isdisjoint(
        parts[1:]
    )


def _prefixes(parts: list[str]) -> Iterable[str]:
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))
