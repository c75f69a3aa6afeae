# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg calibrate camera`` on rendered boards, and on the reference recordings with their expected results."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from arsurg_ros.acquisition.calibration import load_camera_model
from arsurg_ros.cli import main
from arsurg_ros.files.calibration_boards import load_calibration_board
from arsurg_ros.files.poses import load_poses
from arsurg_ros.geometry.camera import camera_model
from arsurg_ros.synthetic.board_pictures import BoardPainter, tilted_poses

K = np.array([[465.0, 0, 241.0], [0, 461.0, 178.0], [0, 0, 1]])
CAMERA = camera_model(480, 360, K, np.array([-0.2, 0.1, 0.0, 0.0, 0.0]))
BOARD = 'charuco:8x6:25:19:4X4_50'


@pytest.fixture(scope='module')
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 8 views, in which the third shows nothing."""
    folder = tmp_path_factory.mktemp('views')
    board = load_calibration_board(BOARD, 1e-3)
    painter = BoardPainter(board, CAMERA, samples=2)
    for i, T in enumerate(tilted_poses(board, CAMERA, 8, seed=1)):
        picture = np.full((360, 480), 120, dtype=np.uint8) if i == 2 else painter.draw(T, seed=i)
        cv2.imwrite(str(folder / f'view{i}.png'), picture)
    return folder


def words(folder: Path | str, *more: str, board: str = BOARD) -> list[str]:
    return ['calibrate', 'camera', '--images', str(folder), '--board', board, *more]


def answer(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> dict:
    assert main([*arguments, '--json']) == 0
    return json.loads(capsys.readouterr().out)


def error(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> dict:
    assert main([*arguments, '--json']) == 2
    return json.loads(capsys.readouterr().out)['error']


def test_json_has_every_field(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, words(pictures, '--coefficients', '2', '--out', str(tmp_path / 'a.json')))
    assert json.loads((tmp_path / 'a.json').read_text()) == found
    assert (found['command'], found['unit'], found['T']) == ('calibrate camera', 'mm', None)
    assert (found['image_width'], found['image_height'], found['views'], found['views_used']) == (480, 360, 8, 7)
    # Seven rendered views: three standard deviations, which are below 1.5 px.
    for name, at in (('fx', (0, 0)), ('fy', (1, 1)), ('cx', (0, 2)), ('cy', (1, 2))):
        assert found['std'][name] < 1.5
        assert abs(found['K'][at[0]][at[1]] - K[at]) < 4 * found['std'][name]
    assert found['distortion'][2:] == [0.0, 0.0, 0.0]
    assert found['rms_px'] < 0.2
    assert found['rejected'] == ['view2.png']
    row = found['per_view'][2]
    assert (row['file'], row['corners'], row['used'], row['reason']) == ('view2.png', 0, False, 'board not found')
    assert row['rms_px'] is None
    assert row['T_cam_board'] is None
    truth = tilted_poses(load_calibration_board(BOARD, 1e-3), CAMERA, 8, seed=1)[0]
    np.testing.assert_allclose(np.array(found['per_view'][0]['T_cam_board'])[:3, 3], 1e3 * truth[:3, 3], atol=6.0)
    assert 0 < found['coverage'] <= 1
    assert 0 < found['hull'] <= 1
    assert found['tilt_deg'] > 20
    assert any('only 7 views' in w for w in found['warnings'])


def test_text_has_units_and_what_was_left_out(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot = tmp_path / 'a.png'
    assert main(words(pictures, '--plot', str(plot))) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == 'board         ChArUco of 8x6 squares of 25 mm, tags of 19 mm, DICT_4X4_50'
    assert any(line.startswith('focal length  fx ') and line.endswith(' px') for line in out)
    assert 'left out      view2.png  board not found' in out
    assert out[-1].startswith('warning: ')
    image = cv2.imread(str(plot))
    assert image.shape[1] > 1000
    assert len(np.unique(image)) > 50


def test_yaml_is_camera_info_and_is_read_by_the_camera_nodes(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / 'camera.yaml'
    found = answer(capsys, words(pictures, '--out', str(file), '--name', 'endoscope'))
    camera = load_camera_model(file, 480, 360)
    np.testing.assert_array_equal(camera.K, found['K'])
    np.testing.assert_array_equal(camera.distortion, found['distortion'])
    contents = yaml.safe_load(file.read_text())
    assert contents['camera_name'] == 'endoscope'
    assert contents['distortion_model'] == 'plumb_bob'


@pytest.mark.parametrize('units', ['mm', 'm'])
def test_poses_of_the_board_can_be_read_for_the_hand_eye(
    pictures: Path, tmp_path: Path, units: str, capsys: pytest.CaptureFixture[str]
) -> None:
    board = BOARD if units == 'mm' else 'charuco:8x6:0.025:0.019:4X4_50'
    scale = 1e-3 if units == 'mm' else 1.0
    tracker = np.tile(np.eye(4), (8, 1, 1))
    tracker[:, 0, 3] = np.arange(8.0)
    np.save(tmp_path / 'trk.npy', tracker)
    for name in ('b.json', 'b.npz'):
        options = ['--board-poses', str(tmp_path / name), '--poses', str(tmp_path / 'trk.npy'), '--units', units]
        found = answer(capsys, words(pictures, *options, board=board))
        keys = ('#1', '#0') if name == 'b.json' else ('#T_cam_board', '#poses')
        boards, poses = (load_poses(f'{tmp_path / name}{key}', scale).T for key in keys)
        expected = [np.array(v['T_cam_board']) for v in found['per_view'] if v['used']]
        np.testing.assert_allclose(boards[:, :3, 3] / scale, [T[:3, 3] for T in expected], rtol=1e-9)
        np.testing.assert_allclose(poses[:, 0, 3] / scale, [0, 1, 3, 4, 5, 6, 7])
    assert main(words(pictures, '--board-poses', str(tmp_path / 'alone.json'))) == 0
    assert len(load_poses(str(tmp_path / 'alone.json'), 1e-3).T) == 7


def test_progress_is_told_on_standard_error(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(12):
        (tmp_path / f'view{i}.png').write_bytes((pictures / f'view{i if i < 8 else 0}.png').read_bytes())
    assert main(words(tmp_path)) == 0
    told = capsys.readouterr()
    assert 'pictures 10/12: view9.png' in told.err
    assert 'pictures' not in told.out
    assert 'left out      view11.png  repeats view0.png' in told.out


def test_a_pair_gives_two_files_and_a_baseline(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = load_calibration_board(BOARD, 1e-3)
    painter = BoardPainter(board, CAMERA, samples=2)
    for i, T in enumerate(tilted_poses(board, CAMERA, 8, seed=1)):
        moved = T.copy()
        moved[0, 3] -= 0.02
        cv2.imwrite(str(tmp_path / f'right{i}.png'), painter.draw(moved, seed=50 + i))
    right = ['--right', f'{tmp_path}/right*.png', '--coefficients', '2']
    found = answer(capsys, words(pictures, *right, '--out', f'{tmp_path}/c.yaml'))
    # The baseline of 20 mm along x; its depth hangs on both focal lengths.
    assert found['stereo']['baseline_mm'] == pytest.approx(20.0, abs=1.0)
    np.testing.assert_array_equal(found['T'], found['stereo']['T_left_right'])
    # One of the eight left pictures is empty, and a pair with a coarse corner may be rejected.
    assert found['stereo']['pairs'] in (6, 7)
    assert found['right']['views'] == 8
    assert found['right']['views_used'] >= 7
    left, right = (yaml.safe_load((tmp_path / n).read_text()) for n in ('c.yaml', 'c_right.yaml'))
    assert (left['camera_name'], right['camera_name']) == ('camera_left', 'camera_right')
    assert right['projection_matrix']['data'][3] < 0
    assert main(words(pictures, '--right', f'{tmp_path}/right*.png', '--plot', f'{tmp_path}/p.png')) == 0
    assert ' pairs, baseline ' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('change', 'code', 'said'),
    [
        ({'board': 'circles:3x4:5'}, 'bad_option', 'needed is chessboard:COLUMNSxROWS:SQUARE'),
        ({'board': 'charuco:8x6:25:19:6X6_50'}, 'no_board', 'is the dictionary right'),
        ({'folder': 'none'}, 'bad_data', 'nothing is there'),
        ({'more': ['--board-poses', 'a.txt']}, 'bad_option', 'valid: .json, .npz'),
        ({'more': ['--poses', 'a.txt']}, 'bad_option', '--board-poses FILE, which is not given'),
        ({'more': ['--out', 'a.png']}, 'bad_option', "suffix '.png'"),
        ({'more': ['--min-corners', '2']}, 'bad_option', '--min-corners 2: 4 or more'),
        ({'more': ['--min-corners', '36']}, 'no_board', 'corners, 35 needed|enough of it'),
    ],
)
def test_what_cannot_be_is_refused(
    pictures: Path, tmp_path: Path, change: dict, code: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if code == 'no_board' and 'more' in change:
        folder = tmp_path / 'part'
        folder.mkdir()
        image = cv2.imread(str(pictures / 'view0.png'))
        image[:200] = 120
        cv2.imwrite(str(folder / 'a.png'), image)
    else:
        folder = pictures / change.get('folder', '')
    found = error(capsys, words(folder, *change.get('more', []), board=change.get('board', BOARD)))
    assert found['code'] == code
    assert re.search(said, found['message'])


def test_bad_pictures_are_refused(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(2):
        (tmp_path / f'{i}.png').write_bytes((pictures / f'view{i}.png').read_bytes())
    assert error(capsys, words(tmp_path))['code'] == 'too_few_views'
    for i in range(2, 9):
        (tmp_path / f'{i}.png').write_bytes((pictures / 'view0.png').read_bytes())
    assert error(capsys, words(tmp_path))['code'] == 'repeated_view'
    cv2.imwrite(str(tmp_path / '9.png'), np.zeros((100, 100), dtype=np.uint8))
    assert error(capsys, words(tmp_path))['code'] == 'mixed_sizes'
    (tmp_path / '0.png').write_bytes(b'no picture')
    found = error(capsys, words(tmp_path))
    assert found['code'] == 'bad_data'
    assert '0.png' in found['message']


def test_options_that_contradict_are_refused(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savetxt(tmp_path / 'a.txt', np.zeros((35, 2)))
    stored = ['calibrate', 'camera', '--corners', str(tmp_path), '--board', BOARD]
    assert '--size missing: WIDTHxHEIGHT' in error(capsys, stored)['message']
    assert '--size 640: WIDTHxHEIGHT' in error(capsys, [*stored, '--size', '640'])['message']
    assert 'not --corners' in error(capsys, [*stored, '--size', '640x480', '--right', str(pictures)])['message']
    np.save(tmp_path / 'trk.npy', np.tile(np.eye(4), (3, 1, 1)))
    few = words(pictures, '--board-poses', str(tmp_path / 'b.json'), '--poses', str(tmp_path / 'trk.npy'))
    assert error(capsys, few)['code'] == 'count_mismatch'
    lost = words(pictures, '--board-poses', str(tmp_path / 'none' / 'b.json'))
    assert error(capsys, lost)['code'] == 'bad_data'


# The reference recordings. Expected results: data/README.md.


def test_bard_webcam(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared_data / 'bard_webcam_calibration' / 'matts_mbp_640_x_480'
    found = answer(capsys, words(folder, '--out', str(tmp_path / 'c.yaml'), board='chessboard:14x10:6'))
    assert found['views_used'] == 12
    assert {v['corners'] for v in found['per_view']} == {140}
    # Given: 0.336 px, fx 630.4, fy 627.1, with corners of OpenCV's older detector; standard deviation of fx 0.7 px.
    assert found['rms_px'] == pytest.approx(0.336, abs=0.01)
    assert found['K'][0][0] == pytest.approx(630.4, abs=0.7)
    assert found['K'][1][1] == pytest.approx(627.1, abs=0.7)
    np.testing.assert_array_equal(load_camera_model(tmp_path / 'c.yaml', 640, 480).K, found['K'])


def test_bards_stored_points_of_two_views_are_rejected(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pattern = shared_data / 'bard_webcam_calibration' / 'matts_mbp_640_x_480' / 'calib.image_points.*.txt'
    stored = ['calibrate', 'camera', '--corners', str(pattern), '--size', '640x480', '--board', 'chessboard:14x10:6']
    found = answer(capsys, stored)
    assert found['rejected'] == ['calib.image_points.10.txt', 'calib.image_points.11.txt']
    assert found['rms_px'] < 0.336
    assert found['K'][0][0] == pytest.approx(630.4, abs=3.0)
    with_them = answer(capsys, [*stored, '--no-reject'])
    assert with_them['rms_px'] > 1.0
    assert abs(with_them['K'][0][0] - 630.4) > 10.0


def test_davinci_pair(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared_data / 'davinci_charuco_stereo' / 'ChAruco_LR_frames_Steve_Axis_Tests'
    found = answer(capsys, words(
        folder / 'ExtractedFrames_L', '--right', str(folder / 'ExtractedFrames_R'), '--out', str(tmp_path / 'c.yaml'),
        board='charuco:19x26:5:4:DICT_4X4_250:legacy',
    ))
    # Given: 43 left and 34 right frames with 20 corners or more, 0.60 and 0.59 px; fx 834, fy 910. This detector finds more.
    for side, least in ((found, 43), (found['right'], 34)):
        assert side['views'] == 59
        assert least <= sum(v['corners'] >= 20 for v in side['per_view']) <= least + 8
        assert 0.5 < side['rms_px'] <= 0.60
        assert side['K'][0][0] == pytest.approx(834, abs=2)
        assert side['K'][1][1] == pytest.approx(910, abs=2)
        assert any('pixels that are not square' in w for w in side['warnings'])
    # The endoscope's two eyes are 5 to 6 mm apart, and nearly parallel.
    assert 5.0 < found['stereo']['baseline_mm'] < 6.0
    assert found['stereo']['pairs'] >= 30
    assert found['stereo']['rms_px'] < 0.65
    assert found['T'][0][3] > 5.0
    assert load_camera_model(tmp_path / 'c_right.yaml', 720, 576).K[0, 0] == found['right']['K'][0][0]
