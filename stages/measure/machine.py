"""The machine, as a report prints it and as a key holds it. Modelled on pyperf's metadata and MLPerf's system file.

A field that cannot be read says so; it is never left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import time
from pathlib import Path
from typing import Any, Final

from stages import cpu

NOT_READABLE: Final = 'not readable'

CPU: Final = Path('/sys/devices/system/cpu')


def machine() -> dict[str, Any]:
    """Return the environment block: CPU, memory, system, limits, clock. Reads files, starts nothing."""
    info = _cpuinfo()
    clock = time.get_clock_info('perf_counter')
    return {
        'cpu': {
            'model': info.get('model name') or info.get('Model') or platform.processor() or NOT_READABLE,
            'architecture': platform.machine(),
            'sockets': _count_topology('physical_package_id'),
            'cores': _physical_cores(),
            'threads': os.cpu_count() or NOT_READABLE,
            'flags': list(cpu.decisive()) if cpu.flags() else NOT_READABLE,
            'governor': _read(CPU / 'cpu0/cpufreq/scaling_governor'),
            'driver': _read(CPU / 'cpu0/cpufreq/scaling_driver'),
            'turbo': _turbo(),
            'min_khz': _read(CPU / 'cpu0/cpufreq/cpuinfo_min_freq'),
            'max_khz': _read(CPU / 'cpu0/cpufreq/cpuinfo_max_freq'),
            'mhz': current_mhz() or NOT_READABLE,
            'smt': {'0': 'off', '1': 'on'}.get(_read(CPU / 'smt/active'), NOT_READABLE),
            'isolated': _read(CPU / 'isolated', empty='none'),
            'affinity': sorted(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else NOT_READABLE,
            'quota': _quota(),
            'hypervisor': _hypervisor(),
        },
        'memory': {
            'total_bytes': _meminfo().get('MemTotal', NOT_READABLE),
            'swap_total_bytes': _meminfo().get('SwapTotal', NOT_READABLE),
            'numa_nodes': len(list(Path('/sys/devices/system/node').glob('node[0-9]*'))) or NOT_READABLE,
            'huge_pages': _chosen(_read(Path('/sys/kernel/mm/transparent_hugepage/enabled'))),
        },
        'system': {
            'os': platform.system(),
            'kernel': platform.release(),
            'libc': ' '.join(platform.libc_ver()).strip() or NOT_READABLE,
            'aslr': _read(Path('/proc/sys/kernel/randomize_va_space')),
            'container': _container(),
            'python': platform.python_version(),
        },
        'clock': {'name': clock.implementation, 'resolution_seconds': clock.resolution},
        'load': load_now(),
    }


def fingerprint(machine: dict[str, Any]) -> str:
    """Return the sha256 of what makes two machines comparable; nothing in it moves from minute to minute."""
    said, total = machine['cpu'], machine['memory']['total_bytes']
    stable = {
        'model': said['model'],
        'architecture': said['architecture'],
        'cores': said['cores'],
        'threads': said['threads'],
        'flags': sorted(said['flags']) if isinstance(said['flags'], list) else said['flags'],
        'quota': said['quota'],
        # Whole GiB: the kernel keeps a different few MiB for itself at every boot.
        'memory_gib': round(total / 2**30) if isinstance(total, int) else total,
        'os': machine['system']['os'],
        'kernel': machine['system']['kernel'].split('.')[0],
    }
    return hashlib.sha256(json.dumps(stable, sort_keys=True).encode()).hexdigest()


def load_now() -> dict[str, Any]:
    """Return how busy the machine is. Ticks and counters only grow: two readings give the share between them."""
    ticks = _cpu_ticks()
    memory = _meminfo()
    swap = memory['SwapTotal'] - memory['SwapFree'] if 'SwapFree' in memory and 'SwapTotal' in memory else NOT_READABLE
    return {
        'load_average': load_average(),
        'pressure_cpu_avg10': _pressure('cpu'),
        'pressure_memory_avg10': _pressure('memory'),
        'steal_ticks': ticks[7] if len(ticks) > 7 else NOT_READABLE,
        'cpu_ticks': sum(ticks[:8]) if ticks else NOT_READABLE,
        'swap_used_bytes': swap,
        'temperature_celsius': _temperature(),
        'throttle_count': _throttles(),
    }


def load_average() -> float | None:
    """Return the one-minute load average."""
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):
        return None


def current_mhz() -> float | None:
    """Return the mean clock rate of the CPUs, as the kernel tells it now."""
    found = re.findall(r'^cpu MHz\s*: ([\d.]+)', _text(cpu.INFO) or '', re.MULTILINE)
    return sum(map(float, found)) / len(found) if found else None


def _text(file: Path) -> str | None:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        return None


def _read(file: Path, empty: str = NOT_READABLE) -> str:
    text = _text(file)
    return NOT_READABLE if text is None else text.strip() or empty


def _cpuinfo() -> dict[str, str]:
    first = (_text(cpu.INFO) or '').split('\n\n')[0]
    return {k.strip(): v.strip() for k, _, v in (line.partition(':') for line in first.splitlines())}


def _meminfo() -> dict[str, int]:
    found = re.findall(r'^(\w+):\s+(\d+) kB', _text(Path('/proc/meminfo')) or '', re.MULTILINE)
    return {name: int(size) * 1024 for name, size in found}


def _count_topology(name: str) -> int | str:
    found = {_text(file) for file in CPU.glob(f'cpu[0-9]*/topology/{name}')} - {None}
    return len(found) or NOT_READABLE


def _physical_cores() -> int | str:
    found = {_text(file) for file in CPU.glob('cpu[0-9]*/topology/thread_siblings_list')} - {None}
    return len(found) or NOT_READABLE


def _turbo() -> str:
    no_turbo = _read(CPU / 'intel_pstate/no_turbo')
    boost = _read(CPU / 'cpufreq/boost')
    return {'0': 'on', '1': 'off'}.get(no_turbo) or {'0': 'off', '1': 'on'}.get(boost) or NOT_READABLE


def _quota() -> float | str:
    """CPUs' worth of time the cgroup may use; ``none`` when it is not limited."""
    v2 = _text(Path('/sys/fs/cgroup/cpu.max'))
    if v2 is not None:
        limit, _, period = v2.strip().partition(' ')
        return 'none' if limit == 'max' else round(int(limit) / int(period or 100_000), 2)
    limit_v1, period_v1 = (_text(Path(f'/sys/fs/cgroup/cpu/cpu.cfs_{n}_us')) for n in ('quota', 'period'))
    if limit_v1 is None or period_v1 is None:
        return NOT_READABLE
    return 'none' if int(limit_v1) < 0 else round(int(limit_v1) / int(period_v1), 2)


def _hypervisor() -> str:
    vendor = _read(Path('/sys/class/dmi/id/sys_vendor'))
    if not cpu.flags():
        return NOT_READABLE
    return ('yes' if vendor == NOT_READABLE else f'yes ({vendor})') if 'hypervisor' in cpu.flags() else 'no'


def _chosen(text: str) -> str:
    found = re.search(r'\[(\w+)\]', text)
    return found[1] if found else text


def _container() -> str:
    if Path('/.dockerenv').exists() or Path('/run/.containerenv').exists():
        return 'yes'
    groups = _text(Path('/proc/1/cgroup'))
    if groups is None:
        return NOT_READABLE
    return 'yes' if re.search('docker|kubepods|containerd|lxc', groups) else 'no sign of one'


def _pressure(what: str) -> float | str:
    found = re.search(r'^some avg10=([\d.]+)', _text(Path(f'/proc/pressure/{what}')) or '', re.MULTILINE)
    return float(found[1]) if found else NOT_READABLE


def _cpu_ticks() -> list[int]:
    first = (_text(Path('/proc/stat')) or '').partition('\n')[0].split()
    return [int(word) for word in first[1:]]


def _temperature() -> float | str:
    found = [
        int(t) for f in Path('/sys/class/thermal').glob('thermal_zone*/temp') if (t := _text(f)) and t.strip().isdigit()
    ]
    return max(found) / 1000 if found else NOT_READABLE


def _throttles() -> int | str:
    found = [int(t) for f in CPU.glob('cpu[0-9]*/thermal_throttle/core_throttle_count') if (t := _text(f))]
    return sum(found) if found else NOT_READABLE
