"""Run a PyTorch module, or an exported program: eagerly, or compiled in the process that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stages import cpu
from stages.contract.port import Contract
from stages.engines import onednn, usual
from stages.frameworks.torch import compiler

if TYPE_CHECKING:
    import numpy

ENGINE = 'torch'
RUNS = ('torch', 'exported')
TOOLS = ('torch', 'numpy', 'safetensors')
ENVIRONMENT = ''
CONCURRENT = False  # modules may keep state, and state is set back before each call

FOREIGN, foreign, made, prepare_foreign = usual.FOREIGN, usual.foreign, usual.made, usual.prepare_foreign
line = usual.line


@dataclass(frozen=True)
class Options:
    """Options of ``torch``."""

    compile: Literal['none', 'inductor'] = 'none'
    """inductor compiles at the first call of each new shape (torch.compile: seconds, and a C++ compiler is needed)."""

    freezing: bool = True
    """Of inductor: weights are constants of what it compiles, laid out as its kernels want them."""


@dataclass
class TorchSession:
    """A module that takes and gives host arrays, by the contract's names."""

    call: Callable[..., Any]
    """Takes tensors in the order of ``taken``; returns one tensor, or several in the order of ``returned``."""

    taken: tuple[str, ...]
    returned: tuple[str, ...]
    shares: bool | None = field(default=None, init=False)
    """Whether it leaves its inputs as they are, so that they need no copy; unknown before the first call."""

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Call the module without recording gradients."""
        import torch

        # outside of inference mode, whose tensors do not count what writes to them
        given = [_tensor(feed[name], copy=not self.shares) for name in self.taken]
        with torch.inference_mode():
            results = self.call(*given)
        if self.shares is None:
            self.shares = all(tensor._version == 0 for tensor in given)
        found = (results,) if isinstance(results, torch.Tensor) else results
        return {name: _array(tensor) for name, tensor in zip(self.returned, found, strict=True)}


def prepare() -> None:
    """Import torch."""
    import torch  # noqa: F401


def programs(options: Options) -> tuple[str, ...]:
    """Call the C++ compiler where it is asked for."""
    return (compiler.PROGRAM,) if options.compile == 'inductor' else ()


def kept_to(isa: str, folder: Path, contract: Contract) -> Mapping[str, str] | None:
    """Keep oneDNN, MKL and ATen to an instruction set; FBGEMM, which computes what is quantized, asks the CPU alone."""
    return None if contract.precision.startswith('int') else onednn.VARIABLES[isa]


def instructions(session: TorchSession, folder: Path, said: str) -> str:
    """Return the strongest set that ATen, oneDNN and MKL say they use; the latter two speak when they are used."""
    import torch

    own = torch.backends.cpu.get_cpu_capability()
    aten = next((isa for mark, isa in (('AMX', 'amx'), ('AVX512', 'avx512'), ('AVX2', 'avx2')) if mark in own), 'sse42')
    return cpu.strongest([aten, onednn.told(said)])


def load(folder: Path, contract: Contract, options: Options, threads: int) -> TorchSession:
    """Build the module in ``folder``, its transforms replayed, not calculated again; or load the exported program."""
    from stages.frameworks.torch import exported as exported_file
    from stages.frameworks.torch import exported_ports
    from stages.frameworks.torch import module as torch_module
    from stages.frameworks.torch.calling import calling

    set_threads(threads)
    exported = folder / 'model.pt2'
    if exported.exists():
        program = exported_file.load(exported)
        module = program.module()
        call = exported_ports.in_order(program, module, contract)
    else:
        module = torch_module.load(folder)
        call = calling(module, contract)
    if options.compile == 'inductor':
        _compile(module, options.freezing)
    return session(call, contract)


def session(call: Any, contract: Contract) -> TorchSession:
    """Return a session for what takes and returns tensors in the order of ``contract``."""
    return TorchSession(call, tuple(p.name for p in contract.inputs), tuple(p.name for p in contract.outputs))


def _compile(module: Any, freezing: bool) -> None:
    import torch._inductor.config

    compiler.require()
    settings: Any = torch._inductor.config
    settings.compile_threads = 1  # else a pool of processes stays beside this one while it is measured
    settings.freezing = freezing
    module.compile()


def set_threads(threads: int) -> None:
    """Set both pools of torch; the second can be set only before its first use."""
    import contextlib

    import torch

    torch.set_num_threads(threads)
    with contextlib.suppress(RuntimeError):
        torch.set_num_interop_threads(1)


def _tensor(array: numpy.ndarray, copy: bool) -> Any:
    import numpy as np
    import torch

    # torch wants arrays it may write to
    return torch.from_numpy(np.array(array) if copy else np.require(array, requirements=['C', 'W']))


def _array(tensor: Any) -> numpy.ndarray:
    import torch

    if tensor.dtype == torch.bfloat16:  # NumPy has none
        tensor = tensor.float()
    array: numpy.ndarray = tensor.detach().resolve_conj().resolve_neg().numpy()
    return array
