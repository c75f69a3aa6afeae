# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays of .npy and .npz files; nothing in them is ever executed (no pickles)."""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arsurg_ros.errors import DataError
from arsurg_ros.files.source import Source, stamps_ns
from arsurg_ros.types import F64, I64


def load_array(source: Source, shape: tuple[int, ...], what: str) -> F64:
    """Return an array (N, *shape) of a .npy or .npz; ``#NAME`` picks it where several fit. Raises DataError."""
    arrays = _arrays(source)
    if source.name:
        if source.name not in arrays:
            raise DataError(f'{source.text}: no array {source.name!r}; there are: {", ".join(arrays) or "none"}')
        arrays = {source.name: arrays[source.name]}
    fitting = {k: v for k, v in arrays.items() if v.ndim == 1 + len(shape) and v.shape[1:] == shape and v.dtype.kind in 'fiu'}
    if len(fitting) != 1:
        found = ', '.join(f'{k} {v.shape}' for k, v in arrays.items()) or 'none'
        raise DataError(f'{source.text}: one array of {what} is needed, name it with #NAME; there are: {found}')
    return np.asarray(next(iter(fitting.values())), dtype=np.float64)


def load_stamps(source: Source, count: int) -> I64 | None:
    """Return the stamps of an .npz, ns: its array ``stamps_ns`` or ``stamps_s``, None where it has none.

    Raises DataError for another shape or kind, RegistrationError ``not_finite``.
    """
    arrays = _arrays(source)
    for name in ('stamps_ns', 'stamps_s'):
        if name in arrays:
            values = arrays[name]
            if values.shape != (count,):
                raise DataError(f'{source.text}: {name} {values.shape} for {count} poses')
            if values.dtype.kind not in 'fiu':
                raise DataError(f'{source.text}: {name} holds {values.dtype}; numbers are needed')
            where = f'{source.text}: {name}'
            whole = name == 'stamps_ns' and values.dtype.kind in 'iu'
            return values.astype(np.int64) if whole else stamps_ns(values / (1e9 if name == 'stamps_ns' else 1.0), where)
    return None


def _arrays(source: Source) -> dict[str, NDArray[Any]]:
    try:
        loaded = np.load(source.path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {'array': loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as e:
        raise DataError(f'{source.path}: not a readable NumPy file: {" ".join(str(e).split())[:120]}') from e
