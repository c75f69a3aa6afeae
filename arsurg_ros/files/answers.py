# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What ``arsurg calibrate`` and ``arsurg register`` wrote with ``--out``, for whatever goes on with it.

An answer is a JSON or YAML object with its ``command`` and the ``unit`` of its transforms and points (commands/common.py).
What cannot be used is a RegistrationError: ``answer_unreadable`` (missing, or neither JSON nor YAML), ``answer_refused`` (the
command had no answer), ``answer_mismatch`` (of no such command), ``answer_broken`` (a field is missing or not as it was
written), ``not_rigid``, ``wrong_unit``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from arsurg_ros.errors import RegistrationError
from arsurg_ros.files.source import UNITS_M
from arsurg_ros.geometry import se3
from arsurg_ros.types import F64

SUFFIXES = ('.json', '.yaml', '.yml')
# Nothing of an operating room is farther away; metres that are millimetres are.
LARGEST_M = 20.0


@dataclass(frozen=True)
class Answer:
    """The ``fields`` of a command's answer, and the hash of the file that it is from (hexadecimal)."""

    path: Path
    command: str
    fields: Mapping[str, Any]
    sha256: str

    def refusal(self, code: str, message: str) -> RegistrationError:
        """Return the error that names this file."""
        return RegistrationError(code, f'{self.path} ({self.command}): {message}')

    def field(self, name: str) -> Any:
        """Return a field; raises RegistrationError ``answer_broken`` where there is none."""
        if name not in self.fields:
            raise self.refusal('answer_broken', f'{name} is missing; there are: {", ".join(map(str, self.fields))}')
        return self.fields[name]

    @property
    def unit_m(self) -> float:
        """How many metres the unit has. Raises RegistrationError ``wrong_unit``."""
        unit = self.field('unit')
        if not isinstance(unit, str) or unit not in UNITS_M:
            raise self.refusal('wrong_unit', f'unit {unit!r}; valid: {", ".join(UNITS_M)}')
        return UNITS_M[unit]

    def numbers(self, name: str, shape: tuple[int, ...] = ()) -> F64:
        """Return a field of finite numbers as they stand; raises RegistrationError ``answer_broken``."""
        try:
            values = np.array(self.field(name), dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            values = np.full((), np.nan)
        if values.shape != shape or not np.isfinite(values).all():
            what = f'{" x ".join(map(str, shape))} finite numbers are' if shape else 'a finite number is'
            raise self.refusal('answer_broken', f'{name}: {what} needed')
        return values

    def number(self, name: str) -> float | None:
        """Return a number, or None where the command did not know it; raises RegistrationError ``answer_broken``."""
        return None if self.field(name) is None else float(self.numbers(name))

    def matrix_m(self, name: str) -> F64:
        """Return a transform (4, 4) in metres; raises RegistrationError ``not_rigid`` or ``wrong_unit`` too."""
        T = self.numbers(name, (4, 4))
        if not se3.is_rigid(T):
            raise self.refusal('not_rigid', f'{name} is not rigid: orthonormal, right-handed, last row 0 0 0 1 is needed')
        T[:3, 3] *= self.unit_m
        far_m = float(np.abs(T[:3, 3]).max())
        if far_m > LARGEST_M:
            raise self.refusal('wrong_unit', f'{name} goes {far_m:.4g} m far, over {LARGEST_M:g} m: is its unit mm?')
        return T


def find_answer(path: Path) -> Answer | None:
    """Return the answer that a file holds, None where it holds something else.

    Raises RegistrationError ``answer_unreadable`` or ``answer_refused``.
    """
    try:
        data = path.read_bytes()
        text = data.decode('utf-8-sig')
        # YAML takes 1e-05 of JSON for a text.
        content = json.loads(text) if path.suffix.lower() == '.json' else yaml.safe_load(text)
    except OSError as e:
        raise RegistrationError('answer_unreadable', f'{path}: {e.strerror}') from e
    except (ValueError, RecursionError, yaml.YAMLError) as e:
        kind = 'JSON' if path.suffix.lower() == '.json' else 'YAML'
        raise RegistrationError('answer_unreadable', f'{path} is not {kind}: {" ".join(str(e).split())}') from e
    if not isinstance(content, dict):
        return None
    if isinstance(content.get('error'), dict):
        error = content['error']
        said = ' '.join(f'{error.get("code")}: {error.get("message")}'.split())
        raise RegistrationError('answer_refused', f'{path}: the command refused and has no answer: {said}')
    if 'command' not in content:
        return None
    return Answer(path, str(content['command']), content, hashlib.sha256(data).hexdigest())


def load_answer(path: Path, *commands: str) -> Answer:
    """Return the answer that one of these commands wrote, as ``register surface``.

    Raises RegistrationError ``answer_unreadable``, ``answer_refused`` or ``answer_mismatch``.
    """
    needed = f'what arsurg {" or ".join(commands)} wrote with --out is needed'
    answer = find_answer(path)
    if answer is None:
        raise RegistrationError('answer_mismatch', f'{path}: no answer of arsurg; {needed}')
    if answer.command not in commands:
        raise RegistrationError('answer_mismatch', f'{path}: an answer of arsurg {answer.command}; {needed}')
    return answer
