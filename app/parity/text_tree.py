"""A body's text as a tree that keeps what was written and what it means."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final


class Form(Enum):
    """What a node is written as."""

    OBJECT = "object"
    ARRAY = "array"
    STRING = "string"
    NUMBER = "number"
    LITERAL = "literal"
    ELEMENT = "element"
    TEXT = "text"


MOST_NODES: Final = 10_000
"""A body with more values is not compared value by value: it is hostile, or none of ours."""


class ParseError(Exception):
    """The text is not of its format; the message says where."""


def check_size(text: str, marks: str) -> None:
    """Count the marks that each value needs one of. Raises ParseError if there are too many."""
    if sum(map(text.count, marks)) > MOST_NODES:
        raise ParseError(f"more than {MOST_NODES:,} values")


@dataclass(slots=True)
class Node:
    """A value of a body.

    Attributes:
        form: what it is written as.
        name: of its member or element, as meant.
        start, end: where the value is in the text; an element's is its content.
        text: the body's whole text.
        value: what a leaf means, ``None`` for null and nil.
        children: members, items or elements, in written order.
        raw_name: the name as it is written: with its quotes, or with its prefix.
        namespace: of an element.
        attributes: of an element, as written, name and value with quotes.
        head: an element's start tag, a document's declaration before it.
        between: the text between the children, without their names.
    """

    form: Form
    name: str
    start: int
    end: int
    text: str
    value: str | None = None
    children: list["Node"] = field(default_factory=list)
    raw_name: str = ""
    namespace: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    head: str = ""
    between: str = ""

    @property
    def raw(self) -> str:
        """The value as it is written."""
        return self.text[self.start : self.end]

    @property
    def is_leaf(self) -> bool:
        """Whether it has a value of its own."""
        return self.form not in (Form.OBJECT, Form.ARRAY, Form.ELEMENT)
