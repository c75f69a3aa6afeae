# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from arsurg_ros.cli import main
from arsurg_ros.errors import KernelError
from arsurg_ros.files.camera_info import camera_info, write_camera_info
from arsurg_ros.files.meshes import save_ply
from arsurg_ros.geometry import se3
from arsurg_ros.geometry.camera import camera_model, project
from arsurg_ros.kernels.marks import Marks
from arsurg_ros.kernels.raster import Rasteriser
from arsurg_ros.overlay.readouts import Readouts
from arsurg_ros.overlay.render import OverlayRenderer
from arsurg_ros.overlay.scene import load_scene
from arsurg_ros.overlay.state import OverlayState
from arsurg_ros.synthetic import phantom_meshes
from arsurg_ros.types import Mesh

WIDTH_PX, HEIGHT_PX = 160, 120
K = np.array([[150.0, 0, 81], [0, 140.0, 58], [0, 0, 1]])
DISTORTION = (-0.2, 0.05, 0.001, -0.002, 0.01)
T = se3.compose(se3.from_rotvec([0.3, -0.2, 0.1]), [0.0, 0.01, 0.4])
KEYS = {
    'command', 'unit', 'software', 'kernel', 'T', 'width', 'height', 'K', 'distortion', 'distortion_model', 'meshes',
    'triangles', 'covered_px', 'covered', 'depth_min', 'depth_max', 'kernel_ms', 'warnings', 'written', 'state', 'reason',
    'tip_drawn', 'distances',
}  # fmt: skip
MM = np.array([[1, 1, 1, 1e-3]] * 3 + [[1, 1, 1, 1]])
CORNERS = ((-0.05, -0.05, 0), (0.05, -0.05, 0), (0.05, 0.05, 0), (-0.05, 0.05, 0))
SQUARE = Mesh('square', np.array(CORNERS, np.float32), np.array([(0, 1, 2), (0, 2, 3)], np.uint32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with meshes, K, distortion and a pose, millimetres."""
    for mesh in (*phantom_meshes()[:2], SQUARE):
        save_ply(mesh, tmp_path / f'{mesh.name}.ply')
    pose = np.array(T)
    pose[:3, 3] *= 1e3
    np.savetxt(tmp_path / 'K.txt', K)
    np.savetxt(tmp_path / 'D.txt', DISTORTION)
    np.savetxt(tmp_path / 'T.txt', pose)
    return tmp_path


def words(folder: Path, *more: str, mesh: str = 'liver', size: str = f'{WIDTH_PX}x{HEIGHT_PX}', k: str = 'K.txt') -> list[str]:
    """Return the words of a plain call; an empty one leaves its option out."""
    chosen = {'--mesh': mesh and str(folder / f'{mesh}.ply'), '--intrinsics': str(folder / k), '--size': size}
    chosen |= {'--pose': str(folder / 'T.txt'), '--out': str(folder / 'out.png')}
    return ['render', *(w for pair in chosen.items() if pair[1] for w in pair), *more]


def away(mask: np.ndarray) -> np.ndarray:
    """Return where there is no anatomy and no outline of any."""
    return cv2.dilate(mask, np.ones((9, 9), np.uint8)) == 0


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict[str, Any]:
    assert main([*arguments, '--json']) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    found = answer(capsys, *arguments, status=2)
    assert set(found) == {'error'}
    return str(found['error']['message'])


def test_one_frame_from_the_shell(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {name: folder / f'{name}.{kind}' for name, kind in (('mask', 'png'), ('ids', 'png'), ('depth', 'npy'))}
    more = [w for name, path in files.items() for w in (f'--{name}', str(path))]
    found = answer(capsys, *words(folder, *more, '--mesh', str(folder / 'tumour.ply'), '--role', 'tumour=target'))
    assert set(found) == KEYS
    assert found['written'] == [str(folder / 'out.png'), *map(str, files.values())]
    picture, mask, ids = (cv2.imread(str(p), cv2.IMREAD_UNCHANGED) for p in (folder / 'out.png', files['mask'], files['ids']))
    depth_m = np.load(files['depth'])
    assert picture.shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert set(np.unique(mask)) == {0, 255}
    assert ((mask > 0) == (ids > 0)).all()
    assert ((mask > 0) == np.isfinite(depth_m)).all()
    assert (picture[mask > 0] > 0).any()
    assert (picture[away(mask)] == 0).all()
    assert found['covered_px'] == np.count_nonzero(mask) == sum(m['pixels'] for m in found['meshes'])
    assert [(m['name'], m['role'], m['id']) for m in found['meshes']] == [('liver', 'context', 1), ('tumour', 'target', 2)]
    assert found['depth_min'] == pytest.approx(1e3 * depth_m.min())
    assert found['depth_max'] == pytest.approx(1e3 * depth_m[mask > 0].max())
    assert (depth_m.dtype, found['kernel']['name'], found['warnings']) == (np.float32, 'overlay', [])


def test_the_mask_is_where_the_vertices_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask = folder / 'mask.png'
    answer(capsys, *words(folder, '--mask', str(mask), '--distortion', str(folder / 'D.txt')))
    camera = camera_model(WIDTH_PX, HEIGHT_PX, K, np.array(DISTORTION))
    uv = project(camera, se3.transform(T, phantom_meshes()[0].vertices_m.astype(float)))
    hull = cv2.convexHull(uv.astype(np.float32))[:, 0]
    seen = np.argwhere(cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE))[:, ::-1]
    assert np.abs(np.concatenate([seen.min(axis=0) - hull.min(axis=0), seen.max(axis=0) - hull.max(axis=0)])).max() < 1.0


def test_both_backends_draw_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    masks = []
    for backend in ('wasm', 'numpy'):
        path = folder / f'{backend}.png'
        answer(capsys, *words(folder, '--ids', str(path), '--backend', backend))
        masks.append(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    assert np.count_nonzero(masks[0] != masks[1]) <= 2


def test_the_text_says_what_was_drawn(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(folder)) == 0
    drawn, written = capsys.readouterr().out.splitlines()
    shape = r'160x120 px, 1 mesh, 5120 triangles: \d+ px covered \(\d+\.\d %\), depth \d+\.\d to \d+\.\d mm, wasm \d+\.\d ms'
    assert re.fullmatch(shape, drawn)
    assert written == f'written: {folder / "out.png"}'


@pytest.mark.parametrize(
    ('T_cam_ct', 'place', 'said'),
    [
        (se3.inverse(T), 'behind', 'behind the camera'),
        (se3.compose(np.eye(3), [2.0, 0, 0.4]), 'outside', 'outside of the picture'),
    ],
)
def test_a_picture_without_anatomy_does_not_pass(
    T_cam_ct: Any, place: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savetxt(folder / 'T.txt', T_cam_ct)
    words_m = words(folder, '--units', 'm', '--mask', str(folder / 'mask.png'))
    save_ply(phantom_meshes()[0], folder / 'liver.ply', unit='m')
    found = answer(capsys, *words_m, status=1)
    assert (found['covered_px'], found['depth_min'], found['meshes'][0]['place']) == (0, None, place)
    assert found['warnings'][0] == 'no anatomy is in the picture'
    assert said in found['warnings'][1]
    assert not cv2.imread(str(folder / 'mask.png'), cv2.IMREAD_GRAYSCALE).any()
    assert main(words_m) == 1
    assert 'warning: no anatomy is in the picture' in capsys.readouterr().out


def test_the_inverse_pose_draws_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = answer(capsys, *words(folder))
    inverse = se3.inverse(T)
    inverse[:3, 3] *= 1e3
    np.savetxt(folder / 'T.txt', inverse)
    back = answer(capsys, *words(folder, '--invert-pose'))
    assert np.allclose(back['T'], there['T'], atol=1e-9)
    assert back['covered_px'] == there['covered_px']


def test_what_hides_behind_another_is_no_warning_and_an_open_mesh_is_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ('liver', 'square'):
        found = answer(capsys, *words(folder, mesh=name))
    (warning,) = found['warnings']
    assert warning.startswith('mesh square: 4 open edges')
    pose = np.diag([1.0, 1.0, 1.0, 1.0])
    pose[2, 3] = 300
    np.savetxt(folder / 'T.txt', pose)
    front = Mesh('front', SQUARE.vertices_m * 2 - np.float32([0, 0, 0.1]), SQUARE.triangles)
    save_ply(front, folder / 'front.ply')
    both = answer(capsys, *words(folder, '--mesh', str(folder / 'square.ply'), mesh='front'))
    assert [m['place'] for m in both['meshes']] == ['drawn', 'hidden']
    assert all('open' in w for w in both['warnings'])


def test_a_picture_is_drawn_on_and_gives_the_size(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = np.full((HEIGHT_PX, WIDTH_PX, 3), (40, 90, 200), np.uint8)
    cv2.imwrite(str(folder / 'frame.png'), frame)
    on = ['--image', str(folder / 'frame.png')]
    found = answer(capsys, *words(folder, *on, '--mask', str(folder / 'mask.png'), size=''))
    assert (found['width'], found['height']) == (WIDTH_PX, HEIGHT_PX)
    picture, mask = cv2.imread(str(folder / 'out.png')), cv2.imread(str(folder / 'mask.png'), cv2.IMREAD_GRAYSCALE)
    assert (picture[away(mask)] == frame[away(mask)]).all()
    assert (picture[mask > 0] != frame[mask > 0]).any()
    assert '--size 320x240: --image is 160x120' in refusal(capsys, *words(folder, *on, size='320x240'))
    (folder / 'frame.png').write_bytes(b'no picture')
    assert 'not a picture' in refusal(capsys, *words(folder, *on))


def test_intrinsics_of_every_kind_draw_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    camera = camera_model(WIDTH_PX, HEIGHT_PX, K, np.array(DISTORTION))
    write_camera_info(folder / 'camera.yaml', camera_info(camera))
    fields = {'image_width': WIDTH_PX, 'image_height': HEIGHT_PX, 'K': K.tolist(), 'distortion': list(DISTORTION)}
    wrong = {**fields, 'K': np.diag([1.0, 1, 1]).tolist()}
    contents = {'command': 'calibrate camera', 'unit': 'mm', **fields}
    (folder / 'camera.json').write_text(json.dumps(contents))
    (folder / 'pair.json').write_text(json.dumps({**contents, **wrong, 'right': fields}))
    np.savetxt(folder / 'four.txt', np.vstack([K, np.zeros(3)])[:3])
    with (folder / 'four.txt').open('a') as file:
        file.write(' '.join(map(str, DISTORTION)))
    ids = folder / 'ids.png'
    reference = answer(capsys, *words(folder, '--distortion', str(folder / 'D.txt'), '--ids', str(ids)))
    wanted = ids.read_bytes()
    for name, size in (('camera.yaml', ''), ('camera.json', ''), ('pair.json#right', ''), ('four.txt', '160x120')):
        found = answer(capsys, *words(folder, '--ids', str(ids), k=name, size=size))
        assert (found['K'], found['distortion']) == (reference['K'], reference['distortion'])
        assert ids.read_bytes() == wanted
    for name in ('camera.yaml', 'camera.json'):
        assert 'it is for 160x120 images' in refusal(capsys, *words(folder, k=name, size='320x240'))
    assert 'valid: #left, #right' in refusal(capsys, *words(folder, k='pair.json#middle'))
    assert 'picks nothing' in refusal(capsys, *words(folder, k='K.txt#right'))
    assert 'has distortion already' in refusal(capsys, *words(folder, '--distortion', str(folder / 'D.txt'), k='camera.json'))
    assert '--size: needed' in refusal(capsys, *words(folder, size=''))
    (folder / 'bad.yaml').write_text('K: 3\n')
    assert '--size: needed' in refusal(capsys, *words(folder, k='bad.yaml', size=''))
    assert 'no camera_info YAML' in refusal(capsys, *words(folder, k='bad.yaml'))


def test_the_corner_moves_the_principal_point_by_half_a_pixel(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved = np.array(answer(capsys, *words(folder, '--pixel-origin', 'corner'))['K']) - K
    assert moved.tolist() == [[0, 0, -0.5], [0, 0, -0.5], [0, 0, 0]]


def test_distortion_is_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    D = folder / 'D.txt'
    wrong = {'0.1 0.2': '0, 4 or 5 finite', 'a b c d': 'not a number', '1 2 3 nan': '4 or 5 finite', '': 'no numbers'}
    for text, said in wrong.items():
        D.write_text(text)
        assert said in refusal(capsys, *words(folder, '--distortion', str(D)))
    D.write_text('# fisheye\n0.1, 0.2, 0, 0, 0\n')
    assert '0 or 4 finite' in refusal(capsys, *words(folder, '--distortion', str(D), '--model', 'equidistant'))
    D.write_text('# fisheye\n0.1, 0.02, 0, 0\n')
    found = answer(capsys, *words(folder, '--distortion', str(D), '--model', 'equidistant'))
    assert (found['distortion'], found['distortion_model']) == ([0.1, 0.02, 0, 0, 0], 'equidistant')
    assert '--distortion is not given' in refusal(capsys, *words(folder, '--model', 'plumb_bob'))
    assert 'No such file' in refusal(capsys, *words(folder, '--distortion', str(folder / 'none.txt')))


def test_a_fisheye_by_options_and_by_camera_info(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / 'D.txt').write_text('0.1 0.02 0 0')
    lens = camera_model(WIDTH_PX, HEIGHT_PX, K, np.array([0.1, 0.02, 0, 0]), 'equidistant')
    write_camera_info(folder / 'camera.yaml', camera_info(lens))
    ids = folder / 'ids.png'
    pinhole, fisheye = (
        answer(capsys, *words(folder, '--ids', str(ids), *more))['covered_px']
        for more in ((), ('--distortion', str(folder / 'D.txt'), '--model', 'equidistant'))
    )
    assert pinhole != fisheye
    wanted = ids.read_bytes()
    found = answer(capsys, *words(folder, '--ids', str(ids), k='camera.yaml', size=''))
    assert found['distortion_model'] == 'equidistant'
    assert ids.read_bytes() == wanted


def test_a_scene_file_and_a_style_to_try(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    meshes = {'organ': {'path': 'liver.ply', 'role': 'target'}, 'off': {'path': 'square.ply', 'visible': False}}
    (folder / 'scene.yaml').write_text(yaml.safe_dump({'meshes': meshes}, sort_keys=False))
    scene = words(folder, '--scene', str(folder / 'scene.yaml'), mesh='')
    found = answer(capsys, *scene)
    assert [(m['name'], m['place']) for m in found['meshes']] == [('organ', 'drawn'), ('off', 'invisible')]
    assert found['warnings'] == [w for w in found['warnings'] if w.startswith('mesh off: 4 open edges')]
    assert found['triangles'] == 5120
    before = cv2.imread(str(folder / 'out.png'))
    (folder / 'style.yaml').write_text("target: {colours: ['#0000ff'], fill: 1.0, outline: 0.0}\n")
    tried = ['--style', str(folder / 'style.yaml')]
    answer(capsys, *scene, *tried)
    blue = cv2.imread(str(folder / 'out.png'))
    assert before[..., 1:].any()
    assert blue[..., 0].max() > 100
    assert not blue[..., 1:].any()
    answer(capsys, *words(folder, '--role', 'liver=target', *tried))
    assert (cv2.imread(str(folder / 'out.png')) == blue).all()
    assert 'the scene file says the roles' in refusal(capsys, *scene, '--role', 'organ=risk')
    assert 'both given' in refusal(capsys, *scene, '--mesh', str(folder / 'liver.ply'))
    assert 'neither given' in refusal(capsys, *words(folder, mesh=''))
    (folder / 'style.yaml').write_text('target: {colour: red}\n')
    assert "unknown key 'colour'" in refusal(capsys, *scene, *tried)


def test_meshes_have_names_and_roles(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = ['--mesh', f'second={folder / "liver.ply"}', '--role', 'second=risk']
    found = answer(capsys, *words(folder, *again, '--mesh', 'synthetic:tumour'))
    assert [m['name'] for m in found['meshes']] == ['liver', 'second', 'tumour']
    assert [m['role'] for m in found['meshes']] == ['context', 'risk', 'context']
    odd = folder / 'a=b.ply'
    (folder / 'liver.ply').rename(odd)
    assert answer(capsys, *words(folder, mesh='a=b'))['meshes'][0]['name'] == 'a=b'
    assert "'a=b' is there more than once" in refusal(capsys, *words(folder, '--mesh', str(odd), mesh='a=b'))
    assert "mesh 'x'; valid: NAME=ROLE with a=b" in refusal(capsys, *words(folder, '--role', 'x=risk', mesh='a=b'))
    assert "role 'good'; valid: target" in refusal(capsys, *words(folder, '--role', 'a=b=good', mesh='a=b'))
    assert 'synthetic:liver, ' in refusal(capsys, *words(folder, '--mesh', 'synthetic:spleen', mesh=''))


def test_poses_and_outputs_are_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savetxt(folder / 'T.txt', np.vstack([np.eye(4), np.eye(4)]))
    assert '2 poses; one 4x4' in refusal(capsys, *words(folder))
    np.savetxt(folder / 'T.txt', np.diag([1.0, 1, -1, 1]))
    assert 'mirrored' in refusal(capsys, *words(folder))
    assert 'WIDTHxHEIGHT' in refusal(capsys, *words(folder, size='160'))
    assert 'WIDTHxHEIGHT' in refusal(capsys, *words(folder, size='0x120'))
    assert "suffix '.jpg'; valid: .png" in refusal(capsys, *words(folder, '--mask', str(folder / 'm.jpg')))
    assert 'valid: .npy' in refusal(capsys, *words(folder, '--depth', str(folder / 'd.png')))
    assert 'there is no folder' in refusal(capsys, *words(folder, '--ids', str(folder / 'no' / 'i.png')))
    np.savetxt(folder / 'T.txt', se3.compose(np.eye(3), [0, 0, 300]))
    (folder / 'taken.png').mkdir()
    assert '--mask' in refusal(capsys, *words(folder, '--mask', str(folder / 'taken.png')))


@pytest.fixture
def theatre(folder: Path) -> list[str]:
    """Return the words that draw a scene of everything, 320x240, with the tip's pose beside it in tip.txt."""
    meshes = {'tumour': {'path': 'tumour.ply', 'role': 'target'}, 'liver': {'path': 'liver.ply'}}
    meshes['square'] = {'path': 'square.ply', 'role': 'risk', 'margin': 3}
    scene = {
        'meshes': meshes,
        'landmarks': {'points': {'xiphoid': [0, 0, 0]}},
        'trajectories': {'biopsy': {'entry': [0, -60, 0], 'target': [-30, 0, 0]}},
        'instruments': {
            'pointer': {'shaft': {'radius': 2, 'length': 90}},
            'drill': {'shaft': {'radius': 2, 'length': 90}, 'frame': 'drill_tip'},
        },
    }
    (folder / 'scene.yaml').write_text(yaml.safe_dump(scene, sort_keys=False))
    np.savetxt(folder / 'K.txt', np.array([[300.0, 0, 160], [0, 300.0, 120], [0, 0, 1]]))
    np.savetxt(folder / 'tip.txt', se3.compose(np.eye(3), [20, 10, 300]))
    return words(folder, '--scene', str(folder / 'scene.yaml'), mesh='', size='320x240')


def picture(folder: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(folder / 'out.png')))


def test_it_draws_what_the_overlay_draws(theatre: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tips = ['--tip', str(folder / 'tip.txt'), '--tip', f'drill={folder / "tip.txt"}']
    told = ['--margin', 'tumour=1.5', '--age-ms', '23', '--window', 'tip', '--fill', 'on', '--hide', 'xiphoid']
    found = answer(capsys, *theatre, *tips, *told)
    scene, tip = load_scene(folder / 'scene.yaml'), se3.compose(np.eye(3), [0.02, 0.01, 0.3])
    renderer = OverlayRenderer(scene, 320, 240)
    renderer.view = replace(renderer.view, hidden=frozenset({'xiphoid'}), window='tip', fill='on')
    K = np.loadtxt(folder / 'K.txt')
    readouts = Readouts(tip, {'drill': tip}, margins=(('tumour', 0.0015),), pose_age_s=0.023)
    black = np.zeros((240, 320, 3), np.uint8)
    wanted = renderer.render(black, camera_model(320, 240, K), np.array(found['T']) * MM, OverlayState.LIVE, readouts)
    assert (picture(folder) == wanted.image).all()
    assert [(d['name'], d['role'], d['margin95_mm']) for d in found['distances']] == [
        ('tumour', 'target', 1.5),
        ('square', 'risk', 1.5),
    ]
    assert [d['distance_mm'] for d in found['distances']] == pytest.approx([1e3 * d.distance_m for d in wanted.distances])
    assert found['distances'][0]['closest'] == pytest.approx(1e3 * wanted.distances[0].closest_ct_m)
    assert found['tip_drawn']
    assert main([*theatre, *tips, *told]) == 0
    first = f'tip to tumour {found["distances"][0]["distance_mm"]:.1f} mm ± 1.5, square '
    assert capsys.readouterr().out.splitlines()[1].startswith(first)


def test_without_data_nothing_is_written_and_margins_hide_nothing_from_the_mask(
    theatre: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = [w for name in ('xiphoid', 'biopsy', 'square margin') for w in ('--hide', name)]
    tips = ['--tip', str(folder / 'tip.txt'), '--tip', f'drill={folder / "tip.txt"}']
    ids = []
    for more in (bare, [], ['--margin', 'tumour=8'], tips):
        found = answer(capsys, *theatre, '--ids', str(folder / 'ids.png'), *more)
        ids.append(cv2.imread(str(folder / 'ids.png'), cv2.IMREAD_UNCHANGED))
        assert [m['name'] for m in found['meshes']] == ['tumour', 'liver', 'square']
        assert picture(folder)[away(ids[0])].any() == (more is not bare)
    assert set(np.unique(ids[0])) == {0, 2, 3}
    assert all((i == ids[0]).all() for i in ids)


@pytest.mark.parametrize('state', [s for s in OverlayState if s is not OverlayState.LIVE], ids=lambda s: s.value)
def test_every_state_can_be_tried(
    state: OverlayState, theatre: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = [*theatre, '--state', state.value, '--reason', 'as told', '--mask', str(folder / 'mask.png')]
    found = answer(capsys, *out)
    assert (found['state'], found['reason']) == (state.value, 'as told')
    assert picture(folder)[[0, -1]].any()
    assert (found['covered_px'] > 0) == state.draws == (found['kernel_ms'] is not None)
    assert found['covered_px'] == np.count_nonzero(cv2.imread(str(folder / 'mask.png'), cv2.IMREAD_GRAYSCALE))
    if not state.draws:
        assert {m['place'] for m in found['meshes']} == {'withheld'}
        assert main(out) == 0
        assert capsys.readouterr().out.startswith(f'320x240 px, {state.value}: a state without anatomy\n')


def test_what_is_shown_can_be_chosen(theatre: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, *theatre, '--show', 'liver')
    assert [m['place'] for m in found['meshes']] == ['invisible', 'drawn', 'invisible']
    assert found['warnings'] == [w for w in found['warnings'] if w.startswith('mesh square')]
    found = answer(capsys, *theatre, '--hide', 'liver', '--window', 'tip')
    assert [m['place'] for m in found['meshes']][1] == 'invisible'
    told = ' '.join(found['warnings'])
    assert 'instrument pointer is not drawn: where it is, --tip T says' in told
    assert 'instrument drill is not drawn: where it is, --tip drill=T says' in told
    assert 'the window about the tip is not drawn' in told
    np.savetxt(folder / 'tip.txt', se3.compose(np.eye(3), [5000, 0, 300]))
    assert '--tip: the tip is not in the picture' in answer(capsys, *theatre, '--tip', str(folder / 'tip.txt'))['warnings']


def test_what_the_overlay_is_told_is_checked(theatre: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tip = str(folder / 'tip.txt')
    wrong = {
        ('--hide', 'spleen'): "hide 'spleen': nothing of the scene has that name; valid: tumour, liver",
        ('--margin', 'liver=2'): "structure 'liver'; valid: NAME=MM with tumour, square",
        ('--margin', 'tumour=wide'): 'a positive number of millimetres',
        ('--margin', 'tumour=0'): 'a positive number of millimetres',
        ('--age-ms', '-1'): '--age-ms -1: zero or a positive number of milliseconds',
        ('--tip', f'pointer={tip}'): "instrument 'pointer'; with a frame of their own: drill",
        ('--tip', tip, '--tip', tip): 'there is one already',
        ('--tip', str(folder / 'none.txt')): 'none.txt',
        ('--state', 'dead'): "invalid choice: 'dead'",
    }
    for more, said in wrong.items():
        assert said in refusal(capsys, *theatre, *more)
    np.savetxt(folder / 'tip.txt', np.vstack([np.eye(4), np.eye(4)]))
    assert f'--tip {tip}: 2 poses; one 4x4' in refusal(capsys, *theatre, '--tip', tip)
    (folder / 'a=b.txt').write_text((folder / 'T.txt').read_text())
    assert answer(capsys, *theatre, '--tip', str(folder / 'a=b.txt'))['tip_drawn']
    assert 'NAME=MM with there is none' in refusal(capsys, *words(folder, '--margin', 'liver=2'))


@pytest.mark.parametrize(('broken', 'state'), [(Rasteriser, 'live'), (Marks, 'live'), (Marks, 'lost'), (Marks, 'refused')])
def test_a_kernel_that_fails_ends_the_command(
    broken: Any, state: str, theatre: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def trap(*_: Any, **__: Any) -> None:
        raise KernelError('the kernel trapped')

    monkeypatch.setattr(broken, 'render' if broken is Rasteriser else 'draw', trap)
    assert refusal(capsys, *theatre, '--state', state) == 'the kernel trapped'
