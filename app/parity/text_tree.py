"""A body's text as a tree that keeps what was written beside what it means."""

from dataclasses import dataclass, field
from enum import Enum


class Form(Enum):
    """What a node is written as."""

    OBJECT = "object"
    ARRAY = "array"
    STRING = "string"
    NUMBER = "number"
    LITERAL = "literal"
    ELEMENT = "element"
    TEXT = "text"


class ParseError(Exception):
    """The text is not of its format; the message says where."""


@dataclass(slots=True)
class Node:
    """A value of a body.

    Attributes:
        form: what it is written as.
        name: of its member or element, as meant.
        start, end: where the value stands in the text; an element's is its content.
        raw: the value as it is written.
        value: what a leaf means, ``None`` for null and nil.
        children: members, items or elements, in written order.
        raw_name: the name as it is written: with its quotes, or with its prefix.
        namespace: of an element.
        attributes: of an element, as written, name and value with quotes.
        head: an element's start tag, a document's declaration before it.
    """

    form: Form
    name: str
    start: int
    end: int
    raw: str
    value: str | None = None
    children: list["Node"] = field(default_factory=list)
    raw_name: str = ""
    namespace: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    head: str = ""

    @property
    def is_leaf(self) -> bool:
        """Whether it has a value of its own."""
        return self.form not in (Form.OBJECT, Form.ARRAY, Form.ELEMENT)
