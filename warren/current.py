"""A value that is replaced whole: read without a lock, swapped in one assignment."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Current(Generic[T]):
    """Holds the snapshot in use. Readers take `.value` once and work with that."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def swap(self, value: T) -> T:
        """Put the new value in place and hand back the old one, to be closed."""
        old, self.value = self.value, value
        return old
