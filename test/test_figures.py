# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from arsurg_ros import figures
from arsurg_ros.measure import OverlayMeasure
from arsurg_ros.stats import StageStats
from arsurg_ros.synthetic import Scene


def test_latencies_are_the_nodes_whole_stages_and_the_monitors_own():
    said = {'kernel.p50_ms': '1.5', 'kernel.p95_ms': '2', 'kernel.p99_ms': '3', 'kernel.max_ms': '4', 'kernel.n': '9'}
    stats = StageStats()
    stats.add('end_to_end', 5_000_000)
    found = figures.latencies({'overlay': {**said, 'state': 'live', 'half.p50_ms': '1', 'frames': '7'}}, stats)
    assert found == {
        'overlay.kernel': {'p50': 1.5, 'p95': 2.0, 'p99': 3.0, 'max': 4.0, 'n': 9},
        'end_to_end': {'n': 1, 'p50': 5.0, 'p95': 5.0, 'p99': 5.0, 'max': 5.0},
    }


def test_first_markers():
    said = {'first_markers.ref': '11', 'first_markers.pointer': '6', 'state': 'x'}
    assert figures.first_markers(said) == {'ref': 11, 'pointer': 6}


def test_the_scenes_warnings_in_order():
    said = {'scene_warning.1': 'mesh b: open', 'state': 'live'}
    said |= {'scene_warning.2': 'mesh a: open', 'scene_warning.3': 'mesh b: open'}
    assert figures.scene_warnings(said) == ['mesh b: open', 'mesh a: open']


def test_a_registration_as_its_quality_said_it():
    quality = {
        'fre_mm': '0.3', 'residual_mm.a': '0.1', 'residual_mm.b.c': '0.2', 'tre95_mm.tumour': '0.9',
        'sigma_translation_mm': '0.1 0.2 0.3', 'sigma_rotation_deg': '', 'accepted': 'True',
    }
    T = Scene().T_ref_ct
    found = figures.registration(quality, T, OverlayMeasure(synthetic=True), None)
    assert found['fre_mm'] == 0.3 and found['residual_mm'] == {'a': 0.1, 'b.c': 0.2} and found['tre95_mm'] == {'tumour': 0.9}
    assert found['sigma_mm'] == [0.1, 0.2, 0.3] and found['sigma_deg'] == [] and found['error_mm'] == 0.0
    np.testing.assert_array_equal(found['T_ref_ct'], T)


def test_against_a_baseline_and_without_a_quality():
    baseline = Scene().T_ref_ct.copy()
    baseline[:3, 3] *= 1e3
    baseline[0, 3] += 2.0
    found = figures.registration({}, Scene().T_ref_ct, OverlayMeasure(synthetic=False), baseline.tolist())
    assert found['fre_mm'] is None and 'error_mm' not in found
    assert found['baseline_mm'] == pytest.approx(2.0, abs=1e-3) and found['baseline_deg'] == pytest.approx(0.0, abs=1e-3)
