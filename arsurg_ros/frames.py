# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
r"""The glossary of frames. Names are defaults: every node takes its own by parameter.

``T_a_b`` is a 4x4 float64 with ``p_a = T_a_b @ p_b``; it is TF's ``frame_id=a, child_frame_id=b``::

    trk ---> cam          the camera's optical frame: z forward, x right, y down (REP-103 optical)
     |  \
     |   `-> tool ---> tip    a tracked instrument, and the point that touches
     v
    ref ---> ct           the reference body on the patient, and the anatomy's image (CT, MR)

``base`` is a robot's base. A tracker that *is* the camera (markers in its picture) has ``T_trk_cam`` = identity, published
all the same, so that the tree is always whole.
"""

CAM = 'cam'
TRK = 'trk'
REF = 'ref'
CT = 'ct'
TOOL = 'tool'
TIP = 'tip'
BASE = 'base'
