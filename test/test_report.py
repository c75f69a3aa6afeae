# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from arsurg_ros import report
from arsurg_ros.errors import ConfigError


def sample():
    return {
        'schema': report.SCHEMA,
        'first_frame_s': 3.2,
        'frames': {'camera': 100, 'overlay': 99, 'lost': 1, 'states': {'live': 60, 'lost': 39}},
        'fps': 29.97,
        'latency_ms': {'end_to_end': {'n': 99, 'p50': 20.0, 'p95': 31.5, 'p99': 40.0, 'max': 50.0}},
        'tf_rate_hz': {'ref': 29.9},
        'tf': {'ref': 'trk', 'ct': 'ref'},
        'markers_first_frame': {'ref': 11, 'pointer': 6},
        'pose_first_frame': {'ref': [-80.5, 50.7, 249.7]},
        'registration': {'fre_mm': 0.3, 'residual_mm': {'a': 0.1}, 'error_mm': 0.5, 'error_deg': 0.1},
        'overlay_error': {
            'px': {'n': 60, 'p50': 0.4, 'p95': 0.9, 'max': 1.2},
            'mm': None,
            'drawn_iou': {'n': 4, 'min': 0.9, 'median': 0.95},
            'drawn_shift_px': {'n': 4, 'median': 0.3, 'max': 0.9},
        },
        'lost_to_flag_ms': 71.2,
        'peak_memory_mib': {'camera': 120.2},
        'files': {'video': 'out/overlay.mp4'},
    }


def test_figures_are_found_by_path():
    r = sample()
    assert report.figure(r, 'latency_ms/end_to_end/p95') == 31.5
    assert report.figure(r, 'pose_first_frame/ref/2') == 249.7
    assert report.figure(r, 'pose_first_frame/ref/7') is None
    assert report.figure(r, 'overlay_error/mm/p95') is None
    assert report.figure(r, 'frames') is None


def test_limits_kept_missed_and_absent():
    r = sample()
    report.judge(r, {'fps': {'min': 27}, 'frames/lost': {'max': 0}, 'overlay_error/mm/p95': {'max': 2}})
    assert [(row['name'], row['ok']) for row in r['limits']] == [
        ('fps', True),
        ('frames/lost', False),
        ('overlay_error/mm/p95', False),
    ]
    assert r['ok'] is False
    report.judge(r, {'fps': {'min': 27, 'max': 31}})
    assert r['ok'] is True


def test_nan_never_keeps_a_limit():
    r = {'x': float('nan')}
    report.judge(r, {'x': {'max': 1}})
    assert not r['ok']


def test_an_unknown_operator_is_refused():
    with pytest.raises(ConfigError, match="'below'; valid: max, min"):
        report.judge(sample(), {'fps': {'below': 3}})


def test_the_text_has_every_figure_that_people_look_for():
    r = sample()
    report.judge(r, {'fps': {'min': 60}})
    shown = report.text(r)
    for part in ('99 overlays of 100', '31.50', 'trk -> ref', '17 markers', 'FRE 0.3 mm', 'p95 0.90', '0.950', '71 ms',
                 'camera 120', 'out/overlay.mp4', 'MISS fps', 'LIMITS MISSED'):
        assert part in shown, part
    assert 'nan' not in shown


def test_the_text_of_a_run_without_images():
    r = sample() | {'overlay_error': None, 'registration': None, 'markers_first_frame': {}, 'first_frame_s': None}
    report.judge(r, {})
    assert 'registration      none' in report.text(r)


def test_predictions_what_was_drawn_over_the_pointer_and_warnings_are_told():
    r = sample()
    assert 'drawn over' not in report.text(r | {'limits': [], 'ok': True})
    r['frames']['states'] = {'live': 60, 'predicted': 20, 'lost': 19}
    r['overlay_error']['drawn_over_pointer'] = {'n': 7, 'p50': 0.012, 'p95': 0.03, 'max': 0.04}
    r['warnings'] = ['mesh liver: 3 open edges']
    shown = report.text(r | {'limits': [], 'ok': True})
    assert 'predicted         20 of 80 frames with anatomy (25%)' in shown
    assert 'drawn over        of the pointer: p50 1.2%, max 4.0% (n 7)' in shown
    assert 'warning           mesh liver: 3 open edges' in shown
    r['frames']['states'] = {'lost': 99}
    assert 'predicted' not in report.text(r | {'limits': [], 'ok': True})


def test_json_round_trip(tmp_path):
    path = tmp_path / 'deep' / 'r.json'
    report.write_json(sample(), path)
    assert json.loads(path.read_text()) == sample()


def test_spread():
    assert report.spread([]) is None
    assert report.spread([1.0, 2.0, 3.0]) == {'n': 3, 'p50': 2.0, 'p95': 2.9, 'max': 3.0}


def test_on_a_shared_machine_figures_of_time_are_said_and_do_not_count():
    limits = {'fps': {'min': 60}, 'latency_ms/end_to_end/p95': {'max': 10}, 'registration/error_mm': {'max': 1}}
    r = sample()
    report.judge(r, limits, shared_machine=True)
    assert r['ok'] is True
    assert [row['ok'] for row in r['limits']] == [False, False, True]
    r['first_frame_s'] = 1.0
    assert 'late fps' in report.text(r)
    report.judge(r, {**limits, 'registration/error_mm': {'max': 0.1}}, shared_machine=True)
    assert r['ok'] is False
    report.judge(r, {'latency_ms/none/p95': {'max': 10}}, shared_machine=True)  # what was never measured is no late figure
    assert r['ok'] is False


def test_what_the_pixels_said_is_told():
    said = {
        'pictures': 99, 'repeats': 2, 'skipped': 1, 'longest_still_ms': 33.0, 'states': {'live': 60, 'lost': 39},
        'faults': {'frozen': 0, 'old_pose': 3}, 'age_ms': None, 'px': None, 'mm': None,
        'age_drawn_ms': {'n': 60, 'p50': 41.0, 'p95': 55.5, 'max': 70.0},
        'pose_gap_ms': {'n': 60, 'p50': 0.0, 'p95': 0.0, 'max': 0.0},
    }
    lines = report.shown_text(said)
    assert lines[0] == '99 pictures (live 60, lost 39), 2 repeated, 1 camera frames skipped; faults: old_pose 3'
    assert lines[1] == 'capture to shown: p50 41.00 ms, p95 55.50, max 70.00 (n 60)'
    assert len(lines) == 3
    r = {**sample(), 'recorder_dropped': 0, 'limits': [], 'ok': True}
    assert 'pixels            ' not in report.text(r)
    assert 'pixels            99 pictures' in report.text({**r, 'shown': said})
    assert 'pixels            ' not in report.text({**r, 'shown': {**said, 'states': {}}})  # a run without codes
