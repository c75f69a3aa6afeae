# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import shutil

import pytest

from arsurg_ros.kernels.files import use_folder
from arsurg_ros.nodes.overlay import OverlayNode
from arsurg_ros.nodes.registration import RegistrationNode
from arsurg_ros.resources import kernel_path, share_dir

DEMO = share_dir() / 'config' / 'demo'
NODES = [(OverlayNode, {'scene': str(DEMO / 'scene.yaml')}), (RegistrationNode, {'landmarks': str(DEMO / 'landmarks.yaml')})]


@pytest.fixture
def kernels(tmp_path):
    folder = tmp_path / 'bin'
    shutil.copytree(kernel_path('overlay').parent, folder)
    use_folder(folder)
    yield folder
    use_folder(None)


@pytest.mark.parametrize(('make', 'parameters'), NODES, ids=['overlay', 'registration'])
def test_a_corrupt_kernel_is_one_line_at_configuration(graph, kernels, make, parameters):
    for file in kernels.glob('*.wasm'):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    node = graph.start(make, **parameters)
    assert not node.active
    assert 'does not compile' in node.refusal and '\n' not in node.refusal


@pytest.mark.parametrize(('make', 'parameters'), NODES, ids=['overlay', 'registration'])
def test_a_missing_kernel_is_one_line_and_numpy_is_only_taken_when_asked_for(graph, kernels, make, parameters):
    for file in kernels.glob('*.wasm'):
        file.unlink()
    node = graph.start(make, **parameters)
    assert not node.active
    assert 'No such file' in node.refusal
    graph.stop(node)
    assert graph.start(make, backend='numpy', **parameters).active


def test_a_kernel_that_is_not_the_manifests_is_refused(graph, kernels):
    shutil.copy(kernels / 'tracking.wasm', kernels / 'overlay.wasm')
    node = graph.start(OverlayNode, scene=str(DEMO / 'scene.yaml'))
    assert not node.active and node.refusal.startswith('kernel')


@pytest.mark.parametrize('name', ['overlay', 'marks', 'distance', 'tracking'])
def test_every_kernel_that_the_overlay_calls_is_looked_at_on_configure(graph, kernels, name):
    (kernels / f'{name}.wasm').unlink()
    node = graph.start(OverlayNode, scene=str(DEMO / 'scene.yaml'))
    assert not node.active and f'{name}.wasm' in node.refusal
