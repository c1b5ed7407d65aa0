"""``segment``: numba's type of a segment inside kernels, which is its address and nothing else.

Python gives a kernel the segment as ``uint8[n]``. Numba's own array type would come as seven values, hold a counted
reference, and count it up and down at most calls between helpers: two atomic instructions each time, half of an
episode's time in the machine. This type takes the address out of the NumPy array when a kernel is called; the caller
holds the array, so nothing needs counting until the kernel returns.
"""

import ctypes
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import NativeValue, models, register_model, unbox

# A NumPy array is the header that every object has, and then the address of its content (``PyArrayObject_fields``).
_DATA_OFFSET = object.__basicsize__


class SegmentType(types.Type):
    """A segment by its address."""

    def __init__(self) -> None:
        super().__init__(name="lpcurr.Segment")


segment_type = SegmentType()


@register_model(SegmentType)
class _SegmentModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Any) -> None:
        super().__init__(manager, fe_type, ir.IntType(8).as_pointer())


@unbox(SegmentType)
def _address_of_content(segment: Any, array: Any, context: Any) -> Any:
    builder = context.builder
    pointer = ir.IntType(8).as_pointer()
    place = builder.gep(builder.bitcast(array, pointer), [ir.Constant(ir.IntType(64), _DATA_OFFSET)])
    return NativeValue(builder.load(builder.bitcast(place, pointer.as_pointer())))


def _check_array_layout() -> None:
    array = np.zeros(1, dtype=np.uint8)
    found = ctypes.c_void_p.from_address(id(array) + _DATA_OFFSET).value
    if found != array.ctypes.data:
        raise ImportError("this Python or NumPy lays out arrays in a way that lpcurr's kernels do not know")


_check_array_layout()


def parse_signature(signature: str) -> Any:
    """A numba signature from its text, in which ``segment`` is a type beside numba's own.

    >>> parse_signature("int64(segment, float64[::1])").args[0]
    lpcurr.Segment
    """
    return eval(signature, {"__builtins__": {}}, {**vars(types), "segment": segment_type})
