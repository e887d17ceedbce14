from collections import Counter
from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.storage.quick import quick, quick_copy
from domain.context.lww_map import LwwMap
from domain.context.variables import ContextVariables
from domain.errors import Violation
from domain.session.lifecycle import Lifecycle
from domain.session.state import SessionState
from domain.stamps import LwwRegister
from domain.sync.state import SyncState

BUILT = [SessionState, LwwMap, Lifecycle, LwwRegister, SyncState, Violation]


@pytest.mark.parametrize("cls", BUILT)
def test_what_is_built_quickly_equals_what_its_class_builds(cls: Any) -> None:
    values = {field.name: f"the {field.name}" for field in fields(cls)}

    quickly, copied = quick(cls)(**values), quick_copy(cls)(SimpleNamespace(**values))
    assert quickly == copied == cls(**values)
    assert type(quickly) is type(copied) is cls
    assert repr(quickly) == repr(copied) == repr(cls(**values))
    with pytest.raises(AttributeError):
        setattr(quickly, fields(cls)[0].name, 1)


@pytest.mark.parametrize("cls", BUILT)
def test_a_field_that_is_not_given_is_an_error(cls: Any) -> None:
    name, *others = [field.name for field in fields(cls)]

    with pytest.raises(TypeError, match=name):
        quick(cls)(**dict.fromkeys(others, 1))
    with pytest.raises(AttributeError, match=name):
        quick_copy(cls)(SimpleNamespace(**dict.fromkeys(others, 1)))


def test_a_cached_property_is_still_found() -> None:
    assert quick(ContextVariables)(texts={"a": b"1"}, removed=()).document == b'{"a":1}'


@dataclass(frozen=True)
class Checked:
    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError


@pytest.mark.parametrize("cls", [Checked, Counter, len])
def test_a_class_whose_construction_does_more_is_refused(cls: Any) -> None:
    with pytest.raises(TypeError, match="not built by setting its fields alone"):
        quick(cls)
    with pytest.raises(TypeError, match="not built by setting its fields alone"):
        quick_copy(cls)
