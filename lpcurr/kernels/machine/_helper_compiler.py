"""A numba compiler for helpers, which stops where only a function that Python calls would go on.

Numba makes every njit function a library of its own: optimised, compiled to machine code and loaded, although a
helper is then inlined into its callers and never called as it is. For some 90 helpers that was a third of all
compilation, 25 s of processor time against 17 s with this compiler. A helper stays LLVM code here, and the kernel that
it becomes a part of is optimised and compiled once, as a whole.

It leans on numba's extension API for compiler passes and on four of its inner names; where a version of numba has them
no longer, ``helper_options()`` is empty and helpers are compiled the ordinary way.
"""

from typing import Any

from numba import types

try:
    from numba import _dynfunc
    from numba.core.codegen import JITCodeLibrary
    from numba.core.compiler import CompilerBase, DefaultPassBuilder
    from numba.core.compiler_machinery import LoweringPass, register_pass
    from numba.core.typed_passes import NativeLowering
except ImportError:  # pragma: no cover - another numba

    def helper_options() -> dict[str, Any]:
        """Nothing special in this version of numba."""
        return {}

else:

    class _HelperLibrary(JITCodeLibrary):
        """LLVM code for linking into others: neither optimised by itself nor made into machine code."""

        def _optimize_final_module(self) -> None:
            pass

        def _finalize_final_module(self) -> None:
            self._finalize_dynamic_globals()
            self._finalized = True

    @register_pass(mutates_CFG=True, analysis_only=False)
    class _LowerHelper(LoweringPass):
        """Numba's lowering to LLVM, without the step from there to an executable."""

        _name = "lpcurr_lower_helper"

        def __init__(self) -> None:
            super().__init__()

        def run_pass(self, state: Any) -> bool:
            context = state.targetctx
            state.library = _HelperLibrary(context.codegen(), state.func_id.func_qualname)
            state.library.enable_object_caching()
            state.flags.no_compile = True
            NativeLowering().run_pass(state)
            lowered = state["cr"]
            # Callers know a function by its executable: a builtin that nobody will ever call.
            stand_in = _dynfunc.make_function(
                lowered.fndesc.lookup_module(),
                lowered.fndesc.qualname.split(".")[-1],
                "a helper: compiled into its callers",
                0,
                lowered.env,
                (state.library,),
            )
            context.insert_user_function(stand_in, lowered.fndesc, [state.library])
            state["cr"] = lowered._replace(cfunc=stand_in)
            return True

    class _HelperCompiler(CompilerBase):
        """The nopython pipeline with the last step replaced."""

        def define_pipelines(self) -> list[Any]:
            pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
            pipeline.passes = [
                (_LowerHelper, description) if each is NativeLowering else (each, description)
                for each, description in pipeline.passes
            ]
            pipeline.finalize()
            return [pipeline]

    def helper_options() -> dict[str, Any]:
        """Options of ``numba.njit`` for helpers."""
        return {"pipeline_class": _HelperCompiler}


def take_no_literals(helper: Any) -> None:
    """Have a helper compiled once for all integers that it is called with, not again for each constant.

    Of 390 compiled helpers 80 were that; LLVM puts the constants in where it inlines.
    """
    resolve = getattr(helper, "get_call_template", None)
    if resolve is not None:  # another numba's; or where JIT is disabled, a function
        helper.get_call_template = lambda args, kws: resolve(tuple(types.unliteral(each) for each in args), kws)
