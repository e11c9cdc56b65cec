"""Compares two trees of a format, token by token."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from app.parity.charsets import is_misread
from app.parity.difference import Difference, Kind
from app.parity.text_tree import Form, Node
from app.parity.value_differences import value_kinds

_BOOLEANS: Final = ({"true", "1"}, {"false", "0"})


def differences(old: Node, new: Node) -> Iterator[Difference]:
    """Yield how the second document differs from the first, none if only blanks differ."""
    if old.raw_name:
        yield from _document(old, new)
    yield from _nodes(old, new, "", ("", ""))


def _document(old: Node, new: Node) -> Iterator[Difference]:
    """Compare what precedes an XML document's root."""
    before, after = _declaration(old), _declaration(new)
    if before != after:
        yield Difference(Kind.XML_DECLARATION, "body", before or None, after or None)
    if old.name != new.name:
        yield Difference(Kind.MEMBER_NAME, "body", old.name, new.name)


def _declaration(root: Node) -> str:
    return root.head[: root.head.index(f"<{root.raw_name}")].strip()


def _nodes(old: Node, new: Node, path: str, spaces: tuple[str, str]) -> Iterator[Difference]:
    """Compare two values; ``spaces`` are the namespaces in scope."""
    where = path or "body"
    if old.head or new.head:
        yield from _start_tags(old, new, where, spaces)
    elif old.raw_name != new.raw_name and old.name == new.name:
        yield Difference(Kind.ESCAPE, where, old.raw_name, new.raw_name)
    if _is_null(old) != _is_null(new):
        yield Difference(Kind.NIL, where, _shown(old), _shown(new))
    elif old.is_leaf and new.is_leaf:
        if old.raw != new.raw:
            yield from _leaves(old, new, where)
    elif old.form is new.form or _is_blank(old) or _is_blank(new):
        yield from _children(old, new, path)
    else:
        yield Difference(Kind.VALUE_TYPE, where, old.raw, new.raw)
        yield Difference(Kind.OTHER_VALUE, where, old.raw, new.raw)


def _is_blank(node: Node) -> bool:
    """Whether it is an element without content, which may be one without its children."""
    return node.form is Form.TEXT and not str(node.value).strip()


def _is_null(node: Node) -> bool:
    return node.is_leaf and node.value is None


def _shown(node: Node) -> str:
    return _tag(node) + node.raw if node.head else node.raw


def _children(old: Node, new: Node, path: str) -> Iterator[Difference]:
    yield from _between(old, new, path or "body")
    olds, news = _by_name(old), _by_name(new)
    both = {name for name in olds if name in news and olds[name].name == news[name].name}
    extra = {_letters(name): name for name in news if name not in both}
    for name, node in olds.items():
        where = _below(path, name)
        if name in both:
            yield from _nodes(node, news[name], where, (old.namespace, new.namespace))
        elif (other := extra.pop(_letters(name), None)) is not None:
            yield Difference(Kind.MEMBER_NAME, where, node.name, news[other].name)
            yield from _nodes(node, news[other], where, (old.namespace, new.namespace))
        elif _is_null(node):
            yield Difference(Kind.NULL_LEFT_OUT, where, _shown(node), None)
        else:
            yield Difference(Kind.MISSING_MEMBER, where, node.raw, None)
    for name in extra.values():
        yield Difference(Kind.EXTRA_MEMBER, _below(path, name), None, news[name].raw)
    if [name for name in olds if name in both] != [name for name in news if name in both]:
        kind = Kind.ELEMENT_ORDER if old.head else Kind.MEMBER_ORDER
        yield Difference(kind, path or "body", ", ".join(olds), ", ".join(news))


def _between(old: Node, new: Node, where: str) -> Iterator[Difference]:
    """Compare what is between the children; blanks only if there are as many children."""
    before, after = (node.between.replace("\r\n", "\n") for node in (old, new))
    texts = ["".join(text.split()) for text in (before, after)]
    if texts[0] != texts[1]:
        if old.head:
            yield Difference(Kind.OTHER_VALUE, where, texts[0], texts[1])
    elif old.between != new.between and len(old.children) == len(new.children):
        kind = Kind.LINE_BREAK if before == after else Kind.WHITE_SPACE
        yield Difference(kind, where, old.raw, new.raw)


def _letters(name: str) -> str:
    """Return what a name keeps in any convention: ``process_id`` and ``ProcessId`` are one."""
    return name.replace("_", "").replace("-", "").lower()


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _by_name(node: Node) -> dict[str, Node]:
    """Return the children by name; a repeated name gets its number."""
    found: dict[str, Node] = {}
    times: Counter[str] = Counter()
    for child in node.children:
        name = child.name
        while name in found:
            times[child.name] += 1
            name = f"{child.name}[{times[child.name] + 1}]"
        found[name] = child
    return found


def _start_tags(old: Node, new: Node, where: str, spaces: tuple[str, str]) -> Iterator[Difference]:
    here = (old.namespace, new.namespace)
    if old.namespace != new.namespace and here != spaces:
        yield Difference(Kind.NAMESPACE, where, old.namespace, new.namespace)
    elif old.raw_name != new.raw_name and old.name == new.name:
        yield Difference(Kind.PREFIX, where, old.raw_name, new.raw_name)
    if old.attributes != new.attributes:
        yield from _attributes(old, new, where)
    elif _inside(old) != _inside(new):
        yield Difference(Kind.WHITE_SPACE, where, _tag(old), _tag(new))
    elif not old.raw and not new.raw and _end(old) != _end(new):
        yield Difference(Kind.EMPTY_ELEMENT, where, _tag(old), _tag(new))


def _attributes(old: Node, new: Node, where: str) -> Iterator[Difference]:
    """Compare attributes; those that the namespace or nil says already are not named again."""
    before, after = ({name: value[1:-1] for name, value in node.attributes} for node in (old, new))
    if before == after:
        kind = Kind.QUOTES if [*before] == [*after] else Kind.ATTRIBUTE_ORDER
        yield Difference(kind, where, _tag(old), _tag(new))
    elif sorted(_unprefixed(before)) == sorted(_unprefixed(after)):
        if old.raw_name != new.raw_name:
            return  # A root's prefix is named already.
        yield Difference(Kind.PREFIX, where, _tag(old), _tag(new))
    elif _own(old, new, before) != _own(new, old, after):
        yield Difference(Kind.ATTRIBUTE, where, _tag(old), _tag(new))


def _unprefixed(attributes: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield names and values of attributes; a namespace's declaration names only a prefix."""
    for name, value in attributes.items():
        prefix, _, local = name.rpartition(":")
        yield "xmlns" if prefix == "xmlns" else local, value


def _own(node: Node, other: Node, attributes: dict[str, str]) -> dict[str, str]:
    """Return the attributes but those that make a namespace or nil which only one element has."""
    prefix = node.raw_name.rpartition(":")[0]
    namespace = f"xmlns:{prefix}" if prefix else "xmlns"
    return {
        name: value
        for name, value in attributes.items()
        if not (name == namespace and node.namespace != other.namespace)
        and not (name.endswith(":nil") and _is_null(node) != _is_null(other))
    }


def _tag(node: Node) -> str:
    return node.head[node.head.index(f"<{node.raw_name}") :]


def _inside(node: Node) -> str:
    """Return a start tag's text after its name, without its end."""
    return _tag(node)[1 + len(node.raw_name) :].rstrip("/> \t\r\n")


def _end(node: Node) -> str:
    return _tag(node)[1 + len(node.raw_name) + len(_inside(node)) :]


def _leaves(old: Node, new: Node, where: str) -> Iterator[Difference]:
    before, after = str(old.value), str(new.value)
    if old.form is not new.form:
        yield Difference(Kind.VALUE_TYPE, where, old.raw, new.raw)
        if before == after or {before, after} in _BOOLEANS:
            return
    if old.form is new.form and old.value is None:  # Only blanks may stand in an element of nil.
        yield Difference(Kind.WHITE_SPACE, where, old.raw, new.raw)
    elif before == after and old.form in (Form.STRING, Form.TEXT):
        yield Difference(Kind.ESCAPE, where, old.raw, new.raw)
    elif is_misread(old.raw, new.raw):
        yield Difference(Kind.OTHER_CHARSET, where, old.raw, new.raw)
    else:
        is_text = old.form is new.form is Form.STRING
        for kind, could_be in value_kinds(before, after, may_be_number=not is_text):
            yield Difference(kind, where, old.raw, new.raw, could_be)
