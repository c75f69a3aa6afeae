# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Makes `.venv`, for `make setup`: finds a Python that will do, then hands over to `envsetup`.

This file alone is read by whatever `python3` is; it keeps to a syntax that an old one understands, so that an old one
can say what is needed.
"""

import os
import subprocess
import sys

OLDEST, NEWEST = (3, 10), (3, 13)
NAMES = ('python3', 'python3.12', 'python3.11', 'python3.13', 'python3.10')
ONLY_THIS = '--only-this-python'


def supported(version):
    """Whether ``version`` (major, minor, ...) is one that the wheels exist for."""
    return OLDEST <= tuple(version[:2]) <= NEWEST


def find():
    """Return the first supported interpreter on PATH by ``NAMES``, or None."""
    code = 'import sys; sys.exit(not %r <= sys.version_info[:2] <= %r)' % (OLDEST, NEWEST)  # noqa: UP031
    with open(os.devnull, 'w') as nowhere:
        for name in NAMES:
            try:
                if subprocess.call([name, '-c', code], stdout=nowhere, stderr=nowhere) == 0:
                    return name
            except OSError:
                pass
    return None


def main(arguments):
    """Run the set-up under a supported interpreter; 2 and one line where there is none."""
    if supported(sys.version_info):
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        from envsetup.main import main as setup

        return setup([word for word in arguments if word != ONLY_THIS], ONLY_THIS in arguments)
    other = None if ONLY_THIS in arguments else find()
    if other is None:
        where = sys.executable
        sys.stderr.write(
            'setup: Python %d.%d (%s) is not supported: install Python 3.10, 3.11, 3.12 or 3.13, '  # noqa: UP031
            'or name one: make PYTHON=/path/to/python3.12\n' % (sys.version_info[0], sys.version_info[1], where)
        )
        return 2
    os.execvp(other, [other, os.path.abspath(__file__)] + arguments)  # noqa: RUF005


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
