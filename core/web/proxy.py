from collections.abc import Callable, Iterator
from typing import Any


class Proxy:
    """Stands for an object that is another one in each context."""

    __slots__ = ("__find",)

    def __init__(self, find: Callable[[], Any]) -> None:
        object.__setattr__(self, "_Proxy__find", find)

    def _get_current_object(self) -> Any:
        """Give the object itself, to keep it or to hand it to another thread."""
        return self.__find()

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        try:
            return type(self.__find())
        except RuntimeError:  # isinstance() asks any object, at any time.
            return Proxy

    def __getattr__(self, name: str) -> Any:
        try:
            found = self.__find()
        except RuntimeError:
            # Tools ask any object for its __name__ and the like, at any time.
            if name.startswith("__"):
                raise AttributeError(name) from None
            raise
        return getattr(found, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__find(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__find(), name)

    def __contains__(self, item: Any) -> bool:
        return item in self.__find()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.__find())

    def __bool__(self) -> bool:
        return bool(self.__find())

    def __eq__(self, other: object) -> bool:
        return bool(self.__find() == other)

    def __hash__(self) -> int:
        return hash(self.__find())

    def __str__(self) -> str:
        return str(self.__find())

    def __repr__(self) -> str:
        try:
            return repr(self.__find())
        except RuntimeError as error:
            return f"<nothing: {error}>"
