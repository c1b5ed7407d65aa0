"""Typed views into a segment.

A kernel gets the segment's address (:mod:`lpcurr.kernels.machine.segment_type`) and makes its views itself:
``header_record(segment, 0)`` and ``label_record(segment, row)`` are records, ``column(segment)`` has every column of
the layout as an attribute, and a view that is not used costs nothing. So the argument's type does not depend on the
capacity, every pool size runs the same machine code, and one address is the cheapest argument there is. Bytes in an
ordinary array, ``uint8[::1]``, such as a snapshot, have the same views.

Derive views anew in each helper rather than pass them along: handing views from function to function made the same
loop 1.6 times slower.

Where JIT is disabled (coverage, debugging), NumPy views with the same names stand in.
"""

import platform
from fractions import Fraction
from typing import Any

import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    intrinsic,
    lower_getattr_generic,
    models,
    register_model,
)

from lpcurr.kernels.machine.compiling import JIT, helper
from lpcurr.kernels.machine.segment_type import segment_type
from lpcurr.memory import layout

_CAPACITY_WORD = layout.header_word("capacity")
_INDEX_MASK_WORD = layout.header_word("index_mask")
_SEGMENT_SIZE_WORD = layout.header_word("segment_size")
_FIRST_COLUMN_WORD = layout.COLUMNS_OFFSET // 8
_TASK_COLUMNS, _PLAY_COLUMNS = len(layout.TASK_COLUMNS), len(layout.PLAY_COLUMNS)
_COLUMNS = {column.name: column for column in layout.COLUMNS}


class ColumnsType(types.Type):
    """Numba's type of what ``column(segment)`` returns."""

    def __init__(self) -> None:
        super().__init__(name="lpcurr.Columns")


_columns_type = ColumnsType()


@register_model(ColumnsType)
class _ColumnsModel(models.StructModel):
    def __init__(self, manager: Any, fe_type: Any) -> None:
        members = [("base", types.voidptr), ("capacity", types.int64), ("padded", types.int64)]
        super().__init__(manager, fe_type, members)


def _array_type(dtype: str, contiguous: bool = True) -> types.Array:
    return types.Array(from_dtype(np.dtype(dtype)), 1, "C" if contiguous else "A")


def _column_type(column: layout.Column) -> types.Array:
    return _array_type(column.dtype, column.stride == np.dtype(column.dtype).itemsize)


@infer_getattr
class _ColumnsAttributes(AttributeTemplate):
    key = ColumnsType

    def generic_resolve(self, columns: Any, name: str) -> Any:  # type: ignore[override]
        return _column_type(_COLUMNS[name]) if name in _COLUMNS else None


def _make_array(
    context: Any, builder: Any, array_type: Any, pointer: Any, count: Any, stride_bytes: int | None = None
) -> Any:
    """An array that borrows memory: no parent, no reference count."""
    array = context.make_array(array_type)(context, builder)
    itemsize = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
    stride = context.get_constant(types.intp, stride_bytes or itemsize)
    data_type = context.get_data_type(array_type.dtype).as_pointer()
    context.populate_array(
        array,
        data=builder.bitcast(pointer, data_type),
        shape=[count],
        strides=[stride],
        itemsize=context.get_constant(types.intp, itemsize),
        meminfo=None,
    )
    return array._getvalue()


@lower_getattr_generic(ColumnsType)
def _lower_column(context: Any, builder: Any, columns_type: Any, value: Any, name: str) -> Any:
    column = _COLUMNS[name]
    view = cgutils.create_struct_proxy(columns_type)(context, builder, value=value)
    offset = builder.add(
        builder.mul(view.padded, context.get_constant(types.int64, column.start)),
        context.get_constant(types.int64, layout.COLUMNS_OFFSET + column.offset),
    )
    count = view.capacity
    if column.eighths != 8:
        count = builder.mul(view.padded, context.get_constant(types.int64, column.eighths))
        count = builder.lshr(count, context.get_constant(types.int64, 3))
    pointer = builder.gep(view.base, [offset])
    return _make_array(context, builder, _column_type(column), pointer, count, column.stride)


def _bytes_pointer(context: Any, builder: Any, numba_type: Any, segment: Any) -> Any:
    if numba_type == segment_type:
        return segment
    return context.make_array(numba_type)(context, builder, segment).data


def _load_word(context: Any, builder: Any, base: Any, word: int) -> Any:
    """A word that never changes in the life of a pool: without the mark, LLVM loads it again after every store."""
    pointer = builder.gep(base, [context.get_constant(types.intp, 8 * word)])
    loaded = builder.load(builder.bitcast(pointer, context.get_data_type(types.int64).as_pointer()))
    loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
    return loaded


def _padded(context: Any, builder: Any, capacity: Any) -> Any:
    """Return ``layout.padded_capacity``."""
    line = layout.CACHE_LINE
    raised = builder.add(capacity, context.get_constant(types.int64, line - 1))
    whole = builder.and_(raised, context.get_constant(types.int64, -line))
    return builder.or_(whole, context.get_constant(types.int64, line))


@intrinsic
def _jit_column(typingctx: Any, segment: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = _bytes_pointer(context, builder, signature.args[0], args[0])
        view = cgutils.create_struct_proxy(_columns_type)(context, builder)
        view.base = base
        view.capacity = _load_word(context, builder, base, _CAPACITY_WORD)
        view.padded = _padded(context, builder, view.capacity)
        return view._getvalue()

    return _columns_type(segment), codegen


@intrinsic
def _jit_index_table(typingctx: Any, segment: Any) -> Any:
    array_type = _array_type("<i4")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = _bytes_pointer(context, builder, signature.args[0], args[0])
        padded = _padded(context, builder, _load_word(context, builder, base, _CAPACITY_WORD))
        offset = builder.add(
            builder.mul(padded, context.get_constant(types.int64, layout.INDEX_START)),
            context.get_constant(types.int64, layout.COLUMNS_OFFSET),
        )
        mask = _load_word(context, builder, base, _INDEX_MASK_WORD)
        count = builder.add(mask, context.get_constant(types.int64, 1))
        return _make_array(context, builder, array_type, builder.gep(base, [offset]), count)

    return array_type(segment), codegen


def _jit_fixed_array(dtype: str, offset: int, count: int | None) -> Any:
    """An intrinsic for an array at a fixed offset; ``count`` None: to the end of the segment, or of the bytes."""
    array_type = _array_type(dtype)

    @intrinsic
    def fixed_array(typingctx: Any, segment: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            base = _bytes_pointer(context, builder, signature.args[0], args[0])
            pointer = builder.gep(base, [context.get_constant(types.intp, offset)])
            if count is not None:
                cells = context.get_constant(types.intp, count)
            else:
                if signature.args[0] == segment_type:
                    size = _load_word(context, builder, base, _SEGMENT_SIZE_WORD)
                else:
                    size = context.make_array(signature.args[0])(context, builder, args[0]).nitems
                cells = builder.lshr(size, context.get_constant(types.intp, 3))
            return _make_array(context, builder, array_type, pointer, cells)

        return array_type(segment), codegen

    return fixed_array


def _jit_record(dtype: np.dtype[Any], offset: int) -> Any:
    """An intrinsic for the record number ``row`` of a table at a fixed offset, by reference."""
    record_type = from_dtype(dtype)

    @intrinsic
    def record(typingctx: Any, segment: Any, row: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            base = _bytes_pointer(context, builder, signature.args[0], args[0])
            start = builder.add(
                builder.mul(args[1], context.get_constant(types.int64, dtype.itemsize)),
                context.get_constant(types.int64, offset),
            )
            pointer = builder.gep(base, [start])
            return builder.bitcast(pointer, context.get_value_type(record_type))

        return record_type(segment, types.int64), codegen

    return record


@intrinsic
def _jit_address(typingctx: Any, segment: Any, offset: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(_bytes_pointer(context, builder, signature.args[0], args[0]), [args[1]])

    return types.voidptr(segment, types.int64), codegen


@intrinsic
def _jit_compiler_barrier(typingctx: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.fence("seq_cst", targetscope="singlethread")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def _jit_fused_multiply_add(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), codegen


def _python_fused_multiply_add(a: float, b: float, c: float) -> float:
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    return float(exact)


class _PythonColumns:
    """The columns where JIT is disabled: NumPy views with the same names."""

    def __init__(self, segment: np.ndarray[Any, Any]) -> None:
        self._segment = segment
        self._capacity = int(segment[8 * _CAPACITY_WORD : 8 * _CAPACITY_WORD + 8].view("<i8")[0])

    def __getattr__(self, name: str) -> np.ndarray[Any, Any]:
        dtype = layout.segment_dtype(self._capacity)
        view: np.ndarray[Any, Any] = layout.cells(self._segment[: dtype.itemsize].view(dtype), name)[0]
        self.__dict__[name] = view
        return view


class _PythonRecord:
    """A record where JIT is disabled; an ``np.record`` would hide fields behind attributes of its own (``size``)."""

    def __init__(self, cells: Any) -> None:
        self.__dict__["_cells"] = cells

    def __getattr__(self, name: str) -> Any:
        return self._cells[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self._cells[name] = value


def _python_record(dtype: np.dtype[Any], offset: int) -> Any:
    def record(segment: np.ndarray[Any, Any], row: int) -> Any:
        start = offset + row * dtype.itemsize
        return _PythonRecord(segment[start : start + dtype.itemsize].view(dtype)[0])

    return record


def _python_fixed_array(dtype: str, offset: int, count: int | None) -> Any:
    def fixed_array(segment: np.ndarray[Any, Any]) -> Any:
        size = segment.size // 8 * 8 if count is None else count * np.dtype(dtype).itemsize
        return segment[offset : offset + size].view(dtype)

    return fixed_array


def _python_index_table(segment: np.ndarray[Any, Any]) -> Any:
    return _PythonColumns(segment).index


@intrinsic
def _jit_pause(typingctx: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if platform.machine() == "x86_64":  # tells the processor that this is a loop which waits
            function_type = ir.FunctionType(ir.VoidType(), [])
            builder.call(builder.module.declare_intrinsic("llvm.x86.sse2.pause", fnty=function_type), [])
        builder.fence("seq_cst", targetscope="singlethread")
        return context.get_dummy_value()

    return types.void(), codegen


def _python_copy_words(target: Any, source: Any, first: int, end: int) -> None:
    target[first:end] = source[first:end]


def _python_barrier() -> None:
    """Python executes statements in order."""


_record, _fixed_array = (_jit_record, _jit_fixed_array) if JIT else (_python_record, _python_fixed_array)

column = _jit_column if JIT else _PythonColumns
"""``column(segment).p_fast[slot]``: every column of :data:`lpcurr.memory.layout.COLUMNS`, by name."""

index_table = _jit_index_table if JIT else _python_index_table
"""``int32[index_mask + 1]``: the id → slot table."""

header_record = _record(layout.HEADER, layout.HEADER_OFFSET)
"""``header_record(segment, 0)``: the header, by reference."""

process_record = _record(layout.PROCESS, layout.PROCESS_OFFSET)
"""``process_record(segment, process)``: the record of an attached process, by reference."""

label_record = _record(layout.LABEL, layout.LABEL_OFFSET)
"""``label_record(segment, row)``: an interned label, by reference."""

label_hashes = _fixed_array("<i8", layout.LABEL_HASH_OFFSET, layout.LABEL_CAPACITY)
"""``int64[LABEL_CAPACITY]``: hash of each interned label."""

label_sums = _fixed_array("<f8", layout.LABEL_SUMS_OFFSET, layout.LABEL_SUMS)
"""``float64[…]``: the sum tree over the weights of the labels, the root first."""

words = _fixed_array("<i8", 0, None)
"""``int64[…]``: the whole segment as eight-byte words, for the undo journal."""

reals = _fixed_array("<f8", 0, None)
"""``float64[…]``: the same words as floats."""

address = _jit_address
"""Pointer to a byte of the segment, for C functions; there is no stand-in where JIT is disabled."""

fused_multiply_add = _jit_fused_multiply_add if JIT else _python_fused_multiply_add
"""``a · b + c`` rounded once: one instruction where the processor has it."""

pause = _jit_pause if JIT else _python_barrier
"""Waits for some 20 ns, after which memory is read anew."""

compiler_barrier = _jit_compiler_barrier if JIT else _python_barrier
"""Keeps the compiler from moving memory accesses across it (the processor needs no telling: see ``journal``)."""

_padded_capacity = helper(layout.padded_capacity)


@helper
def _jit_copy_words(target, source, first, end):
    for i in range(first, end):
        target[i] = source[i]


copy_words = _jit_copy_words if JIT else _python_copy_words
"""Copies words ``first`` to ``end`` to the same place in another array."""


@helper
def column_stride(segment):
    """Return how many words lie between a slot's cells of one of ``layout.TASK_COLUMNS`` and the next."""
    return _padded_capacity(header_record(segment, 0).capacity)


@helper
def truth_word(segment, number, slot):
    """Return which word of the segment is a slot's cell of the truth column number ``number``."""
    stride = column_stride(segment)
    if number < _TASK_COLUMNS:
        return _FIRST_COLUMN_WORD + stride * number + slot
    return _FIRST_COLUMN_WORD + stride * _TASK_COLUMNS + slot * _PLAY_COLUMNS + number - _TASK_COLUMNS
