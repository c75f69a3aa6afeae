# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The dictionaries of square fiducial tags that this OpenCV knows, by name."""

from __future__ import annotations

import cv2

from arsurg_ros.errors import ConfigError


def dictionary_names() -> list[str]:
    """Return the names of the dictionaries that this OpenCV has."""
    return sorted(n for n in dir(cv2.aruco) if n.startswith('DICT_'))


def check_dictionary(name: str) -> str:
    """Return OpenCV's name of a dictionary, with or without DICT_ given; raises ConfigError listing the valid ones."""
    full = name if name.startswith('DICT_') else f'DICT_{name}'
    if full not in dictionary_names():
        raise ConfigError(f'dictionary {name!r}: unknown; there are: {", ".join(dictionary_names())}')
    return full


def predefined(name: str) -> cv2.aruco.Dictionary:
    """Return a dictionary of OpenCV by its full name."""
    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
