import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.cluster.packing import Packing

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), min_size=1, max_size=5))
def test_everything_is_read_back_as_it_was(values: list[dict[str, object]]):
    packing = Packing()
    packed = [packing.pack(value) for value in values]
    assert [packing.unpack(each) for each in packed] == values


def test_objects_that_resemble_the_first_one_take_little():
    packing = Packing()
    objects = [
        {"name": f"fraud-{n}", "env": [{"name": f"VAR_{i}", "value": "x" * i} for i in range(50)]} for n in (1, 2)
    ]
    assert len(packing.pack(objects[0])) < len(json.dumps(objects[0])) / 20
    assert len(packing.pack(objects[1])) < len(json.dumps(objects[1])) / 20


def test_nothing_can_be_read_before_anything_is_packed():
    with pytest.raises(ValueError, match="nothing was packed"):
        Packing().unpack(b"")
