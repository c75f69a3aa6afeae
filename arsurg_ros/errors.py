# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The errors that cross stage borders.

Every message is one line that names the field or file, the value found and what is valid, so that a node can log it and
the ``arsurg`` command can print it as it stands.
"""


class ArsurgError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigError(ArsurgError):
    """A parameter, style or profile that cannot be used: names the field, the value and the valid ones."""


class DataError(ArsurgError):
    """A file or message that is missing, corrupt or of the wrong kind: names it and says why."""


class KernelError(ArsurgError):
    """A WebAssembly kernel that is missing, of the wrong ABI, out of memory, late, or trapped."""


class RegistrationError(ArsurgError):
    """Input that has no registration; ``code`` is stable and documented, never a number in its place.

    Codes, by what they are about:

    - points: ``too_few_points``, ``count_mismatch``, ``not_finite``, ``bad_weight``, ``coincident``, ``collinear``,
      ``mirrored``, ``ambiguous``, ``wrong_unit``, ``bad_noise``, ``bad_covariance``, ``not_converged``
    - exact searches: ``too_many_points``, ``search_too_large``, ``no_consensus``, ``bad_threshold``
    - poses: ``not_rigid``, ``too_few_poses``, ``repeated_pose``, ``insufficient_motion``, ``wrong_setup``
    - pivot, spin and sphere, beside these: ``not_a_pivot``, ``not_a_spin``, ``not_a_sphere``, ``coplanar``, ``ill_conditioned``
    - streams and their time offset: ``no_stamps``, ``no_overlap``, ``not_monotonic``, ``disjoint``, ``too_few_samples``,
      ``no_motion``, ``no_correlation``, ``ambiguous_offset``, ``offset_out_of_range``
    - surfaces: ``empty_mesh``, ``bad_face``, ``bad_voxel``, ``no_overlap``, ``degenerate``; without a start: ``ambiguous``
      (another pose fits nearly as well), ``no_consensus`` (few starts came to it), ``poor_fit`` (far above the stated noise)
    - pictures of boards: ``no_board``, ``mixed_sizes``, ``too_few_views``, ``repeated_view``
    - the session: ``not_still``, ``too_many_points``, ``not_computed``, ``fre_too_large``, ``not_registered``,
      ``nothing_to_revert``, ``not_near``, ``validation_failed``, ``nothing_to_save``, ``not_clear``, ``no_session_file``,
      ``too_old``
    - its files: ``session_unreadable``, ``session_broken``, ``session_mismatch``, ``store_busy``, ``store_unwritable``,
      ``store_broken``, ``store_mismatch``, ``log_broken``
    - answers of the commands, as files: ``answer_unreadable``, ``answer_refused``, ``answer_mismatch``, ``answer_broken``
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable ``code`` and the readable ``text`` apart as well."""
        super().__init__(f'{code}: {message}')
        self.code, self.text = code, message


class TransformLookupError(ArsurgError):
    """A transform that the buffer cannot give at the asked stamp; ``kind`` is unknown, early, late, gap or unpredictable."""

    def __init__(self, kind: str, message: str) -> None:
        """Keep the stable ``kind`` beside the readable message."""
        super().__init__(message)
        self.kind = kind


def error_code(error: ArsurgError) -> str:
    """Return an error's stable code: a registration's own, else the kind of the error."""
    if isinstance(error, RegistrationError):
        return error.code
    kinds = {ConfigError: 'bad_option', DataError: 'bad_data', KernelError: 'kernel', TransformLookupError: 'transform'}
    return kinds.get(type(error), 'error')
