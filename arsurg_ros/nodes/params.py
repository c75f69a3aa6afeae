# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every parameter of every node: what the stages declare for themselves, and what the nodes add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from arsurg_ros import frames, registry
from arsurg_ros.acquisition import CAMERAS
from arsurg_ros.errors import ConfigError
from arsurg_ros.overlay.modes import FILLS, WINDOWS
from arsurg_ros.registration.session import MODES
from arsurg_ros.registry import Parameter
from arsurg_ros.tracking import TRACKERS
from arsurg_ros.tracking.pairs import named_pairs

Value = bool | int | float | str | list[str] | list[float]


def _param(
    name: str,
    default: Any,
    description: str,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Parameter:
    return Parameter(name, type(default), default, description, unit, low, high, choices)


AUTOSTART = _param('autostart', False, 'configure and activate without being asked')
BACKEND = _param('backend', 'wasm', 'what computes: the WebAssembly kernel or its numpy twin', choices=('wasm', 'numpy'))
CAM_FRAME = _param('camera_frame', frames.CAM, "the camera's optical frame")
TRK_FRAME = _param('tracker_frame', frames.TRK, "the tracker's frame")
REF_FRAME = _param('ref_frame', frames.REF, 'the reference body on the patient')
CT_FRAME = _param('ct_frame', frames.CT, "the anatomy's image")
TIP_FRAME = _param('tip_frame', frames.TIP, "the tip's TF frame")
# The nodes give these to a stage themselves.
FROM_NODE = ('tracker_frame', 'camera_frame', 'keep_stamps')
AUTO_STORE = '$XDG_STATE_HOME/arsurg_ros/<ref_frame>-<ct_frame>'
BAG = _param('path', '', 'the bag whose time is played')
LOOP = _param('loop', 1, 'how often it plays; 0 = for ever', low=0)
RATE = _param('rate', 1.0, 'speed against real time', low=0.01, high=100.0)


def _drift(
    unit: str, what: str, warn: float, error: float, rise_warn: float, rise_error: float, high: float
) -> tuple[Parameter, ...]:
    """Return the limits of one residual of the reference."""
    return (
        _param(f'drift_warn_{unit}', warn, f'{what} above this is a drift WARN', unit, 0.0, high),
        _param(f'drift_error_{unit}', error, f'{what} above this is a drift ERROR: the anatomy goes', unit, 0.0, high),
        _param(f'drift_rise_warn_{unit}', rise_warn, f'{what} so far above its value at acceptance is a WARN', unit, 0.0, high),
        _param(f'drift_rise_error_{unit}', rise_error, f'{what} so far above it is an ERROR', unit, 0.0, high),
    )


def _of_registry(entries: Mapping[str, str], what: str) -> tuple[Parameter, ...]:
    """Return the parameters of every implementation, each once, and which implementations take it."""
    found: dict[str, tuple[Parameter, list[str]]] = {}
    for kind in entries:
        for p in registry.parameters(registry.load(entries, kind, what).Config):
            if p.name not in FROM_NODE:
                found.setdefault(p.name, (p, []))[1].append(kind)
    return tuple(_taken_by(p, kinds) for p, kinds in found.values())


def _taken_by(p: Parameter, kinds: Iterable[str]) -> Parameter:
    description = f'{", ".join(kinds)}: {p.description}'
    default = p.default
    if isinstance(default, tuple):
        # ROS cannot declare an empty list: one empty text stands for none; numbers stay unset until they are given.
        default = list(default) or ([''] if 'str' in str(p.type) else [])
    return Parameter(p.name, p.type, default, description, p.unit, p.low, p.high, p.choices)


PARAMS: dict[str, tuple[Parameter, ...]] = {
    'camera': (
        AUTOSTART,
        _param('source', 'synthetic', 'where the images come from', choices=tuple(CAMERAS)),
        CAM_FRAME,
        *_of_registry(CAMERAS, 'camera source'),
    ),
    'tracker': (
        AUTOSTART,
        _param('source', 'aruco', 'what tracks', choices=tuple(TRACKERS)),
        CAM_FRAME,
        TRK_FRAME,
        _param('is_camera', True, 'the tracker is the camera: publish the identity between the two frames'),
        _param(
            'camera_pose', '',
            'without is_camera: the file, in its own unit, that arsurg calibrate camera-to-tracker or handeye --setup '
            'eye-to-hand wrote with --out; the camera frame is published there',
        ),
        _param('tool_frames', [''], 'tool=FRAME where the TF frame is not the name of the tool'),
        *_of_registry(TRACKERS, 'tracker source'),
    ),
    'instrument': (
        AUTOSTART,
        _param('instrument', 'pointer', 'the name on instrument/<name>/measured_cp'),
        _param('tool', 'pointer', 'the tracked tool that carries it: tracker/<tool>/measured_cp'),
        _param('tool_frame', frames.TOOL, "the tool's TF frame"),
        TIP_FRAME,
        _param('tip_m', [0.0, 0.0, 0.0], 'the tip in the tool frame', 'm'),
        _param('tip', '', 'in place of tip_m: the file, in its own unit, that arsurg calibrate pivot wrote with --out'),
    ),
    'registration': (
        AUTOSTART,
        BACKEND,
        _param('landmarks', '', 'the landmarks YAML: unit, and name, ct and optionally ref of each; mode result: may be empty'),
        _param('mode', 'dwell', 'how the landmarks are measured; result: take registration', choices=tuple(MODES)),
        _param(
            'registration', '',
            'mode result: the file, in its own unit, that arsurg register landmarks (fixed: ref, moving: ct) or surface '
            '(source: ref, target: ct) wrote with --out',
        ),
        _param('instrument', 'pointer', 'the instrument that touches: instrument/<name>/measured_cp'),
        _param('max_fre_m', 0.003, 'a registration with a larger FRE is refused', 'm', low=0.0, high=0.1),
        _param('robust', False, 'find and leave out landmarks that do not agree with the others'),
        _param('noise_m', 0.0, "a landmark's localisation, one sigma an axis; 0 = from the residuals", 'm', low=0.0, high=0.05),
        _param('dwell_radius_m', 0.002, 'the tip rests while it stays this near to its mean', 'm', low=1e-4, high=0.05),
        _param('dwell_s', 0.8, 'a shorter rest is no landmark', 's', low=0.1, high=60.0),
        REF_FRAME,
        CT_FRAME,
        TIP_FRAME,
        _param('session_file', '', 'the file that the services save and load write and read'),
        _param('store', '', 'the folder that keeps accepted registrations and their log: empty = none, auto = ' + AUTO_STORE),
        _param(
            'reload', 'auto', 'whether a restart goes on with the accepted registration of the store; auto: where it is named',
            choices=('auto', 'always', 'never'),
        ),
        _param('reload_max_age_s', 14_400.0, 'a registration accepted longer ago is not loaded', 's', low=0.0, high=604_800.0),
        _param('validation_radius_m', 0.02, 'validate takes the nearest landmark within this', 'm', low=1e-3, high=0.2),
        _param('max_validation_m', 0.003, 'a landmark touched again fails beyond this: drift WARN', 'm', low=1e-4, high=0.1),
        _param('validation_error_m', 0.006, 'beyond this the anatomy goes: drift ERROR', 'm', low=1e-4, high=0.2),
        _param('reference', frames.REF, "the tracker's name of the reference body: tracker/<reference>/registration_error"),
        *_drift('m', 'the marker residual', 0.001, 0.002, 0.0005, 0.001, high=0.1),
        *_drift('px', "the board's reprojection error", 1.5, 3.0, 0.75, 2.0, high=100.0),
        _param('drift_window_s', 1.0, 'residuals are smoothed (median) over this', 's', low=0.05, high=60.0),
        _param('drift_stale_s', 2.0, 'no residual for so long is unknown, and not OK', 's', low=0.1, high=600.0),
        _param('drift_hold_s', 2.0, 'a better level counts once it has lasted so long', 's', low=0.0, high=600.0),
    ),
    'overlay': (
        AUTOSTART,
        BACKEND,
        _param('scene', '', 'the scene YAML: meshes, roles, styles'),
        _param('scene_root', '', "the folder of the scene's meshes; empty = the scene file's own"),
        _param('instrument', 'pointer', 'the instrument whose tip is drawn; empty = none'),
        _param(
            'marker_meshes', 'file',
            "how RViz gets meshes: file, copies for an RViz on this machine; package, those in an installed package's share "
            'folder; triangles, in the message',
            choices=('file', 'package', 'triangles'),
        ),
        CAM_FRAME,
        _param('eye', '', 'of a stereo pair: camera/<eye>/... in, overlay/<eye>/... out', choices=('', 'left', 'right')),
        _param('right_camera_frame', 'cam_right', "eye right: its camera's optical frame; camera_frame is the left one's"),
        _param(
            'stereo', '',
            'eye right: the file that arsurg calibrate camera --right wrote with --out; the right camera is published where '
            'it says',
        ),
        REF_FRAME,
        CT_FRAME,
        TIP_FRAME,
        _param('pose_wait_s', 0.06, 'how long an image waits for the pose at its stamp', 's', low=0.0, high=1.0),
        _param('flag_s', 0.08, 'live ends, and the overlay says so, so long after the last valid pose', 's', 0.0, 1.0),
        _param('silent_s', 0.25, 'without an image for so long the last one is shown as lost', 's', 0.0, 10.0),
        _param('stale_s', 0.1, 'a reference pose older than this is never live', 's', low=0.0, high=1.0),
        _param('predict_s', 0.0, 'a pose that is not there is predicted over at most this; 0 = never', 's', 0.0, 0.05),
        _param('predict_wait_s', 0.02, 'how long an image waits for its pose before one is predicted', 's', 0.0, 1.0),
        _param('predict_error_m', 0.001, 'nothing is predicted where a larger error (one sigma) is expected', 'm', 1e-5, 0.01),
        _param('mask_age_s', 0.04, 'overlay/instrument_mask of no image farther away in time is used', 's', 0.0, 1.0),
        _param('show', [''], 'names of the scene that are drawn; empty = all that it has visible'),
        _param('hide', [''], 'names of the scene that are not drawn'),
        _param('fill', 'style', 'fills: as the styles say, none, or one for every structure', choices=FILLS),
        _param('window', 'scene', "see-through: the scene's window, none, about the tip, in the middle", choices=WINDOWS),
        _param('depth_cue', -1.0, 'how much darker what is far away is, 0 to 1; -1 = as the scene says', low=-1.0, high=1.0),
        _param('lost_s', 0.5, 'a reference pose older than this is lost', 's', low=0.0, high=10.0),
        _param('frame_budget_ms', 12.0, 'drawing is held to this by coarser meshes; 0 = always whole', 'ms', 0.0, 1000.0),
        _param('threads', 0, 'that draw the anatomy; 0 = two with at least four cores, else one', low=0, high=8),
        _param('pixel_code', False, "write stamp, state and pose drawn into the picture's lower edge, for a photodiode"),
        _param('jpeg_quality', 90, 'of overlay/image_raw/compressed', low=1, high=100),
        _param('record', '', 'keep what is shown: a new .mp4 file, or a new or empty folder (PNG); empty = do not'),
        _param('record_rate_hz', 30.0, "an .mp4 file's frame rate", 'Hz', low=1.0, high=240.0),
    ),
    'viewer': (
        AUTOSTART,
        _param('silent_s', 0.25, 'without a new picture for so long the window says so, over a dark one', 's', 0.05, 10.0),
        _param('late_s', 0.5, 'a picture older than this is not shown as live', 's', 0.05, 60.0),
    ),
    'clock': (
        AUTOSTART,
        BAG,
        LOOP,
        RATE,
        _param('rate_hz', 100.0, 'clock messages a second', 'Hz', low=1.0, high=1000.0),
        _param('wait_for', [''], 'nodes that must be ready before time runs: active, and all there that they listen to'),
        _param('settle_s', 1.0, 'pause after that, for discovery', 's', low=0.0, high=60.0),
    ),
}

# These may change while the node runs.
LIVE_PARAMS = {'overlay': ('show', 'hide', 'fill', 'window', 'depth_cue')}


def check(parameter: Parameter, value: Any) -> None:
    """Raise ConfigError for a value outside of the parameter's range or choices."""
    if parameter.choices and value not in parameter.choices:
        raise ConfigError(f'parameter {parameter.name} {value!r}; valid: {", ".join(parameter.choices)}')
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = parameter.low, parameter.high
        if value != value or (low is not None and value < low) or (high is not None and value > high):
            raise ConfigError(f'parameter {parameter.name} {value}: from {low} to {high} {parameter.unit}'.rstrip())


def of_stage(entries: Mapping[str, str], kind: str, what: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a node's parameter values that an implementation takes."""
    names = {p.name for p in registry.parameters(registry.load(entries, kind, what).Config)}
    return {name: value for name, value in values.items() if name in names}


def pairs(parameter: str, values: list[str]) -> dict[str, str]:
    """Return {name: value} of a list of name=value texts; raises ConfigError for one that is not, or given twice."""
    return named_pairs(f'parameter {parameter}', texts(values))


def texts(values: list[str]) -> list[str]:
    """Return the texts of a list that ROS cannot declare empty: a single empty text stands for none."""
    return [v for v in values if v]
