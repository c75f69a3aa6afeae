# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import wasmtime

from arsurg_ros.errors import ConfigError, KernelError
from arsurg_ros.kernels import files, host
from arsurg_ros.kernels.host import Kernel, PerThread, kernel_info
from arsurg_ros.kernels.landmarks import solve_paired_points
from arsurg_ros.kernels.layouts import LAYOUTS, OVERLAY, REGISTRATION, Layout

TOY = Layout('toy', 1, ('n',), (('data', 'f8'),), ('run',))
HEADER = 'ARSG\\01\\00\\00\\00\\01\\00\\00\\00\\01\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00'
LOOP = '(loop $l (br $l)) i32.const 0'


def toy(
    folder: Path,
    run: str = 'i32.const 0',
    abi: str = 'i32.const 1',
    header: str = HEADER,
    address: int = 1024,
    kind: int = 5,
    offset: int = 65536,
    configure: str = 'i32.const 0',
    extra: str = '',
    memory: str = '(memory (export "memory") 4)',
) -> Path:
    """Write a kernel of one block whose single capacity is its length."""
    wat = f"""(module {extra} {memory} (data (i32.const 1024) "{header}")
      (func (export "abi_version") (result i32) {abi})
      (func (export "layout") (result i32) i32.const {address})
      (func (export "configure") (result i32)
        (i32.store (i32.const 1080) (i32.const {offset}))
        (i32.store (i32.const 1084) (i32.load (i32.const 1048)))
        (i32.store (i32.const 1088) (i32.const {kind})) {configure})
      (func (export "run") (result i32) {run}))"""
    path = folder / 'toy.wasm'
    path.write_bytes(wasmtime.wat2wasm(wat))
    return path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


def test_a_kernel_runs_over_its_views(tmp_path: Path) -> None:
    run = '(f64.store (i32.const 65536) (f64.add (f64.load (i32.const 65536)) (f64.const 1))) i32.const 0'
    kernel = Kernel(TOY, (10,), toy(tmp_path, run))
    assert kernel.blocks['data'].shape == (10,)
    kernel.blocks['data'][0] = 41.0
    assert kernel.call('run') == 0
    assert kernel.blocks['data'][0] == 42.0


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        ({'abi': 'i32.const 2'}, 'ABI version 2, this package needs 1'),
        ({'extra': '(import "env" "now" (func))'}, 'imports env.now; a kernel may import nothing'),
        ({'memory': '(memory 4)'}, 'does not export its memory'),
        ({'header': 'XRSG' + HEADER[4:]}, 'header 0x'),
        ({'header': HEADER.replace('\\01', '\\02')}, 'header .*, ABI 2; .*, 1 needed'),
        ({'header': HEADER[:16] + '\\07' + HEADER[19:]}, r'ABI 1|layout'),
        ({'address': 262140}, 'header at 262140, outside of its memory of 262144 bytes'),
        ({'address': 1025}, 'header at 1025'),
        ({'kind': 4}, 'block data: kind 4'),
        ({'offset': 262140}, 'block data: kind 5, 262140..262220 of 262144 B'),
        ({'configure': 'i32.const 3 return'}, 'configure: a capacity is too large .capacities n 10'),
        ({'extra': '(start $s) (func $s unreachable)'}, r'instantiation: trapped .unreachable'),
    ],
)
def test_a_wrong_kernel_is_refused_in_one_line(tmp_path: Path, change: dict, says: str) -> None:
    with pytest.raises(KernelError, match=says) as caught:
        Kernel(TOY, (10,), toy(tmp_path, **change))
    assert '\n' not in str(caught.value)


def test_another_layout_is_refused(tmp_path: Path) -> None:
    for other in (
        Layout('toy', 2, TOY.capacities, TOY.blocks, TOY.exports),
        Layout('toy', 1, ('n', 'm'), TOY.blocks, TOY.exports),
        Layout('toy', 1, TOY.capacities, (*TOY.blocks, ('more', 'f4')), TOY.exports),
    ):
        with pytest.raises(KernelError, match=r'layout, capacities and blocks .* needed'):
            Kernel(other, (10,) * len(other.capacities), toy(tmp_path))


@pytest.mark.parametrize('export', ['missing', 'memory'])
def test_a_missing_export_is_named(tmp_path: Path, export: str) -> None:
    layout = Layout('toy', 1, TOY.capacities, TOY.blocks, ('run', export))
    with pytest.raises(KernelError, match=f'export {export}: a function without arguments'):
        Kernel(layout, (10,), toy(tmp_path))


def test_a_missing_and_a_corrupt_file_say_so(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r'nowhere.wasm: cannot be read: No such file'):
        Kernel(TOY, (1,), tmp_path / 'nowhere.wasm')
    path = tmp_path / 'bad.wasm'
    path.write_bytes(b'hello, this is no module')
    with pytest.raises(KernelError, match=r"is no WebAssembly module .begins with b'hell'"):
        Kernel(TOY, (1,), path)
    path.write_bytes(toy(tmp_path).read_bytes()[:-10])
    with pytest.raises(KernelError, match=r'bad.wasm: does not compile') as caught:
        Kernel(TOY, (1,), path)
    assert '\n' not in str(caught.value)


def test_an_endless_call_meets_its_deadline_and_the_next_works(tmp_path: Path) -> None:
    endless = f'(if (f64.gt (f64.load (i32.const 65536)) (f64.const 0)) (then {LOOP} drop)) i32.const 0'
    path = toy(tmp_path, endless)
    kernels = PerThread(TOY, path)
    kernel = Kernel(TOY, (1,), path, deadline_s=0.05)
    assert kernel.call('run') == 0
    kernel.blocks['data'][0] = 1.0
    with pytest.raises(KernelError, match=r'kernel toy: run: deadline of 0.05 s passed'):
        kernel.call('run')
    with pytest.raises(KernelError, match='this instance trapped before'):
        kernel.call('run')
    assert kernels.get(1).call('run') == 0


def test_an_endless_start_meets_the_deadline(tmp_path: Path) -> None:
    path = toy(tmp_path, extra=f'(start $s) (func $s {LOOP} drop)')
    with pytest.raises(KernelError, match=r'instantiation: deadline of 0.05 s passed'):
        Kernel(TOY, (1,), path, deadline_s=0.05)


def test_a_trap_discards_the_instance_and_the_next_call_has_a_new_one(tmp_path: Path) -> None:
    trap = '(if (f64.gt (f64.load (i32.const 65536)) (f64.const 0)) (then unreachable)) i32.const 0'
    prepared: list[Kernel] = []
    kernels = PerThread(TOY, toy(tmp_path, trap), prepared.append)
    first = kernels.get(4)
    assert kernels.get(4) is first
    view = first.blocks['data']
    view[0] = 1.0
    with pytest.raises(KernelError, match=r'kernel toy: run: trapped .unreachable'):
        first.call('run')
    second = kernels.get(4)
    assert second is not first
    assert second.call('run') == 0
    assert prepared == [first, second]
    del first, prepared[:]
    assert view[0] == 1.0  # a view keeps its memory


def test_more_room_makes_a_new_instance(tmp_path: Path) -> None:
    kernels = PerThread(TOY, toy(tmp_path))
    small = kernels.get(4)
    assert kernels.get(2) is small
    assert kernels.get(5).blocks['data'].shape == (5,)


def test_memory_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match='memory'):
        Kernel(TOY, (1,), toy(tmp_path), memory_limit_bytes=100_000)
    with pytest.raises(KernelError, match=r'configure: a capacity is too large .*width 4000'):
        Kernel(OVERLAY, (4000, 4000, 10, 10, 1, 1), memory_limit_bytes=64 << 20)


@pytest.mark.parametrize('points', [0, 2**27, 2**31, 2**32 - 1])
def test_a_capacity_beyond_reason_is_a_status(points: int) -> None:
    with pytest.raises(KernelError, match=f'kernel registration: configure: a capacity is too large .*points {points}'):
        Kernel(REGISTRATION, (points,))


def test_the_arena_is_configured_once_and_before_use() -> None:
    kernel = Kernel(REGISTRATION, (8,))
    with pytest.raises(KernelError, match='configured twice'):
        kernel.call('configure')
    kernel.blocks['control'][0] = 9
    with pytest.raises(KernelError, match=r'solve: input out of range .capacities points 8'):
        kernel.call('solve')


def test_no_view_overlaps_another() -> None:
    for layout in LAYOUTS.values():
        blocks = list(Kernel(layout, (7,) * len(layout.capacities)).blocks.values())
        assert all(not np.shares_memory(a, b) for i, a in enumerate(blocks) for b in blocks[:i])
        assert all(block.flags.aligned and block.flags.writeable for block in blocks)


def test_kernel_info_knows_the_committed_kernels() -> None:
    infos = kernel_info()
    assert [i.name for i in infos] == list(LAYOUTS)
    assert [i.problem for i in infos] == [''] * len(LAYOUTS)
    assert all(i.in_manifest and len(i.sha256) == 64 and i.size_bytes > 1000 for i in infos)
    assert kernel_info('overlay') in infos
    with pytest.raises(ConfigError, match=f"kernel: 'x' is unknown; valid: {', '.join(LAYOUTS)}"):
        kernel_info('x')


def test_kernel_info_tells_problems(tmp_path: Path) -> None:
    source = files.kernel_file('tracking')
    files.use_folder(tmp_path)
    try:
        assert 'cannot be read' in kernel_info('tracking').problem
        (tmp_path / 'tracking.wasm').write_bytes(source.read_bytes())
        assert 'is not the one in MANIFEST.json' in kernel_info('tracking').problem
        (tmp_path / 'MANIFEST.json').write_text('{"kernels": []}')
        assert not kernel_info('tracking').in_manifest
        with pytest.raises(KernelError, match=r'registration.wasm: cannot be read'):
            solve_paired_points(np.eye(3), np.eye(3))
    finally:
        files.use_folder(None)
    assert np.abs(solve_paired_points(np.eye(3), np.eye(3)).T_fixed_moving - np.eye(4)).max() < 1e-12


def test_a_process_ends_while_the_ticker_still_runs() -> None:
    code = 'import numpy as np; from arsurg_ros.kernels.landmarks import solve_paired_points as s; s(np.eye(3), np.eye(3))'
    env = {**os.environ, 'PYTHONPATH': str(Path(host.__file__).parents[2])}
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60, env=env, check=False)
    assert (done.returncode, done.stderr) == (0, '')
