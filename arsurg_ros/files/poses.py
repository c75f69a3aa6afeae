# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Poses of the files that people have: 4x4 texts or a folder of them, CSV, NumPy, JSON, PLUS sequences and bags."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from arsurg_ros.errors import ConfigError, DataError, RegistrationError
from arsurg_ros.files.mha import read_sequence
from arsurg_ros.files.numpy_arrays import load_array, load_stamps
from arsurg_ros.files.source import MM, Source, parse_source, read_table, read_text, require_finite, require_whole, stamps_ns
from arsurg_ros.geometry import bags, se3
from arsurg_ros.types import F64, I64, PoseSeries

VALID = 'a folder of 4x4 texts, .txt, .csv, .npy, .npz, .json, .mha (PLUS), or a rosbag2 (folder, .mcap, .db3)'
TABLES = ('.csv', '.tsv', '.txt', '.dat')
STAMPS = ('t', 'time', 'stamp', 'stamp_s', 'timestamp', 'time_s')
TOPIC_TYPES = tuple(f'geometry_msgs/msg/{t}' for t in ('PoseStamped', 'PoseWithCovarianceStamped', 'TransformStamped'))
TF_TYPE = 'tf2_msgs/msg/TFMessage'
# Printed rotations are orthonormal to their last digit; farther off than this they are something else.
NEARLY_RIGID = 5e-3


def load_poses(source: str, unit_m: float) -> PoseSeries:
    """Return the poses of ``PATH`` or ``PATH#NAME``; plain files hold multiples of ``unit_m`` metres.

    ``#NAME`` picks an NPZ's array, one side (0, 1) of a JSON list of pairs, a PLUS transform (AToB: T_B_A; composed where it
    must be), or a bag's topic (``/tf:PARENT:CHILD`` for a frame). PLUS is in millimetres, bags are in metres. Rotations that
    are orthonormal to 5e-3 are projected onto SO(3). Invalid frames of PLUS and poses of NaN in a bag are left out and
    counted. Raises DataError or ConfigError for what cannot be read, RegistrationError ``not_finite`` or ``not_rigid``
    naming the first such pose of a plain file.
    """
    found = parse_source(source)
    suffix = found.path.suffix.lower()
    dropped = 0
    stamps: I64 | None
    if _is_bag(found.path):
        T, stamps, dropped = _from_bag(found)
    elif found.path.is_dir():
        require_whole(found, 'poses')
        T, stamps = _from_folder(found.path, unit_m)
    elif suffix == '.mha':
        T, stamps, dropped = _from_plus(found)
    elif suffix in TABLES:
        require_whole(found, 'poses')
        T, stamps = _from_table(found.path, unit_m)
    elif suffix in ('.npy', '.npz'):
        T = _scaled(load_array(found, (4, 4), 'poses (N, 4, 4)'), unit_m)
        stamps = load_stamps(found, len(T))
    elif suffix == '.json':
        T, stamps = _scaled(_from_json(found), unit_m), None
    else:
        raise ConfigError(f'poses {found.path}: {suffix or "no suffix"!r}; valid: {VALID}')
    if not len(T):
        raise DataError(f'poses {source}: none is valid ({dropped} were left out)')
    return PoseSeries(rigid(T, f'poses {source}'), stamps, source, dropped)


def rigid(T: F64, where: str) -> F64:
    """Return poses (N, 4, 4) with their rotations projected onto SO(3) (nearest in Frobenius' norm).

    Raises RegistrationError ``not_finite`` or ``not_rigid`` naming the first that is not.
    """
    require_finite(T, where, 'pose')
    R = T[:, :3, :3]
    error = np.abs(np.swapaxes(R, 1, 2) @ R - np.eye(3)).max(axis=(1, 2))
    bad = (error > NEARLY_RIGID) | (np.linalg.det(R) <= 0) | (np.abs(T[:, 3] - (0, 0, 0, 1)).max(axis=1) > 1e-6)
    if bad.any():
        i = int(np.argmax(bad))
        off = error[i] > NEARLY_RIGID
        if off:
            why = f'its rotation misses orthonormality by {error[i]:.2g}'
        elif np.abs(T[i, 3] - (0, 0, 0, 1)).max() > 1e-6:
            why = f'its last row is {" ".join(f"{v:g}" for v in T[i, 3])}, not 0 0 0 1 (is it written by columns?)'
        else:
            why = 'it is left-handed (its determinant is -1): an axis is mirrored'
        raise RegistrationError('not_rigid', f'{where}: pose {i} (from 0) is no rigid transform: {why}; {bad.sum()} in all')
    U, _, Vt = np.linalg.svd(R)
    out = T.copy()
    out[:, :3, :3] = U @ Vt
    return out


def _scaled(T: F64, unit_m: float) -> F64:
    out = np.array(T, dtype=np.float64)
    out[:, :3, 3] *= unit_m
    return out


def _is_bag(path: Path) -> bool:
    return path.suffix in bags.SUFFIXES or (path.is_dir() and (path / 'metadata.yaml').is_file())


def _from_folder(folder: Path, unit_m: float) -> tuple[F64, I64 | None]:
    files = sorted((f for f in folder.iterdir() if f.suffix in TABLES), key=lambda f: _natural(f.stem))
    if not files:
        raise DataError(f'poses {folder}: no {", ".join(TABLES)} file in it')
    poses = []
    for file in files:
        T, _ = _from_table(file, unit_m)
        if len(T) != 1:
            raise DataError(f'poses {file}: {len(T)} poses; in a folder every file holds one')
        poses.append(T[0])
    # Recorders name their files by the time of capture, nanoseconds.
    timed = all(f.stem.isdigit() and len(f.stem) >= 15 for f in files)
    return np.array(poses), np.array([int(f.stem) for f in files], dtype=np.int64) if timed else None


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), '') if part.isdigit() else (0, part) for part in re.split(r'(\d+)', text) if part]


def _from_table(path: Path, unit_m: float) -> tuple[F64, I64 | None]:
    table = read_table(path)
    values, columns = table.values, list(table.columns)
    stamps = None
    if (columns and columns[0] in STAMPS) or (not columns and values.shape[1] in (8, 13, 17)):
        stamps = stamps_ns(values[:, 0], f'poses {path}')
        values, columns = values[:, 1:], columns[1:]
    return _scaled(_matrices(values, columns, path), unit_m), stamps


def _matrices(values: F64, columns: Sequence[str], path: Path) -> F64:
    named = ('x', 'y', 'z', 'qx', 'qy', 'qz', 'qw')
    if set(named) <= set(columns):
        values = values[:, [columns.index(c) for c in named]]
    count, width = values.shape
    if width == 4 and count % 4 == 0:
        return values.reshape(-1, 4, 4)
    if width == 16:
        return values.reshape(-1, 4, 4)
    if width == 12:
        last = np.broadcast_to([0.0, 0.0, 0.0, 1.0], (count, 1, 4))
        return np.concatenate([values.reshape(-1, 3, 4), last], axis=1)
    if width == 7:
        require_finite(values, f'poses {path}', 'pose')
        where = f'poses {path}: row'
        return np.array([_of_quaternion(row[:3], row[3:], f'{where} {i} (from 0)') for i, row in enumerate(values)])
    needed = 'rows of 4 (stacked 4x4: four rows a pose), 12, 16 or 7 (x y z qx qy qz qw), with a stamp before or without'
    raise DataError(f'poses {path}: {count} rows of {width} numbers; {needed} are needed')


def _of_quaternion(t: Any, xyzw: Any, where: str) -> F64:
    try:
        return se3.from_quaternion(t, xyzw)
    except ValueError as e:
        raise RegistrationError('not_rigid', f'{where}: {e}') from e


def _from_json(source: Source) -> F64:
    try:
        data = json.loads(read_text(source.path))
    except ValueError as e:
        raise DataError(f'poses {source.path} is not JSON: {e}') from e
    if isinstance(data, dict):
        if source.name not in data:
            raise DataError(f'poses {source.text}: an object; name one of its keys with #KEY: {", ".join(data) or "none"}')
        data, source = data[source.name], replace(source, name='')
    try:
        T = np.array(data, dtype=np.float64)
    except (ValueError, TypeError) as e:
        raise DataError(f'poses {source.text}: not nested lists of numbers: {e}') from e
    if T.ndim == 4 and T.shape[1:] == (2, 4, 4):
        if source.name not in ('0', '1'):
            raise DataError(f'poses {source.text}: a list of pairs: pick a side with #0 or #1')
        T = T[:, int(source.name)]
    else:
        require_whole(source, 'poses')
    if T.shape == (4, 4):
        T = T[None]
    if T.ndim != 3 or T.shape[1:] != (4, 4):
        raise DataError(f'poses {source.text}: shape {T.shape}; (N, 4, 4) is needed')
    return T


def _from_plus(source: Source) -> tuple[F64, I64, int]:
    sequence = read_sequence(source.path)
    names = list(sequence.transforms_mm)
    if not source.name and len(names) != 1:
        raise ConfigError(f'poses {source.path}: name a transform with #AToB; recorded are: {", ".join(names)}')
    T = _scaled(sequence.chain_mm(source.name or names[0]), MM)
    valid = np.isfinite(T).all(axis=(1, 2))
    return T[valid], sequence.stamps_ns[valid], int((~valid).sum())


def _from_bag(source: Source) -> tuple[F64, I64, int]:
    topic, _, frame = source.name.partition(':')
    types = (TF_TYPE,) if frame else TOPIC_TYPES
    chosen = bags.choose_topic(source.path, topic, types, f'poses {source.text}: topic')
    rows: list[tuple[int, F64]] = []
    dropped = 0
    for recorded in bags.read(source.path, [chosen.name]):
        for stamp_ns, t, q in _samples(recorded, chosen.type, frame):
            if np.isfinite([*t, *q]).all():
                rows.append((stamp_ns, _of_quaternion(t, q, f'poses {source.text}: message {len(rows)}')))
            else:
                dropped += 1  # how some drivers say that a tool is out of sight
    return np.array([T for _, T in rows]).reshape(-1, 4, 4), np.array([s for s, _ in rows], dtype=np.int64), dropped


def _samples(recorded: Any, kind: str, frame: str) -> list[tuple[int, list[float], list[float]]]:
    """Return (stamp, translation, quaternion) of every pose in a message."""
    message = recorded.item.message
    if kind == TF_TYPE:
        wanted = tuple(frame.split(':'))
        found = [t for t in message.transforms if (t.header.frame_id, t.child_frame_id) == wanted]
        return [(_ns(t.header.stamp), *_numbers(t.transform.translation, t.transform.rotation)) for t in found]
    if kind.endswith('TransformStamped'):
        return [(recorded.recorded_ns, *_numbers(message.transform.translation, message.transform.rotation))]
    pose = message.pose.pose if kind.endswith('PoseWithCovarianceStamped') else message.pose
    return [(recorded.recorded_ns, *_numbers(pose.position, pose.orientation))]


def _ns(stamp: Any) -> int:
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def _numbers(t: Any, q: Any) -> tuple[list[float], list[float]]:
    return [t.x, t.y, t.z], [q.x, q.y, q.z, q.w]
